package stores

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// restarts are the ways in which a database goes away.
var restarts = []struct {
	name string
	stop func(*servers.Server) error
}{
	{"killed", (*servers.Server).Kill},
	{"stopped", (*servers.Server).Stop},
}

// TestDatabaseGone shows what a pool does while its database is gone.
func TestDatabaseGone(t *testing.T) {
	for _, e := range engines {
		if e.start == nil {
			continue // SQLite is a file
		}
		for _, how := range restarts {
			t.Run(e.name+" "+how.name, func(t *testing.T) {
				d := e.newDatabase(t)
				goneFor(t, newSite(t, d, goneEmails...), d.server, how.stop)
			})
		}
	}
}

// goneEmails are the accounts of goneFor.
var goneEmails = []string{"a@example.com", "b@example.com", "c@example.com"}

// goneFor stops a database server and starts it again. Meanwhile nothing may be
// scheduled. Afterwards the leases must be there.
func goneFor(t *testing.T, s *site, server *servers.Server, stop func(*servers.Server) error) {
	meeting, err := s.schedule(0, "before")
	require.NoError(t, err)
	lost, err := s.schedule(0, "its end is reported while the database is gone")
	require.NoError(t, err)
	before, err := s.servers[1].pool.Leases(t.Context())
	require.NoError(t, err)
	require.Len(t, before, 2)
	calls := s.countSchedules()

	require.NoError(t, stop(server))
	_, err = s.schedule(0, "meanwhile")
	assert.Error(t, err)
	assert.NotErrorIs(t, err, hostpool.ErrNoneFree)
	err = s.servers[1].pool.Renew(t.Context(), meeting.Lease, time.Hour)
	assert.Error(t, err)
	assert.NotErrorIs(t, err, hostpool.ErrLeaseLost)
	assert.Equal(t, calls, s.countSchedules(), "a meeting was scheduled without a lease")
	s.end(lost, "its end is reported while the database is gone")

	require.NoError(t, server.Start())
	after := leasesOnceBack(t, s.servers[1].pool)
	assert.ElementsMatch(t, before, after)
	third, err := s.schedule(1, "after")
	require.NoError(t, err)
	assert.NotContains(t, []string{meeting.Host.Email, lost.Host.Email}, third.Host.Email)
	s.end(meeting, "before")
	s.end(third, "after")
}

// leasesOnceBack returns the leases of a pool whose database has started again.
// Connections that were broken in the meantime fail once each.
func leasesOnceBack(t *testing.T, pool *hostpool.Pool) []hostpool.Lease {
	t.Helper()
	for {
		leases, err := pool.Leases(t.Context())
		if err == nil {
			return leases
		}
		t.Logf("the database is back: %v", err)
	}
}

const (
	loadVisitors = 8
	loadRestarts = 3
)

// loadEmails are the accounts of restartUnderLoad. A visitor can lose accounts each
// time the database goes.
func loadEmails() []string { return hostNames(0, loadVisitors*(loadRestarts+1)*2) }

// TestDatabaseRestartsUnderLoad kills the database while visitors start meetings.
func TestDatabaseRestartsUnderLoad(t *testing.T) {
	for _, e := range engines {
		if e.start == nil {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			d := e.newDatabase(t)
			restartUnderLoad(t, newSite(t, d, loadEmails()...), d.server)
		})
	}
}

// restartUnderLoad kills the database server and starts it again while visitors
// start meetings on two servers. Meetings may be refused meanwhile, but no meeting
// may be ended by another.
func restartUnderLoad(t *testing.T, s *site, server *servers.Server) {
	var started atomic.Int64
	var over atomic.Bool
	var done sync.WaitGroup
	for v := range loadVisitors {
		done.Go(func() {
			for m := 0; !over.Load(); m++ {
				booking := fmt.Sprintf("visitor %d, meeting %d", v, m)
				meeting, err := s.schedule(v%2, booking)
				if err == nil {
					started.Add(1)
					s.end(meeting, booking)
				}
			}
		})
	}
	for range loadRestarts {
		waitFor(&started, started.Load()+loadVisitors)
		require.NoError(t, server.Kill())
		require.NoError(t, server.Start())
	}
	waitFor(&started, started.Load()+loadVisitors)
	over.Store(true)
	done.Wait()
}

// waitFor waits until n is at least least.
func waitFor(n *atomic.Int64, least int64) {
	for n.Load() < least {
		time.Sleep(time.Millisecond)
	}
}

// TestLeasesSurviveInAFile shows that leases in SQLite are there for the next
// process.
func TestLeasesSurviveInAFile(t *testing.T) {
	e := engines[len(engines)-1]
	require.Equal(t, "SQLite", e.name)
	d := e.newDatabase(t)
	table := newTable()
	var want hostpool.Lease
	t.Run("one process", func(t *testing.T) {
		store := d.open(t, table)
		require.NoError(t, store.CreateTable(t.Context()))
		var err error
		want, err = store.Take(t.Context(), []string{"a@example.com"}, "id", time.Hour)
		require.NoError(t, err)
	})
	store := d.open(t, table)
	leases, err := store.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []hostpool.Lease{want}, leases)
}
