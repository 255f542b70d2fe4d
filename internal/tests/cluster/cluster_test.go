// Package cluster runs several web servers that share host accounts through package
// hostpool, and breaks what can break: it kills web servers, restarts the database,
// and cuts a web server off from it. The verdict is that of the IOMeeting server.
package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestMain makes the test binary a web server when a test starts it as one.
func TestMain(m *testing.M) {
	if os.Getenv(webServerVariable) != "" {
		fmt.Fprintln(os.Stderr, "web server:", serve())
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// run carries out the plan, and fails the test if a promise was broken.
func run(t *testing.T, p plan) *result {
	t.Helper()
	w, err := newWorld(p)
	require.NoError(t, err)
	defer w.close()
	require.NoError(t, w.run(t.Context()))
	t.Log(&w.result)
	assert.Empty(t, w.broken(p))
	return &w.result
}

// engines are the database servers that web servers share.
var engines = []struct {
	kind   servers.Kind
	driver string
}{
	{servers.Postgres, "pgx"},
	{servers.MariaDB, "mysql"},
	{servers.Redis, "redis"},
}

// TestServersCrash kills a random one of two web servers, three times.
func TestServersCrash(t *testing.T) {
	t.Parallel()
	crash := func(t *testing.T, l leases) {
		t.Parallel()
		run(t, plan{leases: []leases{l, l}, accounts: 50, visitors: 2000, kills: 3})
	}
	for _, e := range engines {
		t.Run(e.kind.Name, func(t *testing.T) { crash(t, leases{e.driver, servers.ForTest(t, e.kind).DSN}) })
	}
	t.Run("SQLite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "leases.db")
		crash(t, leases{"sqlite", "file:" + file + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"})
	})
}

// TestDatabaseRestarts stops the database in the middle, and starts it again.
func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.kind.Name, func(t *testing.T) {
			t.Parallel()
			database := servers.ForTest(t, e.kind)
			l := leases{e.driver, database.DSN}
			run(t, plan{leases: []leases{l, l}, accounts: 50, visitors: 500, halfway: func() {
				assert.NoError(t, database.Kill())
				assert.NoError(t, database.Start())
			}})
		})
	}
}

// TestPartition cuts one of two web servers off from the database for a while. That
// server responds with errors, the other one goes on, and no account is used twice.
func TestPartition(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.kind.Name, func(t *testing.T) {
			t.Parallel()
			database := servers.ForTest(t, e.kind)
			network := newProxy(t, database.Addr, 0)
			got := run(t, plan{
				leases: []leases{
					{e.driver, network.through(database.DSN, database.Addr)},
					{e.driver, database.DSN},
				},
				accounts: 50,
				visitors: 1000,
				halfway:  func() { network.cut(10 * time.Second) },
			})
			assert.Positive(t, got.failed.Load(), "the server was not cut off")
		})
	}
}

// TestLatency puts 500 ms on the way from the database.
func TestLatency(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.kind.Name, func(t *testing.T) {
			t.Parallel()
			database := servers.ForTest(t, e.kind)
			network := newProxy(t, database.Addr, 500*time.Millisecond)
			l := leases{e.driver, network.through(database.DSN, database.Addr)}
			run(t, plan{leases: []leases{l, l}, accounts: 10, visitors: 60})
		})
	}
}

// TestVerdict shows that a run fails for each promise that is broken.
func TestVerdict(t *testing.T) {
	tests := []struct {
		promise string
		breakIt func(*result)
	}{
		{"no meeting is ended by another start", func(r *result) { r.endedByOther.Add(1) }},
		{"every start link works", func(r *result) { r.refused.Add(1) }},
		{"every visitor has a meeting", func(r *result) { r.visitors.Add(-1) }},
		{"every account comes back", func(r *result) { r.accounts-- }},
		{"accounts come back in time after a crash", func(r *result) { r.back += time.Hour }},
	}
	p := plan{accounts: 50, visitors: 100, kills: 1}
	for _, tt := range tests {
		r := result{accounts: 50}
		r.visitors.Store(100)
		assert.Empty(t, r.broken(p))
		tt.breakIt(&r)
		assert.Equal(t, []string{tt.promise}, r.broken(p))
	}
}

// TestMeetingEndedByAnother shows that a meeting that the service has ended is
// noticed.
func TestMeetingEndedByAnother(t *testing.T) {
	w, err := newWorld(plan{leases: make([]leases, 1), accounts: 1})
	require.NoError(t, err)
	defer w.close()
	s, err := w.start(t.Context())
	require.NoError(t, err)
	require.True(t, w.open(s))
	assert.True(t, w.goesOn(t.Context(), s))
	assert.Zero(t, w.endedByOther.Load())

	_, err = w.client.Schedule(context.Background(), w.hosts[s.Host], nil)
	require.NoError(t, err)
	assert.False(t, w.goesOn(t.Context(), s))
	assert.EqualValues(t, 1, w.endedByOther.Load())
	assert.False(t, w.open(s), "the meeting has ended")
	assert.EqualValues(t, 1, w.refused.Load())
}
