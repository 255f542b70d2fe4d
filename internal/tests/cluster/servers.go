package main

import (
	"bufio"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// restartAfter is how long a killed server is down.
const restartAfter = time.Second

// webServer is a child process.
type webServer struct {
	config  childConfig
	process *exec.Cmd
	stdin   io.Closer // ends the process when it is closed
	url     *url.URL
}

// startServer starts a web server, and returns when it listens.
func startServer(config childConfig) (*webServer, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &webServer{config: config, process: cmd, stdin: stdin}
	if err := json.NewEncoder(stdin).Encode(config); err != nil {
		s.kill()
		return nil, err
	}
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		s.kill()
		return nil, err
	}
	s.url = &url.URL{Scheme: "http", Host: strings.TrimSpace(addr)}
	return s, nil
}

// kill ends the process as a crash would, with SIGKILL.
func (s *webServer) kill() {
	_ = s.process.Process.Kill() // it may have ended
	_ = s.stdin.Close()
	_ = s.process.Wait()
}

// balancer passes requests to a web server that is up, as a load balancer does.
type balancer struct {
	proxy *httputil.ReverseProxy

	mu      sync.Mutex
	servers []*webServer // nil while one is down
	kills   int
}

func newBalancer(configs []childConfig) (*balancer, error) {
	b := &balancer{servers: make([]*webServer, len(configs))}
	b.proxy = &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(b.pick()) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	for i, config := range configs {
		s, err := startServer(config)
		if err != nil {
			b.close()
			return nil, err
		}
		b.servers[i] = s
	}
	return b, nil
}

// pick returns the address of a server that is up.
func (b *balancer) pick() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range rand.Perm(len(b.servers)) {
		if b.servers[i] != nil {
			return b.servers[i].url
		}
	}
	return &url.URL{Scheme: "http", Host: "127.0.0.1:0"} // refuses the connection
}

// crash kills a server, and starts it again after a while.
func (b *balancer) crash() error {
	b.mu.Lock()
	i := rand.IntN(len(b.servers))
	victim := b.servers[i]
	b.servers[i] = nil
	b.kills++
	b.mu.Unlock()
	if victim == nil {
		return nil // it is down already
	}
	victim.kill()
	time.Sleep(restartAfter)
	s, err := startServer(victim.config)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers[i] = s
	return nil
}

// state returns how many servers are up, and how many have been killed.
func (b *balancer) state() (up, kills int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.servers {
		if s != nil {
			up++
		}
	}
	return up, b.kills
}

func (b *balancer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.servers {
		if s != nil {
			s.kill()
		}
	}
}
