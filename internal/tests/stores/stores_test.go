// Package stores tests the stores of package hostpool against real servers.
package stores

import (
	"context"
	"crypto/rand"
	"database/sql"
	"io"
	"log"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(log.New(io.Discard, "", 0)) // it logs every connection that breaks
	logging.Disable()                               // so does go-redis
	goleak.VerifyTestMain(servers.M{M: m})
}

// engine is a SQL database, and a driver that connects to it.
type engine struct {
	name    string
	kind    servers.Kind // the zero Kind is a file
	dialect sqlstore.Dialect
	driver  string
}

var (
	pgx     = engine{"PostgreSQL through pgx", servers.Postgres, sqlstore.Postgres, "pgx"}
	pq      = engine{"PostgreSQL through pq", servers.Postgres, sqlstore.Postgres, "postgres"}
	mySQL   = engine{"MySQL", servers.MySQL, sqlstore.MySQL, "mysql"}
	mariaDB = engine{"MariaDB", servers.MariaDB, sqlstore.MySQL, "mysql"}
	sqlite  = engine{"SQLite", servers.Kind{}, sqlstore.SQLite, "sqlite"}

	engines = []engine{pgx, pq, mySQL, mariaDB, sqlite}

	// redisKinds are the servers that package redisstore works with.
	redisKinds = []servers.Kind{servers.Redis, servers.Valkey}
)

// database is where the tables of an engine are.
type database struct {
	engine
	dsn string
}

// database returns a database that is shared with other tests.
func (e engine) database(t testing.TB) database {
	t.Helper()
	if e.kind.Name == "" {
		return database{e, "file:" + filepath.Join(t.TempDir(), "leases.db") + "?_pragma=busy_timeout(60000)"}
	}
	return database{e, servers.DSN(t, e.kind)}
}

// with returns the database with parameters of the connection, as in a URL.
func (d database) with(params string) database {
	separator := "?"
	if strings.Contains(d.dsn, "?") {
		separator = "&"
	}
	if params != "" {
		d.dsn += separator + params
	}
	return d
}

// connect opens a new connection pool, for a test.
func (d database) connect(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, d.dsn)
	require.NoError(t, err)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

// open returns a store with connections of its own. The table may not exist.
func (d database) open(t testing.TB, table string) *sqlstore.Store {
	t.Helper()
	return d.store(t, d.connect(t), table)
}

func (d database) store(t testing.TB, db *sql.DB, table string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(db, d.dialect, sqlstore.WithTable(table))
	require.NoError(t, err)
	return store
}

// newStore returns a store with a new table.
func (d database) newStore(t testing.TB) *sqlstore.Store {
	t.Helper()
	store := d.open(t, newTable(t, d))
	require.NoError(t, store.CreateTable(t.Context()))
	return store
}

// newTable returns the name of a table that does not exist, and that is dropped when
// the test ends.
func newTable(t testing.TB, d database) string {
	t.Helper()
	name := "leases_" + rand.Text()
	dropAfter(t, d, name)
	return name
}

func dropAfter(t testing.TB, d database, table string) {
	t.Helper()
	db := d.connect(t)
	t.Cleanup(func() {
		_, err := db.Exec("DROP TABLE IF EXISTS " + table)
		assert.NoError(t, err)
	})
}

// newRedis returns a client of the Redis server at a URL, with the settings that the
// package recommends.
func newRedis(t testing.TB, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	options.ContextTimeoutEnabled = true
	return closeAfter(t, redis.NewClient(options))
}

// closeAfter closes a client when the test ends.
func closeAfter[C redis.UniversalClient](t testing.TB, client C) C {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return client
}

// newRedisStore returns a store under a new key, which is deleted when the test ends.
func newRedisStore(t testing.TB, client redis.UniversalClient) *redisstore.Store {
	t.Helper()
	key := rand.Text()
	t.Cleanup(func() { assert.NoError(t, client.Del(context.Background(), key).Err()) })
	store, err := redisstore.New(client, redisstore.WithKey(key))
	require.NoError(t, err)
	return store
}

// take leases one of hosts for an hour, and returns it.
func take(t testing.TB, store hostpool.Store, id string, hosts ...string) string {
	t.Helper()
	host, err := store.Take(t.Context(), hosts, id, time.Hour)
	require.NoError(t, err)
	return host
}

// takeNone shows that there is no host to take.
func takeNone(t testing.TB, store hostpool.Store, hosts ...string) {
	t.Helper()
	_, err := store.Take(t.Context(), hosts, "none", time.Hour)
	require.ErrorIs(t, err, hostpool.ErrNoneFree)
}

// list returns the IDs of the leases by host.
func list(t testing.TB, store hostpool.Store) map[string]string {
	t.Helper()
	leases, err := store.List(t.Context())
	require.NoError(t, err)
	return ids(leases)
}

func ids(leases []hostpool.Lease) map[string]string {
	ids := make(map[string]string, len(leases))
	for _, lease := range leases {
		ids[lease.Host] = lease.ID
	}
	return ids
}
