package iomeeting

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestMaskChangesEveryASCIIByte(t *testing.T) {
	for c := range rune(utf8.RuneSelf) {
		long := strings.Repeat(string(c), 100)
		hidden := masked(long)
		assert.NotContains(t, hidden, string(c))
		assert.Equal(t, -1, strings.IndexFunc(hidden, func(r rune) bool { return r < utf8.RuneSelf }), "%q is still ASCII", c)
		assert.NotEqual(t, strings.Repeat(hidden[:1], len(hidden)), hidden, "a pattern is left")
		assert.Equal(t, long, masked(hidden))
	}
}
