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
)

// wire connects to a database, counts the statements that are sent, and can send
// each of them more than once.
type wire struct {
	driver driver.Driver
	dsn    string
	times  int // that each statement is sent

	mu    sync.Mutex
	verbs []string // the first word of each statement
}

// connectByWire returns connections through a wire.
func (d database) connectByWire(t *testing.T, times int) (*sql.DB, *wire) {
	t.Helper()
	if d.driver == "mysql" {
		d = d.with("interpolateParams=true") // else there would be prepared statements to wrap too
	}
	w := &wire{driver: d.connect(t).Driver(), dsn: d.dsn, times: times}
	db := sql.OpenDB(w)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db, w
}

func (w *wire) Driver() driver.Driver { return w.driver }

func (w *wire) Connect(context.Context) (driver.Conn, error) {
	conn, err := w.driver.Open(w.dsn)
	if err != nil {
		return nil, err
	}
	return wireConn{conn, w}, nil
}

// sent returns the statements that were sent since the last call, by their verbs.
func (w *wire) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	verbs := w.verbs
	w.verbs = nil
	return verbs
}

func (w *wire) count(statement string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	verb, _, _ := strings.Cut(statement, " ")
	w.verbs = append(w.verbs, verb)
}

type wireConn struct {
	driver.Conn
	wire *wire
}

func (c wireConn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (result driver.Result, err error) {
	for range c.wire.times {
		c.wire.count(statement)
		if result, err = c.Conn.(driver.ExecerContext).ExecContext(ctx, statement, args); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func (c wireConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	for range c.wire.times - 1 {
		if err := c.queryInVain(ctx, query, args); err != nil {
			return nil, err
		}
	}
	c.wire.count(query)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// queryInVain sends a query and ignores its rows.
func (c wireConn) queryInVain(ctx context.Context, query string, args []driver.NamedValue) error {
	c.wire.count(query)
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
