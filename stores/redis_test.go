package stores

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/hostpool/storetest"
	"github.com/iomeeting/iomeeting-go/stores/servers"
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
	server := servers.ForTest(t, servers.Redis, "--cluster-enabled", "yes")
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
