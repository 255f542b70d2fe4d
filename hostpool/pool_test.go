package hostpool_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
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
	for _, tt := range []struct {
		name     string
		meet     func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error)
		id, page string
		password iomeeting.Secret // zero for a random one
	}{
		{"Schedule", schedule, "000001", "/ssm.do", iomeeting.Secret{}},
		{"Schedule with a password", func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) {
			return p.Schedule(ctx, &iomeeting.ScheduleOptions{MeetingPassword: password})
		}, "000001", "/ssm.do", password},
		{"Start", start, "", "/snm.do", iomeeting.Secret{}},
		{"Start with a password", func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) {
			return p.Start(ctx, &iomeeting.StartOptions{MeetingPassword: password, Title: "会议"})
		}, "", "/snm.do", password},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				meeting, err := tt.meet(t.Context(), s.pool(t))
				require.NoError(t, err)
				lease := s.leases(t)[email(0)]
				assert.Equal(t, newLease, lease.Left)
				if tt.password.IsZero() {
					assert.Len(t, meeting.Password.Reveal(), 26)
				} else {
					assert.Equal(t, tt.password, meeting.Password)
				}
				assert.Equal(t, s.URL+tt.page, meeting.StartLink.Endpoint())
				require.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
				state, err := s.client().Query(t.Context(), s.hosts[0])
				require.NoError(t, err)
				assert.Equal(t, meeting.Password, state.MeetingPassword)
				assert.NotContains(t, fmt.Sprintf("%+v", meeting), "canary")

				meeting.Password, meeting.StartLink = iomeeting.Secret{}, iomeeting.Link{}
				want := hostpool.Meeting{Host: email(0), ID: tt.id, Lease: lease.String(), StartBy: time.Now().Add(15 * time.Minute)}
				assert.Equal(t, want, meeting)
			})
		})
	}
}

// TestSlowStore has the store answer so late that the time to start is over.
func TestSlowStore(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		s.store.instead = func(ctx context.Context, _ string, execute func(context.Context) error) error {
			time.Sleep(3 * time.Second)
			return execute(ctx)
		}
		meeting, err := s.pool(t, hostpool.WithStartWithin(2*time.Second)).Schedule(t.Context(), nil)
		assert.Equal(t, hostpool.ErrLeaseLost, err)
		assert.Zero(t, meeting)
		assert.Empty(t, s.leases(t))
	})
}

func TestRenewAndRelease(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		pool, other := s.pool(t), s.pool(t)
		meeting := mustSchedule(t, pool)
		for _, d := range []time.Duration{time.Hour, time.Minute} {
			require.NoError(t, other.Renew(t.Context(), meeting.Lease, d))
			assert.Equal(t, d, s.leases(t)[email(0)].Left)
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
		meeting := mustSchedule(t, s.pool(t))
		stored := hostpool.Meeting{Host: meeting.Host, ID: meeting.ID, Lease: meeting.Lease}
		time.Sleep(time.Hour)
		link, err := s.pool(t).StartLink(t.Context(), stored)
		require.NoError(t, err)
		assert.Equal(t, meeting.StartLink, link)
		assert.Equal(t, newLease, s.leases(t)[email(0)].Left)
		require.Equal(t, http.StatusOK, s.open(t, link))

		// The store forgets the lease. The host can still come back to the meeting.
		require.NoError(t, s.store.Release(t.Context(), email(0), s.leases(t)[email(0)].ID))
		_, err = s.pool(t).StartLink(t.Context(), stored)
		assert.NoError(t, err)
		require.NoError(t, s.EndMeeting(meeting.ID))
		_, err = s.pool(t).StartLink(t.Context(), stored)
		assert.Equal(t, hostpool.ErrLeaseLost, err)
	})
}

func TestCheck(t *testing.T) {
	s := newService(t, 5)
	synctest.Test(t, func(t *testing.T) {
		pool := s.pool(t)
		scheduled, released, taken, waiting := mustSchedule(t, pool), mustSchedule(t, pool), mustSchedule(t, pool), mustSchedule(t, pool)
		started, err := pool.Start(t.Context(), nil)
		require.NoError(t, err)
		noPassword := started
		noPassword.Password = iomeeting.Secret{}
		unknown := hostpool.Meeting{Host: "x@example.com", ID: "1", Lease: "ID:x@example.com"}
		check := func() (states []string) {
			t.Helper()
			s.ClearRequests()
			progress, err := s.pool(t).Check(t.Context(), scheduled, released, taken, waiting, started, noPassword, unknown, hostpool.Meeting{})
			require.NoError(t, err)
			assert.Len(t, s.calls(), 5, "one query an account")
			for _, p := range progress {
				assert.Equal(t, p.State == hostpool.Unknown, p.Err != nil)
				states = append(states, p.State.String()+p.ID)
			}
			return states
		}
		assert.Equal(t, []string{"waiting", "waiting", "waiting", "waiting", "waiting", "waiting", "unknown", "unknown"}, check())

		reload := func(m hostpool.Meeting) { // an old start page, by an old presenter
			s.startOutside(t, s.hosts[slices.IndexFunc(s.hosts, func(h iomeeting.Host) bool { return h.Email == m.Host })])
		}
		require.Equal(t, http.StatusOK, s.open(t, scheduled.StartLink))
		require.Equal(t, http.StatusOK, s.open(t, started.StartLink))
		require.NoError(t, pool.Release(t.Context(), released.Lease))
		reload(taken)
		assert.Equal(t, []string{"in progress000001", "over", "waiting", "waiting", "in progress000005", "waiting", "unknown", "unknown"}, check())
		require.NoError(t, s.EndMeeting("000005"))
		reload(started)
		assert.Equal(t, []string{"in progress000001", "over", "waiting", "waiting", "waiting", "waiting", "unknown", "unknown"}, check())
		s.expire(t)
		assert.Equal(t, []string{"in progress000001", "over", "over", "over", "over", "over", "unknown", "unknown"}, check())
		require.NoError(t, s.EndMeeting("000001"))
		assert.Equal(t, "over", check()[0])

		s.FailNext(iomeetingtest.HTTPStatus(503).ForHost(waiting.Host))
		progress, err := pool.Check(t.Context(), waiting, taken)
		require.NoError(t, err)
		assert.ErrorIs(t, progress[0].Err, iomeeting.ErrBadResponse)
		assert.Equal(t, hostpool.Progress{State: hostpool.Over}, progress[1])
		s.store.instead = down
		_, err = pool.Check(t.Context(), waiting)
		assert.ErrorIs(t, err, hostpool.ErrStore)
		assert.Equal(t, "unknown", hostpool.State(7).String())
	})
}

// TestOldGuest has a guest of a meeting come back when its account has the next one.
func TestOldGuest(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 1)
			pool := s.pool(t)
			first, err := method(t.Context(), pool)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, s.open(t, first.StartLink))
			old, err := s.client().Join(first.Host, &iomeeting.JoinOptions{MeetingPassword: first.Password})
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, s.open(t, old))
			require.NoError(t, s.EndMeeting("000001"))
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
		wait, took time.Duration
		err        error
	}{
		{0, 0, hostpool.ErrNoneFree},
		{1500 * time.Millisecond, 1500 * time.Millisecond, hostpool.ErrNoneFree},
		{time.Minute, 3 * time.Second, nil},
	} {
		t.Run(tt.wait.String(), func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, hostpool.WithWait(tt.wait))
				meeting := mustSchedule(t, pool)
				release := time.AfterFunc(2500*time.Millisecond, func() { assert.NoError(t, pool.Release(t.Context(), meeting.Lease)) })
				defer release.Stop()
				begin := time.Now()
				_, err := pool.Schedule(t.Context(), nil)
				assert.Equal(t, tt.err, err)
				assert.Equal(t, tt.took, time.Since(begin))
			})
		})
	}
}

// TestWaitForExpiry waits for an account whose lease expires.
func TestWaitForExpiry(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		pool := s.pool(t, hostpool.WithWait(time.Minute))
		require.NoError(t, pool.Renew(t.Context(), mustSchedule(t, pool).Lease, 20*time.Second+time.Second/2))
		begin := time.Now()
		mustSchedule(t, pool)
		assert.Equal(t, 21*time.Second, time.Since(begin))
	})
}

// TestOneSearch has many callers find that all leases have expired. One of them asks
// the service, and the others take what it has freed.
func TestOneSearch(t *testing.T) {
	const accounts = 100
	s := newService(t, accounts)
	synctest.Test(t, func(t *testing.T) {
		s.leaseAll(t)
		var lists atomic.Int64
		s.store.instead = func(ctx context.Context, method string, execute func(context.Context) error) error {
			if method == "List" {
				lists.Add(1)
			}
			return execute(ctx)
		}
		s.intercept = func(_ context.Context, _, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond)
			return serve()
		}
		pool := s.pool(t)
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

// TestRounds shows in which windows accounts are offered to the store.
func TestRounds(t *testing.T) {
	const accounts = 10_000
	s := newService(t, 0)
	for i := range accounts {
		s.hosts = append(s.hosts, iomeeting.Host{Email: email(i), Password: iomeeting.NewSecret("1")})
	}
	store := &fullStore{Store: s.store}
	pool := s.poolOf(t, store, s.hosts)
	assertNoneFree(t, pool)
	first, sizes := store.offered, []int(nil)
	for _, window := range first {
		sizes = append(sizes, len(window))
	}
	assert.Equal(t, []int{32, 128, 512, 2048, 7280}, sizes)
	all := slices.Concat(first...)
	assert.False(t, slices.IsSorted(all))
	slices.Sort(all)
	assert.Len(t, slices.Compact(all), accounts)

	store.offered = nil
	assertNoneFree(t, pool)
	assert.NotEqual(t, first[0], store.offered[0], "a call begins at a random place")
}

// fullStore is a store without a free account. It records what it is offered.
type fullStore struct {
	hostpool.Store
	offered [][]string
}

func (s *fullStore) Take(_ context.Context, hosts []string, _ string, _ time.Duration) (string, error) {
	s.offered = append(s.offered, hosts)
	return "", hostpool.ErrNoneFree
}

// TestDifferentLists has two servers with one account in common.
func TestDifferentLists(t *testing.T) {
	s := newService(t, 3)
	synctest.Test(t, func(t *testing.T) {
		one, two := s.poolOf(t, s.store, s.hosts[:2]), s.poolOf(t, s.store, s.hosts[1:])
		mustSchedule(t, one)
		mustSchedule(t, one)
		assert.Equal(t, email(2), mustSchedule(t, two).Host)
		s.expire(t)
		released, err := two.Reclaim(t.Context())
		require.NoError(t, err)
		assert.Len(t, released, 2)
		assert.Contains(t, s.leases(t), email(0), "the other server's account")
	})
}

// TestForever sets durations as long as they can be.
func TestForever(t *testing.T) {
	s := newService(t, 2)
	s.startOutside(t, s.hosts[0])
	pool := s.pool(t, hostpool.WithStartWithin(math.MaxInt64), hostpool.WithCheckEvery(math.MaxInt64))
	meeting := mustSchedule(t, pool)
	assertNoneFree(t, pool)
	require.NoError(t, pool.Renew(t.Context(), meeting.Lease, math.MaxInt64))
	const century = 100 * 365 * 24 * time.Hour
	assert.InDelta(t, century, time.Until(meeting.StartBy), float64(time.Minute))
	for _, lease := range s.leases(t) {
		assert.InDelta(t, century, lease.Left, float64(time.Minute), "a store can add it to the time")
	}
}

func TestLogByDefault(t *testing.T) {
	s := newService(t, 1)
	text := new(bytes.Buffer)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(text, nil)))
	defer slog.SetDefault(before)
	pool, err := hostpool.New(s.client(), s.store, s.hosts)
	require.NoError(t, err)
	s.FailNext(iomeetingtest.RawAnswer("1,,"))
	assertNoneFree(t, pool)
	assert.Contains(t, text.String(), "iomeeting pool: account left out")
}
