package servers

import (
	"errors"
	"os"
	"testing"
)

// ForTest starts a server for a test, and stops it and deletes its data when the
// test ends. Start is [Postgres], [MariaDB] or [Redis]; args are for the server's
// program. If the server is not installed, the test is skipped, unless the
// environment says CI=true: then it fails.
func ForTest(t testing.TB, start func(dir string, args ...string) (*Server, error), args ...string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "iomeeting-server-") // not t.TempDir: user postgres could not reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	server, err := start(dir, args...)
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}
