package stores

import (
	"context"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
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
			"default_query_exec_mode=exec",
			"default_query_exec_mode=simple_protocol",
			"timezone=Asia/Kathmandu",
			"default_transaction_isolation=serializable",
		}},
		{pq, []string{
			"",
			"binary_parameters=yes",
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

// TestRulesThroughPgBouncer has statements of a client go through different
// connections, with the settings that the package names.
func TestRulesThroughPgBouncer(t *testing.T) {
	bouncer := servers.ForTest(t, servers.PgBouncer, servers.DSN(t, servers.Postgres))
	tests := []struct {
		engine engine
		params string
	}{
		{pgx, "default_query_exec_mode=exec"},
		{pgx, "default_query_exec_mode=simple_protocol"},
		{pgx, "default_query_exec_mode=cache_describe"},
		{pq, "binary_parameters=yes"},
	}
	for _, tt := range tests {
		t.Run(tt.engine.name+" "+tt.params, func(t *testing.T) {
			d := database{tt.engine, bouncer.DSN}.with(tt.params)
			storetest.Run(t, func(t *testing.T) hostpool.Store { return d.newStore(t) })
		})
	}
}

// TestRulesInOneTable has several runs share a table, each through a connection pool of
// its own.
func TestRulesInOneTable(t *testing.T) {
	for _, e := range []engine{pgx, mySQL, mariaDB, sqlite} {
		t.Run(e.name, func(t *testing.T) {
			d := e.database(t)
			table := newTable(t, d)
			require.NoError(t, d.open(t, table).CreateTable(t.Context()))
			t.Run("runs", func(t *testing.T) {
				for range 3 {
					t.Run("", func(t *testing.T) {
						t.Parallel()
						storetest.Run(t, func(t *testing.T) hostpool.Store { return d.open(t, table) })
					})
				}
			})
			assert.Empty(t, list(t, d.open(t, table)))
		})
	}
}

// TestRulesOnOneConnection has SQLite in memory, without a busy timeout.
func TestRulesOnOneConnection(t *testing.T) {
	storetest.Run(t, func(t *testing.T) hostpool.Store {
		d := database{sqlite, "file::memory:"}
		db := d.connect(t)
		db.SetMaxOpenConns(1)
		store := d.store(t, db, "leases")
		require.NoError(t, store.CreateTable(t.Context()))
		return store
	})
}

// TestRulesInProcesses has several processes share a file in WAL mode.
func TestRulesInProcesses(t *testing.T) {
	const variable = "IOMEETING_TEST_SQLITE_DSN"
	if dsn := os.Getenv(variable); dsn != "" {
		storetest.Run(t, func(t *testing.T) hostpool.Store { return database{sqlite, dsn}.open(t, "leases") })
		return
	}
	d := sqlite.database(t).with("_pragma=journal_mode(wal)")
	store := d.open(t, "leases")
	require.NoError(t, store.CreateTable(t.Context()))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRulesInProcesses$")
			cmd.Env = append(os.Environ(), variable+"="+d.dsn)
			output, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s", output)
		})
	}
	all.Wait()
	assert.Empty(t, list(t, store))
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
					t.Parallel()
					options, err := redis.ParseURL(url)
					require.NoError(t, err)
					tt.change(options)
					storetest.Run(t, func(t *testing.T) hostpool.Store {
						return newRedisStore(t, closeAfter(t, redis.NewClient(options)))
					})
				})
			}
		})
	}
}

// TestRedisRulesWithLeastRights has a user who may execute the commands that the package
// names, and use its key.
func TestRedisRulesWithLeastRights(t *testing.T) {
	admin := newRedis(t, servers.ForTest(t, servers.Redis).DSN)
	require.NoError(t, admin.Do(t.Context(), "ACL", "SETUSER", "meetings", "on", "nopass", "~iomeeting:hostpool",
		"+eval", "+evalsha", "+time", "+hget", "+hgetall", "+hset", "+hsetnx", "+hdel").Err())
	storetest.Run(t, func(t *testing.T) hostpool.Store {
		options := *admin.Options()
		options.Username = "meetings"
		options.Password = "any"
		store, err := redisstore.New(closeAfter(t, redis.NewClient(&options)))
		require.NoError(t, err)
		return store
	})
}

// TestRedisClusterRules runs the tests in a cluster of three servers, each of which has
// the leases of some stores.
func TestRedisClusterRules(t *testing.T) {
	addrs := redisCluster(t)
	storetest.Run(t, func(t *testing.T) hostpool.Store {
		return newRedisStore(t, closeAfter(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true})))
	})
}

// redisCluster starts a Redis Cluster of three masters, and returns their addresses.
func redisCluster(t *testing.T) (addrs []string) {
	t.Helper()
	var clients []*redis.Client
	for i := range 3 {
		bus, err := net.Listen("tcp", "127.0.0.1:0") // by default 10,000 above the port, where a client may be
		require.NoError(t, err)
		require.NoError(t, bus.Close())
		_, busPort, err := net.SplitHostPort(bus.Addr().String())
		require.NoError(t, err)
		server := servers.ForTest(t, servers.Redis, "--cluster-enabled", "yes", "--cluster-port", busPort)
		client := newRedis(t, server.DSN)
		require.NoError(t, client.ClusterAddSlotsRange(t.Context(), i*16384/3, (i+1)*16384/3-1).Err())
		if i > 0 {
			host, port, err := net.SplitHostPort(server.Addr)
			require.NoError(t, err)
			require.NoError(t, clients[0].Do(t.Context(), "CLUSTER", "MEET", host, port, busPort).Err())
		}
		clients, addrs = append(clients, client), append(addrs, server.Addr)
	}
	for _, client := range clients {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			assert.Contains(c, client.ClusterInfo(context.Background()).Val(), "cluster_state:ok")
		}, time.Minute, 10*time.Millisecond)
	}
	return addrs
}
