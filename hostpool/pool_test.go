package hostpool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestMeeting(t *testing.T) {
	password := iomeeting.NewSecret("canary of the meeting")
	tests := []struct {
		name     string
		meet     func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error)
		id       string
		password iomeeting.Secret // zero for a random one
		path     string
	}{
		{"Schedule", schedule, "000001", iomeeting.Secret{}, "/ssm.do"},
		{"Schedule with a password", func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) {
			return p.Schedule(ctx, &iomeeting.ScheduleOptions{MeetingPassword: password})
		}, "000001", password, "/ssm.do"},
		{"Start", start, "", iomeeting.Secret{}, "/snm.do"},
		{"Start with a password", func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) {
			return p.Start(ctx, &iomeeting.StartOptions{MeetingPassword: password, ObserverPassword: iomeeting.NewSecret("o"), Title: "会议"})
		}, "", password, "/snm.do"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				meeting, err := tt.meet(t.Context(), s.pool(t, store))
				require.NoError(t, err)
				assert.Equal(t, email(0), meeting.Host)
				assert.Equal(t, tt.id, meeting.ID)
				assert.Equal(t, s.URL+tt.path, meeting.StartLink.Endpoint())
				assert.Equal(t, time.Now().Add(15*time.Minute), meeting.StartBy)
				lease := leases(t, store)[email(0)]
				assert.Equal(t, lease.String(), meeting.Lease)
				assert.Equal(t, 15*time.Minute+30*time.Second, lease.Left)
				if tt.password.IsZero() {
					assert.Len(t, meeting.Password.Reveal(), 26)
				} else {
					assert.Equal(t, tt.password, meeting.Password)
				}
				require.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
				state, err := s.client().Query(t.Context(), s.hosts[0])
				require.NoError(t, err)
				assert.Equal(t, meeting.Password, state.MeetingPassword)
				assert.NotContains(t, fmt.Sprintf("%+v", meeting), "canary")
			})
		})
	}
}

// TestSlowStore has the store answer so late that the time to start is over.
func TestSlowStore(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		store.before = func(context.Context, string) error {
			time.Sleep(3 * time.Second)
			return nil
		}
		meeting, err := s.pool(t, store, hostpool.WithStartWithin(2*time.Second)).Schedule(t.Context(), nil)
		assert.Equal(t, hostpool.ErrLeaseLost, err)
		assert.Zero(t, meeting)
		store.before = nil
		assert.Empty(t, leases(t, store))
	})
}

func TestRenewAndRelease(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		pool, other := s.pool(t, store), s.pool(t, store)
		meeting, err := pool.Schedule(t.Context(), nil)
		require.NoError(t, err)
		for _, d := range []time.Duration{time.Hour, time.Minute} {
			require.NoError(t, other.Renew(t.Context(), meeting.Lease, d))
			assert.Equal(t, d, leases(t, store)[email(0)].Left)
		}
		time.Sleep(time.Hour)
		require.NoError(t, other.Renew(t.Context(), meeting.Lease, time.Hour), "nobody needed the account")
		all, err := other.Leases(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.NoError(t, other.Release(t.Context(), all[0].String()))
		assert.Equal(t, hostpool.ErrLeaseLost, pool.Release(t.Context(), meeting.Lease))
		assert.Equal(t, hostpool.ErrLeaseLost, pool.Renew(t.Context(), meeting.Lease, time.Hour))
	})
}

func TestStartLink(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		meeting, err := s.pool(t, store).Schedule(t.Context(), nil)
		require.NoError(t, err)
		stored := hostpool.Meeting{Host: meeting.Host, ID: meeting.ID, Lease: meeting.Lease}
		other := s.pool(t, store)
		time.Sleep(time.Hour)
		link, err := other.StartLink(t.Context(), stored)
		require.NoError(t, err)
		assert.Equal(t, meeting.StartLink, link)
		assert.Equal(t, 15*time.Minute+30*time.Second, leases(t, store)[email(0)].Left)
		require.Equal(t, http.StatusOK, s.open(t, link))

		// The store forgets everything. The host can still come back to the meeting.
		forgetful := s.pool(t, newStore())
		_, err = forgetful.StartLink(t.Context(), stored)
		assert.NoError(t, err)
		require.NoError(t, s.EndMeeting(meeting.ID))
		_, err = forgetful.StartLink(t.Context(), stored)
		assert.Equal(t, hostpool.ErrLeaseLost, err)
	})
}

func TestCheck(t *testing.T) {
	s := newService(t, 5)
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		pool := s.pool(t, store)
		var m []hostpool.Meeting
		for range 4 {
			meeting, err := pool.Schedule(t.Context(), nil)
			require.NoError(t, err)
			m = append(m, meeting)
		}
		started, err := pool.Start(t.Context(), nil)
		require.NoError(t, err)
		unknown := hostpool.Meeting{Host: "x@example.com", ID: "1", Lease: "ID:x@example.com"}
		m = append(m, started, unknown, hostpool.Meeting{})
		check := func() (states []string) {
			t.Helper()
			s.ClearRequests()
			progress, err := s.pool(t, store).Check(t.Context(), m...)
			require.NoError(t, err)
			assert.Equal(t, 5, len(s.calls()), "one query an account")
			for _, p := range progress {
				assert.Equal(t, p.State == hostpool.Unknown, p.Err != nil)
				states = append(states, p.State.String()+p.ID)
			}
			return states
		}
		assert.Equal(t, []string{"waiting", "waiting", "waiting", "waiting", "waiting", "unknown", "unknown"}, check())

		// The first and the last are started. The second is released. On the accounts of
		// the third and of the last, old presenters reload a start page.
		require.Equal(t, http.StatusOK, s.open(t, m[0].StartLink))
		require.Equal(t, http.StatusOK, s.open(t, started.StartLink))
		require.NoError(t, pool.Release(t.Context(), m[1].Lease))
		reload := func(host string) {
			i := slices.IndexFunc(s.hosts, func(h iomeeting.Host) bool { return h.Email == host })
			s.startOutside(t, i)
		}
		reload(m[2].Host)
		assert.Equal(t, []string{"in progress000001", "over", "waiting", "waiting", "in progress000005", "unknown", "unknown"}, check())
		require.NoError(t, s.EndMeeting("000005"))
		reload(started.Host)
		assert.Equal(t, []string{"in progress000001", "over", "waiting", "waiting", "waiting", "unknown", "unknown"}, check())

		// The leases expire. A meeting in progress goes on.
		time.Sleep(15*time.Minute + 30*time.Second)
		assert.Equal(t, []string{"in progress000001", "over", "over", "over", "over", "unknown", "unknown"}, check())
		require.NoError(t, s.EndMeeting("000001"))
		assert.Equal(t, "over", check()[0])

		s.FailNext(iomeetingtest.HTTPStatus(503).ForHost(m[3].Host))
		progress, err := pool.Check(t.Context(), m[3], m[2])
		require.NoError(t, err)
		assert.Equal(t, hostpool.Unknown, progress[0].State)
		assert.ErrorIs(t, progress[0].Err, iomeeting.ErrBadResponse)
		assert.Equal(t, hostpool.Progress{State: hostpool.Over}, progress[1])
		store.before = func(context.Context, string) error { return errors.New("connection refused") }
		_, err = pool.Check(t.Context(), m...)
		assert.ErrorIs(t, err, hostpool.ErrStore)
		assert.Equal(t, "unknown", hostpool.State(7).String())
	})
}

// TestOldGuest has a guest of a meeting come back when its account has the next one.
func TestOldGuest(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 1)
			pool := s.pool(t, newStore())
			first, err := method(t.Context(), pool)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, s.open(t, first.StartLink))
			old, err := s.client().Join(first.Host, &iomeeting.JoinOptions{MeetingPassword: first.Password})
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, s.open(t, old))
			require.NoError(t, s.EndMeeting(s.inMeeting(first.Host)))
			require.NoError(t, pool.Release(t.Context(), first.Lease))
			second, err := method(t.Context(), pool)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, s.open(t, second.StartLink))
			assert.Equal(t, http.StatusForbidden, s.open(t, old))
		})
	}
}

// TestWait has an account come back after 2.5 seconds.
func TestWait(t *testing.T) {
	for _, tt := range []struct {
		wait time.Duration
		err  error
		took time.Duration
	}{
		{0, hostpool.ErrNoneFree, 0},
		{1500 * time.Millisecond, hostpool.ErrNoneFree, 1500 * time.Millisecond},
		{time.Minute, nil, 3 * time.Second},
	} {
		t.Run(tt.wait.String(), func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, newStore(), hostpool.WithWait(tt.wait))
				meeting, err := pool.Schedule(t.Context(), nil)
				require.NoError(t, err)
				time.AfterFunc(2500*time.Millisecond, func() { assert.NoError(t, pool.Release(t.Context(), meeting.Lease)) })
				begin := time.Now()
				_, err = pool.Schedule(t.Context(), nil)
				assert.Equal(t, tt.err, err)
				assert.Equal(t, tt.took, time.Since(begin))
				time.Sleep(time.Minute)
			})
		})
	}
}

// TestOneSearch has many callers find that all leases have expired. One of them asks
// the service, and the others take what it has freed.
func TestOneSearch(t *testing.T) {
	const accounts = 100
	s := newService(t, accounts)
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		pool := s.pool(t, store)
		for range accounts {
			_, err := pool.Start(t.Context(), nil)
			require.NoError(t, err)
		}
		expire(t, store)
		s.ClearRequests()
		var lists atomic.Int64
		store.before = func(_ context.Context, method string) error {
			if method == "List" {
				lists.Add(1)
			}
			return nil
		}
		s.intercept = func(_ context.Context, _, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond)
			return serve()
		}
		var callers sync.WaitGroup
		for range accounts {
			callers.Go(func() {
				_, err := pool.Start(t.Context(), nil)
				assert.NoError(t, err)
			})
		}
		callers.Wait()
		assert.Equal(t, 2*accounts, s.count("query"), "one about each lease, one before each meeting")
		assert.LessOrEqual(t, lists.Load(), int64(accounts/16+2))
	})
}

// TestRounds shows in which order accounts are offered to the store.
func TestRounds(t *testing.T) {
	const accounts = 10_000
	s := newService(t, 0)
	for i := range accounts {
		s.hosts = append(s.hosts, iomeeting.Host{Email: email(i), Password: iomeeting.NewSecret("1")})
	}
	store := &recorder{Store: hostpool.NewMemoryStore()}
	pool := s.pool(t, store)
	_, err := pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err)
	first := store.offered
	var sizes []int
	for _, window := range first {
		sizes = append(sizes, len(window))
	}
	assert.Equal(t, []int{32, 128, 512, 2048, 7280}, sizes)
	all := slices.Concat(first...)
	assert.False(t, slices.IsSorted(all))
	slices.Sort(all)
	assert.Len(t, slices.Compact(all), accounts)

	store.offered = nil
	_, err = pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err)
	assert.NotEqual(t, first[0], store.offered[0], "a call begins at a random place")
}

// recorder is a store that has no free account, and records what it is offered.
type recorder struct {
	hostpool.Store
	offered [][]string
}

func (r *recorder) Take(_ context.Context, hosts []string, _ string, _ time.Duration) (string, error) {
	r.offered = append(r.offered, slices.Clone(hosts))
	return "", hostpool.ErrNoneFree
}

// TestDifferentLists has two servers with one account in common.
func TestDifferentLists(t *testing.T) {
	s := newService(t, 3)
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		one, two := s.poolOf(t, store, s.hosts[:2]), s.poolOf(t, store, s.hosts[1:])
		for range 2 {
			_, err := one.Schedule(t.Context(), nil)
			require.NoError(t, err)
		}
		meeting, err := two.Schedule(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, email(2), meeting.Host)
		expire(t, store)
		released, err := two.Reclaim(t.Context())
		require.NoError(t, err)
		assert.Len(t, released, 2)
		assert.Contains(t, leases(t, store), email(0), "the other server's account")
	})
}

func TestLogByDefault(t *testing.T) {
	s := newService(t, 1)
	text := new(bytes.Buffer)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(text, nil)))
	defer slog.SetDefault(before)
	pool, err := hostpool.New(s.client(), newStore(), s.hosts)
	require.NoError(t, err)
	s.FailNext(iomeetingtest.RawAnswer("1,,"))
	_, err = pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err)
	assert.Contains(t, text.String(), "iomeeting pool: account left out")
}
