// Backend is the API of a partner's site, whose front end is on another origin. Its
// servers share their bookings and the leases of host accounts in a database.
//
//	go -C examples/backend run .
//
// starts everything on this machine: an in-process IOMeeting server, two servers of the
// API on a SQLite file, a load balancer, and the front end. With -site and -hosts, it
// uses a real site. In production, run each server by itself with -serve, and give all
// of them the same variable END_KEY.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

type config struct {
	addr, site, hostsFile, db, apiURL, frontEnd string
	checkEvery                                  time.Duration
	endKey                                      iomeeting.Secret
}

func main() {
	c := config{endKey: iomeeting.NewSecret(os.Getenv("END_KEY"))}
	serve := flag.Bool("serve", false, "run one server of the API")
	flag.StringVar(&c.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 means any free port")
	flag.StringVar(&c.site, "site", "", "`URL` of the IOMeeting site")
	flag.StringVar(&c.hostsFile, "hosts", "", `file of host accounts, as JSON: [{"Email": "…", "Password": "…"}]`)
	flag.StringVar(&c.db, "db", "", "`URL` of a PostgreSQL database, or file of a SQLite database; put a password into PGPASSWORD or ~/.pgpass")
	flag.StringVar(&c.apiURL, "api", "", "`URL` at which browsers and the service reach the API")
	flag.StringVar(&c.frontEnd, "front-end", "", "`origin` of the front end")
	flag.DurationVar(&c.checkEvery, "check-every", 15*time.Second, "how often meetings are checked")
	flag.Parse()
	run, signals := demo, []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	if *serve {
		run, signals = serveAPI, signals[:2]
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	if err := run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, "backend:", err)
		os.Exit(1)
	}
}
