package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// Store is a [hostpool.Store] that keeps its leases in a table. Create it with [New].
// It is safe for concurrent use by all processes that share the table, and does not
// need to be closed.
type Store struct {
	db      *sql.DB
	dialect Dialect
	table   string

	// Statements.
	take, held, insert, renew, release, releaseExpired, list string
}

var _ hostpool.Store = (*Store)(nil)

// New returns a store that keeps its leases in db. Call [Store.CreateTable] before you
// use it, unless the table exists. New sends nothing. It returns an
// [*iomeeting.ParameterError] if db is nil, or if the dialect or the name of the table
// cannot be used.
func New(db *sql.DB, dialect Dialect, opts ...Option) (*Store, error) {
	s := &Store{db: db, dialect: dialect, table: "iomeeting_leases"}
	for _, opt := range opts {
		opt(s)
	}
	d, known := dialects[dialect]
	switch {
	case db == nil:
		return nil, &iomeeting.ParameterError{Param: "db", Reason: "is nil"}
	case !known:
		return nil, &iomeeting.ParameterError{Param: "dialect", Reason: "is unknown"}
	case !isTable(s.table):
		return nil, &iomeeting.ParameterError{Param: "table", Reason: "is not a name that needs no quotes"}
	}
	s.take, s.held, s.insert = s.statement(d.take), s.statement(d.held), s.statement(d.insert)
	s.renew = s.statement(`UPDATE {table} SET expires = {expires} WHERE host = ? AND id = ?`)
	s.release = s.statement(`DELETE FROM {table} WHERE host = ? AND id = ?`)
	s.releaseExpired = s.statement(`DELETE FROM {table} WHERE host = ? AND id = ? AND expires <= {now}`)
	s.list = s.statement(`SELECT host, id, expires - {now} FROM {table}`)
	return s, nil
}

// Option is a setting of a [Store].
type Option func(*Store)

// WithTable sets the name of the table: up to 63 ASCII letters, digits and underscores
// that do not start with a digit, perhaps after the name of a schema and a dot. Pools
// that share accounts must use the same table, and sites with accounts of their own
// should not. Default: iomeeting_leases.
func WithTable(name string) Option { return func(s *Store) { s.table = name } }

// isTable reports whether a name needs no quotes and is not too long: PostgreSQL would
// cut it.
var isTable = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$`).MatchString

// CreateTable creates the table if it does not exist. Every server can call it when it
// starts. The database user needs the right to create tables, in PostgreSQL even if the
// table exists.
func (s *Store) CreateTable(ctx context.Context) error {
	create := s.statement(`CREATE TABLE IF NOT EXISTS {table} (` + dialects[s.dialect].columns + `)`)
	_, err := s.db.ExecContext(ctx, create)
	switch stateOf(err) {
	case "23505", "42P07", "42710": // another server is just creating it, in PostgreSQL
		_, err = s.db.ExecContext(ctx, create)
	}
	return err
}

// Take leases the first of hosts that has no lease; see [hostpool.Store]. It is one
// statement, and two in MySQL.
func (s *Store) Take(ctx context.Context, hosts []string, id string, d time.Duration) (host string, err error) {
	if len(hosts) == 0 {
		return "", cmp.Or(ctx.Err(), hostpool.ErrNoneFree)
	}
	err = repeat(func() (done bool, err error) {
		host, done, err = s.tryTake(ctx, hosts, id, micros(d))
		if err == nil && !done { // the callers who lost this race would also race for the next host
			hosts = slices.Clone(hosts)
			rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
		}
		return done, err
	})
	return host, err
}

// tryTake reports false if another caller was faster.
func (s *Store) tryTake(ctx context.Context, hosts []string, id string, micros int64) (host string, taken bool, err error) {
	if s.dialect == MySQL {
		return s.tryTakeInTwo(ctx, hosts, id, micros)
	}
	offered, _ := json.Marshal(hosts) // cannot fail
	free, err := s.query(ctx, s.take, string(offered), id, micros)
	if err == nil && len(free) == 0 {
		err = hostpool.ErrNoneFree
	}
	if err != nil {
		return "", false, err
	}
	return free[0].Host, free[0].Left > 0, nil
}

func (s *Store) tryTakeInTwo(ctx context.Context, hosts []string, id string, micros int64) (host string, taken bool, err error) {
	offered := make([]any, len(hosts))
	for i, host := range hosts {
		offered[i] = host
	}
	held, err := s.query(ctx, strings.Replace(s.held, "{hosts}", "?"+strings.Repeat(", ?", len(hosts)-1), 1), offered...)
	if err != nil {
		return "", false, err
	}
	isHeld := make(map[string]bool, len(held))
	for _, lease := range held {
		isHeld[lease.Host] = true
	}
	i := slices.IndexFunc(hosts, func(host string) bool { return !isHeld[host] })
	if i < 0 {
		return "", false, hostpool.ErrNoneFree
	}
	taken, err = s.exec(ctx, s.insert, hosts[i], id, micros)
	return hosts[i], taken, err
}

// Renew sets a lease to expire d from now; see [hostpool.Store].
func (s *Store) Renew(ctx context.Context, host, id string, d time.Duration) error {
	return s.change(ctx, s.renew, micros(d), host, id)
}

// Release deletes a lease; see [hostpool.Store].
func (s *Store) Release(ctx context.Context, host, id string) error {
	return s.change(ctx, s.release, host, id)
}

// ReleaseExpired deletes a lease if it has expired; see [hostpool.Store].
func (s *Store) ReleaseExpired(ctx context.Context, host, id string) error {
	return s.change(ctx, s.releaseExpired, host, id)
}

// List returns all leases; see [hostpool.Store].
func (s *Store) List(ctx context.Context) (leases []hostpool.Lease, err error) {
	err = repeat(func() (done bool, err error) {
		leases, err = s.query(ctx, s.list)
		return true, err
	})
	return leases, err
}

// micros returns d in microseconds, at most 100 years.
func micros(d time.Duration) int64 { return min(d, 100*365*24*time.Hour).Microseconds() }

// change executes a statement that changes one lease.
func (s *Store) change(ctx context.Context, statement string, args ...any) error {
	return repeat(func() (done bool, err error) {
		changed, err := s.exec(ctx, statement, args...)
		if err == nil && !changed {
			err = hostpool.ErrLeaseLost
		}
		return true, err
	})
}

// exec reports whether a statement has changed a row.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (changed bool, err error) {
	result, err := s.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// query returns rows with a host, an ID and a number of microseconds.
func (s *Store) query(ctx context.Context, query string, args ...any) (leases []hostpool.Lease, err error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var lease hostpool.Lease
		if err := rows.Scan(&lease.Host, &lease.ID, &lease.Left); err != nil {
			return nil, err
		}
		lease.Left *= time.Microsecond
		leases = append(leases, lease)
	}
	return leases, rows.Err() // of the commit too
}

// repeat calls f until it is done or fails, and again if the database has rolled its
// statement back. It gives up after ten rounds.
func repeat(f func() (done bool, err error)) error {
	for pause := time.Millisecond; ; pause *= 2 {
		done, err := f()
		if stateOf(err) != undone && (done || err != nil) {
			return err
		}
		if pause > 500*time.Millisecond {
			return cmp.Or(err, errors.New("iomeeting: the database does not insert a lease, and does not show what prevents it"))
		}
		time.Sleep(rand.N(pause)) // then f returns the error of its context, if that is done
	}
}
