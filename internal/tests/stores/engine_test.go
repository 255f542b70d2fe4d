package stores

import (
	"crypto/rand"
	"database/sql"
	"io"
	"log"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

func TestMain(m *testing.M) {
	mysql.SetLogger(log.New(io.Discard, "", 0)) // it logs every connection that breaks
	logging.Disable()                           // so does go-redis
	goleak.VerifyTestMain(m)
}

// engine is a database engine, with a way to connect to it.
type engine struct {
	name    string
	dialect sqlstore.Dialect
	driver  string
	params  string                                                    // of the connection
	start   func(dir string, args ...string) (*servers.Server, error) // nil for SQLite
}

// engines are the ways to connect that most users choose.
var engines = []engine{
	{"PostgreSQL through pgx", sqlstore.Postgres, "pgx", "", servers.Postgres},
	{"PostgreSQL through pq", sqlstore.Postgres, "postgres", "", servers.Postgres},
	{"MariaDB", sqlstore.MySQL, "mysql", "", servers.MariaDB},
	{"SQLite", sqlstore.SQLite, "sqlite", "?_pragma=busy_timeout(60000)", nil},
}

// database is a database of an engine.
type database struct {
	engine
	server *servers.Server // nil for SQLite
	dsn    string          // without parameters
}

// newDatabase starts a database for a test.
func (e engine) newDatabase(t *testing.T) *database {
	t.Helper()
	if e.start == nil {
		return &database{engine: e, dsn: "file:" + filepath.Join(t.TempDir(), "leases.db")}
	}
	server := servers.ForTest(t, e.start)
	return &database{engine: e, server: server, dsn: server.DSN}
}

// connect opens a new connection pool, for a test.
func (d *database) connect(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, d.dsn+d.params)
	require.NoError(t, err)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

// open returns a store with connections of its own. The table may not exist.
func (d *database) open(t *testing.T, table string) *sqlstore.Store {
	t.Helper()
	return sqlstore.New(d.connect(t), d.dialect, sqlstore.WithTable(table))
}

// newStore returns a store with a new table.
func (d *database) newStore(t *testing.T) *sqlstore.Store {
	t.Helper()
	store := d.open(t, newTable())
	require.NoError(t, store.CreateTable(t.Context()))
	return store
}

// newTable returns the name of a table that does not exist.
func newTable() string { return "leases_" + rand.Text() }
