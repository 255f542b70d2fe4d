package sqlstore

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPackageCommentHasTheColumns is for those who create the table by what it says.
func TestPackageCommentHasTheColumns(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, d := range dialects {
		assert.Contains(t, string(doc), "//\t"+d.columns+"\n")
	}
}
