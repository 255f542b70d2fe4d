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
			d := e.newDatabase(t)
			for range rounds {
				table := newTable()
				var done sync.WaitGroup
				for range starting {
					store := d.open(t, table)
					done.Go(func() { assert.NoError(t, store.CreateTable(t.Context())) })
				}
				done.Wait()
				store := d.open(t, table)
				lease, err := store.Take(t.Context(), []string{"a@example.com"}, "id", time.Hour)
				require.NoError(t, err)
				require.NoError(t, store.CreateTable(t.Context()))
				leases, err := store.List(t.Context())
				require.NoError(t, err)
				assert.Equal(t, []hostpool.Lease{lease}, leases, "CreateTable changed an existing table")
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
			d := e.newDatabase(t)
			for _, name := range []string{"x", "_1", "Leases", longest, longest[:62] + "8", schemas[d.dialect] + ".leases_2"} {
				store := d.open(t, name)
				require.NoError(t, store.CreateTable(t.Context()), name)
				_, err := store.Take(t.Context(), []string{"a@example.com"}, "id", time.Hour)
				assert.NoError(t, err, name)
				leases, err := store.List(t.Context())
				require.NoError(t, err, name)
				assert.Len(t, leases, 1, name)
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
	e := engines[2]
	require.Equal(t, "MariaDB", e.name)
	for _, params := range []string{"", "&clientFoundRows=true"} {
		t.Run(params, func(t *testing.T) {
			d := e.newDatabase(t)
			d.params = "?timestamp=1700000000.5" + params // the clock of the session stands still
			store := d.newStore(t)
			lease, err := store.Take(t.Context(), []string{"a@example.com"}, "id", time.Hour)
			require.NoError(t, err)
			assert.Equal(t, time.Unix(1700000000, 5e8).Add(time.Hour), lease.Expires)
			assert.NoError(t, store.Renew(t.Context(), "a@example.com", "id", time.Hour))
			assert.ErrorIs(t, store.Renew(t.Context(), "a@example.com", "other", time.Hour), hostpool.ErrLeaseLost)
			assert.ErrorIs(t, store.Renew(t.Context(), "b@example.com", "id", time.Hour), hostpool.ErrLeaseLost)
		})
	}
}

// TestIDOfAnotherHost shows that no ID has two leases, even if Take is not offered
// the host that the ID holds.
func TestIDOfAnotherHost(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			store := e.newDatabase(t).newStore(t)
			lease, err := store.Take(t.Context(), []string{"a@example.com"}, "id", time.Hour)
			require.NoError(t, err)
			_, err = store.Take(t.Context(), []string{"b@example.com"}, "id", time.Hour)
			assert.EqualError(t, err, "iomeeting: invalid parameter: id is the ID of a lease of another host")
			leases, err := store.List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []hostpool.Lease{lease}, leases)
		})
	}
}

// TestTimeZones shows that servers can have connections in different time zones.
func TestTimeZones(t *testing.T) {
	zones := map[sqlstore.Dialect][2]string{
		sqlstore.Postgres: {"&timezone=Asia/Shanghai", "&timezone=America/New_York"},
		sqlstore.MySQL:    {"?time_zone=%27%2B08:00%27", "?time_zone=%27-05:00%27"},
	}
	for _, e := range engines {
		params, ok := zones[e.dialect]
		if !ok {
			continue // SQLite has no time zones
		}
		t.Run(e.name, func(t *testing.T) {
			d := e.newDatabase(t)
			table := newTable()
			var stores [2]*sqlstore.Store
			for i := range stores {
				d.params = params[i]
				stores[i] = d.open(t, table)
				require.NoError(t, stores[i].CreateTable(t.Context()))
			}
			host := []string{"a@example.com"}
			for i, store := range stores {
				other := stores[1-i]
				lease, err := store.Take(t.Context(), host, "id", time.Hour)
				require.NoError(t, err)
				_, err = other.Take(t.Context(), host, "other", time.Hour)
				assert.ErrorIs(t, err, hostpool.ErrNoneFree)
				leases, err := other.List(t.Context())
				require.NoError(t, err)
				assert.Equal(t, []hostpool.Lease{lease}, leases)

				require.NoError(t, other.Renew(t.Context(), host[0], "id", -time.Second))
				expired, err := store.Take(t.Context(), host, "other", time.Hour)
				require.NoError(t, err)
				assert.Equal(t, "id", expired.ID)
				require.NoError(t, store.Release(t.Context(), host[0], "id"))
			}
		})
	}
}

// TestTableThatIgnoresCase shows that a wrong table is detected, once it makes a
// difference. Anything else would make Take retry forever.
func TestTableThatIgnoresCase(t *testing.T) {
	e := engines[2]
	require.Equal(t, "MariaDB", e.name)
	d := e.newDatabase(t)
	_, err := d.connect(t).ExecContext(t.Context(), "CREATE TABLE leases (host VARCHAR(255) PRIMARY KEY, "+
		"id VARCHAR(64) NOT NULL UNIQUE, expires BIGINT NOT NULL) CHARACTER SET utf8mb4")
	require.NoError(t, err)
	store := d.open(t, "leases")
	_, err = store.Take(t.Context(), []string{"anna@example.com"}, "id", time.Hour)
	require.NoError(t, err)
	_, err = store.Take(t.Context(), []string{"Anna@example.com"}, "other", time.Hour)
	assert.EqualError(t, err, "iomeeting: the table does not compare email addresses byte by byte")
}
