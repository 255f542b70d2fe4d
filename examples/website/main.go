// Website is a partner's site on which visitors book, start, join and observe
// meetings. The meetings share a few host accounts through package hostpool. It runs
// on an in-process IOMeeting server.
//
// A start link contains the password of its account, which the host can read in the
// source of the page, so a site like this needs accounts without other data in them.
// A real site also knows who its visitors are, shows the page of accounts to its
// staff only, and keeps its bookings and leases in a database.
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on; port 0 means any free port")
	flag.Parse()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	var hosts []iomeeting.Host
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		hosts = append(hosts, iomeeting.Host{Email: name + "@example.com", Password: iomeeting.NewSecret(rand.Text())})
	}
	url := "http://" + listener.Addr().String()
	site, err := newSite(iomeetingtest.NewServer(hosts...), hosts, url)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Open %s in a browser.\n", url)
	server := &http.Server{Handler: site.routes(), ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}
