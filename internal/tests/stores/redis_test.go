package stores

import (
	"crypto/rand"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/hostpool/storetest"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// closeAfter closes a client when the test ends.
func closeAfter[C redis.UniversalClient](t *testing.T, client C) C {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return client
}

// redisClient returns a client of a Redis server, with the settings that the
// package recommends.
func redisClient(t *testing.T, server *servers.Server) *redis.Client {
	t.Helper()
	return closeAfter(t, redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true}))
}

// redisCluster starts a Redis Cluster of one server.
func redisCluster(t *testing.T) *servers.Server {
	t.Helper()
	bus, err := net.Listen("tcp", "127.0.0.1:0") // by default 10,000 above the port, where a client may be
	require.NoError(t, err)
	require.NoError(t, bus.Close())
	_, busPort, err := net.SplitHostPort(bus.Addr().String())
	require.NoError(t, err)
	server := servers.ForTest(t, servers.Redis, "--cluster-enabled", "yes", "--cluster-port", busPort)
	client := redisClient(t, server)
	require.NoError(t, client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Contains(c, client.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	}, time.Minute, 10*time.Millisecond)
	return server
}

// TestRedisRules runs the tests of every store, with clients and protocols that
// might make a difference.
func TestRedisRules(t *testing.T) {
	server, cluster := servers.ForTest(t, servers.Redis), redisCluster(t)
	tests := []struct {
		name   string
		client func() redis.UniversalClient
	}{
		{"default settings", func() redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: server.Addr}) }},
		{"RESP2", func() redis.UniversalClient {
			return redis.NewClient(&redis.Options{Addr: server.Addr, Protocol: 2, ContextTimeoutEnabled: true})
		}},
		{"RESP3", func() redis.UniversalClient {
			return redis.NewClient(&redis.Options{Addr: server.Addr, Protocol: 3, ContextTimeoutEnabled: true})
		}},
		{"cluster", func() redis.UniversalClient {
			return redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{cluster.Addr}, ContextTimeoutEnabled: true})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) hostpool.Store {
				return redisstore.New(closeAfter(t, tt.client()), redisstore.WithKey(rand.Text()))
			})
		})
	}
}

// newRedisSite returns a site whose leases are in Redis, to which each server has
// connections of its own.
func newRedisSite(t *testing.T, server *servers.Server, emails ...string) *site {
	t.Helper()
	key := redisstore.WithKey(rand.Text())
	return newSiteOn(t, func() hostpool.Store { return redisstore.New(redisClient(t, server), key) }, emails...)
}

// TestRedisTwoPools has two servers that share accounts.
func TestRedisTwoPools(t *testing.T) {
	visit(t, newRedisSite(t, servers.ForTest(t, servers.Redis), oddEmails...))
}

// TestRedisGone shows what a pool does while Redis is gone.
func TestRedisGone(t *testing.T) {
	for _, how := range restarts {
		t.Run(how.name, func(t *testing.T) {
			server := servers.ForTest(t, servers.Redis)
			goneFor(t, newRedisSite(t, server, goneEmails...), server, how.stop)
		})
	}
}

// TestRedisRestartsUnderLoad kills Redis while visitors start meetings.
func TestRedisRestartsUnderLoad(t *testing.T) {
	server := servers.ForTest(t, servers.Redis)
	restartUnderLoad(t, newRedisSite(t, server, loadEmails()...), server)
}

// TestRedisForgetsScripts shows that a store works on a server that has lost its
// scripts.
func TestRedisForgetsScripts(t *testing.T) {
	client := redisClient(t, servers.ForTest(t, servers.Redis))
	store := redisstore.New(client)
	forget := func() { require.NoError(t, client.ScriptFlush(t.Context()).Err()) }
	for range 2 {
		forget()
		_, err := store.Take(t.Context(), []string{"a@example.com"}, "id", time.Hour)
		require.NoError(t, err)
		forget()
		require.NoError(t, store.Renew(t.Context(), "a@example.com", "id", time.Hour))
		forget()
		require.NoError(t, store.Release(t.Context(), "a@example.com", "id"))
	}
}

// TestRedisKeepsNothingElse shows that nothing of a lease remains in Redis once it
// was released, even if an ID had several.
func TestRedisKeepsNothingElse(t *testing.T) {
	client := redisClient(t, servers.ForTest(t, servers.Redis))
	store := redisstore.New(client)
	emails := []string{"a@example.com", "b@example.com", "c@example.com"}
	for _, email := range emails {
		_, err := store.Take(t.Context(), []string{email}, "id", time.Hour)
		require.NoError(t, err)
	}
	require.NoError(t, store.Release(t.Context(), emails[0], "id"))
	lease, err := store.Take(t.Context(), emails, "id", time.Hour)
	require.NoError(t, err)
	assert.Equal(t, emails[1], lease.Host, "the ID still has a lease")

	require.NoError(t, store.Release(t.Context(), emails[1], "id"))
	require.NoError(t, store.Release(t.Context(), emails[2], "id"))
	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	assert.Empty(t, keys)
}

// TestRedisOtherData shows that a key that holds something else is not taken for
// leases.
func TestRedisOtherData(t *testing.T) {
	client := redisClient(t, servers.ForTest(t, servers.Redis))
	tests := []struct {
		name, want string
		write      func(key string) error
	}{
		{"text", "WRONGTYPE", func(key string) error { return client.Set(t.Context(), key, "text", 0).Err() }},
		{"another hash", "the key holds something other than leases", func(key string) error {
			return client.HSet(t.Context(), key, "field", "text").Err()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key := rand.Text()
			require.NoError(t, tt.write(key))
			_, err := redisstore.New(client, redisstore.WithKey(key)).List(t.Context())
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
