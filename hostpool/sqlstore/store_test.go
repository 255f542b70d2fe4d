package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("the database is down")

// down is a database that is down. It counts the attempts to connect.
type down struct{ attempts int }

func (d *down) Driver() driver.Driver { return nil }

func (d *down) Connect(context.Context) (driver.Conn, error) {
	d.attempts++
	return nil, errDown
}

func newDown(t *testing.T) (*sql.DB, *down) {
	t.Helper()
	d := new(down)
	db := sql.OpenDB(d)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, d
}

// callAll calls every method of a store, and returns the errors by method.
func callAll(ctx context.Context, s *sqlstore.Store) map[string]error {
	_, takeErr := s.Take(ctx, []string{"a@example.com"}, "id", time.Hour)
	_, noHosts := s.Take(ctx, nil, "id", time.Hour)
	_, listErr := s.List(ctx)
	return map[string]error{
		"CreateTable":        s.CreateTable(ctx),
		"Take":               takeErr,
		"Take without hosts": noHosts,
		"Renew":              s.Renew(ctx, "a@example.com", "id", time.Hour),
		"Release":            s.Release(ctx, "a@example.com", "id"),
		"List":               listErr,
	}
}

func TestNewWithWrongParameters(t *testing.T) {
	table := func(name string) []sqlstore.Option { return []sqlstore.Option{sqlstore.WithTable(name)} }
	db, down := newDown(t)
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
		{"nil option", db, sqlstore.MySQL, []sqlstore.Option{nil}, "option"},
		{"empty name", db, sqlstore.Postgres, table(""), "table"},
		{"digit", db, sqlstore.Postgres, table("1leases"), "table"},
		{"space", db, sqlstore.Postgres, table("my leases"), "table"},
		{"line break", db, sqlstore.Postgres, table("leases\n"), "table"},
		{"quotes", db, sqlstore.Postgres, table(`"leases"`), "table"},
		{"backquotes", db, sqlstore.MySQL, table("`leases`"), "table"},
		{"injection", db, sqlstore.SQLite, table("leases; DROP TABLE bookings"), "table"},
		{"placeholder", db, sqlstore.SQLite, table("leases?"), "table"},
		{"verb", db, sqlstore.SQLite, table("leases%s"), "table"},
		{"not ASCII", db, sqlstore.Postgres, table("租约"), "table"},
		{"too long", db, sqlstore.Postgres, table(strings.Repeat("x", 64)), "table"},
		{"long schema", db, sqlstore.Postgres, table(strings.Repeat("x", 64) + ".leases"), "table"},
		{"two dots", db, sqlstore.Postgres, table("a.b.c"), "table"},
		{"no schema", db, sqlstore.Postgres, table(".leases"), "table"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for method, err := range callAll(t.Context(), sqlstore.New(tt.db, tt.dialect, tt.opts...)) {
				var parameter *iomeeting.ParameterError
				require.ErrorAs(t, err, &parameter, method)
				assert.Equal(t, tt.param, parameter.Param, method)
			}
			assert.Zero(t, down.attempts, "the database was asked")
		})
	}
}

func TestLastTableCounts(t *testing.T) {
	db, _ := newDown(t)
	s := sqlstore.New(db, sqlstore.Postgres, sqlstore.WithTable("no name"), sqlstore.WithTable("name"))
	assert.ErrorIs(t, s.CreateTable(t.Context()), errDown)
}

func TestValuesThatDoNotFit(t *testing.T) {
	const email, id = "a@example.com", "id"
	tests := []struct {
		name, host, id string
		param          string
	}{
		{"empty email address", "", id, "host"},
		{"long email address", strings.Repeat("x", 513), id, "host"},
		{"empty ID", email, "", "id"},
		{"long ID", email, strings.Repeat("x", 65), "id"},
	}
	db, down := newDown(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sqlstore.New(db, sqlstore.MySQL)
			_, takeErr := s.Take(t.Context(), []string{email, tt.host}, tt.id, time.Hour)
			for _, err := range []error{
				takeErr,
				s.Renew(t.Context(), tt.host, tt.id, time.Hour),
				s.Release(t.Context(), tt.host, tt.id),
			} {
				var parameter *iomeeting.ParameterError
				require.ErrorAs(t, err, &parameter)
				assert.Equal(t, tt.param, parameter.Param)
			}
			assert.Zero(t, down.attempts, "the database was asked")
		})
	}
	s := sqlstore.New(db, sqlstore.MySQL)
	assert.ErrorIs(t, s.Release(t.Context(), strings.Repeat("x", 512), strings.Repeat("x", 64)), errDown, "longest values")
}

func TestDatabaseDown(t *testing.T) {
	for _, dialect := range []sqlstore.Dialect{sqlstore.Postgres, sqlstore.MySQL, sqlstore.SQLite} {
		db, _ := newDown(t)
		for method, err := range callAll(t.Context(), sqlstore.New(db, dialect)) {
			want := errDown
			if method == "Take without hosts" {
				want = hostpool.ErrNoneFree
			}
			assert.ErrorIs(t, err, want, method)
		}
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	db, down := newDown(t)
	for method, err := range callAll(ctx, sqlstore.New(db, sqlstore.Postgres)) {
		assert.ErrorIs(t, err, context.Canceled, method)
	}
	assert.Zero(t, down.attempts)
}
