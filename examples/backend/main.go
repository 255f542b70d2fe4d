// Backend is the API of a partner's site, whose front end is on another origin. Its
// servers share their bookings and the leases of host accounts in a database.
//
//	go -C examples/backend run .
//
// starts everything on this machine: an in-process IOMeeting server, two servers of the
// API on a SQLite file, a load balancer, and the front end. With -site and -hosts, it
// uses a real site. In production, run each server by itself with -serve, and give all
// of them the same variable END_KEY.
//
// It traces calls, and exports a gauge of the accounts, by OpenTelemetry's global
// providers: set those of your collector in main.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
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
	flag.StringVar(&c.hostsFile, "hosts", "", "`file` of the host accounts, as JSON: [{\"Email\": \"…\", \"Password\": \"…\"}]")
	flag.StringVar(&c.db, "db", "", "`URL` of a PostgreSQL database, whose password is in PGPASSWORD or ~/.pgpass, or file of a SQLite database")
	flag.StringVar(&c.apiURL, "api", "", "`URL` at which browsers and the service reach the API")
	flag.StringVar(&c.frontEnd, "front-end", "", "`origin` of the front end, such as https://app.example.com")
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

// demo runs two servers of the API, and what stands around them, until ctx is done.
func demo(ctx context.Context, c config) error {
	dir, err := os.MkdirTemp("", "backend")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.site == "" {
		service, err := inProcess(dir, &c)
		if err != nil {
			return err
		}
		defer service.Close()
	}
	if c.db == "" {
		c.db = filepath.Join(dir, "backend.db")
	}
	if c.endKey.IsZero() {
		c.endKey = iomeeting.NewSecret(rand.Text() + rand.Text())
	}
	page, err := net.Listen("tcp", c.addr)
	api, err2 := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	c.frontEnd, c.apiURL = "http://"+page.Addr().String(), "http://"+api.Addr().String()

	var addrs []string
	var servers sync.WaitGroup
	defer servers.Wait() // for the requests that have begun
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range 2 {
		server, addr, err := startServer(ctx, c)
		if err != nil {
			return err
		}
		fmt.Printf("A server of the API: process %d\n", server.Process.Pid)
		servers.Go(func() {
			_ = server.Wait()
			fmt.Printf("Process %d has ended: %v\n", server.Process.Pid, server.ProcessState)
		})
		addrs = append(addrs, addr)
	}
	go http.Serve(api, balancer(addrs))
	go http.Serve(page, frontEnd(c.apiURL))
	fmt.Printf("Open %s in a browser.\n", c.frontEnd)
	<-ctx.Done()
	return nil
}

// inProcess starts an IOMeeting server with four accounts. A line of the standard input
// with a meeting's ID ends that meeting.
func inProcess(dir string, c *config) (*iomeetingtest.Server, error) {
	var accounts []string
	for i := range 4 {
		accounts = append(accounts, fmt.Sprintf(`{"Email": "room-%d@example.com", "Password": "%s"}`, i+1, rand.Text()))
	}
	c.hostsFile = filepath.Join(dir, "hosts.json")
	if err := os.WriteFile(c.hostsFile, []byte("["+strings.Join(accounts, ",\n")+"]\n"), 0o600); err != nil {
		return nil, err
	}
	hosts, err := readHosts(c.hostsFile)
	if err != nil {
		return nil, err
	}
	service := iomeetingtest.NewServer(hosts...)
	c.site, c.checkEvery = service.URL, 2*time.Second
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			if err := service.EndMeeting(strings.TrimSpace(lines.Text())); err != nil {
				fmt.Println(err)
			}
		}
	}()
	fmt.Println("To end a meeting, type its ID.")
	return service, nil
}

// startServer starts this program with -serve, and returns once it listens.
func startServer(ctx context.Context, c config) (server *exec.Cmd, addr string, err error) {
	server = exec.CommandContext(ctx, os.Args[0], "-serve", "-site", c.site, "-hosts", c.hostsFile, "-db", c.db,
		"-api", c.apiURL, "-front-end", c.frontEnd, "-check-every", c.checkEvery.String())
	server.Env = append(os.Environ(), "END_KEY="+c.endKey.Reveal())
	server.Stderr = os.Stderr
	server.Cancel = func() error { return server.Process.Signal(syscall.SIGTERM) }
	stdout, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		return nil, "", err
	}
	if addr, err = bufio.NewReader(stdout).ReadString('\n'); err != nil {
		return nil, "", fmt.Errorf("a server did not start: %w", server.Wait())
	}
	return server, strings.TrimSpace(addr), nil
}

// balancer passes each request on to the next server that accepts a connection. If a
// server dies with a request, the visitor sends it again.
func balancer(addrs []string) http.Handler {
	var next atomic.Uint32
	dial := func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
		first := int(next.Add(1))
		for i := range addrs {
			conn, err = new(net.Dialer).DialContext(ctx, network, addrs[(first+i)%len(addrs)])
			if err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "servers" },
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "The server cannot be reached. Reload this page: your meeting will not be opened twice.", http.StatusBadGateway)
		},
	}
}

//go:embed front.html
var frontHTML string

// frontEnd serves the front end, a page that calls the API.
func frontEnd(apiURL string) http.Handler {
	page := template.Must(template.New("").Parse(frontHTML))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = page.Execute(w, apiURL) })
}
