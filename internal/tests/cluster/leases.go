package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// checkLeases checks the kind of a store's URL.
func checkLeases(url string) error {
	scheme, _, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite", "postgres", "mysql", "redis", "none":
		return nil
	default:
		return fmt.Errorf("unknown store %q", scheme)
	}
}

// openLeases opens the store at url.
func openLeases(url string) (hostpool.Store, error) {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "none":
		return hostpool.NewMemoryStore(), nil
	case "redis":
		options, err := redis.ParseURL(url)
		if err != nil {
			return nil, err
		}
		return redisstore.New(redis.NewClient(options)), nil
	default:
		return openSQL(url)
	}
}

func openSQL(url string) (*sqlstore.Store, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	var db *sql.DB
	var err error
	dialect := sqlstore.SQLite
	switch scheme {
	case "postgres":
		dialect = sqlstore.Postgres
		db, err = sql.Open("pgx", url)
	case "mysql":
		dialect = sqlstore.MySQL
		db, err = sql.Open("mysql", strings.TrimPrefix(rest, "//")) // a DSN of the driver
	default:
		db, err = sql.Open("sqlite", "file:"+rest+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	}
	if err != nil {
		return nil, err
	}
	db.SetMaxIdleConns(64) // as many as there are concurrent visitors; by default, only two connections are kept
	return sqlstore.New(db, dialect), nil
}

// createTable creates the table of a SQL database. Other stores have none.
func createTable(ctx context.Context, url string) error {
	if scheme, _, _ := strings.Cut(url, ":"); scheme == "none" || scheme == "redis" {
		return nil
	}
	store, err := openSQL(url)
	if err != nil {
		return err
	}
	return store.CreateTable(ctx)
}
