package hostpool_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
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

func TestConcurrentCalls(t *testing.T) {
	const accounts, servers = 48, 4
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s, store := newService(t, accounts), hostpool.NewMemoryStore()
			got := make([]string, accounts)
			var callers sync.WaitGroup
			for i := range servers {
				pool := s.pool(t, store)
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
	s, store := newService(t, 5), hostpool.NewMemoryStore()
	var all sync.WaitGroup
	for i := range servers {
		mux := http.NewServeMux()
		website := httptest.NewServer(mux)
		defer website.Close()
		pool := s.pool(t, store, hostpool.WithEnd(website.URL+"/ended", signer(t)), hostpool.WithWait(time.Minute))
		var ended sync.Map
		mux.Handle("/ended", pool.EndHandler(func(_ context.Context, e hostpool.Ended) error {
			ended.Store(e.OperatorID, e.Lease)
			return nil
		}))
		for j := range workers {
			all.Go(func() {
				for round := range rounds {
					booking := fmt.Sprint(i, j, round)
					meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: booking})
					if !assert.NoError(t, err) {
						return
					}
					assert.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
					progress, err := pool.Check(t.Context(), meeting)
					assert.NoError(t, err)
					assert.Equal(t, []hostpool.Progress{{State: hostpool.InProgress, ID: meeting.ID}}, progress)
					assert.NoError(t, s.EndMeeting(meeting.ID), "somebody else has ended it")
					lease, _ := ended.Load(booking)
					assert.Equal(t, meeting.Lease, lease)
				}
			})
		}
	}
	all.Wait()
	assert.Equal(t, servers*workers*rounds, s.count("schedule"))
	assert.Empty(t, leases(t, store))
}

func TestAllLeased(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 3)
			pool := s.pool(t, newStore())
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
				theirs := s.startOutside(t, 0)
				store := newStore()
				pool := s.pool(t, store, hostpool.WithCheckEvery(7*time.Minute))
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				assert.Equal(t, email(1), meeting.Host)
				_, err = method(t.Context(), pool)
				assert.Equal(t, hostpool.ErrNoneFree, err)
				want := []string{"query " + email(0), "query " + email(1), "schedule " + email(1)}
				assert.ElementsMatch(t, want[:2+strings.Count(name, "Schedule")], s.calls())
				assert.Equal(t, theirs, s.inMeeting(email(0)))
				assert.Equal(t, 7*time.Minute, leases(t, store)[email(0)].Left)
			})
		})
	}
}

// TestMeetingThatOutlastsItsLease asks about it again after CheckEvery, if an account
// is needed.
func TestMeetingThatOutlastsItsLease(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				pool := s.pool(t, store, hostpool.WithCheckEvery(3*time.Minute))
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
				expire(t, store)
				s.ClearRequests()
				for _, queries := range []int{1, 1, 2} {
					_, err = pool.Schedule(t.Context(), nil)
					assert.Equal(t, hostpool.ErrNoneFree, err)
					assert.Len(t, s.calls(), queries)
					time.Sleep(2 * time.Minute)
				}
				assert.Equal(t, meeting.Lease, leases(t, store)[email(0)].String())
				require.NoError(t, s.EndMeeting(s.inMeeting(email(0))))
				assertFreeAfter(t, pool, time.Minute)
			})
		})
	}
}

func TestRefusedAccount(t *testing.T) {
	tests := []struct {
		name string
		host iomeeting.Host
		err  string
	}{
		{"wrong password", iomeeting.Host{Email: email(0), Password: iomeeting.NewSecret("canary-wrong")}, "wrong host password"},
		{"unknown host", iomeeting.Host{Email: "0@example.com", Password: iomeeting.NewSecret("canary-0")}, "host not found"},
	}
	for _, tt := range tests {
		for name, method := range methods {
			t.Run(tt.name+" in "+name, func(t *testing.T) {
				s := newService(t, 2)
				synctest.Test(t, func(t *testing.T) {
					log, text := logTo()
					store := newStore()
					pool := s.poolOf(t, store, []iomeeting.Host{tt.host, s.hosts[1]}, log)
					meeting, err := method(t.Context(), pool)
					require.NoError(t, err)
					assert.Equal(t, email(1), meeting.Host)
					_, err = method(t.Context(), pool)
					assert.Equal(t, hostpool.ErrNoneFree, err)
					assert.NotContains(t, leases(t, store), tt.host.Email)
					assert.Equal(t, 1, strings.Count(text.String(), "\n"))
					assert.Contains(t, text.String(), `level=WARN msg="iomeeting pool: account left out" host=`+tt.host.Email)
					assert.Contains(t, text.String(), tt.err)
					assert.NotContains(t, text.String(), "canary")

					for _, asked := range []int{0, 0, 1} { // it is left out for a minute
						s.ClearRequests()
						_, err = method(t.Context(), pool)
						assert.Equal(t, hostpool.ErrNoneFree, err)
						assert.Len(t, s.calls(), asked)
						time.Sleep(30 * time.Second)
					}
					require.NoError(t, pool.SetHosts(s.hosts))
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
		store := newStore()
		other := s.pool(t, store)
		_, err := other.Schedule(t.Context(), nil)
		require.NoError(t, err)
		expire(t, store)
		s.ClearRequests()
		wrong := iomeeting.Host{Email: email(0), Password: iomeeting.NewSecret("canary-wrong")}
		pool := s.poolOf(t, store, []iomeeting.Host{wrong})
		for range 3 {
			_, err = pool.Schedule(t.Context(), nil)
			assert.Equal(t, hostpool.ErrNoneFree, err)
			released, err := pool.Reclaim(t.Context())
			assert.NoError(t, err)
			assert.Empty(t, released)
		}
		assert.Equal(t, 1, s.count("query"))
		_, err = other.Schedule(t.Context(), nil)
		assert.NoError(t, err)
	})
}

// TestOutcomeUnknown has the service carry out a Schedule late. Nobody uses the account
// until then.
func TestOutcomeUnknown(t *testing.T) {
	for _, late := range []time.Duration{0, time.Minute, 3*time.Minute - 1} {
		t.Run(late.String(), func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				log, text := logTo()
				pool := s.pool(t, store, log)
				s.intercept = func(ctx context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
					if call == "query" {
						return serve()
					}
					time.AfterFunc(late, func() { _, _ = serve() })
					return nil, errors.New("connection closed")
				}
				meeting, err := pool.Schedule(t.Context(), nil)
				assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
				assert.Zero(t, meeting)
				assert.Equal(t, 3*time.Minute, leases(t, store)[email(0)].Left)
				assert.Contains(t, text.String(), `level=WARN msg="iomeeting pool: outcome unknown" host=a00@example.com`)
				s.intercept = nil
				assertFreeAfter(t, pool, 3*time.Minute)
				assert.Equal(t, 2, s.count("schedule"))
			})
		})
	}
}

// TestNoSecondAccount shows that a Schedule with an unknown outcome is not repeated on
// another account.
func TestNoSecondAccount(t *testing.T) {
	for name, fault := range map[string]iomeetingtest.Fault{
		"connection closed": iomeetingtest.Drop(),
		"503":               iomeetingtest.HTTPStatus(503),
		"garbage":           iomeetingtest.RawAnswer("<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 3)
			s.FailNext(iomeetingtest.Pass(), fault)
			store := newStore()
			_, err := s.pool(t, store).Schedule(t.Context(), nil)
			assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			assert.Len(t, leases(t, store), 1)
			assert.Len(t, s.calls(), 2)
		})
	}
}

// TestServiceDown shows that the pool asks about one account, or one batch of expired
// leases, and returns that error.
func TestServiceDown(t *testing.T) {
	down := errors.New("connection refused")
	tests := []struct {
		name    string
		expired bool
		fail    func() (*http.Response, error)
		asked   int
		err     error
	}{
		{"503", false, answer(503, ""), 1, iomeeting.ErrBadResponse},
		{"503, leases expired", true, answer(503, ""), 16, iomeeting.ErrBadResponse},
		{"connection refused", false, func() (*http.Response, error) { return nil, down }, 1, down},
		{"connection refused, leases expired", true, func() (*http.Response, error) { return nil, down }, 16, down},
		{"a captive portal", false, answer(200, "<html>"), 1, iomeeting.ErrBadResponse},
		{"a captive portal, leases expired", true, answer(200, "<html>"), 16, iomeeting.ErrBadResponse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, 40)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				if tt.expired {
					for i := range s.hosts {
						_, err := store.Store.Take(t.Context(), []string{email(i)}, "old", time.Nanosecond)
						require.NoError(t, err)
					}
					time.Sleep(1)
				}
				var asked atomic.Int64
				s.intercept = func(context.Context, string, string, func() (*http.Response, error)) (*http.Response, error) {
					asked.Add(1)
					return tt.fail()
				}
				pool := s.pool(t, store)
				_, err := pool.Schedule(t.Context(), nil)
				assert.ErrorIs(t, err, tt.err)
				assert.NotErrorIs(t, err, hostpool.ErrNoneFree)
				assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
				assert.Equal(t, tt.asked, int(asked.Load()))
				assert.Equal(t, tt.expired, len(leases(t, store)) == 40)

				s.intercept = nil // the service is well again, and so is the pool
				for range 20 {
					_, err := pool.Schedule(t.Context(), nil)
					assert.NoError(t, err)
				}
			})
		})
	}
}

func answer(status int, body string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		w := httptest.NewRecorder()
		w.WriteHeader(status)
		_, _ = w.WriteString(body)
		return w.Result(), nil
	}
}

// TestContextEnds shows that a call stops while it waits for the store or for an
// account, and not while it waits for the service.
func TestContextEnds(t *testing.T) {
	t.Run("before the call", func(t *testing.T) {
		s, store := newService(t, 1), newStore()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.pool(t, store).Schedule(ctx, nil)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, hostpool.ErrStore)
		assert.Empty(t, s.calls())
		assert.Empty(t, leases(t, store))
	})
	t.Run("while it waits for an account", func(t *testing.T) {
		s := newService(t, 1)
		synctest.Test(t, func(t *testing.T) {
			store := newStore()
			pool := s.pool(t, store, hostpool.WithWait(time.Hour))
			first, err := pool.Schedule(t.Context(), nil)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			defer cancel()
			_, err = pool.Schedule(ctx, nil)
			assert.ErrorIs(t, err, hostpool.ErrNoneFree)
			assert.EqualError(t, err, "iomeeting: no host account is free: context deadline exceeded")
			assert.Equal(t, first.Lease, leases(t, store)[email(0)].String())
			assert.Equal(t, 1, s.count("query"))
		})
	})
	t.Run("while it asks about expired leases", func(t *testing.T) {
		s := newService(t, 1)
		synctest.Test(t, func(t *testing.T) {
			store := newStore()
			pool := s.pool(t, store)
			first, err := pool.Schedule(t.Context(), nil)
			require.NoError(t, err)
			expire(t, store)
			ctx, cancel := context.WithCancel(t.Context())
			s.intercept = func(ctx context.Context, _, _ string, _ func() (*http.Response, error)) (*http.Response, error) {
				cancel()
				<-ctx.Done()
				return nil, ctx.Err()
			}
			_, err = pool.Schedule(ctx, nil)
			assert.EqualError(t, err, "iomeeting: no host account is free: context canceled")
			assert.Equal(t, first.Lease, leases(t, store)[email(0)].String())
			s.intercept = nil
			_, err = pool.Schedule(t.Context(), nil)
			assert.NoError(t, err, "the next call asks again")
		})
	})
	for _, at := range []string{"query", "schedule"} {
		t.Run("during the "+at, func(t *testing.T) {
			s, store := newService(t, 1), newStore()
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
			meeting, err := s.pool(t, store).Schedule(ctx, nil)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
			assert.Equal(t, meeting.Lease, leases(t, store)[email(0)].String())
		})
	}
}

// TestSlowService shows that the calls about one account take half a minute, or half
// of StartWithin.
func TestSlowService(t *testing.T) {
	for startWithin, want := range map[time.Duration]time.Duration{time.Hour: 30 * time.Second, 10 * time.Second: 5 * time.Second} {
		t.Run(startWithin.String(), func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				s.intercept = func(ctx context.Context, _, _ string, _ func() (*http.Response, error)) (*http.Response, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				begin := time.Now()
				_, err := s.pool(t, store, hostpool.WithStartWithin(startWithin)).Start(t.Context(), nil)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, want, time.Since(begin))
				assert.Empty(t, leases(t, store))
			})
		})
	}
}

// TestCrash kills a server by a panic, which runs no code of the pool that a real crash
// would not run: the pool never recovers.
func TestCrash(t *testing.T) {
	for _, at := range []string{"query", "schedule", "after schedule"} {
		t.Run(at, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				s.intercept = func(_ context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
					if call == at {
						panic("crash")
					}
					res, err := serve()
					if "after "+call == at {
						panic("crash")
					}
					return res, err
				}
				const startWithin = 7 * time.Minute
				crashing := s.pool(t, store, hostpool.WithStartWithin(startWithin))
				assert.PanicsWithValue(t, "crash", func() { _, _ = crashing.Schedule(t.Context(), nil) })
				s.intercept = nil
				assertFreeAfter(t, s.pool(t, store), startWithin+30*time.Second)
			})
		})
	}
}

func TestStoreDown(t *testing.T) {
	down := errors.New("connection refused")
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				pool := s.pool(t, store)
				store.before = func(context.Context, string) error { return down }
				_, err := method(t.Context(), pool)
				assert.ErrorIs(t, err, hostpool.ErrStore)
				assert.ErrorIs(t, err, down)
				assert.EqualError(t, err, "iomeeting: store failed: take a lease: connection refused")

				store.before = hang
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

func hang(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestStoreDownDuringACall has the store fail after it has leased an account.
func TestStoreDownDuringACall(t *testing.T) {
	tests := []struct {
		name  string
		fault iomeetingtest.Fault
		err   error
		left  time.Duration
		log   bool
	}{
		{"scheduled", iomeetingtest.Pass(), nil, 15*time.Minute + 30*time.Second, false},
		{"refused", iomeetingtest.HTTPStatus(429), iomeeting.ErrBadResponse, 15*time.Minute + 30*time.Second, true},
		{"outcome unknown", iomeetingtest.Drop(), iomeeting.ErrOutcomeUnknown, 15*time.Minute + 30*time.Second, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, 1)
			s.FailNext(iomeetingtest.Pass(), tt.fault)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				store.before = func(_ context.Context, method string) error {
					if method != "Take" {
						return errors.New("connection refused")
					}
					return nil
				}
				log, text := logTo()
				_, err := s.pool(t, store, log).Schedule(t.Context(), nil)
				assert.ErrorIs(t, err, tt.err)
				assert.Equal(t, tt.log, strings.Contains(text.String(), `level=WARN msg="iomeeting pool: lease not changed" host=a00@example.com`))
				assert.Equal(t, tt.left, leases(t, store.Store)[email(0)].Left)
			})
		})
	}
}

// TestStoreDownAtAnEnd shows that the end is passed on all the same.
func TestStoreDownAtAnEnd(t *testing.T) {
	for name, before := range map[string]func(context.Context, string) error{
		"down":    func(context.Context, string) error { return errors.New("connection refused") },
		"hanging": hang,
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				log, text := logTo()
				pool := s.pool(t, store, log, hostpool.WithEnd("https://shop.example.com/ended", signer(t)))
				meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: "booking 7"})
				require.NoError(t, err)
				store.before = before
				var ended []hostpool.Ended
				handler := pool.EndHandler(func(_ context.Context, e hostpool.Ended) error {
					ended = append(ended, e)
					return nil
				})
				begin := time.Now()
				assert.Equal(t, http.StatusOK, post(t.Context(), handler, s.operatorIDs()[0]))
				assert.LessOrEqual(t, time.Since(begin), 5*time.Second)
				assert.Equal(t, []hostpool.Ended{{OperatorID: "booking 7", Lease: meeting.Lease}}, ended)
				assert.Contains(t, text.String(), `level=WARN msg="iomeeting pool: lease not changed"`)
				store.before = nil
				assertFreeAfter(t, pool, time.Until(meeting.StartBy)+30*time.Second)
			})
		})
	}
}

// post reports an end to a handler as the service does, and returns the HTTP status.
func post(ctx context.Context, handler http.Handler, operatorID string) int {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(url.Values{"operatorId": {operatorID}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}

// TestStoreForgets has all hosts in meetings that the store knows nothing of.
func TestStoreForgets(t *testing.T) {
	s := newService(t, 40)
	for i := range s.hosts {
		s.startOutside(t, i)
	}
	pool := s.pool(t, newStore())
	for call := 1; call <= 3; call++ {
		_, err := pool.Schedule(t.Context(), nil)
		assert.Equal(t, hostpool.ErrNoneFree, err)
		assert.Equal(t, min(16*call, 40), s.count("query"))
	}
	assert.Zero(t, s.count("schedule"))
	for _, host := range s.hosts {
		assert.NotEmpty(t, s.inMeeting(host.Email))
	}
}

// TestEndBeforeTheResponse ends a meeting before its Schedule has returned. Another
// server has leased the account by then.
func TestEndBeforeTheResponse(t *testing.T) {
	s, store := newService(t, 1), newStore()
	mux := http.NewServeMux()
	website := httptest.NewServer(mux)
	defer website.Close()
	pool := s.pool(t, store, hostpool.WithEnd(website.URL, signer(t)))
	var ended []string
	mux.Handle("/", pool.EndHandler(func(_ context.Context, e hostpool.Ended) error {
		ended = append(ended, e.OperatorID)
		return nil
	}))
	var second hostpool.Meeting
	s.intercept = func(_ context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
		res, err := serve()
		if call == "schedule" {
			s.intercept = nil
			assert.NoError(t, s.EndMeeting("000001"))
			second, err = pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: "booking 8"})
			assert.NoError(t, err)
		}
		return res, err
	}
	first, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: "booking 7"})
	require.NoError(t, err)
	assert.Equal(t, []string{"booking 7"}, ended)
	assert.Equal(t, second.Lease, leases(t, store)[email(0)].String())
	_, err = pool.StartLink(t.Context(), first)
	assert.ErrorIs(t, err, hostpool.ErrLeaseLost)
	assert.Equal(t, http.StatusGone, s.open(t, first.StartLink))
	assert.Equal(t, http.StatusOK, s.open(t, second.StartLink))
}

// TestEnds reports ends after the account was leased to a second meeting, whose lease
// stays.
func TestEnds(t *testing.T) {
	s, store := newService(t, 1), newStore()
	pool := s.pool(t, store, hostpool.WithEnd("http://127.0.0.1:1/ended", signer(t)))
	var got []hostpool.Ended
	var fail error
	handler := pool.EndHandler(func(_ context.Context, e hostpool.Ended) error {
		got = append(got, e)
		return fail
	})
	first, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: "booking 7:会"})
	require.NoError(t, err)
	operatorID := s.operatorIDs()[0]
	fail = errors.New("canary")
	assert.Equal(t, http.StatusInternalServerError, post(t.Context(), handler, operatorID))
	assert.Empty(t, leases(t, store), "the account is free, though onEnd failed")
	fail = nil
	second, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)

	other, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("other", 7)))
	require.NoError(t, err)
	forged := "hostpool lease\n" + second.Lease + "\nforged"
	tests := []struct {
		name, operatorID string
		status           int
		ended            []hostpool.Ended
	}{
		{"replayed", operatorID, http.StatusOK, []hostpool.Ended{{OperatorID: "booking 7:会", Lease: first.Lease}}},
		{"forged", forged, http.StatusForbidden, nil},
		{"signed by somebody else", other.Sign(forged), http.StatusForbidden, nil},
		{"signed without a pool", signer(t).Sign("booking 7"), http.StatusOK, []hostpool.Ended{{OperatorID: "booking 7"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got = nil
			assert.Equal(t, tt.status, post(t.Context(), handler, tt.operatorID))
			assert.Equal(t, tt.ended, got)
			assert.Equal(t, second.Lease, leases(t, store)[email(0)].String())
		})
	}
}

// TestNeverReported has meetings that nobody starts, or whose end is not reported.
func TestNeverReported(t *testing.T) {
	s := newService(t, 3)
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		pool := s.pool(t, store)
		neverStarted, err := pool.Schedule(t.Context(), nil)
		require.NoError(t, err)
		inProgress, err := pool.Start(t.Context(), nil)
		require.NoError(t, err)
		ended, err := pool.Start(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, s.open(t, inProgress.StartLink))
		require.Equal(t, http.StatusOK, s.open(t, ended.StartLink))
		require.NoError(t, s.EndMeeting(s.inMeeting(ended.Host)))

		released, err := pool.Reclaim(t.Context())
		require.NoError(t, err)
		assert.Empty(t, released, "no lease has expired")
		time.Sleep(15*time.Minute + 30*time.Second)
		released, err = pool.Reclaim(t.Context())
		require.NoError(t, err)
		got := []string{}
		for _, lease := range released {
			got = append(got, lease.String())
		}
		assert.ElementsMatch(t, []string{neverStarted.Lease, ended.Lease}, got)

		for range 2 {
			_, err = pool.Schedule(t.Context(), nil)
			assert.NoError(t, err)
		}
		require.NoError(t, s.EndMeeting(s.inMeeting(inProgress.Host)))
		time.Sleep(time.Minute)
		meeting, err := pool.Schedule(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, inProgress.Host, meeting.Host, "its lease had expired, and it was asked about")
	})
}

// TestRenewedDuringACheck has a host come while the pool asks the service about the
// expired lease. The account stays the meeting's, for all the time that was promised.
func TestRenewedDuringACheck(t *testing.T) {
	tests := []struct {
		name  string
		renew func(ctx context.Context, p *hostpool.Pool, m hostpool.Meeting) error
		left  time.Duration
	}{
		{"StartLink", func(ctx context.Context, p *hostpool.Pool, m hostpool.Meeting) error {
			_, err := p.StartLink(ctx, m)
			return err
		}, 15*time.Minute + 30*time.Second},
		{"Renew", func(ctx context.Context, p *hostpool.Pool, m hostpool.Meeting) error {
			return p.Renew(ctx, m.Lease, time.Hour)
		}, time.Hour},
	}
	for _, tt := range tests {
		for _, inMeeting := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, somebody else in a meeting: %t", tt.name, inMeeting), func(t *testing.T) {
				s := newService(t, 1)
				synctest.Test(t, func(t *testing.T) {
					store := newStore()
					pool := s.pool(t, store)
					meeting, err := pool.Schedule(t.Context(), nil)
					require.NoError(t, err)
					expire(t, store)
					if inMeeting {
						s.startOutside(t, 0)
					}
					s.intercept = func(_ context.Context, _, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
						res, err := serve()
						assert.NoError(t, tt.renew(t.Context(), pool, meeting))
						return res, err
					}
					released, err := pool.Reclaim(t.Context())
					require.NoError(t, err)
					assert.Empty(t, released)
					assert.Equal(t, meeting.Lease, leases(t, store)[email(0)].String())
					assert.Equal(t, tt.left, leases(t, store)[email(0)].Left)
				})
			})
		}
		t.Run(tt.name+" after the account was given away", func(t *testing.T) {
			s := newService(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				pool := s.pool(t, store)
				first, err := pool.Schedule(t.Context(), nil)
				require.NoError(t, err)
				expire(t, store)
				second, err := pool.Schedule(t.Context(), nil)
				require.NoError(t, err)
				assert.Equal(t, hostpool.ErrLeaseLost, tt.renew(t.Context(), pool, first))
				assert.Equal(t, second.Lease, leases(t, store)[email(0)].String())
			})
		})
	}
}

// TestClockSteps has the store's clock step ahead during a call. Another server does not
// get the account.
func TestClockSteps(t *testing.T) {
	s := newService(t, 1)
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		other := s.pool(t, store)
		s.intercept = func(_ context.Context, call, _ string, serve func() (*http.Response, error)) (*http.Response, error) {
			if call == "schedule" {
				lease := leases(t, store)[email(0)]
				require.NoError(t, store.Renew(t.Context(), email(0), lease.ID, lease.Left-14*time.Minute))
				time.Sleep(29 * time.Second)
				_, err := other.Schedule(t.Context(), nil)
				assert.Equal(t, hostpool.ErrNoneFree, err)
			}
			return serve()
		}
		meeting, err := s.pool(t, store).Schedule(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, s.open(t, meeting.StartLink))
	})
}

// TestOddAddresses leases every account once, and gives the right one back.
func TestOddAddresses(t *testing.T) {
	addresses := []string{
		"alice@example.com", "alice@example.com ", `o'hara@example.com`, `"quo\"ted"@example.com`,
		"100%@example.com", "100_@example.com", `back\slash@example.com`, "会议@例子.广告", "é@example.com",
		"e\u0301@example.com", "a:b@example.com", ":", "a&b=c+d@example.com", strings.Repeat("x", 308) + "@example.com",
	}
	var hosts []iomeeting.Host
	for _, address := range addresses {
		hosts = append(hosts, iomeeting.Host{Email: address, Password: iomeeting.NewSecret("1")})
	}
	s, store := newServiceWith(t, hosts), newStore()
	pool := s.pool(t, store, hostpool.WithEnd("http://127.0.0.1:1/ended", signer(t)))
	meetings := make(map[string]hostpool.Meeting)
	for range hosts {
		meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{OperatorID: strings.Repeat("o", 2000)})
		require.NoError(t, err)
		meetings[meeting.Host] = meeting
		_, err = pool.StartLink(t.Context(), meeting)
		require.NoError(t, err, meeting.Host)
	}
	assert.Len(t, meetings, len(addresses))
	ended := 0
	handler := pool.EndHandler(func(_ context.Context, e hostpool.Ended) error {
		ended++
		assert.Equal(t, strings.Repeat("o", 2000), e.OperatorID)
		assert.Len(t, leases(t, store), len(addresses)-ended)
		return nil
	})
	for _, operatorID := range s.operatorIDs() {
		assert.Equal(t, http.StatusOK, post(t.Context(), handler, operatorID))
	}
	assert.Empty(t, leases(t, store))
}

// TestGarbage has the service answer garbage about one account. It is left out for a
// minute.
func TestGarbage(t *testing.T) {
	s := newService(t, 3)
	synctest.Test(t, func(t *testing.T) {
		s.intercept = func(_ context.Context, _, host string, serve func() (*http.Response, error)) (*http.Response, error) {
			if host == email(0) {
				return answer(200, "4,,")()
			}
			return serve()
		}
		store := newStore()
		log, text := logTo()
		pool := s.pool(t, store, log)
		var errs []error
		for range 3 {
			if _, err := pool.Schedule(t.Context(), nil); err != nil {
				errs = append(errs, err)
			}
		}
		require.Len(t, errs, 1)
		assert.ErrorIs(t, errs[0], iomeeting.ErrBadResponse)
		assert.Len(t, leases(t, store), 2)
		assert.Contains(t, text.String(), `msg="iomeeting pool: account left out" host=a00@example.com`)
		time.Sleep(time.Minute - 1)
		_, err := pool.Schedule(t.Context(), nil)
		assert.Equal(t, hostpool.ErrNoneFree, err)
		time.Sleep(1)
		_, err = pool.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, iomeeting.ErrBadResponse, "it is tried again")
	})
}

// TestSearchGoesOn has 10,000 expired leases, nearly all of them of hosts in meetings. A
// call searches for 10 seconds, and the next one goes on where it stopped.
func TestSearchGoesOn(t *testing.T) {
	const accounts, idle = 10_000, 3
	s := newService(t, 0)
	synctest.Test(t, func(t *testing.T) {
		store := hostpool.NewMemoryStore()
		for i := range accounts {
			s.hosts = append(s.hosts, iomeeting.Host{Email: email(i), Password: iomeeting.NewSecret("1")})
			_, err := store.Take(t.Context(), []string{email(i)}, "old", time.Nanosecond)
			require.NoError(t, err)
		}
		time.Sleep(1)
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
		pool := s.pool(t, store, hostpool.WithCheckEvery(time.Hour))
		for found := 0; found < idle; {
			begin, before := time.Now(), asked.Load()
			_, err := pool.Schedule(t.Context(), nil)
			if err == nil {
				found++
				continue
			}
			assert.Equal(t, hostpool.ErrNoneFree, err)
			assert.Equal(t, 10*time.Second, time.Since(begin))
			assert.InDelta(t, 1600, asked.Load()-before, 32)
		}
		assert.LessOrEqual(t, asked.Load(), int64(accounts+200), "16 are asked about again when a search is cut short, and some when it has found one")
	})
}

// TestHangingAccounts has some accounts about which the service never answers. They do
// not hide those that are idle.
func TestHangingAccounts(t *testing.T) {
	s := newService(t, 40)
	synctest.Test(t, func(t *testing.T) {
		s.intercept = func(ctx context.Context, _, host string, serve func() (*http.Response, error)) (*http.Response, error) {
			if host < email(16) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return serve()
		}
		store := newStore()
		for i := range s.hosts {
			_, err := store.Store.Take(t.Context(), []string{email(i)}, "old", time.Nanosecond)
			require.NoError(t, err)
		}
		time.Sleep(1)
		pool := s.pool(t, store)
		for free := 0; free < 24; {
			if _, err := pool.Schedule(t.Context(), nil); err == nil {
				free++
			} else {
				assert.Equal(t, hostpool.ErrNoneFree, err)
			}
		}
	})
}

// TestSetHosts replaces the accounts while calls are under way.
func TestSetHosts(t *testing.T) {
	s, store := newService(t, 20), newStore()
	pool := s.pool(t, store, hostpool.WithEnd("http://127.0.0.1:1/ended", signer(t)))
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
	_, err = pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err, "removed accounts get no new meetings")
	handler := pool.EndHandler(func(context.Context, hostpool.Ended) error { return nil })
	assert.Equal(t, http.StatusOK, post(t.Context(), handler, s.operatorIDs()[0]))
	assert.Len(t, leases(t, store), 9)
	for _, meeting := range s.Meetings() {
		_ = s.EndMeeting(meeting.ID) // and nobody is told
	}
	expire(t, store)
	released, err := pool.Reclaim(t.Context())
	assert.NoError(t, err)
	assert.Len(t, released, 9)
}

func TestBadInput(t *testing.T) {
	s, store := newService(t, 2), newStore()
	ends := hostpool.WithEnd("https://shop.example.com/ended", signer(t))
	newWith := func(hosts []iomeeting.Host, opts ...hostpool.Option) error {
		_, err := hostpool.New(s.client(), store, hosts, opts...)
		return err
	}
	pool, withoutEnd := s.pool(t, store, ends), s.pool(t, store)
	meeting, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	s.ClearRequests()
	alice := iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("1")}
	scheduleWith := func(pool *hostpool.Pool, o iomeeting.ScheduleOptions) error {
		_, err := pool.Schedule(t.Context(), &o)
		return err
	}
	startWith := func(o iomeeting.StartOptions) error {
		_, err := pool.Start(t.Context(), &o)
		return err
	}
	startLink := func(change func(m *hostpool.Meeting)) error {
		m := meeting
		change(&m)
		_, err := pool.StartLink(t.Context(), m)
		return err
	}
	for _, tt := range []struct {
		err  error
		text string
	}{
		{func() error { _, err := hostpool.New(nil, store, s.hosts); return err }(), "client is nil"},
		{func() error { _, err := hostpool.New(s.client(), nil, s.hosts); return err }(), "store is nil"},
		{newWith(nil), "hosts is empty"},
		{newWith([]iomeeting.Host{alice, {Email: "bob@example.com"}}), "hosts[1]: hostPassword is empty"},
		{newWith([]iomeeting.Host{alice, alice}), "hosts[1]: hostEmail is that of another account, perhaps in another case"},
		{newWith([]iomeeting.Host{alice, {Email: "ALICE@example.com", Password: alice.Password}}), "hosts[1]: hostEmail is that of another account, perhaps in another case"},
		{newWith(s.hosts, hostpool.WithEnd("/ended", signer(t))), "meetingEndUrl is not an absolute http or https URL"},
		{newWith(s.hosts, hostpool.WithEnd("", signer(t))), "end needs both a URL and a signer"},
		{newWith(s.hosts, hostpool.WithEnd("https://shop.example.com/ended", nil)), "end needs both a URL and a signer"},
		{newWith(s.hosts, hostpool.WithStartWithin(0)), "startWithin is not positive"},
		{newWith(s.hosts, hostpool.WithCheckEvery(-1)), "checkEvery is not positive"},
		{newWith(s.hosts, hostpool.WithWait(-1)), "wait is negative"},
		{newWith(s.hosts, hostpool.WithLogger(nil)), "logger is nil"},
		{pool.SetHosts(nil), "hosts is empty"},
		{pool.SetHosts([]iomeeting.Host{s.hosts[0], {Email: "A01@example.com", Password: alice.Password}}), "hosts[1]: hostEmail is that of another account, perhaps in another case"},
		{scheduleWith(pool, iomeeting.ScheduleOptions{EndURL: "https://shop.example.com/ended"}), "meetingEndUrl is set by WithEnd"},
		{scheduleWith(pool, iomeeting.ScheduleOptions{OperatorID: "a\nb"}), "operatorId contains a control character"},
		{scheduleWith(pool, iomeeting.ScheduleOptions{OperatorID: strings.Repeat("x", 2001)}), "operatorId is longer than 2000 bytes"},
		{scheduleWith(withoutEnd, iomeeting.ScheduleOptions{OperatorID: "x"}), "operatorId has no effect without meetingEndUrl"},
		{scheduleWith(pool, iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret("a\n")}), "meetingPassword contains a control character"},
		{startWith(iomeeting.StartOptions{Title: "\xff"}), "title is not valid UTF-8"},
		{startLink(func(m *hostpool.Meeting) { m.ID = "" }), "meetingID is empty"},
		{startLink(func(m *hostpool.Meeting) { m.Lease = "" }), "lease is not the lease of a meeting"},
		{startLink(func(m *hostpool.Meeting) { m.Host = "x@example.com" }), "host is not the account of the lease, or not an account of the pool"},
		{pool.Renew(t.Context(), "lease", time.Hour), "lease is not the lease of a meeting"},
		{pool.Renew(t.Context(), meeting.Lease, 0), "d is not positive"},
		{pool.Release(t.Context(), ":a@example.com"), "lease is not the lease of a meeting"},
	} {
		assert.EqualError(t, tt.err, "iomeeting: invalid parameter: "+tt.text)
		var parameter *iomeeting.ParameterError
		assert.ErrorAs(t, tt.err, &parameter)
	}
	assert.Empty(t, s.Requests())
	assert.Len(t, leases(t, store), 1)
	assert.Panics(t, func() { withoutEnd.EndHandler(func(context.Context, hostpool.Ended) error { return nil }) })
	assert.Panics(t, func() { pool.EndHandler(nil) })
}

// TestForever sets durations as long as they can be.
func TestForever(t *testing.T) {
	s, store := newService(t, 2), newStore()
	s.startOutside(t, 0)
	pool := s.pool(t, store, hostpool.WithStartWithin(math.MaxInt64), hostpool.WithCheckEvery(math.MaxInt64), hostpool.WithWait(0))
	meeting, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	assert.Greater(t, time.Until(meeting.StartBy), 99*365*24*time.Hour)
	require.NoError(t, pool.Renew(t.Context(), meeting.Lease, math.MaxInt64))
	for _, lease := range leases(t, store) {
		assert.Greater(t, lease.Left, 99*365*24*time.Hour)
	}
	_, err = pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err)
}
