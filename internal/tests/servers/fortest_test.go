package servers_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// recorder is a test that records how it ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper()          {}
func (r *recorder) Skip(args ...any) { r.skipped = fmt.Sprint(args...); runtime.Goexit() }
func (r *recorder) Fatal(args ...any) {
	r.failed = fmt.Sprint(args...)
	runtime.Goexit()
}

func TestForTestWithoutTheServer(t *testing.T) {
	notInstalled := func(string, ...string) (*servers.Server, error) {
		return nil, fmt.Errorf("%w: reason", servers.ErrNotInstalled)
	}
	tests := []struct{ ci, skipped, failed string }{
		{ci: "", skipped: "iomeeting: server is not installed: reason"},
		{ci: "true", failed: "iomeeting: server is not installed: reason"},
	}
	for _, tt := range tests {
		t.Run("CI="+tt.ci, func(t *testing.T) {
			t.Setenv("CI", tt.ci)
			r := &recorder{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				servers.ForTest(r, notInstalled)
			}()
			<-done
			assert.Equal(t, tt.skipped, r.skipped)
			assert.Equal(t, tt.failed, r.failed)
		})
	}
}
