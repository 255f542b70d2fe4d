package cluster

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// proxy is a network between a web server and its database, which can be slow, and
// can be cut for a while.
type proxy struct {
	net.Listener
	latency time.Duration // of what the database sends
	network sync.RWMutex  // locked while the network is cut
	working sync.WaitGroup
}

func newProxy(t *testing.T, database string, latency time.Duration) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{Listener: l, latency: latency}
	p.working.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", database)
			if err != nil {
				_ = client.Close() // the database is down
				continue
			}
			p.working.Go(func() { p.forward(server, client, 0) })
			p.working.Go(func() { p.forward(client, server, p.latency) })
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, l.Close())
		p.working.Wait()
	})
	return p
}

// forward passes on what arrives, until one side closes the connection. What is sent
// while the network is cut arrives later, as TCP sees to it.
func (p *proxy) forward(to, from net.Conn, latency time.Duration) {
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
			chunks <- chunk{buffer[:n], time.Now().Add(latency)}
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

// cut cuts the network for a while.
func (p *proxy) cut(d time.Duration) {
	p.network.Lock()
	defer p.network.Unlock()
	time.Sleep(d)
}

// through returns a DSN that leads through the proxy.
func (p *proxy) through(dsn, database string) string {
	return strings.ReplaceAll(dsn, database, p.Addr().String())
}
