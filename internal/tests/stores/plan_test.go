package stores

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPlanOfTake shows that PostgreSQL looks up the offered hosts until one is free, and
// reads nothing else of the table, even if it made its plan when the table was empty.
func TestPlanOfTake(t *testing.T) {
	d := pgx.database(t)
	store, wire, table := d.storeByWire(t)
	take(t, store, "id", "a@example.com")
	statement := wire.sent()[0]
	require.NoError(t, store.Release(t.Context(), "a@example.com", "id"))

	db := d.connect(t)
	db.SetMaxOpenConns(1) // a prepared statement belongs to a connection
	exec := func(statement string) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	execute := func(hosts ...string) string {
		offered, err := json.Marshal(hosts)
		require.NoError(t, err)
		return fmt.Sprintf("EXECUTE take('%s', 'id', 1)", offered)
	}
	exec("SET plan_cache_mode = force_generic_plan")
	exec("PREPARE take AS " + statement)
	exec(execute("a@example.com"))
	fill(t, d, table, 9000)

	for _, analyze := range []string{"", "ANALYZE " + table} {
		exec(analyze)
		for _, held := range []int{0, 31, 511, 2047} {
			var plan []byte
			explain := "EXPLAIN (ANALYZE, FORMAT JSON) " + execute(append(hostNames(held), "free@example.com", "b@example.com")...)
			require.NoError(t, db.QueryRowContext(t.Context(), explain).Scan(&plan))
			exec("DELETE FROM " + table + " WHERE host = 'free@example.com'")
			var root any
			require.NoError(t, json.Unmarshal(plan, &root))
			assert.LessOrEqual(t, rowsRead(root, table), float64(held+1), "%s", plan)
		}
	}
}

// rowsRead returns how many rows of a table the nodes of a plan have read.
func rowsRead(node any, table string) (n float64) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			n += rowsRead(child, table)
		}
	case map[string]any:
		for _, child := range node {
			n += rowsRead(child, table)
		}
		if name, _ := node["Relation Name"].(string); strings.EqualFold(name, table) && node["Node Type"] != "ModifyTable" {
			removed, _ := node["Rows Removed by Filter"].(float64)
			n += node["Actual Loops"].(float64) * (node["Actual Rows"].(float64) + removed)
		}
	}
	return n
}
