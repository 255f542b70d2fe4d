package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// postgres is a PostgreSQL server.
type postgres struct{ db *sql.DB }

func openPostgres(dsn string, connections int) (leaseServer, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.Tracer = statementCounter{}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return postgres{db}, nil
}

func (p postgres) describe(ctx context.Context) (s string, err error) {
	const settings = `SELECT format('PostgreSQL %s, fsync %s, synchronous_commit %s',
		current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'))`
	return s, p.db.QueryRowContext(ctx, settings).Scan(&s)
}

func (p postgres) store(ctx context.Context, accounts int) (hostpool.Store, error) {
	s := sqlstore.New(p.db, sqlstore.Postgres, sqlstore.WithTable(fmt.Sprintf("leases_%d", accounts)))
	return s, s.CreateTable(ctx)
}

func (p postgres) locks(ctx context.Context, accounts int) (leaser, error) {
	table := fmt.Sprintf("locks_%d", accounts)
	_, err := p.db.ExecContext(ctx, "CREATE TABLE "+table+" (host text PRIMARY KEY)")
	return rows{
		db:     p.db,
		insert: "INSERT INTO " + table + " VALUES ($1) ON CONFLICT DO NOTHING",
		remove: "DELETE FROM " + table + " WHERE host = $1",
	}, err
}

// tidy does what autovacuum does within a minute.
func (p postgres) tidy(ctx context.Context) error {
	_, err := p.db.ExecContext(ctx, "VACUUM ANALYZE")
	return err
}

func (p postgres) close() error { return p.db.Close() }

// rows are the cheapest locks of PostgreSQL: rows of a table with one column.
type rows struct {
	db             *sql.DB
	insert, remove string
}

func (r rows) hold(ctx context.Context, account string) error {
	return r.change(ctx, r.insert, account)
}

func (r rows) lease(ctx context.Context, free string) error {
	if err := r.change(ctx, r.insert, free); err != nil {
		return err
	}
	return r.change(ctx, r.remove, free)
}

func (r rows) change(ctx context.Context, statement, account string) error {
	result, err := r.db.ExecContext(ctx, statement, account)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows were changed, not 1", n)
	}
	return err
}
