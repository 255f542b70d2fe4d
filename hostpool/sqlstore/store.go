package sqlstore

import (
	"context"
	"database/sql"
	"regexp"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// Store is a [hostpool.Store] that keeps its leases in a table. Create it with
// [New]. It is safe for concurrent use, by all processes that share the table, and
// does not need to be closed.
//
// Besides the errors that [hostpool.Store] names, its methods return the error of
// the database, or an [*iomeeting.ParameterError] if an email address is empty or
// longer than 512 bytes, or an ID is empty or longer than 64 bytes. No value is
// ever truncated.
type Store struct {
	db      *sql.DB
	dialect dialect
	table   string
	err     error // why the store cannot be used
}

var _ hostpool.Store = (*Store)(nil)

// New returns a store that keeps its leases in db, a database of the given
// dialect. Call [Store.CreateTable] before you use it, unless the table exists.
//
// If db or an option is nil, if the dialect is not [Postgres], [MySQL] or
// [SQLite], or if the name given to [WithTable] cannot be used, every method of
// the store returns an [*iomeeting.ParameterError].
func New(db *sql.DB, dialect Dialect, opts ...Option) *Store {
	s := &Store{db: db, dialect: dialects[dialect], table: "iomeeting_leases"}
	for _, opt := range opts {
		if opt == nil {
			s.err = &iomeeting.ParameterError{Param: "option", Reason: "is nil"}
			return s
		}
		opt(s)
	}
	_, known := dialects[dialect]
	switch {
	case db == nil:
		s.err = &iomeeting.ParameterError{Param: "db", Reason: "is nil"}
	case !known:
		s.err = &iomeeting.ParameterError{Param: "dialect", Reason: "is unknown"}
	case !isTable(s.table):
		s.err = &iomeeting.ParameterError{Param: "table", Reason: "is not the name of a table"}
	}
	return s
}

// Option is a setting of a [Store]. If an option is given twice, the last one
// wins.
type Option func(*Store)

// WithTable sets the name of the table: up to 63 ASCII letters, digits and
// underscores that do not start with a digit. The name of a schema and a dot may
// precede it. Other names are not quoted but refused, see [New]. Default:
// iomeeting_leases.
func WithTable(name string) Option {
	return func(s *Store) { s.table = name }
}

// isTable reports whether a name needs no quotes and is not too long. PostgreSQL
// would cut a longer one.
var isTable = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$`).MatchString

// CreateTable creates the table if it does not exist. An existing table stays as
// it is. Every server can call CreateTable when it starts, even if several start
// at the same time. The user of the database needs the right to create tables.
func (s *Store) CreateTable(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	create := "CREATE TABLE IF NOT EXISTS {table} (" + s.dialect.columns + ")"
	if _, err := s.exec(ctx, create); err == nil {
		return nil
	}
	// In PostgreSQL, it fails if somebody else creates the table meanwhile.
	_, err := s.exec(ctx, create)
	return err
}

// check returns an error if the store cannot be used, or cannot hold leases of
// the hosts to the ID.
func (s *Store) check(id string, hosts ...string) error {
	if s.err != nil {
		return s.err
	}
	for _, host := range hosts {
		if host == "" || len(host) > maxHost {
			return &iomeeting.ParameterError{Param: "host", Reason: "is empty or longer than 512 bytes"}
		}
	}
	if id == "" || len(id) > maxID {
		return &iomeeting.ParameterError{Param: "id", Reason: "is empty or longer than 64 bytes"}
	}
	return nil
}
