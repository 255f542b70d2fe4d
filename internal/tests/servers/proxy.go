package servers

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Proxy is the network between clients and a server. It can be slow, be cut, and hold
// back what a client sends.
type Proxy struct {
	// Addr is the address for clients.
	Addr string
	// Latency delays what the server sends.
	Latency time.Duration
	// Hold, if not nil, returns for how long to hold back what a client sends first on a
	// connection. It arrives even if the client has closed the connection meanwhile.
	Hold func(sent []byte) time.Duration

	server  string
	network sync.RWMutex // locked while the network is cut
	working sync.WaitGroup
}

// Start starts a proxy to a server for a test.
func (p *Proxy) Start(t testing.TB, server string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Addr, p.server = l.Addr().String(), server
	p.working.Go(func() {
		var clients []net.Conn
		for {
			client, err := l.Accept()
			if err != nil {
				break
			}
			clients = append(clients, client)
			server, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close() // the server is down
				continue
			}
			p.working.Go(func() { p.forward(server, client, p.Hold, 0) })
			p.working.Go(func() { p.forward(client, server, nil, p.Latency) })
		}
		for _, client := range clients {
			_ = client.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.working.Wait()
	})
}

// forward passes on what arrives, until one side closes the connection. What is sent
// while the network is cut arrives later, as TCP sees to it.
func (p *Proxy) forward(to, from net.Conn, hold func([]byte) time.Duration, latency time.Duration) {
	type chunk struct {
		content []byte
		due     time.Time
	}
	chunks := make(chan chunk, 1000)
	p.working.Go(func() {
		defer close(chunks)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			due := time.Now().Add(latency)
			if hold != nil {
				due, hold = due.Add(hold(buffer[:n])), nil
			}
			chunks <- chunk{buffer[:n], due}
		}
	})
	for c := range chunks {
		time.Sleep(time.Until(c.due))
		p.network.RLock()
		_, _ = to.Write(c.content)
		p.network.RUnlock()
	}
	_ = to.Close()
	_ = from.Close()
}

// Cut cuts the network until the returned function is called.
func (p *Proxy) Cut() (restore func()) {
	p.network.Lock()
	return p.network.Unlock
}

// Through returns a DSN of the server that leads through the proxy.
func (p *Proxy) Through(dsn string) string { return strings.ReplaceAll(dsn, p.server, p.Addr) }
