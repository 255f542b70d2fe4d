package stores

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestBackend runs the tests of the example on PostgreSQL. They use SQLite otherwise.
func TestBackend(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../../../examples/backend", "test", "-count=1", ".")
	cmd.Env = append(os.Environ(), "BACKEND_TEST_DB="+servers.DSN(t, servers.Postgres))
	output, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s", output)
}
