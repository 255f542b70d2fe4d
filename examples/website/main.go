// Website is a partner's site on which visitors start and join meetings. The
// meetings share a few host accounts through package hostpool.
//
// It runs on an in-process IOMeeting server. With IOMEETING_SITE set it runs on
// that site, and needs:
//
//	IOMEETING_HOSTS   the host accounts, as JSON: [{"Email": "a@example.com", "Password": "…"}, …]
//	PARTNER_URL       where the service reaches this site, such as https://partner.example
//	PARTNER_KEY       a secret of 32 bytes or more, with which operator IDs are signed
//
// A real site would know who its visitors are. It would let hosts, participants
// and staff see different pages, and keep its bookings in a database.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"
)

func main() {
	flags := flag.NewFlagSet("website", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:0", "address to listen on; port 0 means any free port")
	_ = flags.Parse(os.Args[1:]) // it exits on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		fmt.Fprintln(os.Stderr, "website:", err)
		os.Exit(1)
	}
}

// run serves the site until ctx is done.
func run(ctx context.Context, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	cfg, err := newConfig("http://"+listener.Addr().String(), os.Getenv)
	if err != nil {
		return err
	}
	defer cfg.close()
	site, err := newSite(cfg)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: site.routes(), ReadTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("Open http://%s in a browser.\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
