package stores

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// inSQL returns a function that makes a store in a database.
func inSQL(e engine) func(t *testing.T, dsn string) hostpool.Store {
	return func(t *testing.T, dsn string) hostpool.Store {
		store := database{e, dsn}.open(t, "leases")
		require.NoError(t, store.CreateTable(t.Context()))
		return store
	}
}

// remote are the stores on servers, with an empty database.
var remote = []struct {
	name  string
	kind  servers.Kind
	store func(t *testing.T, dsn string) hostpool.Store
}{
	{pgx.name, pgx.kind, inSQL(pgx)},
	{pq.name, pq.kind, inSQL(pq)},
	{mariaDB.name, mariaDB.kind, inSQL(mariaDB)},
	{"Redis", servers.Redis, func(t *testing.T, dsn string) hostpool.Store {
		store, err := redisstore.New(newRedis(t, dsn))
		require.NoError(t, err)
		return store
	}},
}

// TestDatabaseRestarts shows that a store whose server is gone says so, and that
// the leases are there once the server is back.
func TestDatabaseRestarts(t *testing.T) {
	ways := []struct {
		name string
		stop func(*servers.Server) error
	}{
		{"killed", (*servers.Server).Kill},
		{"stopped", (*servers.Server).Stop},
	}
	for _, tt := range remote {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := servers.ForTest(t, tt.kind)
			store := tt.store(t, server.DSN)
			want := map[string]string{}
			for _, way := range ways {
				want[take(t, store, way.name, way.name+"@example.com")] = way.name

				require.NoError(t, way.stop(server))
				_, err := store.Take(t.Context(), []string{"free@example.com"}, "id", time.Hour)
				assert.Error(t, err)
				assert.NotErrorIs(t, err, hostpool.ErrNoneFree)
				err = store.Renew(t.Context(), way.name+"@example.com", way.name, time.Hour)
				assert.Error(t, err)
				assert.NotErrorIs(t, err, hostpool.ErrLeaseLost)

				require.NoError(t, server.Start())
				leases, err := store.List(t.Context())
				for err != nil { // connections that were broken in the meantime fail once each
					t.Logf("%s, and started again: %v", way.name, err)
					leases, err = store.List(t.Context())
				}
				assert.Equal(t, want, ids(leases), way.name)
			}
		})
	}
}

// TestDatabaseDoesNotRespond shows that drivers stop at the deadline of the context. lib/pq
// does not, as the package says.
func TestDatabaseDoesNotRespond(t *testing.T) {
	for _, tt := range remote {
		if tt.name == pq.name {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			server := servers.ForTest(t, tt.kind)
			var network servers.Proxy
			network.Start(t, server.Addr)
			store := tt.store(t, network.Through(server.DSN))
			host := take(t, store, "id", "a@example.com")
			restore := network.Cut()
			defer restore()
			for range 2 { // on an open connection, and on a new one
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				err := store.Renew(ctx, host, "id", time.Hour)
				cancel()
				assert.Error(t, err)
				assert.NotErrorIs(t, err, hostpool.ErrLeaseLost)
			}
		})
	}
}
