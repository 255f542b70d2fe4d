package main

import (
	"bufio"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// demo runs two servers of the API, and what stands around them, until ctx is done.
func demo(ctx context.Context, c config) error {
	dir, err := os.MkdirTemp("", "backend")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	api, err := net.Listen("tcp", "127.0.0.1:0")
	page, err2 := net.Listen("tcp", c.addr)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	args := []string{"-serve", "-addr=127.0.0.1:0", "-api=http://" + api.Addr().String(), "-front-end=http://" + page.Addr().String()}
	if c.db == "" {
		args = append(args, "-db="+filepath.Join(dir, "backend.db"))
	}
	if c.site == "" {
		hostsFile := filepath.Join(dir, "hosts.json")
		service, err := inProcess(hostsFile)
		if err != nil {
			return err
		}
		defer service.Close()
		args = append(args, "-site="+service.URL, "-hosts="+hostsFile, "-check-every=2s")
	}
	if c.endKey.IsZero() {
		c.endKey = iomeeting.NewSecret(rand.Text() + rand.Text())
	}
	var addrs []string
	var servers sync.WaitGroup
	defer servers.Wait() // for the requests that have begun
	for range 2 {
		server, addr, err := startServer(ctx, args, c.endKey)
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
	go http.Serve(page, frontEnd("http://"+api.Addr().String()))
	fmt.Printf("Open http://%s in a browser.\n", page.Addr())
	<-ctx.Done()
	return nil
}

// inProcess starts an IOMeeting server with four accounts, and writes their file. A
// line of the standard input with a meeting's ID ends that meeting.
func inProcess(hostsFile string) (*iomeetingtest.Server, error) {
	var accounts []string
	for i := range 4 {
		accounts = append(accounts, fmt.Sprintf(`{"Email": "room-%d@example.com", "Password": "%s"}`, i+1, rand.Text()))
	}
	if err := os.WriteFile(hostsFile, []byte("["+strings.Join(accounts, ",\n")+"]"), 0o600); err != nil {
		return nil, err
	}
	hosts, err := readHosts(hostsFile)
	if err != nil {
		return nil, err
	}
	service := iomeetingtest.NewServer(hosts...)
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

// startServer starts this program as a server of the API, and returns once it listens.
func startServer(ctx context.Context, args []string, endKey iomeeting.Secret) (server *exec.Cmd, addr string, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	server = exec.CommandContext(ctx, program, slices.Concat(os.Args[1:], args)...) // the last of equal flags counts
	server.Env = append(os.Environ(), "END_KEY="+endKey.Reveal())
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

// balancer passes each request on to the next server that accepts a connection. If
// a server dies with a request, the visitor sends it again.
func balancer(addrs []string) http.Handler {
	var requests atomic.Uint64
	dial := func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
		first := requests.Add(1)
		for i := range addrs {
			conn, err = new(net.Dialer).DialContext(ctx, network, addrs[(int(first)+i)%len(addrs)])
			if err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "servers" },
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "The server cannot be reached. Reload this page: a meeting is never opened twice.", http.StatusBadGateway)
		},
	}
}

//go:embed front.html
var frontHTML string

// frontEnd serves the front end, one page that calls the API.
func frontEnd(apiURL string) http.Handler {
	page := template.Must(template.New("").Parse(frontHTML))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = page.Execute(w, apiURL) })
}
