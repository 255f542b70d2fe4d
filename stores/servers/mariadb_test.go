package servers

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestMariaDBConcurrently shows that servers that are installed at the same time
// leave each other's temporary tables alone.
func TestMariaDBConcurrently(t *testing.T) {
	ForTest(t, MariaDB) // skips the test if MariaDB is not installed
	var installing sync.WaitGroup
	for range 8 {
		dir := t.TempDir()
		installing.Go(func() {
			_, err := MariaDB(dir)
			assert.NoError(t, err)
		})
	}
	installing.Wait()
}
