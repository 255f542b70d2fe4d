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
			d := e.database(t)
			store, wire, table := d.storeByWire(t)
			fill(t, d, table, 10_000)

			takeFree, takeHeld := []string{"WITH"}, []string{"WITH"}
			if d.dialect == sqlstore.MySQL {
				takeFree, takeHeld = []string{"SELECT", "INSERT"}, []string{"SELECT"}
			}
			held, free := hostNames(2048), "free@example.com"
			assert.Equal(t, free, take(t, store, "id", append(held, free)...))
			assert.Equal(t, takeFree, wire.verbs(), "Take of a free host")
			takeNone(t, store, held...)
			assert.Equal(t, takeHeld, wire.verbs(), "Take of held hosts")
			takeNone(t, store)
			assert.Empty(t, wire.verbs(), "Take without hosts")
			require.NoError(t, store.Renew(t.Context(), free, "id", -time.Hour))
			assert.Equal(t, []string{"UPDATE"}, wire.verbs(), "Renew")
			assert.ErrorIs(t, store.Renew(t.Context(), free, "other", time.Hour), hostpool.ErrLeaseLost)
			assert.Equal(t, []string{"UPDATE"}, wire.verbs(), "Renew of another's lease")
			require.NoError(t, store.ReleaseExpired(t.Context(), free, "id"))
			assert.Equal(t, []string{"DELETE"}, wire.verbs(), "ReleaseExpired")
			require.NoError(t, store.Release(t.Context(), held[0], "id of "+held[0]))
			assert.Equal(t, []string{"DELETE"}, wire.verbs(), "Release")
			assert.Len(t, list(t, store), 9_999)
			assert.Equal(t, []string{"SELECT"}, wire.verbs(), "List")
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

// TestStatementSentTwice shows that a Take whose statement is sent twice costs one more
// account, until its lease expires, and that the other methods stay correct.
func TestStatementSentTwice(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			store, wire, _ := e.database(t).storeByWire(t)
			hosts := hostNames(10)
			wire.sendTwice()
			host := take(t, store, "a", hosts...)
			leases := list(t, store)
			assert.Equal(t, "a", leases[host])
			assert.Len(t, leases, 2)

			other := take(t, store, "b", hosts...)
			wire.sendTwice()
			assert.NoError(t, store.Renew(t.Context(), host, "a", -time.Hour))
			wire.sendTwice()
			assert.ErrorIs(t, store.Renew(t.Context(), other, "a", time.Hour), hostpool.ErrLeaseLost)
			wire.sendTwice()
			assert.ErrorIs(t, store.ReleaseExpired(t.Context(), host, "a"), hostpool.ErrLeaseLost, "the second statement found no lease")
			assert.NotContains(t, list(t, store), host)
			wire.sendTwice()
			assert.ErrorIs(t, store.Release(t.Context(), host, "b"), hostpool.ErrLeaseLost)
			assert.Equal(t, "b", list(t, store)[other])
		})
	}
}

// TestHiddenLeases shows that Take returns an error soon if the database refuses a lease
// because of one that it does not show.
func TestHiddenLeases(t *testing.T) {
	tests := []struct {
		name   string
		engine engine
		alter  []string // statements about the table
		params string   // of the connections that do not see the leases
		offer  []string
	}{
		{
			name:   "row-level security",
			engine: pgx,
			alter: []string{
				"GRANT ALL ON %s TO pg_monitor",
				"ALTER TABLE %s ENABLE ROW LEVEL SECURITY",
				"CREATE POLICY own ON %s TO pg_monitor USING (id = 'other')",
			},
			params: "role=pg_monitor",
			offer:  []string{"a@example.com", "b@example.com"},
		},
		{
			name:   "a limit for rows",
			engine: mariaDB,
			params: "sql_select_limit=1",
			offer:  []string{"a@example.com", "b@example.com"},
		},
		{
			name:   "a table that ignores case",
			engine: mariaDB,
			alter:  []string{"ALTER TABLE %s MODIFY host VARCHAR(255) CHARACTER SET utf8mb4"},
			offer:  []string{"A@example.com"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := tt.engine.database(t)
			table := newTable(t, d)
			store := d.open(t, table)
			require.NoError(t, store.CreateTable(t.Context()))
			take(t, store, "id of a", "a@example.com")
			take(t, store, "id of b", "b@example.com")
			for _, statement := range tt.alter {
				_, err := d.connect(t).ExecContext(t.Context(), fmt.Sprintf(statement, table))
				require.NoError(t, err)
			}
			_, err := d.with(tt.params).open(t, table).Take(t.Context(), tt.offer, "other", time.Hour)
			assert.ErrorContains(t, err, "iomeeting: the database does not insert a lease")
			assert.Len(t, list(t, store), 2)
		})
	}
}
