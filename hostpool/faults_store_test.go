package hostpool_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// TestCrash kills a server by a panic, which runs no code of the pool that
// a real crash would not run: the pool never recovers.
func TestCrash(t *testing.T) {
	const startWithin = 7 * time.Minute
	tests := []struct {
		name  string
		crash func(*hooked)
		calls int // that the service gets before the crash
		free  time.Duration
	}{
		{"after Take", func(s *hooked) {
			s.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
				_, _ = s.Store.Take(ctx, hosts, id, d)
				panic("crash")
			}
		}, 0, time.Minute},
		{"after Schedule", func(s *hooked) {
			s.renew = func(context.Context, string, string, time.Duration) error { panic("crash") }
		}, 2, time.Minute},
		{"after Renew", func(s *hooked) {
			s.renew = func(ctx context.Context, host, id string, d time.Duration) error {
				_ = s.Store.Renew(ctx, host, id, d)
				panic("crash")
			}
		}, 2, startWithin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newHooked()
				tt.crash(store)
				pool := s.pool(t, hostpool.WithStore(store), hostpool.WithStartWithin(startWithin))
				assert.PanicsWithValue(t, "crash", func() { _, _ = pool.Schedule(t.Context(), nil) })
				assert.Len(t, s.calls(), tt.calls)
				assert.Len(t, leases(t, pool), 1)

				store.recover()
				assertFreeAfter(t, s.pool(t, hostpool.WithStore(store)), tt.free)
			})
		})
	}
}

// TestStoreDownAtTake shows that the pool sends nothing.
func TestStoreDownAtTake(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 2)
			synctest.Test(t, func(t *testing.T) {
				store := newHooked()
				pool := s.pool(t, hostpool.WithStore(store))
				store.goDown()
				_, err := method(t.Context(), pool)
				assert.ErrorIs(t, err, errDown)
				assert.EqualError(t, err, "iomeeting: take a lease: connection refused")

				store.hang()
				start := time.Now()
				_, err = method(t.Context(), pool)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, 5*time.Second, time.Since(start))
				assert.Empty(t, s.calls())
			})
		})
	}
}

// TestStoreDownAtRenew shows that the pool returns no meeting. The account is free
// after a minute.
func TestStoreDownAtRenew(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newHooked()
				transport := around(nil, func(*http.Request) error { store.goDown(); return nil })
				pool := s.poolOver(t, transport, hostpool.WithStore(store))
				meeting, err := method(t.Context(), pool)
				assert.ErrorIs(t, err, errDown)
				assert.EqualError(t, err, "iomeeting: renew a lease: connection refused")
				assert.Zero(t, meeting)

				store.recover()
				assert.Len(t, leases(t, pool), 1)
				assertFreeAfter(t, s.pool(t, hostpool.WithStore(store)), time.Minute)
			})
		})
	}
}

// TestStoreDownInAMeeting has the store fail when the pool extends the lease of an
// account in a meeting.
func TestStoreDownInAMeeting(t *testing.T) {
	s := newSite(t, 2)
	s.start(t, 0)
	store := inOrder(hostpool.NewMemoryStore())
	store.renew = func(context.Context, string, string, time.Duration) error { return errDown }
	_, err := s.pool(t, hostpool.WithStore(store)).Schedule(t.Context(), nil)
	assert.ErrorIs(t, err, errDown)
	assert.Equal(t, []string{"query " + email(0)}, s.calls()[1:])
}

// TestStoreDownAtTheEnd shows that the pool calls onEnd nevertheless.
func TestStoreDownAtTheEnd(t *testing.T) {
	s := newSite(t, 1)
	store := newHooked()
	logger, text := logTo()
	pool := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)), hostpool.WithLogger(logger))
	ends := newEnds(t, pool)
	meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL, OperatorID: "booking 7"})
	require.NoError(t, err)
	store.goDown()
	text.Reset()
	assert.NoError(t, s.EndMeeting(meeting.MeetingID), "HTTP status 200")
	assert.Equal(t, []string{"booking 7"}, ends.notified())
	assert.Equal(t, `level=WARN msg="iomeeting pool: lease not released" host=a00@example.com lease=ID error="iomeeting: release a lease: connection refused"`+"\n", text.String())
}

// TestHangingStoreAtTheEnd has the service wait for a response for less time than the
// 5 seconds of iomeetingtest. The account comes back when its lease has expired.
func TestHangingStoreAtTheEnd(t *testing.T) {
	s := newSite(t, 1)
	synctest.Test(t, func(t *testing.T) {
		store := newHooked()
		pool := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))
		_, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: "http://127.0.0.1:1/", OperatorID: "booking 7"})
		require.NoError(t, err)
		record := &ends{ids: make(chan string, 1)}
		store.hang()
		start := time.Now()
		assert.Equal(t, http.StatusOK, post(pool.EndHandler(record.onEnd), s.operatorIDs()[0]))
		assert.Less(t, time.Since(start), 5*time.Second)
		assert.Equal(t, []string{"booking 7"}, record.notified())

		store.recover()
		assertFreeAfter(t, pool, 15*time.Minute-time.Since(start))
	})
}

// TestStoreForgets shows that meetings in progress go on.
func TestStoreForgets(t *testing.T) {
	s := newSite(t, 1)
	pool := s.pool(t)
	meeting, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	open(t, meeting.StartLink)

	restarted := s.pool(t)
	for _, method := range methods {
		_, err = method(t.Context(), restarted)
		assert.ErrorIs(t, err, hostpool.ErrNoneFree)
	}
	assert.ErrorIs(t, restarted.Renew(t.Context(), meeting.Lease, time.Minute), hostpool.ErrLeaseLost)
	assert.Equal(t, meeting.MeetingID, s.meeting(t, meeting.Host))
	assert.Equal(t, 1, s.count("schedule"))
}

// TestPause stops the process for a while at several places: the store or
// the transport sleep without regard to a context.
func TestPause(t *testing.T) {
	inTake := func(d time.Duration) func(*hooked) http.RoundTripper {
		return func(s *hooked) http.RoundTripper {
			s.take = func(ctx context.Context, hosts []string, id string, duration time.Duration) (hostpool.Lease, error) {
				defer time.Sleep(d)
				return s.Store.Take(ctx, hosts, id, duration)
			}
			return nil
		}
	}
	inQuery := func(d time.Duration) func(*hooked) http.RoundTripper {
		return func(*hooked) http.RoundTripper {
			return around(nil, func(r *http.Request) error {
				if !isSchedule(r) {
					time.Sleep(d)
				}
				return nil
			})
		}
	}
	tests := []struct {
		name  string
		setUp func(*hooked) http.RoundTripper
		calls map[string][]string
	}{
		{"for minutes before the call", inTake(5 * time.Minute), map[string][]string{}},
		{"until the call is too late", inTake(30 * time.Second), map[string][]string{}},
		{"until just before that", inTake(30*time.Second - 1), map[string][]string{"Schedule": {"query", "schedule"}, "Start": {"query"}}},
		{"for minutes after Query", inQuery(5 * time.Minute), map[string][]string{"Schedule": {"query"}, "Start": {"query"}}},
		{"until Schedule is too late", inQuery(30*time.Second + 1), map[string][]string{"Schedule": {"query"}, "Start": {"query"}}},
	}
	for _, tt := range tests {
		for name, method := range methods {
			t.Run(tt.name+" of "+name, func(t *testing.T) {
				s := newSite(t, 2)
				synctest.Test(t, func(t *testing.T) {
					store := newHooked()
					transport := tt.setUp(store)
					pool := s.poolOver(t, transport, hostpool.WithStore(store))
					_, err := method(t.Context(), pool)
					if tt.name != "until just before that" {
						assert.ErrorIs(t, err, context.DeadlineExceeded)
						assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
						assert.Empty(t, held(t, pool))
					} else {
						assert.NoError(t, err)
					}
					assert.Equal(t, tt.calls[name], s.kinds())
				})
			})
		}
	}
}

// TestPauseWhileChecking stops the process between Take and the question
// about an expired lease.
func TestPauseWhileChecking(t *testing.T) {
	s := newSite(t, 1)
	synctest.Test(t, func(t *testing.T) {
		store := expired(t, s)
		take := store.take
		store.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
			defer time.Sleep(30 * time.Second)
			return take(ctx, hosts, id, d)
		}
		_, err := s.pool(t, hostpool.WithStore(store)).Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Empty(t, s.calls())
	})
}

// TestPauseAtTheStore has Renew return late: the lease may have expired
// before it was extended, and another server may be about to release it.
func TestPauseAtTheStore(t *testing.T) {
	for delay, want := range map[time.Duration]error{
		time.Minute - 1: nil,
		time.Minute:     hostpool.ErrLeaseLost,
	} {
		s := newSite(t, 1)
		synctest.Test(t, func(t *testing.T) {
			store := newHooked()
			store.renew = func(ctx context.Context, host, id string, d time.Duration) error {
				defer time.Sleep(delay)
				return store.Store.Renew(ctx, host, id, d)
			}
			pool := s.pool(t, hostpool.WithStore(store))
			_, err := pool.Schedule(t.Context(), nil)
			assert.ErrorIs(t, err, want)
			assert.Equal(t, want == nil, len(held(t, pool)) == 1)
		})
	}
}
