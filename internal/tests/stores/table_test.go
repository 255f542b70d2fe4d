package stores

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// TestCreateTable has many servers start at the same time.
func TestCreateTable(t *testing.T) {
	const (
		starting = 8
		rounds   = 5
	)
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			d := e.database(t)
			for range rounds {
				table := newTable(t, d)
				var done sync.WaitGroup
				for range starting {
					store := d.open(t, table)
					done.Go(func() { assert.NoError(t, store.CreateTable(t.Context())) })
				}
				done.Wait()
				store := d.open(t, table)
				take(t, store, "id", "a@example.com")
				require.NoError(t, store.CreateTable(t.Context()))
				assert.Equal(t, map[string]string{"a@example.com": "id"}, list(t, store), "CreateTable changed an existing table")
			}
		})
	}
}

// TestTableNames shows that names which a store accepts work in every database.
func TestTableNames(t *testing.T) {
	const longest = "leases_of_the_meetings_of_the_company_in_the_year_2026_and_2027"
	require.Len(t, longest, 63)
	schemas := map[sqlstore.Dialect]string{sqlstore.Postgres: "public", sqlstore.MySQL: "iomeeting", sqlstore.SQLite: "main"}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			d := e.database(t)
			for _, name := range []string{"x", "_1", "Leases", longest, longest[:62] + "8", schemas[d.dialect] + ".leases_2"} {
				dropAfter(t, d, name)
				store := d.open(t, name)
				require.NoError(t, store.CreateTable(t.Context()), name)
				take(t, store, "id", "a@example.com")
				assert.Len(t, list(t, store), 1, name)
			}
			assert.Error(t, d.open(t, "select").CreateTable(t.Context()), "a word of SQL")
			_, err := d.open(t, "no_such_table").List(t.Context())
			assert.Error(t, err)
		})
	}
}

// TestRenewWithoutChange renews a lease to the same microsecond. MySQL then counts
// no row.
func TestRenewWithoutChange(t *testing.T) {
	for _, e := range []engine{mySQL, mariaDB} {
		t.Run(e.name, func(t *testing.T) {
			for _, params := range []string{"", "&clientFoundRows=true"} {
				store := e.database(t).with("timestamp=1700000000.5" + params).newStore(t) // the clock of the session stands still
				host := take(t, store, "id", "a@example.com")
				for range 3 {
					assert.NoError(t, store.Renew(t.Context(), host, "id", time.Hour))
				}
				leases, err := store.List(t.Context())
				require.NoError(t, err)
				assert.InDelta(t, time.Hour, leases[0].Left, float64(time.Microsecond))
				assert.ErrorIs(t, store.Renew(t.Context(), host, "other", time.Hour), hostpool.ErrLeaseLost)
			}
		})
	}
}

// TestTimeZones shows that servers can have connections in different time zones.
func TestTimeZones(t *testing.T) {
	zones := map[sqlstore.Dialect][2]string{
		sqlstore.Postgres: {"timezone=Asia/Shanghai", "timezone=America/New_York"},
		sqlstore.MySQL:    {"time_zone=%27%2B08:00%27", "time_zone=%27-05:00%27"},
	}
	for _, e := range []engine{pgx, pq, mySQL, mariaDB} { // SQLite has no time zones
		t.Run(e.name, func(t *testing.T) {
			d := e.database(t)
			table := newTable(t, d)
			var stores [2]*sqlstore.Store
			for i, zone := range zones[e.dialect] {
				stores[i] = d.with(zone).open(t, table)
				require.NoError(t, stores[i].CreateTable(t.Context()))
			}
			for i, store := range stores {
				other := stores[1-i]
				host := take(t, store, "id", "a@example.com")
				leases, err := other.List(t.Context())
				require.NoError(t, err)
				assert.InDelta(t, time.Hour, leases[0].Left, float64(time.Minute))
				assert.ErrorIs(t, other.ReleaseExpired(t.Context(), host, "id"), hostpool.ErrLeaseLost)
				require.NoError(t, store.Renew(t.Context(), host, "id", -time.Second))
				assert.NoError(t, other.ReleaseExpired(t.Context(), host, "id"))
			}
		})
	}
}
