package servers

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestMariaDBConcurrently shows that servers that start at the same time
// leave each other's temporary tables alone.
func TestMariaDBConcurrently(t *testing.T) {
	ForTest(t, MariaDB) // skips the test if MariaDB is not installed
	var starting sync.WaitGroup
	for range 8 {
		dir := t.TempDir()
		starting.Go(func() {
			server, err := MariaDB(dir)
			if assert.NoError(t, err) {
				assert.NoError(t, server.Stop())
			}
		})
	}
	starting.Wait()
}
