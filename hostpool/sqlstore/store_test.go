package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database is a database that responds to each statement as the test says. The stores
// are tested against real ones in internal/tests/stores.
type database struct {
	respond func(statement string) (rows [][]driver.Value, err error)
	count   int // of statements
}

func (d *database) open(t *testing.T) *sql.DB {
	t.Helper()
	db := sql.OpenDB(d)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (d *database) Driver() driver.Driver                        { return nil }
func (d *database) Connect(context.Context) (driver.Conn, error) { return conn{database: d}, nil }

type conn struct {
	driver.Conn
	*database
}

func (c conn) Close() error { return nil }

func (c conn) ExecContext(_ context.Context, statement string, _ []driver.NamedValue) (driver.Result, error) {
	rows, err := c.send(statement)
	return driver.RowsAffected(len(rows.rows)), err
}

func (c conn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	return c.send(query)
}

func (c conn) send(statement string) (*rows, error) {
	c.count++
	result, err := c.respond(statement)
	return &rows{result}, err
}

type rows struct{ rows [][]driver.Value }

func (r *rows) Columns() []string { return []string{"host", "id", "n"} }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(row []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(row, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

func TestNewWithWrongParameters(t *testing.T) {
	table := func(name string) []sqlstore.Option { return []sqlstore.Option{sqlstore.WithTable(name)} }
	db := new(database).open(t)
	tests := []struct {
		name    string
		db      *sql.DB
		dialect sqlstore.Dialect
		opts    []sqlstore.Option
		param   string
	}{
		{"nil db", nil, sqlstore.Postgres, nil, "db"},
		{"no dialect", db, 0, nil, "dialect"},
		{"unknown dialect", db, sqlstore.SQLite + 1, nil, "dialect"},
		{"empty name", db, sqlstore.Postgres, table(""), "table"},
		{"digit", db, sqlstore.Postgres, table("1leases"), "table"},
		{"space", db, sqlstore.Postgres, table("my leases"), "table"},
		{"line break", db, sqlstore.Postgres, table("leases\n"), "table"},
		{"quotes", db, sqlstore.Postgres, table(`"leases"`), "table"},
		{"backquotes", db, sqlstore.MySQL, table("`leases`"), "table"},
		{"injection", db, sqlstore.SQLite, table("leases; DROP TABLE bookings"), "table"},
		{"placeholder", db, sqlstore.SQLite, table("leases?"), "table"},
		{"not ASCII", db, sqlstore.Postgres, table("租约"), "table"},
		{"too long", db, sqlstore.Postgres, table(strings.Repeat("x", 64)), "table"},
		{"long schema", db, sqlstore.Postgres, table(strings.Repeat("x", 64) + ".leases"), "table"},
		{"two dots", db, sqlstore.Postgres, table("a.b.c"), "table"},
		{"no schema", db, sqlstore.Postgres, table(".leases"), "table"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sqlstore.New(tt.db, tt.dialect, tt.opts...)
			var parameter *iomeeting.ParameterError
			require.ErrorAs(t, err, &parameter)
			assert.Equal(t, tt.param, parameter.Param)
		})
	}
}

// state is an error with an SQLSTATE, as those of pgx and lib/pq.
type state string

func (s state) Error() string    { return "state " + string(s) }
func (s state) SQLState() string { return string(s) }

// errDeadlock has the text of go-sql-driver/mysql.
var errDeadlock = errors.New("Error 1213 (40001): Deadlock found when trying to get lock; try restarting transaction")

// TestStatementsAgain shows which statements are sent again: one that the database has
// undone, and the creation of a table that another server is creating. That ends.
func TestStatementsAgain(t *testing.T) {
	take := func(ctx context.Context, s *sqlstore.Store) error {
		_, err := s.Take(ctx, []string{"a@example.com"}, "id", time.Hour)
		return err
	}
	release := func(ctx context.Context, s *sqlstore.Store) error { return s.Release(ctx, "a@example.com", "id") }
	list := func(ctx context.Context, s *sqlstore.Store) error { _, err := s.List(ctx); return err }
	createTable := func(ctx context.Context, s *sqlstore.Store) error { return s.CreateTable(ctx) }
	tests := []struct {
		name    string
		dialect sqlstore.Dialect
		call    func(context.Context, *sqlstore.Store) error
		err     error
		always  bool // else once
		count   int
	}{
		{name: "Take, serialization failure", dialect: sqlstore.Postgres, call: take, err: state("40001"), count: 2},
		{name: "Take, serialization failure, wrapped", dialect: sqlstore.Postgres, call: take, err: fmt.Errorf("tracing: %w", state("40001")), count: 2},
		{name: "Take, serialization failures without end", dialect: sqlstore.Postgres, call: take, err: state("40001"), always: true, count: 10},
		{name: "Release, deadlock", dialect: sqlstore.MySQL, call: release, err: errDeadlock, count: 2},
		{name: "Release, deadlock, wrapped", dialect: sqlstore.MySQL, call: release, err: fmt.Errorf("tracing: %w", errDeadlock), count: 2},
		{name: "List, serialization failure", dialect: sqlstore.Postgres, call: list, err: state("40001"), count: 2},
		{name: "Take, no such table", dialect: sqlstore.Postgres, call: take, err: state("42P01"), always: true, count: 1},
		{name: "Take, another error", dialect: sqlstore.SQLite, call: take, err: io.ErrUnexpectedEOF, always: true, count: 1},
		{name: "CreateTable, unique index", dialect: sqlstore.Postgres, call: createTable, err: state("23505"), count: 2},
		{name: "CreateTable, duplicate table", dialect: sqlstore.Postgres, call: createTable, err: state("42P07"), count: 2},
		{name: "CreateTable, duplicate type", dialect: sqlstore.Postgres, call: createTable, err: state("42710"), count: 2},
		{name: "CreateTable, without end", dialect: sqlstore.Postgres, call: createTable, err: state("23505"), always: true, count: 2},
		{name: "CreateTable, permission denied", dialect: sqlstore.Postgres, call: createTable, err: state("42501"), always: true, count: 1},
		{name: "CreateTable, another error", dialect: sqlstore.MySQL, call: createTable, err: io.ErrUnexpectedEOF, always: true, count: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &database{}
			d.respond = func(string) ([][]driver.Value, error) {
				if d.count == 1 || tt.always {
					return nil, tt.err
				}
				return [][]driver.Value{{"a@example.com", "", int64(1)}}, nil
			}
			store, err := sqlstore.New(d.open(t), tt.dialect)
			require.NoError(t, err)
			err = tt.call(t.Context(), store)
			if tt.always {
				assert.ErrorIs(t, err, tt.err)
			} else {
				assert.NoError(t, err)
			}
			assert.Equal(t, tt.count, d.count)
		})
	}
}

// TestTakeLosesRaces shows that a Take tries the hosts in another order after it has
// lost a race, and gives up where the database does not show who has won.
func TestTakeLosesRaces(t *testing.T) {
	d := &database{respond: func(string) ([][]driver.Value, error) {
		return [][]driver.Value{{"a@example.com", "", int64(0)}}, nil
	}}
	store, err := sqlstore.New(d.open(t), sqlstore.Postgres)
	require.NoError(t, err)
	hosts := []string{"a@example.com", "b@example.com", "c@example.com"}
	_, err = store.Take(t.Context(), hosts, "id", time.Hour)
	assert.EqualError(t, err, "iomeeting: the database does not insert a lease, and does not show what prevents it")
	assert.Equal(t, 10, d.count)
	assert.Equal(t, []string{"a@example.com", "b@example.com", "c@example.com"}, hosts, "Take changed its argument")
}
