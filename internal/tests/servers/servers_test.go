package servers

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

// recorder is a test that records how it ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.failed = fmt.Sprint(args...)
	runtime.Goexit()
}

// TestMissingServer shows that in CI no test of a server that Debian has is skipped.
func TestMissingServer(t *testing.T) {
	inDebian := Kind{"Kind", "IOMEETING_TEST_KIND", func(string, []string) (*Server, error) {
		return nil, fmt.Errorf("%w: reason", errNotInstalled)
	}}
	broken := Kind{"Kind", "IOMEETING_TEST_KIND", func(string, []string) (*Server, error) {
		return nil, fmt.Errorf("the server is broken")
	}}
	notInDebian := Kind{"Kind", "IOMEETING_TEST_KIND", nil}
	const (
		missing = "iomeeting: server is not installed"
		advice  = "; set IOMEETING_TEST_KIND to the DSN of a server"
	)
	tests := []struct {
		name, ci, dsn string
		kind          Kind
		want          recorder
	}{
		{name: "missing", kind: inDebian, want: recorder{skipped: missing + ": reason" + advice}},
		{name: "missing in CI", kind: inDebian, ci: "true", want: recorder{failed: missing + ": reason"}},
		{name: "not in Debian", kind: notInDebian, ci: "true", want: recorder{skipped: missing + advice}},
		{name: "broken", kind: broken, want: recorder{failed: "the server is broken"}},
		{name: "runs elsewhere", kind: broken, dsn: "dsn"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CI", tt.ci)
			t.Setenv("IOMEETING_TEST_KIND", tt.dsn)
			var got recorder
			var dsn string
			done := make(chan struct{})
			go func() {
				defer close(done)
				dsn = DSN(&got, tt.kind)
			}()
			<-done
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.dsn, dsn)
		})
	}
}
