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

// storeByWire returns a store with a new table whose statements go through a wire.
func (d database) storeByWire(t *testing.T, times int) (store *sqlstore.Store, w *wire, table string) {
	t.Helper()
	table = newTable(t, d)
	db, w := d.connectByWire(t, times)
	store = sqlstore.New(db, d.dialect, sqlstore.WithTable(table))
	require.NoError(t, store.CreateTable(t.Context()))
	w.sent()
	return store, w, table
}

// TestStatements shows which statements each method sends to a database with
// 10,000 leases.
func TestStatements(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			d := e.database(t)
			store, wire, table := d.storeByWire(t, 1)
			fill(t, d, table, 10_000)

			takeFree, first := []string{"SELECT", "INSERT"}, []string{}
			if d.dialect == sqlstore.Postgres { // one statement tries to take a free host
				takeFree, first = []string{"INSERT"}, []string{"INSERT"}
			}

			held, free := hostNames(1024), "free@example.com"
			assert.Equal(t, free, take(t, store, "id", append(held, free)...))
			assert.Equal(t, takeFree, wire.sent(), "Take of a free host")
			takeNone(t, store, held...)
			assert.Equal(t, append(first, "SELECT"), wire.sent(), "Take of held hosts")
			require.NoError(t, store.Renew(t.Context(), free, "id", -time.Hour))
			assert.Equal(t, []string{"UPDATE"}, wire.sent(), "Renew")
			assert.Equal(t, free, take(t, store, "other", append(held, free)...))
			assert.Equal(t, append(first, "SELECT", "UPDATE"), wire.sent(), "Take of an expired lease")
			require.NoError(t, store.Release(t.Context(), free, "id"))
			assert.Equal(t, []string{"DELETE"}, wire.sent(), "Release")
			assert.Len(t, list(t, store), 10_000)
			assert.Equal(t, []string{"SELECT"}, wire.sent(), "List")
		})
	}
}

// fill adds n leases of the hosts that hostNames returns, which do not expire
// during the test.
func fill(t *testing.T, d database, table string, n int) {
	t.Helper()
	tx, err := d.connect(t).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	insert := "INSERT INTO " + table + " (host, id, expires) VALUES ('%s', 'id of %[1]s', 9000000000000000)"
	for _, host := range hostNames(n) {
		_, err := tx.ExecContext(t.Context(), fmt.Sprintf(insert, host))
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
}

// hostNames returns the email addresses of n hosts.
func hostNames(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("host%d@example.com", i))
	}
	return names
}

// TestStatementsSentTwice shows that no host gets two leases if a database client
// sends each statement twice, as one may after a timeout.
func TestStatementsSentTwice(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			store, wire, _ := e.database(t).storeByWire(t, 2)
			hosts := hostNames(10)
			a, b := take(t, store, "a", hosts...), take(t, store, "b", hosts...)
			assert.Contains(t, fmt.Sprint(wire.sent()), "INSERT INSERT")
			leases := list(t, store)
			assert.Equal(t, "a", leases[a])
			assert.Equal(t, "b", leases[b])

			assert.NoError(t, store.Renew(t.Context(), a, "a", 2*time.Hour))
			assert.ErrorIs(t, store.Renew(t.Context(), a, "b", time.Hour), hostpool.ErrLeaseLost)

			assert.ErrorIs(t, store.Release(t.Context(), a, "a"), hostpool.ErrLeaseLost, "the second statement found no lease")
			assert.Equal(t, a, take(t, store, "c", a))
			assert.Equal(t, "c", list(t, store)[a])
		})
	}
}
