package stores

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// wire connects to a database, records the statements that are sent, and can send one
// of them twice.
type wire struct {
	driver driver.Driver
	dsn    string

	mu         sync.Mutex
	statements []string
	twice      bool // whether the next statement that changes the table is sent twice
}

// storeByWire returns a store with a new table whose statements go through a wire.
func (d database) storeByWire(t *testing.T) (store *sqlstore.Store, w *wire, table string) {
	t.Helper()
	if d.driver == "mysql" {
		d = d.with("interpolateParams=true") // else there would be prepared statements to wrap too
	}
	w = &wire{driver: d.connect(t).Driver(), dsn: d.dsn}
	db := sql.OpenDB(w)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	table = newTable(t, d)
	store = d.store(t, db, table)
	require.NoError(t, store.CreateTable(t.Context()))
	w.sent()
	return store, w, table
}

func (w *wire) Driver() driver.Driver { return w.driver }

func (w *wire) Connect(context.Context) (driver.Conn, error) {
	conn, err := w.driver.Open(w.dsn)
	if err != nil {
		return nil, err
	}
	return wireConn{conn, w}, nil
}

// sent returns the statements that were sent since the last call.
func (w *wire) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	statements := w.statements
	w.statements = nil
	return statements
}

// verbs returns the first words of the statements that were sent since the last call.
func (w *wire) verbs() (verbs []string) {
	for _, statement := range w.sent() {
		verb, _, _ := strings.Cut(statement, " ")
		verbs = append(verbs, verb)
	}
	return verbs
}

// sendTwice sends the next statement that changes the table twice, as a proxy may after
// a timeout.
func (w *wire) sendTwice() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.twice = true
}

// record records a statement, and reports whether to send it twice.
func (w *wire) record(statement string) (twice bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.statements = append(w.statements, statement)
	twice = w.twice && !strings.HasPrefix(statement, "SELECT")
	w.twice = w.twice && !twice
	return twice
}

type wireConn struct {
	driver.Conn
	wire *wire
}

func (c wireConn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	if c.wire.record(statement) {
		if _, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, statement, args); err != nil {
			return nil, err
		}
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, statement, args)
}

func (c wireConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.wire.record(query) {
		if err := c.queryInVain(ctx, query, args); err != nil {
			return nil, err
		}
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// queryInVain sends a query and ignores its rows.
func (c wireConn) queryInVain(ctx context.Context, query string, args []driver.NamedValue) error {
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err != nil {
		return err
	}
	row := make([]driver.Value, len(rows.Columns()))
	for err == nil {
		err = rows.Next(row)
	}
	if err != io.EOF {
		return err
	}
	return rows.Close()
}
