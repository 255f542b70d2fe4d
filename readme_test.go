package iomeeting_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeCompiles finds each piece of Go in the README again in the examples,
// which are compiled and run.
func TestReadmeCompiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	assert.NotEmpty(t, blocks)
	for _, block := range blocks {
		assert.Contains(t, flat(string(examples)), flat(block[1]), "README.md shows what example_test.go does not have")
	}
}

// flat returns s without indents.
func flat(s string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(strings.TrimSpace(s), "")
}
