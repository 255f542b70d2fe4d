package main

import (
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// newProxy starts a proxy in front of the database, and returns it with the URL
// that leads through it.
func newProxy(t *testing.T, e engine, database *servers.Server) (proxy *toxiproxy.Proxy, url string) {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy = toxiproxy.NewProxy(server, e.name, "127.0.0.1:0", database.Addr)
	require.NoError(t, proxy.Start())
	t.Cleanup(proxy.Stop)
	return proxy, e.scheme + strings.ReplaceAll(database.DSN, database.Addr, proxy.Listen)
}

// TestPartition cuts one of two web servers off from the database for a while. That
// server responds with errors, the other one goes on, and no account is used twice.
func TestPartition(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			database := servers.ForTest(t, e.start)
			proxy, proxied := newProxy(t, e, database)
			verdict := run(t, func() {
				addToxic(t, proxy, `{"name": "cut", "type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`)
				time.AfterFunc(10*time.Second, func() { _ = proxy.Toxics.RemoveToxic(t.Context(), "cut") })
			}, "-visitors", "1000", "-kills", "0", "-leases", proxied, "-leases", e.scheme+database.DSN)
			assert.Positive(t, failures(t, verdict), "the server was not cut off")
		})
	}
}

// TestLatency puts 500 ms on the way to the database.
func TestLatency(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			proxy, proxied := newProxy(t, e, servers.ForTest(t, e.start))
			addToxic(t, proxy, `{"name": "slow", "type": "latency", "stream": "downstream", "attributes": {"latency": 500}}`)
			run(t, nil, "-visitors", "60", "-accounts", "10", "-kills", "0", "-leases", proxied)
		})
	}
}

func addToxic(t *testing.T, proxy *toxiproxy.Proxy, toxic string) {
	t.Helper()
	_, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	require.NoError(t, err)
}
