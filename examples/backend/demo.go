package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

//go:embed front.html
var frontHTML string

// demo runs two servers of the API, a load balancer, and the front end until a signal
// stops it. Without -site, it also runs an in-process IOMeeting server, with the accounts
// of hosts.json: then a line of the standard input with a meeting's ID ends that meeting.
func demo(c config) error {
	dir, err := os.MkdirTemp("", "backend")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c.db = cmp.Or(c.db, filepath.Join(dir, "backend.db"))
	c.endKey = cmp.Or(c.endKey, iomeeting.NewSecret(rand.Text()+rand.Text()))
	if c.site == "" {
		hosts, err := readHosts(c.hostsFile)
		if err != nil {
			return err
		}
		service := iomeetingtest.NewServer(hosts...)
		defer service.Close()
		c.site = service.URL
		go func() {
			for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
				if err := service.EndMeeting(lines.Text()); err != nil {
					fmt.Println(err)
				}
			}
		}()
		fmt.Println("To end a meeting, type its ID.")
	}
	page, err := net.Listen("tcp", c.addr)
	api, err2 := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	c.frontEnd, c.apiURL = "http://"+page.Addr().String(), "http://"+api.Addr().String()

	var servers sync.WaitGroup
	defer servers.Wait() // for the requests that have begun
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	addrs := make([]string, 2)
	for i := range addrs {
		server := exec.CommandContext(ctx, os.Args[0], "-serve", "-site="+c.site, "-hosts="+c.hostsFile, "-db="+c.db,
			"-api="+c.apiURL, "-front-end="+c.frontEnd)
		server.Env = append(os.Environ(), "END_KEY="+c.endKey.Reveal())
		server.Stderr = os.Stderr
		server.Cancel = func() error { return server.Process.Signal(syscall.SIGTERM) }
		stdout, err := server.StdoutPipe()
		if err == nil {
			err = server.Start()
		}
		if err == nil {
			_, err = fmt.Fscanln(stdout, &addrs[i]) // once it listens
		}
		if err != nil {
			return fmt.Errorf("a server did not start: %w", err)
		}
		fmt.Println("A server of the API: process", server.Process.Pid)
		servers.Go(func() {
			_ = server.Wait()
			fmt.Printf("Process %d has ended: %v\n", server.Process.Pid, server.ProcessState)
		})
	}
	go http.Serve(api, balancer(addrs))
	front := template.Must(template.New("").Parse(frontHTML))
	go http.Serve(page, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = front.Execute(w, c.apiURL) }))
	fmt.Printf("Open %s in a browser.\n", c.frontEnd)
	<-ctx.Done()
	return nil
}

// balancer passes each request on to a server that accepts a connection.
func balancer(addrs []string) http.Handler {
	dial := func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
		for _, i := range mathrand.Perm(len(addrs)) {
			if conn, err = new(net.Dialer).DialContext(ctx, network, addrs[i]); err == nil {
				break
			}
		}
		return conn, err
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "servers" },
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
	}
}
