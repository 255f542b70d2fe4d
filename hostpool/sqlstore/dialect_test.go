package sqlstore

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPackageCommentHasTheColumns(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, d := range dialects {
		assert.Contains(t, string(doc), "//\t"+d.columns+"\n")
	}
}

func TestPlaceholders(t *testing.T) {
	tests := []struct {
		dialect Dialect
		want    string
		values  []any
	}{
		{Postgres, "SELECT " + dialects[Postgres].now + " FROM s.t WHERE id = $1 AND host IN ($2)", []any{`{"a","b"}`}},
		{MySQL, "SELECT " + dialects[MySQL].now + " FROM s.t WHERE id = ? AND host IN (?, ?)", []any{"a", "b"}},
	}
	for _, tt := range tests {
		store := New(nil, tt.dialect, WithTable("s.t"))
		statement, values := store.withHosts("SELECT {now} FROM {table} WHERE id = ? AND host IN ({hosts})", []string{"a", "b"})
		assert.Equal(t, tt.want, store.sql(statement))
		assert.Equal(t, tt.values, values)
	}
}

func TestArray(t *testing.T) {
	for want, values := range map[string][]string{
		`{"a@example.com"}`:      {"a@example.com"},
		`{"","NULL","a,b","{}"}`: {"", "NULL", "a,b", "{}"},
		`{"\"","\\","\\\""}`:     {`"`, `\`, `\"`},
	} {
		assert.Equal(t, want, array(values))
	}
}
