package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

const mostAt = 64

func BenchmarkPostgres(b *testing.B) {
	db, err := sql.Open("pgx", servers.ForTest(b, servers.Postgres).DSN)
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(mostAt)
	db.SetMaxIdleConns(mostAt)
	store, err := sqlstore.New(db, sqlstore.Postgres)
	require.NoError(b, err)
	require.NoError(b, store.CreateTable(b.Context()))
	exec := func(statement string, args ...any) error {
		_, err := db.ExecContext(b.Context(), statement, args...)
		return err
	}
	require.NoError(b, exec("CREATE TABLE locks (host text PRIMARY KEY)"))
	compareLocks(b, store, bareLock{
		lock:   func(host string) error { return exec("INSERT INTO locks VALUES ($1) ON CONFLICT DO NOTHING", host) },
		unlock: func(host string) error { return exec("DELETE FROM locks WHERE host = $1", host) },
		tidy:   func() error { return exec("VACUUM ANALYZE") }, // as autovacuum does within a minute
	})
}

// BenchmarkPostgresPlan has 9,000 leases in two tables. For one of them, PostgreSQL
// planned the statement of Take when it was empty, and keeps that plan; the other was
// analyzed before.
func BenchmarkPostgresPlan(b *testing.B) {
	dsn := servers.ForTest(b, servers.Postgres, "-c", "autovacuum=off").DSN
	hosts := make([]string, 10_000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("host%05d@example.com", i)
	}
	shuffle(hosts)
	twice := slices.Concat(hosts, hosts)
	open := func(table string, analyze bool) client {
		db, err := sql.Open("pgx", dsn)
		require.NoError(b, err)
		b.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1) // which keeps its plan from the sixth Take on
		store, err := sqlstore.New(db, sqlstore.Postgres, sqlstore.WithTable(table))
		require.NoError(b, err)
		require.NoError(b, store.CreateTable(b.Context()))
		takeAndRelease := func(int) error {
			host, id, err := take(b.Context(), store, twice[mathrand.IntN(len(hosts)):][:len(hosts)])
			return errors.Join(err, store.Release(b.Context(), host, id))
		}
		for range 10 {
			require.NoError(b, takeAndRelease(0))
		}
		_, err = db.ExecContext(b.Context(), "INSERT INTO "+table+
			" SELECT 'host' || to_char(n, 'FM00000') || '@example.com', 'id', 0 FROM generate_series(0, 8999) AS n")
		require.NoError(b, err)
		if analyze {
			_, err = db.ExecContext(b.Context(), "ANALYZE "+table)
			require.NoError(b, err)
		}
		return client{table, func(*testing.B, int) call { return takeAndRelease }}
	}
	compare(b, []int{1}, open("planned_when_empty", false), open("analyzed", true))
}

// BenchmarkRedis has Redis write to the disk every second, as its documentation
// recommends.
func BenchmarkRedis(b *testing.B) {
	options, err := redis.ParseURL(servers.ForTest(b, servers.Redis).DSN)
	require.NoError(b, err)
	options.PoolSize = mostAt
	options.ContextTimeoutEnabled = true
	c := redis.NewClient(options)
	b.Cleanup(func() { _ = c.Close() })
	require.NoError(b, c.ConfigSet(b.Context(), "appendfsync", "everysec").Err())
	store, err := redisstore.New(c)
	require.NoError(b, err)
	compareLocks(b, store, bareLock{
		lock:   func(host string) error { return c.SetNX(b.Context(), "lock:"+host, "held", 0).Err() },
		unlock: func(host string) error { return c.Del(b.Context(), "lock:"+host).Err() },
		tidy:   func() error { return nil },
	})
}

// bareLock is the cheapest lock of a server. Its caller must know a free host.
type bareLock struct {
	lock, unlock func(host string) error
	tidy         func() error // after many changes
}

// compareLocks leases host accounts and releases them, as a pool does, and locks and
// unlocks them. Of 10,000 accounts, 90 % are held all the time.
func compareLocks(b *testing.B, store hostpool.Store, bare bareLock) {
	hosts := make([]string, 10_000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("host%05d@example.com", i)
	}
	shuffle(hosts)
	held := len(hosts) * 9 / 10
	together(b, mostAt, held, func(_, i int) error {
		_, err := store.Take(b.Context(), hosts[i:i+1], rand.Text(), 24*time.Hour)
		return errors.Join(err, bare.lock(hosts[i]))
	})
	require.NoError(b, bare.tidy())
	free := make(chan string, len(hosts)-held)
	for _, host := range hosts[held:] {
		free <- host
	}
	shuffle(hosts)
	twice := slices.Concat(hosts, hosts)
	compare(b, []int{1, 16, mostAt},
		client{"iomeeting", func(b *testing.B, _ int) call {
			return func(int) error {
				host, id, err := take(b.Context(), store, twice[mathrand.IntN(len(hosts)):][:len(hosts)])
				if err != nil {
					return err
				}
				return store.Release(b.Context(), host, id)
			}
		}},
		client{"bare", func(*testing.B, int) call {
			return func(int) error {
				host := <-free
				defer func() { free <- host }()
				return errors.Join(bare.lock(host), bare.unlock(host))
			}
		}},
	)
}

// take leases one of hosts as a pool does: it offers windows of growing size until one
// contains a free host.
func take(ctx context.Context, store hostpool.Store, hosts []string) (host, id string, err error) {
	id = rand.Text()
	for size := 32; ; size *= 4 {
		n := min(size, len(hosts))
		host, err = store.Take(ctx, hosts[:n], id, 15*time.Minute)
		if hosts = hosts[n:]; len(hosts) == 0 || !errors.Is(err, hostpool.ErrNoneFree) {
			return host, id, err
		}
	}
}
