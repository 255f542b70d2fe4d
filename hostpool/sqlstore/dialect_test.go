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
	statement := withHosts("SELECT {now} FROM {table} WHERE id = ? AND host IN ({hosts})", []string{"a", "b"})
	for dialect, want := range map[Dialect]string{
		Postgres: "SELECT " + dialects[Postgres].now + " FROM s.t WHERE id = $1 AND host IN ($2, $3)",
		MySQL:    "SELECT " + dialects[MySQL].now + " FROM s.t WHERE id = ? AND host IN (?, ?)",
	} {
		assert.Equal(t, want, New(nil, dialect, WithTable("s.t")).sql(statement))
	}
}
