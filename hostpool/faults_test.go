package hostpool_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
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

// The tests in this file are the faults that this package promises to survive. They
// count what the service gets.

const newLease = 15*time.Minute + 30*time.Second

var errDown = errors.New("connection refused")

func TestConcurrentCalls(t *testing.T) {
	const accounts, servers = 48, 4
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, accounts)
			got := make([]string, accounts)
			var callers sync.WaitGroup
			for i := range servers {
				pool := s.pool(t)
				for j := i; j < accounts; j += servers {
					callers.Go(func() {
						meeting, err := method(t.Context(), pool)
						assert.NoError(t, err)
						got[j] = meeting.Host
					})
				}
			}
			callers.Wait()
			slices.Sort(got)
			assert.Len(t, slices.Compact(got), accounts)
			assert.Equal(t, accounts, s.count("query"))
			assert.Equal(t, accounts*strings.Count(name, "Schedule"), s.count("schedule"))
		})
	}
}

// TestNoMeetingIsEnded has two servers start and end meetings on too few accounts.
// Each meeting is in progress until its own host ends it.
func TestNoMeetingIsEnded(t *testing.T) {
	const servers, workers, rounds = 2, 4, 12
	s := newService(t, 5)
	var all sync.WaitGroup
	for range servers {
		mux := http.NewServeMux()
		website := httptest.NewServer(mux)
		defer website.Close()
		pool := s.pool(t, hostpool.WithEnd(website.URL+"/ended", signer(t)), hostpool.WithWait(time.Minute))
		mux.Handle("/ended", pool.EndHandler(func(context.Context, hostpool.Ended) error { return nil }))
		for range workers {
			all.Go(func() {
				for range rounds {
					meeting, err := pool.Schedule(t.Context(), nil)
					if !assert.NoError(t, err) {
						return
					}
					assert.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
					progress, err := pool.Check(t.Context(), meeting)
					assert.NoError(t, err)
					assert.Equal(t, []hostpool.Progress{{State: hostpool.InProgress, ID: meeting.ID}}, progress)
					assert.NoError(t, s.EndMeeting(meeting.ID), "somebody else has ended it")
				}
			})
		}
	}
	all.Wait()
	assert.Equal(t, servers*workers*rounds, s.count("schedule"))
	assert.Empty(t, s.leases(t))
}

func TestAllLeased(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 3)
			pool := s.pool(t)
			for range s.hosts {
				_, err := method(t.Context(), pool)
				require.NoError(t, err)
			}
			s.ClearRequests()
			_, err := method(t.Context(), pool)
			assert.Equal(t, hostpool.ErrNoneFree, err)
			assert.Empty(t, s.calls())
		})
	}
}

func TestInAnotherMeeting(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 2)
			synctest.Test(t, func(t *testing.T) {
				theirs := s.startOutside(t, s.hosts[0])
				pool := s.pool(t, hostpool.WithCheckEvery(7*time.Minute))
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				assert.Equal(t, email(1), meeting.Host)
				assertNoneFree(t, pool)
				want := []string{"query " + email(0), "query " + email(1), "schedule " + email(1)}
				assert.ElementsMatch(t, want[:2+strings.Count(name, "Schedule")], s.calls())
				assert.Equal(t, theirs, s.inMeeting(email(0)))
				assert.Equal(t, 7*time.Minute, s.leases(t)[email(0)].Left)
			})
		})
	}
}

// TestMeetingThatOutlastsItsLease shows that its account is left alone, and that the
// service is asked once in CheckEvery, if somebody needs an account.
func TestMeetingThatOutlastsItsLease(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, hostpool.WithCheckEvery(3*time.Minute))
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
				s.expire(t)
				s.ClearRequests()
				for _, queries := range []int{1, 1, 2} {
					assertNoneFree(t, pool)
					assert.Len(t, s.calls(), queries)
					time.Sleep(2 * time.Minute)
				}
				assert.Equal(t, meeting.Lease, s.leases(t)[email(0)].String())
				require.NoError(t, s.EndMeeting(s.inMeeting(meeting.Host)))
				assertFreeAfter(t, pool, time.Minute)
			})
		})
	}
}

func TestRefusedAccount(t *testing.T) {
	tests := []struct {
		name string
		host iomeeting.Host
		log  string
	}{
		{"wrong password", iomeeting.Host{Email: email(0), Password: iomeeting.NewSecret("canary-wrong")}, "wrong host password"},
		{"unknown host", iomeeting.Host{Email: "0@example.com", Password: iomeeting.NewSecret("canary-0")}, "host not found"},
	}
	for _, tt := range tests {
		for name, method := range methods {
			t.Run(tt.name+" in "+name, func(t *testing.T) {
				s := newService(t, 2)
				synctest.Test(t, func(t *testing.T) {
					pool := s.poolOf(t, s.store, []iomeeting.Host{tt.host, s.hosts[1]})
					meeting, err := method(t.Context(), pool)
					require.NoError(t, err)
					assert.Equal(t, email(1), meeting.Host)
					for _, asked := range []int{1, 0, 1} { // it is left out for a minute
						assertNoneFree(t, pool)
						assert.Equal(t, asked, s.count("query "+tt.host.Email))
						s.ClearRequests()
						time.Sleep(30 * time.Second)
					}
					assert.NotContains(t, s.leases(t), tt.host.Email)
					assert.Equal(t, 2, strings.Count(s.log.String(), `level=WARN msg="iomeeting pool: account left out" host=`+tt.host.Email))
					assert.Contains(t, s.log.String(), tt.log)
					assert.NotContains(t, s.log.String(), "canary")

					require.NoError(t, pool.SetHosts(s.hosts)) // with the right password
					meeting, err = method(t.Context(), pool)
					require.NoError(t, err)
					assert.Equal(t, email(0), meeting.Host)
				})
			})
		}
	}
}

// TestRefusedAccountWithExpiredLease shows that its lease stays, since another server
// may have the right password.
func TestRefusedAccountWithExpiredLease(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		s.leaseAll(t)
		pool := s.poolOf(t, s.store, []iomeeting.Host{{Email: email(0), Password: iomeeting.NewSecret("wrong")}})
		for range 3 {
			assertNoneFree(t, pool)
			released, err := pool.Reclaim(t.Context())
			assert.NoError(t, err)
			assert.Empty(t, released)
		}
		assert.Equal(t, 1, s.count("query"))
		mustSchedule(t, s.pool(t))
	})
}

// TestOutcomeUnknown has the service carry out a Schedule late. Nobody uses the account
// until then.
func TestOutcomeUnknown(t *testing.T) {
	for _, late := range []time.Duration{0, time.Minute, 3*time.Minute - 1} {
		t.Run(late.String(), func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				s.intercept = func(_ context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
					if call == "query" {
						return serve()
					}
					time.AfterFunc(late, func() { _, _ = serve() })
					return nil, errDown
				}
				pool := s.pool(t)
				meeting, err := pool.Schedule(t.Context(), nil)
				assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
				assert.Zero(t, meeting)
				assert.Equal(t, 3*time.Minute, s.leases(t)[email(0)].Left)
				assert.Contains(t, s.log.String(), `level=WARN msg="iomeeting pool: outcome unknown" host=a00@example.com`)
				s.intercept = nil
				assertFreeAfter(t, pool, 3*time.Minute)
				assert.Equal(t, 2, s.count("schedule"))
			})
		})
	}
}

// TestServiceDown shows that a call asks about one account, or 16 expired leases, and
// returns that error.
func TestServiceDown(t *testing.T) {
	refused := func() (*http.Response, error) { return nil, errDown }
	tests := []struct {
		name    string
		call    string
		expired bool // all accounts have expired leases
		fail    func() (*http.Response, error)
		asked   int
		leftOut int
		err     error
	}{
		{"503", "query", false, answer(503, ""), 1, 0, iomeeting.ErrBadResponse},
		{"503 with expired leases", "query", true, answer(503, ""), 16, 0, iomeeting.ErrBadResponse},
		{"503 to Schedule", "schedule", false, answer(503, ""), 2, 0, iomeeting.ErrOutcomeUnknown},
		{"connection refused", "query", false, refused, 1, 0, errDown},
		{"connection refused with expired leases", "query", true, refused, 16, 0, errDown},
		{"connection closed by Schedule", "schedule", false, refused, 2, 0, iomeeting.ErrOutcomeUnknown},
		{"a captive portal", "query", false, answer(200, "<html>"), 1, 1, iomeeting.ErrBadResponse},
		{"a captive portal with expired leases", "query", true, answer(200, "<html>"), 16, 0, iomeeting.ErrBadResponse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, 40)
			synctest.Test(t, func(t *testing.T) {
				if tt.expired {
					s.leaseAll(t)
				}
				var asked atomic.Int64
				s.intercept = func(_ context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
					asked.Add(1)
					if call == tt.call {
						return tt.fail()
					}
					return serve()
				}
				pool := s.pool(t)
				_, err := pool.Schedule(t.Context(), nil)
				assert.ErrorIs(t, err, tt.err)
				assert.NotErrorIs(t, err, hostpool.ErrNoneFree)
				assert.Equal(t, tt.asked, int(asked.Load()))
				assert.Len(t, s.leases(t), map[bool]int{true: 40, false: tt.asked - 1}[tt.expired])
				assert.Equal(t, tt.leftOut, strings.Count(s.log.String(), "account left out"))

				s.intercept = nil // the service is well again, and so is the pool
				for range 20 {
					mustSchedule(t, pool)
				}
			})
		})
	}
}

// TestContextEnds shows that a call stops while it waits for the store or for an
// account, and goes on while it waits for the service.
func TestContextEnds(t *testing.T) {
	t.Run("before the call", func(t *testing.T) {
		s := newService(t, 1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.pool(t).Schedule(ctx, nil)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, hostpool.ErrStore)
		assert.Empty(t, s.calls())
		assert.Empty(t, s.leases(t))
	})
	t.Run("while it waits for an account", func(t *testing.T) {
		s := newService(t, 1)
		synctest.Test(t, func(t *testing.T) {
			pool := s.pool(t, hostpool.WithWait(time.Hour))
			first := mustSchedule(t, pool)
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			defer cancel()
			_, err := pool.Schedule(ctx, nil)
			assert.ErrorIs(t, err, hostpool.ErrNoneFree)
			assert.EqualError(t, err, "iomeeting: no host account is free: context deadline exceeded")
			assert.Equal(t, first.Lease, s.leases(t)[email(0)].String())
		})
	})
	t.Run("while it asks about expired leases", func(t *testing.T) {
		s := newService(t, 1)
		synctest.Test(t, func(t *testing.T) {
			s.leaseAll(t)
			ctx, cancel := context.WithCancel(t.Context())
			s.intercept = func(ctx context.Context, _, _ string, _ func() (*http.Response, error)) (*http.Response, error) {
				cancel()
				return nil, ctx.Err()
			}
			pool := s.pool(t)
			_, err := pool.Schedule(ctx, nil)
			assert.EqualError(t, err, "iomeeting: no host account is free: context canceled")
			assert.Equal(t, "old", s.leases(t)[email(0)].ID)
			s.intercept = nil
			mustSchedule(t, pool) // the next call asks again
		})
	})
	for _, at := range []string{"query", "schedule"} {
		t.Run("during the "+at, func(t *testing.T) {
			s := newService(t, 1)
			ctx, cancel := context.WithCancel(t.Context())
			s.intercept = func(ctx context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
				if call == at {
					cancel()
				}
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return serve()
			}
			meeting, err := s.pool(t).Schedule(ctx, nil)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
			assert.Equal(t, meeting.Lease, s.leases(t)[email(0)].String())
		})
	}
	t.Run("before the service refuses", func(t *testing.T) {
		s := newService(t, 1)
		ctx, cancel := context.WithCancel(t.Context())
		s.intercept = func(context.Context, string, string, func() (*http.Response, error)) (*http.Response, error) {
			cancel()
			return answer(503, "")()
		}
		_, err := s.pool(t).Schedule(ctx, nil)
		assert.ErrorIs(t, err, iomeeting.ErrBadResponse)
		assert.Empty(t, s.leases(t), "the account is free again")
	})
}

// TestSlowService shows that the calls about one account may take half a minute, or half
// of StartWithin.
func TestSlowService(t *testing.T) {
	for startWithin, want := range map[time.Duration]time.Duration{time.Hour: 30 * time.Second, 10 * time.Second: 5 * time.Second} {
		t.Run(startWithin.String(), func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				s.intercept = func(ctx context.Context, _, _ string, _ func() (*http.Response, error)) (*http.Response, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				begin := time.Now()
				_, err := s.pool(t, hostpool.WithStartWithin(startWithin)).Start(t.Context(), nil)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, want, time.Since(begin))
				assert.Empty(t, s.leases(t))
			})
		})
	}
}

// TestCrash kills a server by a panic, which runs no code of the pool that a real crash
// would not run: the pool never recovers.
func TestCrash(t *testing.T) {
	for _, at := range []string{"before query", "before schedule", "after schedule"} {
		t.Run(at, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				s.intercept = func(_ context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
					if at == "before "+call {
						panic("crash")
					}
					res, err := serve()
					if at == "after "+call {
						panic("crash")
					}
					return res, err
				}
				const startWithin = 7 * time.Minute
				pool := s.pool(t, hostpool.WithStartWithin(startWithin))
				assert.PanicsWithValue(t, "crash", func() { _, _ = pool.Schedule(t.Context(), nil) })
				s.intercept = nil
				assertFreeAfter(t, s.pool(t), startWithin+30*time.Second)
			})
		})
	}
}

func down(context.Context, string, func(context.Context) error) error { return errDown }

func hang(ctx context.Context, _ string, _ func(context.Context) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStoreDown(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t)
				s.store.instead = down
				_, err := method(t.Context(), pool)
				assert.ErrorIs(t, err, hostpool.ErrStore)
				assert.ErrorIs(t, err, errDown)
				assert.EqualError(t, err, "iomeeting: store failed: take a lease: connection refused")

				s.store.instead = hang
				begin := time.Now()
				_, err = method(t.Context(), pool)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.ErrorIs(t, err, hostpool.ErrStore)
				assert.Equal(t, 5*time.Second, time.Since(begin))
				assert.Empty(t, s.calls())
			})
		})
	}
}

// TestStoreDownDuringACall has the store fail after it has leased an account, which stays
// leased.
func TestStoreDownDuringACall(t *testing.T) {
	tests := []struct {
		name  string
		fault iomeetingtest.Fault // of Schedule
		err   error
		log   string
	}{
		{"scheduled", iomeetingtest.Pass(), nil, ""},
		{"refused", iomeetingtest.HTTPStatus(429), iomeeting.ErrBadResponse, "iomeeting pool: lease not changed"},
		{"outcome unknown", iomeetingtest.Drop(), iomeeting.ErrOutcomeUnknown, "iomeeting pool: lease not changed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, 1)
			s.FailNext(iomeetingtest.Pass(), tt.fault)
			synctest.Test(t, func(t *testing.T) {
				s.store.instead = func(ctx context.Context, method string, execute func(context.Context) error) error {
					if method == "Take" {
						return execute(ctx)
					}
					return errDown
				}
				_, err := s.pool(t).Schedule(t.Context(), nil)
				assert.ErrorIs(t, err, tt.err)
				assert.Contains(t, s.log.String(), tt.log)
				assert.Equal(t, newLease, s.leases(t)[email(0)].Left)
			})
		})
	}
}

// TestStoreDownAtAnEnd shows that the end is passed on all the same.
func TestStoreDownAtAnEnd(t *testing.T) {
	for name, instead := range map[string]func(context.Context, string, func(context.Context) error) error{"down": down, "hanging": hang} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, withEnd(t))
				meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: "booking 7"})
				require.NoError(t, err)
				s.store.instead = instead
				var ended []hostpool.Ended
				handler := pool.EndHandler(func(_ context.Context, e hostpool.Ended) error {
					ended = append(ended, e)
					return nil
				})
				begin := time.Now()
				assert.Equal(t, http.StatusOK, post(t.Context(), handler, s.operatorIDs()[0]))
				assert.LessOrEqual(t, time.Since(begin), 5*time.Second)
				assert.Equal(t, []hostpool.Ended{{OperatorID: "booking 7", Lease: meeting.Lease}}, ended)
				assert.Contains(t, s.log.String(), `level=WARN msg="iomeeting pool: lease not changed" host=a00@example.com`)
				s.store.instead = nil
				assertFreeAfter(t, pool, time.Until(meeting.StartBy)+30*time.Second)
			})
		})
	}
}

// TestStoreForgets has all hosts in meetings that the store knows nothing of.
func TestStoreForgets(t *testing.T) {
	s := newService(t, 40)
	for _, host := range s.hosts {
		s.startOutside(t, host)
	}
	pool := s.pool(t)
	for call := 1; call <= 3; call++ {
		assertNoneFree(t, pool)
		assert.Equal(t, min(16*call, 40), s.count("query"))
	}
	assert.Zero(t, s.count("schedule"))
	for _, host := range s.hosts {
		assert.NotEmpty(t, s.inMeeting(host.Email))
	}
}

// TestSlowAnswers has all hosts in meetings of others, which the service takes 9 seconds to
// say. A call that has no account after 30 seconds ends.
func TestSlowAnswers(t *testing.T) {
	s := newService(t, 40)
	synctest.Test(t, func(t *testing.T) {
		var asked int
		s.intercept = func(context.Context, string, string, func() (*http.Response, error)) (*http.Response, error) {
			asked++
			time.Sleep(9 * time.Second)
			return answer(200, "3,000042,tea")()
		}
		begin := time.Now()
		assertNoneFree(t, s.pool(t))
		assert.Equal(t, 36*time.Second, time.Since(begin))
		assert.Equal(t, 4, asked)
	})
}

// TestEnds reports an end before Schedule has returned, twice, and after the account was
// leased to a second meeting, whose lease stays.
func TestEnds(t *testing.T) {
	s := newService(t, 1)
	pool := s.pool(t, withEnd(t))
	var got []hostpool.Ended
	var fail error
	handler := pool.EndHandler(func(_ context.Context, e hostpool.Ended) error {
		got = append(got, e)
		return fail
	})
	s.intercept = func(_ context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
		res, err := serve()
		if call == "schedule" {
			fail = errors.New("canary")
			assert.Error(t, s.EndMeeting("000001"), "nobody listens")
			assert.Equal(t, http.StatusInternalServerError, post(t.Context(), handler, s.operatorIDs()[0]))
		}
		return res, err
	}
	first, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: "booking 7:会"})
	require.NoError(t, err)
	assert.Empty(t, s.leases(t), "the account is free, though onEnd failed")
	s.intercept, fail = nil, nil
	second := mustSchedule(t, pool)
	_, err = pool.StartLink(t.Context(), first)
	assert.Equal(t, hostpool.ErrLeaseLost, err)

	other, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("other", 7)))
	require.NoError(t, err)
	forged := "hostpool lease\n" + second.Lease + "\nforged"
	for _, tt := range []struct {
		name, operatorID string
		status           int
		ended            []hostpool.Ended
	}{
		{"replayed", s.operatorIDs()[0], http.StatusOK, []hostpool.Ended{{OperatorID: "booking 7:会", Lease: first.Lease}}},
		{"forged", forged, http.StatusForbidden, nil},
		{"signed by somebody else", other.Sign(forged), http.StatusForbidden, nil},
		{"signed without a pool", signer(t).Sign("booking 7"), http.StatusOK, []hostpool.Ended{{OperatorID: "booking 7"}}},
	} {
		got = nil
		assert.Equal(t, tt.status, post(t.Context(), handler, tt.operatorID), tt.name)
		assert.Equal(t, tt.ended, got, tt.name)
		assert.Equal(t, second.Lease, s.leases(t)[email(0)].String(), tt.name)
	}
	assert.Equal(t, http.StatusOK, s.open(t, second.StartLink))
}

// TestReclaimAfterRefusals has the service refuse half of the accounts.
func TestReclaimAfterRefusals(t *testing.T) {
	s := newService(t, 40)
	synctest.Test(t, func(t *testing.T) {
		s.leaseAll(t)
		s.intercept = func(_ context.Context, _, host string, serve func() (*http.Response, error)) (*http.Response, error) {
			if host < email(20) {
				return answer(http.StatusOK, "1,,")()
			}
			return serve()
		}
		pool := s.pool(t)
		released, err := pool.Reclaim(t.Context())
		require.NoError(t, err)
		assert.Len(t, released, 20)
		s.intercept = nil
		released, err = pool.Reclaim(t.Context())
		require.NoError(t, err)
		assert.Len(t, released, 20, "none is left out")
	})
}

// TestNeverReported has meetings that nobody starts, or whose end is not reported.
func TestNeverReported(t *testing.T) {
	s := newService(t, 3)
	synctest.Test(t, func(t *testing.T) {
		pool := s.pool(t)
		neverStarted, inProgress, ended := mustSchedule(t, pool), mustSchedule(t, pool), mustSchedule(t, pool)
		require.Equal(t, http.StatusOK, s.open(t, inProgress.StartLink))
		require.Equal(t, http.StatusOK, s.open(t, ended.StartLink))
		require.NoError(t, s.EndMeeting(ended.ID))

		released, err := pool.Reclaim(t.Context())
		require.NoError(t, err)
		assert.Empty(t, released, "no lease has expired")
		time.Sleep(newLease)
		released, err = pool.Reclaim(t.Context())
		require.NoError(t, err)
		require.Len(t, released, 2)
		assert.ElementsMatch(t, []string{neverStarted.Lease, ended.Lease}, []string{released[0].String(), released[1].String()})
		mustSchedule(t, pool)
		mustSchedule(t, pool)

		require.NoError(t, s.EndMeeting(inProgress.ID))
		time.Sleep(time.Minute)
		assert.Equal(t, inProgress.Host, mustSchedule(t, pool).Host, "its account was needed")
	})
}

// TestRenewedDuringACheck has a host come while the pool asks the service about the
// expired lease. The account stays the meeting's, for all the time that was promised. If
// the host comes after that, the account is lost.
func TestRenewedDuringACheck(t *testing.T) {
	for _, tt := range []struct {
		name  string
		renew func(ctx context.Context, p *hostpool.Pool, m hostpool.Meeting) error
		left  time.Duration
	}{
		{"StartLink", func(ctx context.Context, p *hostpool.Pool, m hostpool.Meeting) error {
			_, err := p.StartLink(ctx, m)
			return err
		}, newLease},
		{"Renew", func(ctx context.Context, p *hostpool.Pool, m hostpool.Meeting) error {
			return p.Renew(ctx, m.Lease, time.Hour)
		}, time.Hour},
	} {
		for _, inMeeting := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, somebody else in a meeting: %t", tt.name, inMeeting), func(t *testing.T) {
				s := newService(t, 1)
				synctest.Test(t, func(t *testing.T) {
					pool := s.pool(t)
					meeting := mustSchedule(t, pool)
					s.expire(t)
					if inMeeting {
						s.startOutside(t, s.hosts[0])
					}
					s.intercept = func(_ context.Context, _, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
						res, err := serve()
						assert.NoError(t, tt.renew(t.Context(), pool, meeting))
						return res, err
					}
					released, err := pool.Reclaim(t.Context())
					require.NoError(t, err)
					assert.Empty(t, released)
					assert.Equal(t, meeting.Lease, s.leases(t)[email(0)].String())
					assert.Equal(t, tt.left, s.leases(t)[email(0)].Left)

					if s.intercept = nil; !inMeeting {
						s.expire(t)
						second := mustSchedule(t, pool)
						assert.Equal(t, hostpool.ErrLeaseLost, tt.renew(t.Context(), pool, meeting))
						assert.Equal(t, second.Lease, s.leases(t)[email(0)].String())
					}
				})
			})
		}
	}
}

// TestClockSteps has the store's clock step ahead during a call. Another server does not
// get the account.
func TestClockSteps(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		other := s.pool(t)
		s.intercept = func(_ context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
			if call == "schedule" {
				lease := s.leases(t)[email(0)]
				require.NoError(t, s.store.Renew(t.Context(), email(0), lease.ID, lease.Left-14*time.Minute))
				time.Sleep(29 * time.Second)
				assertNoneFree(t, other)
			}
			return serve()
		}
		assert.Equal(t, http.StatusOK, s.open(t, mustSchedule(t, s.pool(t)).StartLink))
	})
}

// TestOddAddresses leases every account once, and gives the right one back.
func TestOddAddresses(t *testing.T) {
	var hosts []iomeeting.Host
	for _, address := range []string{
		"alice@example.com", "alice@example.com ", `o'hara@example.com`, `"quo\"ted"@example.com`,
		"100%@example.com", "100_@example.com", `back\slash@example.com`, "会议@例子.广告", "é@example.com",
		"e\u0301@example.com", "a:b@example.com", ":", "a&b=c+d@example.com", strings.Repeat("x", 308) + "@example.com",
	} {
		hosts = append(hosts, iomeeting.Host{Email: address, Password: iomeeting.NewSecret("1")})
	}
	s := newServiceWith(t, hosts)
	pool := s.pool(t, withEnd(t))
	operatorID := strings.Repeat("o", 2000)
	for range hosts {
		meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: operatorID})
		require.NoError(t, err)
		_, err = pool.StartLink(t.Context(), meeting)
		require.NoError(t, err, meeting.Host)
	}
	assert.Len(t, s.leases(t), len(hosts))
	handler := pool.EndHandler(func(_ context.Context, e hostpool.Ended) error {
		assert.Equal(t, operatorID, e.OperatorID)
		return nil
	})
	for i, id := range s.operatorIDs() {
		assert.Equal(t, http.StatusOK, post(t.Context(), handler, id))
		assert.Len(t, s.leases(t), len(hosts)-i-1)
	}
}

// TestGarbage has the service answer garbage about one account. It is left out for a
// minute, and the others work.
func TestGarbage(t *testing.T) {
	s := newService(t, 3)
	synctest.Test(t, func(t *testing.T) {
		s.intercept = func(_ context.Context, _, host string, serve func() (*http.Response, error)) (*http.Response, error) {
			if host == email(0) {
				return answer(200, "4,,")()
			}
			return serve()
		}
		pool := s.pool(t)
		var errs []error
		for range 3 {
			if _, err := pool.Schedule(t.Context(), nil); err != nil {
				errs = append(errs, err)
			}
		}
		require.Len(t, errs, 1)
		assert.ErrorIs(t, errs[0], iomeeting.ErrBadResponse)
		assert.Len(t, s.leases(t), 2)
		assert.Contains(t, s.log.String(), `msg="iomeeting pool: account left out" host=a00@example.com`)
		time.Sleep(time.Minute - 1)
		assertNoneFree(t, pool)
		time.Sleep(time.Nanosecond)
		_, err := pool.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, iomeeting.ErrBadResponse, "it is tried again")
	})
}

// TestSearchGoesOn has 10,000 expired leases, nearly all of them of hosts in meetings. A
// call searches for 10 seconds, and the next one goes on where it stopped.
func TestSearchGoesOn(t *testing.T) {
	const accounts, idle = 10_000, 3
	s := newService(t, 0)
	synctest.Test(t, func(t *testing.T) {
		for i := range accounts {
			s.hosts = append(s.hosts, iomeeting.Host{Email: email(i), Password: iomeeting.NewSecret("1")})
		}
		s.leaseAll(t)
		var asked atomic.Int64
		s.intercept = func(_ context.Context, call, host string, _ func() (*http.Response, error)) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond)
			asked.Add(1)
			switch {
			case call == "schedule":
				return answer(200, "0,000001")()
			case host < email(idle):
				return answer(200, "0,,")()
			default:
				return answer(200, "3,000002,")()
			}
		}
		pool := s.pool(t, hostpool.WithCheckEvery(time.Hour))
		for found := 0; found < idle; {
			begin, before := time.Now(), asked.Load()
			if _, err := pool.Schedule(t.Context(), nil); err == nil {
				found++
				assert.LessOrEqual(t, time.Since(begin), 11*time.Second, "with the calls that schedule the meeting")
				continue
			}
			assert.Equal(t, 10*time.Second, time.Since(begin))
			assert.InDelta(t, 1600, asked.Load()-before, 32)
		}
		assert.LessOrEqual(t, asked.Load(), int64(accounts+200), "few are asked about twice")
	})
}

// TestHangingAccounts has some accounts about which the service never answers. They do
// not hide those that are idle.
func TestHangingAccounts(t *testing.T) {
	s := newService(t, 40)
	synctest.Test(t, func(t *testing.T) {
		s.leaseAll(t)
		s.intercept = func(ctx context.Context, _, host string, serve func() (*http.Response, error)) (*http.Response, error) {
			if host < email(16) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return serve()
		}
		pool := s.pool(t)
		for free := 0; free < 24; {
			begin := time.Now()
			if _, err := pool.Schedule(t.Context(), nil); err == nil {
				free++
				assert.LessOrEqual(t, time.Since(begin), time.Second, "after it has found one")
			} else {
				assert.Equal(t, hostpool.ErrNoneFree, err)
			}
		}
	})
}

// TestSetHosts replaces the accounts while calls are under way. Then it removes them all.
func TestSetHosts(t *testing.T) {
	s := newService(t, 20)
	pool := s.pool(t, withEnd(t))
	var callers sync.WaitGroup
	meetings := make([]hostpool.Meeting, 10)
	for i := range meetings {
		callers.Go(func() {
			var err error
			meetings[i], err = pool.Schedule(t.Context(), nil)
			assert.NoError(t, err)
		})
		callers.Go(func() {
			assert.NoError(t, pool.SetHosts(s.hosts[i:]))
			_, err := pool.Reclaim(t.Context())
			assert.NoError(t, err)
		})
	}
	callers.Wait()
	require.NoError(t, pool.SetHosts([]iomeeting.Host{{Email: "new@example.com", Password: iomeeting.NewSecret("1")}}))
	for _, meeting := range meetings {
		link, err := pool.StartLink(t.Context(), meeting)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, s.open(t, link))
	}
	progress, err := pool.Check(t.Context(), meetings...)
	require.NoError(t, err)
	for _, p := range progress {
		assert.Equal(t, hostpool.InProgress, p.State)
	}
	assertNoneFree(t, pool) // since the service does not know new@example.com
	for _, meeting := range meetings {
		assert.Error(t, s.EndMeeting(meeting.ID), "nobody listens")
	}
	handler := pool.EndHandler(func(context.Context, hostpool.Ended) error { return nil })
	assert.Equal(t, http.StatusOK, post(t.Context(), handler, s.operatorIDs()[0]))
	assert.Len(t, s.leases(t), 9)
	s.expire(t)
	released, err := pool.Reclaim(t.Context())
	assert.NoError(t, err)
	assert.Len(t, released, 9)
}

func TestBadInput(t *testing.T) {
	s := newService(t, 2)
	pool, withoutEnd := s.pool(t, withEnd(t)), s.pool(t)
	meeting := mustSchedule(t, pool)
	s.ClearRequests()
	alice := iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("1")}
	newPool := func(hosts []iomeeting.Host, opts ...hostpool.Option) error {
		_, err := hostpool.New(s.client(), s.store, hosts, opts...)
		return err
	}
	schedule := func(pool *hostpool.Pool, o iomeeting.ScheduleOptions) error {
		_, err := pool.Schedule(t.Context(), &o)
		return err
	}
	startLink := func(host, id, lease string) error {
		_, err := pool.StartLink(t.Context(), hostpool.Meeting{Host: host, ID: id, Lease: lease})
		return err
	}
	_, errClient := hostpool.New(nil, s.store, s.hosts)
	_, errStore := hostpool.New(s.client(), nil, s.hosts)
	_, errTitle := pool.Start(t.Context(), &iomeeting.StartOptions{Title: "\xff"})
	const twice = "hosts[1]: hostEmail is that of another account, perhaps in another case"
	for _, tt := range []struct {
		err  error
		text string
	}{
		{errClient, "client is nil"},
		{errStore, "store is nil"},
		{newPool(nil), "hosts is empty"},
		{newPool([]iomeeting.Host{alice, {Email: "bob@example.com"}}), "hosts[1]: hostPassword is empty"},
		{newPool([]iomeeting.Host{alice, alice}), twice},
		{newPool([]iomeeting.Host{alice, {Email: "ALICE@example.com", Password: alice.Password}}), twice},
		{newPool(s.hosts, hostpool.WithEnd("/ended", signer(t))), "meetingEndUrl must start with https:// or http://"},
		{newPool(s.hosts, hostpool.WithEnd("", signer(t))), "end needs both a URL and a signer"},
		{newPool(s.hosts, hostpool.WithEnd("https://shop.example.com/ended", nil)), "end needs both a URL and a signer"},
		{newPool(s.hosts, hostpool.WithStartWithin(0)), "startWithin is not positive"},
		{newPool(s.hosts, hostpool.WithCheckEvery(-1)), "checkEvery is not positive"},
		{newPool(s.hosts, hostpool.WithWait(-1)), "wait is negative"},
		{newPool(s.hosts, hostpool.WithLogger(nil)), "logger is nil"},
		{pool.SetHosts(nil), "hosts is empty"},
		{pool.SetHosts([]iomeeting.Host{alice, {Email: "A01@example.com", Password: alice.Password}}), twice},
		{schedule(pool, iomeeting.ScheduleOptions{EndURL: "https://shop.example.com/ended"}), "meetingEndUrl is set by WithEnd"},
		{schedule(pool, iomeeting.ScheduleOptions{OperatorID: "a\nb"}), "operatorId contains a control character"},
		{schedule(pool, iomeeting.ScheduleOptions{OperatorID: strings.Repeat("x", 2001)}), "operatorId is longer than 2000 bytes"},
		{schedule(withoutEnd, iomeeting.ScheduleOptions{OperatorID: "x"}), "operatorId has no effect without meetingEndUrl"},
		{schedule(pool, iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret("a\n")}), "meetingPassword contains a control character"},
		{errTitle, "title is not valid UTF-8"},
		{startLink(meeting.Host, "", meeting.Lease), "meetingID is empty"},
		{startLink(meeting.Host, meeting.ID, ""), "lease is not the lease of a meeting"},
		{startLink("x@example.com", meeting.ID, meeting.Lease), "host is not the account of the lease, or not an account of the pool"},
		{pool.Renew(t.Context(), "lease", time.Hour), "lease is not the lease of a meeting"},
		{pool.Renew(t.Context(), meeting.Lease, 0), "d is not positive"},
		{pool.Release(t.Context(), ":a@example.com"), "lease is not the lease of a meeting"},
	} {
		assert.EqualError(t, tt.err, "iomeeting: invalid parameter: "+tt.text)
		var parameter *iomeeting.ParameterError
		assert.ErrorAs(t, tt.err, &parameter)
	}
	assert.Empty(t, s.Requests())
	assert.Len(t, s.leases(t), 1)
	assert.Panics(t, func() { withoutEnd.EndHandler(func(context.Context, hostpool.Ended) error { return nil }) })
	assert.Panics(t, func() { pool.EndHandler(nil) })
}
