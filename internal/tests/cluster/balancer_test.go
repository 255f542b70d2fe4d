package cluster

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

// restartAfter is how long a killed web server is down.
const restartAfter = time.Second

// webServer is a process of this program.
type webServer struct {
	config  webServerConfig
	process *exec.Cmd
	stdin   io.Closer // ends the process when it is closed
	url     *url.URL
}

// startWebServer starts a web server, and returns when it listens.
func startWebServer(config webServerConfig) (*webServer, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), webServerVariable+"=1")
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
	*httputil.ReverseProxy

	mu      sync.Mutex
	servers []*webServer // nil while one is down
}

func newBalancer(configs []webServerConfig) (*balancer, error) {
	b := &balancer{servers: make([]*webServer, len(configs))}
	b.ReverseProxy = &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(b.pick()) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	for i, config := range configs {
		s, err := startWebServer(config)
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

// crash kills a random server, and starts it again after a while.
func (b *balancer) crash() error {
	b.mu.Lock()
	i := rand.IntN(len(b.servers))
	victim := b.servers[i]
	b.servers[i] = nil
	b.mu.Unlock()
	victim.kill()
	time.Sleep(restartAfter)
	s, err := startWebServer(victim.config)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers[i] = s
	return err
}

func (b *balancer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.servers {
		if s != nil {
			s.kill()
		}
	}
	b.Transport.(*http.Transport).CloseIdleConnections()
}
