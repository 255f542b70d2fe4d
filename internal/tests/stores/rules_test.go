package stores

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
	"github.com/iomeeting/iomeeting-go/hostpool/storetest"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestRules runs the tests of every store, with the settings of drivers and
// sessions that might make a difference.
func TestRules(t *testing.T) {
	mySQLParams := []string{
		"",
		"clientFoundRows=true",
		"interpolateParams=true",
		"sql_mode=%27%27", // values that are too long would be cut
		"time_zone=%27%2B05:45%27&parseTime=true&loc=America%2FNew_York",
		"charset=latin1",
	}
	const serializable = "=%27SERIALIZABLE%27"
	tests := []struct {
		engine engine
		params []string
	}{
		{pgx, []string{
			"",
			"default_query_exec_mode=exec", // for PgBouncer
			"default_query_exec_mode=simple_protocol", // for PgBouncer
			"timezone=Asia/Kathmandu",
			"default_transaction_isolation=serializable",
		}},
		{pq, []string{
			"",
			"binary_parameters=yes", // for PgBouncer
			"default_transaction_isolation=repeatable%20read",
		}},
		{mySQL, append(slices.Clip(mySQLParams), "transaction_isolation"+serializable)},
		{mariaDB, append(slices.Clip(mySQLParams), "tx_isolation"+serializable)},
		{sqlite, []string{"", "_pragma=journal_mode(wal)"}},
	}
	for _, tt := range tests {
		t.Run(tt.engine.name, func(t *testing.T) {
			for _, params := range tt.params {
				t.Run(params, func(t *testing.T) {
					d := tt.engine.database(t).with(params)
					d.newStore(t) // one connection sets the journal mode of the file
					t.Parallel()
					storetest.Run(t, func(t *testing.T) hostpool.Store { return d.newStore(t) })
				})
			}
		})
	}
}

// TestRulesOnOneConnection has SQLite in memory, without a busy timeout.
func TestRulesOnOneConnection(t *testing.T) {
	storetest.Run(t, func(t *testing.T) hostpool.Store {
		db := database{sqlite, "file::memory:"}.connect(t)
		db.SetMaxOpenConns(1)
		store := sqlstore.New(db, sqlstore.SQLite)
		require.NoError(t, store.CreateTable(t.Context()))
		return store
	})
}

// TestRedisRules runs the tests of every store, with clients and protocols that
// might make a difference.
func TestRedisRules(t *testing.T) {
	for _, kind := range redisKinds {
		t.Run(kind.Name, func(t *testing.T) {
			url := servers.DSN(t, kind)
			tests := []struct {
				name   string
				change func(*redis.Options)
			}{
				{"default settings", func(o *redis.Options) {}},
				{"RESP2", func(o *redis.Options) { o.Protocol, o.ContextTimeoutEnabled = 2, true }},
				{"RESP3", func(o *redis.Options) { o.Protocol, o.ContextTimeoutEnabled = 3, true }},
			}
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					storetest.Run(t, func(t *testing.T) hostpool.Store {
						options, err := redis.ParseURL(url)
						require.NoError(t, err)
						tt.change(options)
						return newRedisStore(t, closeAfter(t, redis.NewClient(options)))
					})
				})
			}
		})
	}
	t.Run("cluster", func(t *testing.T) {
		addr := redisCluster(t)
		storetest.Run(t, func(t *testing.T) hostpool.Store {
			return newRedisStore(t, closeAfter(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true})))
		})
	})
}

// redisCluster starts a Redis Cluster of one server, and returns its address.
func redisCluster(t *testing.T) string {
	t.Helper()
	bus, err := net.Listen("tcp", "127.0.0.1:0") // by default 10,000 above the port, where a client may be
	require.NoError(t, err)
	require.NoError(t, bus.Close())
	_, busPort, err := net.SplitHostPort(bus.Addr().String())
	require.NoError(t, err)
	server := servers.ForTest(t, servers.Redis, "--cluster-enabled", "yes", "--cluster-port", busPort)
	client := newRedis(t, server.DSN)
	require.NoError(t, client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Contains(c, client.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	}, time.Minute, 10*time.Millisecond)
	return server.Addr
}
