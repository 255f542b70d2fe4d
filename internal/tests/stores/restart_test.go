package stores

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestDatabaseRestarts shows that a store whose server is gone says so, and that
// the leases are there once the server is back.
func TestDatabaseRestarts(t *testing.T) {
	inSQL := func(e engine) func(*testing.T, *servers.Server) hostpool.Store {
		return func(t *testing.T, s *servers.Server) hostpool.Store {
			store := database{e, s.DSN}.open(t, "leases")
			require.NoError(t, store.CreateTable(t.Context()))
			return store
		}
	}
	tests := []struct {
		name  string
		kind  servers.Kind
		store func(*testing.T, *servers.Server) hostpool.Store
	}{
		{pgx.name, pgx.kind, inSQL(pgx)},
		{pq.name, pq.kind, inSQL(pq)},
		{mariaDB.name, mariaDB.kind, inSQL(mariaDB)},
		{"Redis", servers.Redis, func(t *testing.T, s *servers.Server) hostpool.Store {
			return redisstore.New(newRedis(t, s.DSN))
		}},
	}
	ways := []struct {
		name string
		stop func(*servers.Server) error
	}{
		{"killed", (*servers.Server).Kill},
		{"stopped", (*servers.Server).Stop},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := servers.ForTest(t, tt.kind)
			store := tt.store(t, server)
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
