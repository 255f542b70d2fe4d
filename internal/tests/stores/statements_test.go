package stores

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// TestStatements shows which statements each method sends to a database with
// 10,000 leases.
func TestStatements(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			d := e.newDatabase(t)
			db, wire := d.connectByWire(t, 1)
			store := sqlstore.New(db, d.dialect)
			require.NoError(t, store.CreateTable(t.Context()))
			assert.Equal(t, []string{"CREATE"}, wire.sent())
			fill(t, d, "iomeeting_leases", 10_000)

			takeFree, first := []string{"SELECT", "INSERT"}, []string{}
			if d.dialect == sqlstore.Postgres { // one statement tries to take a free host
				takeFree, first = []string{"INSERT"}, []string{"INSERT"}
			}

			held, free := hostNames(0, 1024), []string{"free@example.com"}
			lease, err := store.Take(t.Context(), append(held, free...), "id", time.Hour)
			require.NoError(t, err)
			assert.Equal(t, takeFree, wire.sent(), "Take of a free host")
			_, err = store.Take(t.Context(), held, "other", time.Hour)
			assert.ErrorIs(t, err, hostpool.ErrNoneFree)
			assert.Equal(t, append(first, "SELECT"), wire.sent(), "Take of held hosts")
			again, err := store.Take(t.Context(), append(held, free...), "id", time.Hour)
			require.NoError(t, err)
			assert.Equal(t, lease, again)
			assert.Equal(t, append(first, "SELECT"), wire.sent(), "Take with the ID of a lease")
			require.NoError(t, store.Renew(t.Context(), lease.Host, "id", -time.Hour))
			assert.Equal(t, []string{"UPDATE"}, wire.sent(), "Renew")
			_, err = store.Take(t.Context(), append(held, free...), "other", time.Hour)
			require.NoError(t, err)
			assert.Equal(t, append(first, "SELECT", "UPDATE"), wire.sent(), "Take of an expired lease")
			require.NoError(t, store.Release(t.Context(), lease.Host, "id"))
			assert.Equal(t, []string{"DELETE"}, wire.sent(), "Release")
			leases, err := store.List(t.Context())
			require.NoError(t, err)
			assert.Len(t, leases, 10_000)
			assert.Equal(t, []string{"SELECT"}, wire.sent(), "List")
		})
	}
}

// fill adds n leases of the hosts that hostNames returns, which do not expire
// during the test.
func fill(t *testing.T, d *database, table string, n int) {
	t.Helper()
	tx, err := d.connect(t).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	insert := "INSERT INTO " + table + " (host, id, expires) VALUES ('%s', 'id of %[1]s', 9000000000000000)"
	for _, host := range hostNames(0, n) {
		_, err := tx.ExecContext(t.Context(), fmt.Sprintf(insert, host))
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
}

// hostNames returns the email addresses of n hosts.
func hostNames(first, n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("host%d@example.com", first+i))
	}
	return names
}

// TestStatementsSentTwice shows what becomes of calls if a database client sends
// each statement twice, as one may after a timeout.
func TestStatementsSentTwice(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			d := e.newDatabase(t)
			db, wire := d.connectByWire(t, 2)
			store := sqlstore.New(db, d.dialect)
			require.NoError(t, store.CreateTable(t.Context()))
			hosts := []string{"a@example.com", "b@example.com", "c@example.com"}
			wire.sent()

			a, err := store.Take(t.Context(), hosts, "a", time.Hour)
			require.NoError(t, err)
			assert.Contains(t, fmt.Sprint(wire.sent()), "INSERT INSERT")
			assert.Equal(t, "a@example.com", a.Host)
			b, err := store.Take(t.Context(), hosts, "b", time.Hour)
			require.NoError(t, err)
			assert.Equal(t, "b@example.com", b.Host)
			leases, err := store.List(t.Context())
			require.NoError(t, err)
			assert.ElementsMatch(t, []hostpool.Lease{a, b}, leases)

			assert.NoError(t, store.Renew(t.Context(), a.Host, "a", 2*time.Hour))
			assert.ErrorIs(t, store.Renew(t.Context(), a.Host, "b", time.Hour), hostpool.ErrLeaseLost)

			require.NoError(t, store.Renew(t.Context(), b.Host, "b", -time.Hour))
			_, err = store.Take(t.Context(), hosts[:2], "d", time.Hour)
			assert.ErrorIs(t, err, hostpool.ErrNoneFree, "the second statement found that the lease had been extended")

			assert.ErrorIs(t, store.Release(t.Context(), a.Host, "a"), hostpool.ErrLeaseLost, "the second statement found no lease")
			c, err := store.Take(t.Context(), hosts, "c", time.Hour)
			require.NoError(t, err)
			assert.Equal(t, a.Host, c.Host)
			leases, err = store.List(t.Context())
			require.NoError(t, err)
			assert.Len(t, leases, 2)
		})
	}
}
