// Package cluster runs several web servers that share host accounts through package
// hostpool, and breaks what can break: it kills web servers, restarts the database, cuts
// a web server off from it, and has the service carry out requests late. The verdict is
// that of the IOMeeting server.
package cluster

import (
	"bytes"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
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
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // the tests mostly wait for leases to expire; with more, calls time out on two cores
	goleak.VerifyTestMain(m)
}

// run carries out the plan, and fails the test if a promise was broken.
func run(t *testing.T, p plan) *result {
	t.Helper()
	w := newWorld(t, p)
	require.NoError(t, w.run(t.Context()))
	t.Log(&w.result)
	assert.Empty(t, w.broken(p))
	return &w.result
}

// engine is where web servers can share leases.
type engine struct {
	kind   servers.Kind // the zero Kind is a file
	driver string
}

// remote are the engines on a server.
var remote = []engine{{servers.Postgres, "pgx"}, {servers.MariaDB, "mysql"}, {servers.Redis, "redis"}}

// on returns the leases in a database. With interpolateParams, MySQL's driver needs one
// round trip for a statement, and not two.
func (e engine) on(dsn string) leases {
	if e.driver == "mysql" {
		dsn += "?interpolateParams=true"
	}
	return leases{e.driver, dsn}
}

// onEach runs a test for each engine, with leases in an empty database.
func onEach(t *testing.T, test func(t *testing.T, l leases)) {
	t.Parallel()
	for _, e := range remote {
		t.Run(e.kind.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e.on(servers.ForTest(t, e.kind).DSN))
		})
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "leases.db")
		test(t, leases{"sqlite", "file:" + file + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"})
	})
}

// TestServersCrash kills a random one of two web servers, three times.
func TestServersCrash(t *testing.T) {
	onEach(t, func(t *testing.T, l leases) {
		run(t, plan{leases: []leases{l, l}, accounts: 50, visitors: 2000, kills: 3})
	})
}

// lateFor returns how long after its arrival to carry out a Schedule whose client gives
// up after half of startWithin. A pool allows for startWithin after it was sent; what is
// left of it is for a busy machine.
func lateFor() time.Duration { return startWithin/2 + mrand.N(startWithin/5) }

// TestLateSchedules has the service carry out one Schedule in 50 after the web server has
// given up, while web servers crash.
func TestLateSchedules(t *testing.T) {
	onEach(t, func(t *testing.T, l leases) {
		var schedules, late atomic.Int64
		run(t, plan{leases: []leases{l, l}, accounts: 50, visitors: 2000, kills: 3, service: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/meetingControl/schedule" || schedules.Add(1)%50 != 0 {
					next.ServeHTTP(w, r)
					return
				}
				due := time.Now().Add(lateFor())
				body, _ := io.ReadAll(r.Body)
				<-r.Context().Done()
				time.Sleep(time.Until(due))
				r = r.Clone(context.WithoutCancel(r.Context()))
				r.Body = io.NopCloser(bytes.NewReader(body))
				response := httptest.NewRecorder()
				next.ServeHTTP(response, r)
				if assert.Equal(t, http.StatusOK, response.Code, response.Body) {
					late.Add(1)
				}
			})
		}})
		assert.GreaterOrEqual(t, late.Load(), int64(40))
	})
}

// TestNetworkDeliversLate has the network hold back one Schedule in 50, and deliver it
// after the web server has closed the connection.
func TestNetworkDeliversLate(t *testing.T) {
	t.Parallel()
	database := servers.ForTest(t, servers.Postgres)
	l := leases{"pgx", database.DSN}
	var schedules, held atomic.Int64
	network := &servers.Proxy{Hold: func(sent []byte) time.Duration {
		if !bytes.Contains(sent, []byte("/meetingControl/schedule")) || schedules.Add(1)%50 != 0 {
			return 0
		}
		held.Add(1)
		return lateFor()
	}}
	run(t, plan{leases: []leases{l, l}, accounts: 50, visitors: 600, network: network})
	assert.GreaterOrEqual(t, held.Load(), int64(12))
}

// TestClockJumps lets the clock of the database jump, by less than the time to start
// minus half a minute.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	database := servers.ForTest(t, servers.Postgres)
	db, err := sql.Open("pgx", database.DSN)
	require.NoError(t, err)
	defer db.Close()
	exec := func(statement string) {
		_, err := db.ExecContext(t.Context(), statement)
		assert.NoError(t, err)
	}
	exec(`CREATE SCHEMA clock`)
	exec(`CREATE TABLE clock.ahead AS SELECT interval '0' AS by`)
	exec(`CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
		AS 'SELECT pg_catalog.clock_timestamp() + by FROM clock.ahead'`)
	exec(`ALTER ROLE postgres SET search_path = clock, pg_catalog, public`)
	l := leases{"pgx", database.DSN}
	run(t, plan{leases: []leases{l, l}, accounts: 50, visitors: 450, startWithin: 45 * time.Second, longest: 2 * time.Second, halfway: func() {
		for _, seconds := range []int{14, 0, -14, 0, 14} {
			exec(fmt.Sprintf(`UPDATE clock.ahead SET by = interval '%d seconds'`, seconds))
			time.Sleep(1500 * time.Millisecond) // the web servers check expired leases every second
		}
	}})
}

// TestDatabaseRestarts stops the database in the middle, and starts it again.
func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	for _, e := range remote {
		t.Run(e.kind.Name, func(t *testing.T) {
			t.Parallel()
			database := servers.ForTest(t, e.kind)
			l := e.on(database.DSN)
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
	for _, e := range remote {
		t.Run(e.kind.Name, func(t *testing.T) {
			t.Parallel()
			database := servers.ForTest(t, e.kind)
			var network servers.Proxy
			network.Start(t, database.Addr)
			got := run(t, plan{
				leases: []leases{
					e.on(network.Through(database.DSN)),
					e.on(database.DSN),
				},
				accounts: 50,
				visitors: 600,
				halfway: func() {
					restore := network.Cut()
					time.Sleep(10 * time.Second)
					restore()
				},
			})
			assert.Positive(t, got.failed.Load(), "the server was not cut off")
		})
	}
}

// TestLatency puts 500 ms on the way from the database.
func TestLatency(t *testing.T) {
	t.Parallel()
	for _, e := range remote {
		t.Run(e.kind.Name, func(t *testing.T) {
			t.Parallel()
			database := servers.ForTest(t, e.kind)
			network := servers.Proxy{Latency: 500 * time.Millisecond}
			network.Start(t, database.Addr)
			l := e.on(network.Through(database.DSN))
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
		{"every meeting can be started", func(r *result) { r.refused.Add(1) }},
		{"every visitor has a meeting", func(r *result) { r.visitors.Add(-1) }},
		{"every account comes back", func(r *result) { r.accounts-- }},
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
	w := newWorld(t, plan{leases: make([]leases, 1), accounts: 1})
	m, err := w.book(t.Context())
	require.NoError(t, err)
	require.True(t, w.start(t.Context(), m))
	assert.True(t, w.goesOn(t.Context(), m))
	assert.Zero(t, w.endedByOther.Load())

	_, err = w.client.Schedule(context.Background(), w.hosts[m.Host], nil)
	require.NoError(t, err)
	assert.False(t, w.goesOn(t.Context(), m))
	assert.EqualValues(t, 1, w.endedByOther.Load())
	assert.False(t, w.start(t.Context(), m), "the meeting has ended")
	assert.EqualValues(t, 1, w.refused.Load())
}
