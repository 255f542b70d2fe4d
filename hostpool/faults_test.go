package hostpool_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// The tests of this file are the list of faults, P1 to P25, that this package
// promises to survive. They count what the service receives.

// methods are the two ways to get a meeting.
var methods = map[string]func(context.Context, *hostpool.Pool) (hostpool.Meeting, error){
	"Schedule": func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) { return p.Schedule(ctx, nil) },
	"Start":    func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) { return p.Start(ctx, nil) },
}

// TestP01Concurrent has as many concurrent callers as there are accounts. Each of
// them gets one.
func TestP01Concurrent(t *testing.T) {
	const n = 48
	for _, servers := range []int{1, 4} {
		for name, method := range methods {
			t.Run(fmt.Sprintf("%s on %d servers", name, servers), func(t *testing.T) {
				s := newSite(t, n)
				store := hostpool.NewMemoryStore()
				var pools []*hostpool.Pool
				for range servers {
					pools = append(pools, s.pool(t, hostpool.WithStore(store)))
				}

				got := make([]string, n)
				var wg sync.WaitGroup
				for i := range n {
					wg.Go(func() {
						meeting, err := method(t.Context(), pools[i%servers])
						assert.NoError(t, err)
						got[i] = meeting.Host.Email
					})
				}
				wg.Wait()

				slices.Sort(got)
				assert.Len(t, slices.Compact(got), n)
				for call, want := range map[string]int{"query": n, "schedule": n * strings.Count(name, "Schedule")} {
					assert.Equal(t, want, s.count(call), call)
				}
			})
		}
	}
}

// TestP01NoMeetingIsEnded has two servers start and end meetings on too few
// accounts. Each meeting is still in progress when its own host ends it.
func TestP01NoMeetingIsEnded(t *testing.T) {
	const servers, workers, rounds = 2, 4, 12
	s := newSite(t, 5)
	store := hostpool.NewMemoryStore()
	var wg sync.WaitGroup
	for i := range servers {
		pool := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))
		ends := newEnds(t, pool)
		for j := range workers {
			wg.Go(func() {
				for round := 0; round < rounds; {
					booking := fmt.Sprint(i, j, round)
					meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL, OperatorID: booking})
					if errors.Is(err, hostpool.ErrNoneFree) {
						time.Sleep(time.Millisecond) // others need the processor
						continue
					}
					if !assert.NoError(t, err) {
						return
					}
					open(t, meeting.StartLink)
					assert.Equal(t, meeting.MeetingID, s.meeting(t, meeting.Host))
					assert.NoError(t, s.EndMeeting(meeting.MeetingID), "somebody else has ended it")
					round++
				}
			})
		}
	}
	wg.Wait()
	assert.Equal(t, servers*workers*rounds, s.count("schedule"))
	leases, err := store.List(t.Context())
	require.NoError(t, err)
	assert.Empty(t, leases)
}

func TestP02AllLeased(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 3)
			pool := s.pool(t)
			for range s.hosts {
				_, err := method(t.Context(), pool)
				require.NoError(t, err)
			}
			before := s.calls()
			_, err := method(t.Context(), pool)
			assert.Equal(t, hostpool.ErrNoneFree, err)
			assert.Equal(t, before, s.calls())
		})
	}
}

func TestP03InAMeetingOfSomebodyElse(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 2)
			synctest.Test(t, func(t *testing.T) {
				theirs := s.start(t, 0)
				pool := s.pool(t, hostpool.WithStore(inOrder(hostpool.NewMemoryStore())), hostpool.WithCheckEvery(7*time.Minute))
				before := len(s.calls())

				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				assert.Equal(t, email(1), meeting.Host.Email)
				want := []string{"query " + email(0), "query " + email(1), "schedule " + email(1)}
				assert.Equal(t, want[:2+strings.Count(name, "Schedule")], s.calls()[before:])
				assert.Equal(t, theirs, s.meeting(t, s.hosts[0]))
				assert.Equal(t, time.Now().Add(7*time.Minute), leases(t, pool)[email(0)].Expires)
			})
		})
	}
}

// refusals are two accounts that the service refuses.
var refusals = map[string]struct {
	host iomeeting.Host
	want error
}{
	"wrong password": {iomeeting.Host{Email: email(0), Password: iomeeting.NewSecret("canary-wrong")}, iomeeting.ErrWrongPassword},
	"unknown host":   {iomeeting.Host{Email: "0@example.com", Password: iomeeting.NewSecret("canary")}, iomeeting.ErrHostNotFound},
}

func TestP04Refused(t *testing.T) {
	for name, method := range methods {
		for refusal, tt := range refusals {
			t.Run(name+" with "+refusal, func(t *testing.T) {
				s := newSite(t, 3)
				synctest.Test(t, func(t *testing.T) {
					logger, text := logTo()
					hosts := []iomeeting.Host{tt.host, s.hosts[1], s.hosts[2]}
					store := inOrder(hostpool.NewMemoryStore())
					pool := newPool(t, s.client(nil), hosts, hostpool.WithStore(store), hostpool.WithLogger(logger))

					// The next account is tried, and this one left out for 10 minutes.
					meeting, err := method(t.Context(), pool)
					require.NoError(t, err)
					assert.Equal(t, email(1), meeting.Host.Email)
					assert.Equal(t, []string{email(1)}, held(t, pool))
					assert.Equal(t, 1, strings.Count(text.String(), "level=WARN"))
					assert.Contains(t, text.String(), `level=WARN msg="iomeeting pool: account left out" host=`+tt.host.Email+" lease=ID error=")
					time.Sleep(10*time.Minute - 1)
					meeting, err = method(t.Context(), pool)
					require.NoError(t, err)
					assert.Equal(t, email(2), meeting.Host.Email)
					assert.Equal(t, 1, strings.Count(strings.Join(s.calls(), "\n"), tt.host.Email))

					// With none left, the error says why.
					for asked := 1; asked <= 2; asked++ {
						_, err = method(t.Context(), pool)
						assertRefused(t, tt.want, err)
						assert.Equal(t, asked, strings.Count(strings.Join(s.calls(), "\n"), tt.host.Email))
						assert.Equal(t, asked, strings.Count(text.String(), "level=WARN"))
						time.Sleep(time.Nanosecond) // now the 10 minutes are over
					}
				})
			})
		}
	}
}

func assertRefused(t *testing.T, want, err error) {
	t.Helper()
	assert.ErrorIs(t, err, hostpool.ErrNoneFree)
	assert.ErrorIs(t, err, want)
	var status *iomeeting.StatusError
	assert.ErrorAs(t, err, &status)
	assert.EqualError(t, err, "iomeeting: no host account is free, and the last one failed: query: "+strings.TrimPrefix(want.Error(), "iomeeting: "))
}

// TestP04OfOnePool has two pools, one of them with a wrong password. The other one
// uses the account.
func TestP04OfOnePool(t *testing.T) {
	s := newSite(t, 1)
	store := hostpool.NewMemoryStore()
	wrong := newPool(t, s.client(nil), []iomeeting.Host{refusals["wrong password"].host}, hostpool.WithStore(store))
	_, err := wrong.Schedule(t.Context(), nil)
	assertRefused(t, iomeeting.ErrWrongPassword, err)
	_, err = s.pool(t, hostpool.WithStore(store)).Schedule(t.Context(), nil)
	assert.NoError(t, err)
}

// TestP04OnSchedule has the service refuse the account in its second response.
func TestP04OnSchedule(t *testing.T) {
	s := newSite(t, 2)
	s.FailNext(iomeetingtest.Pass(), iomeetingtest.RawAnswer("2,"))
	pool := s.pool(t, hostpool.WithStore(inOrder(hostpool.NewMemoryStore())))
	meeting, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, email(1), meeting.Host.Email)
	assert.Equal(t, []string{email(1)}, held(t, pool))
}

// TestP04WhileChecking has an expired lease of an account that the service
// refuses. Another server may have the right password, so the lease stays.
func TestP04WhileChecking(t *testing.T) {
	s := newSite(t, 2)
	synctest.Test(t, func(t *testing.T) {
		store := inOrder(hostpool.NewMemoryStore())
		for i := range s.hosts {
			_, err := store.Take(t.Context(), []string{email(i)}, "old", time.Minute)
			require.NoError(t, err)
		}
		time.Sleep(time.Minute)
		logger, text := logTo()
		hosts := []iomeeting.Host{refusals["wrong password"].host, s.hosts[1]}
		pool := newPool(t, s.client(nil), hosts, hostpool.WithStore(store), hostpool.WithLogger(logger))
		for range 2 {
			_, err := pool.Start(t.Context(), nil)
			if err != nil {
				assertRefused(t, iomeeting.ErrWrongPassword, err)
			}
		}
		assert.Equal(t, []string{"query " + email(0), "query " + email(1), "query " + email(1)}, s.calls())
		assert.Equal(t, "old", leases(t, pool)[email(0)].ID)
		assert.Equal(t, 1, strings.Count(text.String(), "level=WARN"))
	})
}

// TestP05OutcomeUnknown has the service drop connections once it has scheduled a
// meeting. Two more accounts are tried at most.
func TestP05OutcomeUnknown(t *testing.T) {
	tests := []struct {
		name           string
		accounts, lost int
		fault          iomeetingtest.Fault
		tried          int
		is             []error
	}{
		{"once", 4, 1, iomeetingtest.Drop(), 2, nil},
		{"twice", 4, 2, iomeetingtest.Drop(), 3, nil},
		{"three times", 4, 3, iomeetingtest.Drop(), 3, []error{iomeeting.ErrOutcomeUnknown}},
		{"HTTP status 503", 4, 3, iomeetingtest.HTTPStatus(503), 3, []error{iomeeting.ErrOutcomeUnknown, iomeeting.ErrBadResponse}},
		{"on all accounts", 2, 2, iomeetingtest.Drop(), 2, []error{iomeeting.ErrOutcomeUnknown, hostpool.ErrNoneFree}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, tt.accounts)
			for range tt.lost {
				s.FailNext(iomeetingtest.Pass(), tt.fault)
			}
			synctest.Test(t, func(t *testing.T) {
				logger, text := logTo()
				pool := s.pool(t, hostpool.WithStore(inOrder(hostpool.NewMemoryStore())), hostpool.WithLogger(logger))
				_, err := pool.Schedule(t.Context(), nil)
				for _, target := range tt.is {
					assert.ErrorIs(t, err, target)
				}
				assert.Equal(t, tt.is == nil, err == nil)
				assert.Equal(t, slices.Contains(tt.is, hostpool.ErrNoneFree), errors.Is(err, hostpool.ErrNoneFree))

				var want []string
				for i := range tt.tried {
					want = append(want, "query "+email(i), "schedule "+email(i))
				}
				assert.Equal(t, want, s.calls())
				for i := range tt.lost {
					assert.Equal(t, time.Now().Add(time.Minute), leases(t, pool)[email(i)].Expires)
				}
				assert.Len(t, held(t, pool), tt.tried)
				assert.Equal(t, tt.lost, strings.Count(text.String(),
					`level=WARN msg="iomeeting pool: outcome unknown" host=a0`), text)
			})
		})
	}
}

// TestP05LeaseRunsOut shows that the account is free again after a minute.
func TestP05LeaseRunsOut(t *testing.T) {
	s := newSite(t, 1)
	s.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop())
	synctest.Test(t, func(t *testing.T) {
		pool := s.pool(t)
		_, err := pool.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		assertFreeAfter(t, pool, time.Minute)
	})
}

// TestP06ServiceDown asks about one account, and gives it back.
func TestP06ServiceDown(t *testing.T) {
	s := newSite(t, 3)
	failing := func(err error) http.RoundTripper {
		return roundTrip(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	noHost := &net.DNSError{Err: "no such host", Name: "abc.iomeeting.cn", IsNotFound: true}
	gone := iomeetingtest.NewServer()
	gone.Close()
	at := func(url string) func(*testing.T) *iomeeting.Client {
		return func(t *testing.T) *iomeeting.Client {
			c, err := iomeeting.NewClient(url, iomeeting.WithRetries(0))
			require.NoError(t, err)
			return c
		}
	}
	answering := func(faults ...iomeetingtest.Fault) func(*testing.T) *iomeeting.Client {
		return func(*testing.T) *iomeeting.Client {
			s.FailNext(faults...)
			return s.client(nil)
		}
	}
	var op *net.OpError
	var dns *net.DNSError
	var response *iomeeting.ResponseError
	tests := []struct {
		name   string
		client func(*testing.T) *iomeeting.Client
		calls  int
		as     any
	}{
		{"500", answering(iomeetingtest.HTTPStatus(500)), 1, &response},
		{"503", answering(iomeetingtest.HTTPStatus(503)), 1, &response},
		{"garbage", answering(iomeetingtest.RawAnswer("<html>")), 1, &response},
		{"429 to Schedule", answering(iomeetingtest.Pass(), iomeetingtest.HTTPStatus(429)), 2, &response},
		{"connection refused", at(gone.URL), 0, &op},
		{"DNS", func(*testing.T) *iomeeting.Client { return s.client(failing(noHost)) }, 0, &dns},
		{"TLS", at(strings.Replace(s.URL, "http:", "https:", 1)), 0, nil},
	}
	for _, tt := range tests {
		for name, method := range methods {
			if tt.calls == 2 && name == "Start" {
				continue
			}
			t.Run(tt.name+" in "+name, func(t *testing.T) {
				before := len(s.calls())
				pool := newPool(t, tt.client(t), s.hosts)
				_, err := method(t.Context(), pool)
				assert.Error(t, err)
				assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
				assert.NotErrorIs(t, err, hostpool.ErrNoneFree)
				if tt.as != nil {
					assert.ErrorAs(t, err, tt.as)
				}
				assert.Len(t, s.calls()[before:], tt.calls)
				assert.Empty(t, held(t, pool))
			})
		}
	}
}

// TestP06WhileChecking has the service fail when it is asked about an expired
// lease. It is somebody else's, and stays.
func TestP06WhileChecking(t *testing.T) {
	s := newSite(t, 1)
	s.FailNext(iomeetingtest.HTTPStatus(500))
	synctest.Test(t, func(t *testing.T) {
		pool := s.pool(t, hostpool.WithStore(expired(t, s)))
		_, err := pool.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, iomeeting.ErrBadResponse)
		assert.Equal(t, "old", leases(t, pool)[email(0)].ID)
		assert.Len(t, s.calls(), 1)
	})
}

// expired returns a store that has an expired lease, "old", on every account.
func expired(t *testing.T, s *site) *hooked {
	t.Helper()
	store := inOrder(hostpool.NewMemoryStore())
	for _, host := range s.hosts {
		_, err := store.Take(t.Context(), []string{host.Email}, "old", time.Minute)
		require.NoError(t, err)
	}
	time.Sleep(time.Minute)
	return store
}

// TestP07ContextEnds has the context canceled at each step of a call.
func TestP07ContextEnds(t *testing.T) {
	type world struct {
		cancel    context.CancelFunc
		store     *hooked
		transport http.RoundTripper
	}
	afterResponse := func(w *world, schedule bool) {
		w.transport = around(nil, func(r *http.Request) error {
			if isSchedule(r) != schedule {
				return nil
			}
			w.cancel()
			return r.Context().Err()
		})
	}
	tests := []struct {
		name  string
		setUp func(*world)
		calls []string
		is    []error
		held  bool
	}{
		{"before the call", func(w *world) { w.cancel() }, nil, []error{context.Canceled}, false},
		{"in Take", func(w *world) {
			w.store.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
				defer w.cancel()
				return w.store.Store.Take(ctx, hosts, id, d)
			}
		}, nil, []error{context.Canceled}, false},
		{"in Query", func(w *world) { afterResponse(w, false) }, []string{"query"}, []error{context.Canceled}, false},
		{"before Schedule is sent", func(w *world) {
			w.transport = around(func(r *http.Request) error {
				if isSchedule(r) {
					w.cancel()
				}
				return r.Context().Err()
			}, nil)
		}, []string{"query"}, []error{context.Canceled}, false},
		{"once Schedule is sent", func(w *world) { afterResponse(w, true) },
			[]string{"query", "schedule"}, []error{context.Canceled, iomeeting.ErrOutcomeUnknown}, true},
		{"in Renew", func(w *world) {
			w.store.renew = func(ctx context.Context, host, id string, d time.Duration) error {
				w.cancel()
				return w.store.Store.Renew(ctx, host, id, d)
			}
		}, []string{"query", "schedule"}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, 3)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w := &world{cancel: cancel, store: newHooked()}
			tt.setUp(w)
			_, err := s.poolOver(t, w.transport, hostpool.WithStore(w.store)).Schedule(ctx, nil)
			for _, target := range tt.is {
				assert.ErrorIs(t, err, target)
			}
			assert.Equal(t, tt.is == nil, err == nil)
			assert.Equal(t, slices.Contains(tt.is, iomeeting.ErrOutcomeUnknown), errors.Is(err, iomeeting.ErrOutcomeUnknown))
			var calls []string
			for _, call := range s.calls() {
				calls = append(calls, strings.Fields(call)[0])
			}
			assert.Equal(t, tt.calls, calls)
			leases, err := w.store.List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.held, len(leases) == 1)
		})
	}
}

// TestP07HangingStore shows that a call whose context has ended does not wait for
// the store for longer than 5 seconds.
func TestP07HangingStore(t *testing.T) {
	s := newSite(t, 1)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store := newHooked()
		transport := around(func(*http.Request) error {
			store.hang()
			cancel()
			return ctx.Err()
		}, nil)
		logger, text := logTo()
		start := time.Now()
		_, err := s.poolOver(t, transport, hostpool.WithStore(store), hostpool.WithLogger(logger)).Schedule(ctx, nil)
		assert.ErrorIs(t, err, context.Canceled)
		assert.LessOrEqual(t, time.Since(start), 5*time.Second)
		assert.Contains(t, text.String(), `level=WARN msg="iomeeting pool: lease not released" host=a00@example.com lease=ID error="iomeeting: release a lease: `)
	})
}

// TestP08ToP10Crash kills a server by a panic, which runs no code of the pool that
// a real crash would not run: the pool never recovers.
func TestP08ToP10Crash(t *testing.T) {
	const startWithin = 7 * time.Minute
	tests := []struct {
		name  string
		crash func(*hooked)
		calls int // that the service gets before the crash
		free  time.Duration
	}{
		{"P8 after Take", func(s *hooked) {
			s.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
				_, _ = s.Store.Take(ctx, hosts, id, d)
				panic("crash")
			}
		}, 0, time.Minute},
		{"P9 after Schedule", func(s *hooked) {
			s.renew = func(context.Context, string, string, time.Duration) error { panic("crash") }
		}, 2, time.Minute},
		{"P10 after Renew", func(s *hooked) {
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

func TestP11StoreDownAtTake(t *testing.T) {
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

// TestP12StoreDownAtRenew returns no meeting. The account is free after a minute.
func TestP12StoreDownAtRenew(t *testing.T) {
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

// TestP12StoreDownInAMeeting has the store fail when it is told that an account is
// in a meeting.
func TestP12StoreDownInAMeeting(t *testing.T) {
	s := newSite(t, 2)
	s.start(t, 0)
	store := inOrder(hostpool.NewMemoryStore())
	store.renew = func(context.Context, string, string, time.Duration) error { return errDown }
	_, err := s.pool(t, hostpool.WithStore(store)).Schedule(t.Context(), nil)
	assert.ErrorIs(t, err, errDown)
	assert.Equal(t, []string{"query " + email(0)}, s.calls()[1:])
}

func TestP13StoreDownAtTheEnd(t *testing.T) {
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
	assert.Equal(t, []string{"booking 7"}, ends.told())
	assert.Equal(t, `level=WARN msg="iomeeting pool: lease not released" host=a00@example.com lease=ID error="iomeeting: release a lease: connection refused"`+"\n", text.String())
}

// TestP13HangingStore has the service wait for a response for less time than the
// 5 seconds of iomeetingtest. The account comes back when its lease has expired.
func TestP13HangingStore(t *testing.T) {
	s := newSite(t, 1)
	synctest.Test(t, func(t *testing.T) {
		store := newHooked()
		pool := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))
		_, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: "http://127.0.0.1:1/", OperatorID: "booking 7"})
		require.NoError(t, err)
		ends := &ends{ids: make(chan string, 1)}
		store.hang()
		start := time.Now()
		assert.Equal(t, http.StatusOK, post(pool.EndHandler(ends.onEnd), s.operatorIDs()[0]))
		assert.Less(t, time.Since(start), 5*time.Second)
		assert.Equal(t, []string{"booking 7"}, ends.told())

		store.recover()
		assertFreeAfter(t, pool, 15*time.Minute-time.Since(start))
	})
}

// TestP14StoreForgets shows that meetings in progress go on.
func TestP14StoreForgets(t *testing.T) {
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

// TestP15StandStill stops the process for a while at several places: the store or
// the transport sleep without regard to a context.
func TestP15StandStill(t *testing.T) {
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
					var calls []string
					for _, call := range s.calls() {
						calls = append(calls, strings.Fields(call)[0])
					}
					assert.Equal(t, tt.calls[name], calls)
				})
			})
		}
	}
}

// TestP15StandStillWhileChecking stops the process between Take and the question
// about an expired lease.
func TestP15StandStillWhileChecking(t *testing.T) {
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

// TestP15StandStillAtTheStore has Renew return late: the lease may have expired
// before it was extended, and another server may be about to release it.
func TestP15StandStillAtTheStore(t *testing.T) {
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

// TestP16EndBeforeTheResponse ends a meeting before its Schedule has returned.
// Another server may have leased the account by then.
func TestP16EndBeforeTheResponse(t *testing.T) {
	for _, taken := range []bool{false, true} {
		t.Run(fmt.Sprintf("taken by another: %t", taken), func(t *testing.T) {
			s := newSite(t, 1)
			store := hostpool.NewMemoryStore()
			other := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))
			ends := newEnds(t, other)
			var theirs hostpool.Meeting
			pool := s.poolOver(t, around(nil, func(r *http.Request) error {
				if !isSchedule(r) {
					return nil
				}
				assert.NoError(t, s.EndMeeting("000001"))
				if taken {
					var err error
					theirs, err = other.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL})
					assert.NoError(t, err)
					open(t, theirs.StartLink)
				}
				return nil
			}), hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))

			_, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL, OperatorID: "booking 7"})
			assert.ErrorIs(t, err, hostpool.ErrLeaseLost)
			assert.Equal(t, []string{"booking 7"}, ends.told())
			assert.Equal(t, theirs.MeetingID, s.meeting(t, s.hosts[0]))
			assert.Equal(t, taken, len(held(t, other)) == 1)
		})
	}
}

// TestP17Ends POSTs operator IDs to the handler after the account was leased to a
// second meeting, whose lease stays.
func TestP17Ends(t *testing.T) {
	s := newSite(t, 1)
	pool := s.pool(t, hostpool.WithEndSigner(signer(t)))
	ends := newEnds(t, pool)
	handler := pool.EndHandler(ends.onEnd)
	opts := &iomeeting.ScheduleOptions{EndURL: ends.URL, OperatorID: "booking\n7:会"}
	first, err := pool.Schedule(t.Context(), opts)
	require.NoError(t, err)
	require.NoError(t, s.EndMeeting(first.MeetingID))
	assert.Equal(t, []string{"booking\n7:会"}, ends.told())
	assert.Empty(t, held(t, pool))
	second, err := pool.Schedule(t.Context(), opts)
	require.NoError(t, err)
	replay := s.operatorIDs()[0]

	other, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("other", 7)))
	require.NoError(t, err)
	lease := "hostpool lease\n" + second.Lease + "\nforged"
	tests := []struct {
		name, operatorID string
		status           int
		told             []string
	}{
		{"told twice", replay, http.StatusOK, []string{"booking\n7:会"}},
		{"forged", lease, http.StatusForbidden, nil},
		{"signed by somebody else", other.Sign(lease), http.StatusForbidden, nil},
		{"signed without a lease", signer(t).Sign("booking 7"), http.StatusOK, []string{"booking 7"}},
		{"signed without a lease, empty", signer(t).Sign(""), http.StatusOK, []string{""}},
		{"signed with half a lease", signer(t).Sign("hostpool lease\nhalf"), http.StatusOK, []string{""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.status, post(handler, tt.operatorID))
			assert.Equal(t, tt.told, ends.told())
			assert.Equal(t, second.Lease, leases(t, pool)[email(0)].String())
		})
	}
}

// TestP18EndNeverTold has a meeting in progress beyond its lease, and then over
// without notice. The pool asks only when it needs the account, and not more often
// than CheckEvery.
func TestP18EndNeverTold(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, hostpool.WithStartWithin(20*time.Minute), hostpool.WithCheckEvery(3*time.Minute))
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				open(t, meeting.StartLink)
				id := s.meeting(t, meeting.Host)
				before := s.count("query")

				time.Sleep(time.Until(meeting.StartBy) - 1)
				assertNone(t, s, pool, before)
				time.Sleep(time.Nanosecond)
				assertNone(t, s, pool, before+1)
				assert.Equal(t, time.Now().Add(3*time.Minute), leases(t, pool)[email(0)].Expires)
				assert.Equal(t, meeting.Lease, leases(t, pool)[email(0)].String())
				require.NoError(t, s.EndMeeting(id))

				time.Sleep(3*time.Minute - 1)
				assertNone(t, s, pool, before+1)
				time.Sleep(time.Nanosecond)
				again, err := method(t.Context(), pool)
				assert.NoError(t, err)
				assert.NotEqual(t, meeting.Lease, again.Lease)
				assert.Equal(t, before+3, s.count("query"), "one about the lease, one before the meeting")
			})
		})
	}
}

// assertNone checks that no account is free, and how many queries that took.
func assertNone(t *testing.T, s *site, pool *hostpool.Pool, queries int) {
	t.Helper()
	_, err := pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err)
	assert.Equal(t, queries, s.count("query"))
}

// TestP19NeverStarted has a lease run out. Its owner can extend it until then, and
// even later as long as nobody needs the account.
func TestP19NeverStarted(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t)
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				assert.Equal(t, time.Now().Add(15*time.Minute), meeting.StartBy)
				assert.Equal(t, meeting.StartBy, leases(t, pool)[email(0)].Expires)

				time.Sleep(15 * time.Minute)
				require.NoError(t, pool.Renew(t.Context(), meeting.Lease, time.Hour))
				assertFreeAfter(t, pool, time.Hour)
				assert.ErrorIs(t, pool.Renew(t.Context(), meeting.Lease, time.Hour), hostpool.ErrLeaseLost)
				assert.ErrorIs(t, pool.Release(t.Context(), meeting.Lease), hostpool.ErrLeaseLost)
			})
		})
	}
}

// TestP20DifferentLists has two servers share one of their two accounts. An
// expired lease of an account that a server does not have is left alone.
func TestP20DifferentLists(t *testing.T) {
	s := newSite(t, 3)
	synctest.Test(t, func(t *testing.T) {
		store := inOrder(hostpool.NewMemoryStore())
		one := newPool(t, s.client(nil), s.hosts[:2], hostpool.WithStore(store))
		two := newPool(t, s.client(nil), s.hosts[1:], hostpool.WithStore(store))
		for range 2 {
			_, err := one.Schedule(t.Context(), nil)
			require.NoError(t, err)
		}
		meeting, err := two.Schedule(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, email(2), meeting.Host.Email)
		_, err = two.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, hostpool.ErrNoneFree)
		first := leases(t, one)[email(0)]

		time.Sleep(15 * time.Minute)
		for range 2 {
			_, err = two.Schedule(t.Context(), nil)
			assert.NoError(t, err)
		}
		_, err = two.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, hostpool.ErrNoneFree)
		assert.Equal(t, first, leases(t, two)[email(0)])
		assert.Equal(t, []string{"query " + email(0), "schedule " + email(0)}, s.calls()[:2])
		assert.NotContains(t, strings.Join(s.calls()[2:], "\n"), email(0))
	})
}

// TestP21Clocks has the store's clock differ from the pool's.
func TestP21Clocks(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, hostpool.WithStore(skewed(hostpool.NewMemoryStore(), skew)))
				meeting, err := pool.Schedule(t.Context(), nil)
				require.NoError(t, err)
				assert.Equal(t, time.Now().Add(15*time.Minute), meeting.StartBy)
				assert.Equal(t, meeting.StartBy.Add(skew), leases(t, pool)[email(0)].Expires)
				open(t, meeting.StartLink)
				time.Sleep(15*time.Minute - 1)
				assertNone(t, s, pool, 1)
				time.Sleep(time.Nanosecond)
				assertNone(t, s, pool, 2)
				require.NoError(t, s.EndMeeting(meeting.MeetingID))
				assertFreeAfter(t, pool, time.Minute)
			})
		})
	}
}

func TestP22OnEndFails(t *testing.T) {
	for name, onEnd := range map[string]func(context.Context, string) error{
		"error": func(context.Context, string) error { return errors.New("canary") },
		"panic": func(context.Context, string) error { panic("canary") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			pool := s.pool(t, hostpool.WithEndSigner(signer(t)))
			_, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: "http://127.0.0.1:1/"})
			require.NoError(t, err)
			assert.Equal(t, http.StatusInternalServerError, post(pool.EndHandler(onEnd), s.operatorIDs()[0]))
			assert.Empty(t, held(t, pool))
		})
	}
}

func TestP23TakeTwice(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 3)
			store := newHooked()
			store.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
				_, _ = store.Store.Take(ctx, hosts, id, d)
				return store.Store.Take(ctx, hosts, id, d)
			}
			pool := s.pool(t, hostpool.WithStore(store))
			meeting, err := method(t.Context(), pool)
			require.NoError(t, err)
			assert.Equal(t, []string{meeting.Host.Email}, held(t, pool))
			assert.Equal(t, 1, s.count("query"))
		})
	}
}

// strange are email addresses that a careless store or lease confuses.
var strange = []string{
	"alice@example.com", "Alice@example.com", "ALICE@EXAMPLE.COM", "alice@example.com ",
	`o'hara@example.com`, `"quo\"ted"@example.com`, "100%@example.com", "100_@example.com", `back\slash@example.com`,
	"会议@例子.广告", "é@example.com", "e\u0301@example.com", "a:b@example.com", ":", "a&b=c+d@example.com",
	strings.Repeat("x", 308) + "@example.com",
}

func TestP24StrangeEmails(t *testing.T) {
	hosts := make([]iomeeting.Host, len(strange))
	for i, email := range strange {
		hosts[i] = iomeeting.Host{Email: email, Password: iomeeting.NewSecret("1")}
	}
	s := &site{iomeetingtest.NewServer(hosts...), hosts}
	t.Cleanup(s.Close)
	pool := s.pool(t, hostpool.WithEndSigner(signer(t)))
	ends := newEnds(t, pool)
	meetings := make(map[string]hostpool.Meeting)
	for range hosts {
		meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL})
		require.NoError(t, err)
		meetings[meeting.Host.Email] = meeting
	}
	_, err := pool.Schedule(t.Context(), nil)
	assert.ErrorIs(t, err, hostpool.ErrNoneFree)
	assert.Len(t, meetings, len(hosts))
	for i, email := range strange {
		assert.NoError(t, pool.Renew(t.Context(), meetings[email].Lease, time.Minute), email)
		assert.Equal(t, meetings[email].Lease, leases(t, pool)[email].String(), email)
		host, ok := pool.Host(email)
		assert.Equal(t, hosts[i], host)
		assert.True(t, ok)
		require.NoError(t, s.EndMeeting(meetings[email].MeetingID), email)
		assert.NotContains(t, leases(t, pool), email)
		assert.Len(t, leases(t, pool), len(strange)-i-1)
	}
}

// TestP25New passes arguments that cannot be used.
func TestP25New(t *testing.T) {
	s := newSite(t, 2)
	host := func(email, password string) []iomeeting.Host {
		return []iomeeting.Host{s.hosts[0], {Email: email, Password: iomeeting.NewSecret(password)}}
	}
	tests := []struct {
		name   string
		client *iomeeting.Client
		hosts  []iomeeting.Host
		opt    hostpool.Option
		param  string
	}{
		{"nil client", nil, s.hosts, nil, "client"},
		{"client that NewClient did not make", new(iomeeting.Client), s.hosts, nil, "site"},
		{"no hosts", s.client(nil), nil, nil, "hosts"},
		{"one host twice", s.client(nil), host(email(0), "canary"), nil, "hosts"},
		{"empty email", s.client(nil), host("", "canary"), nil, "hostEmail"},
		{"line break in an email", s.client(nil), host("a\nb", "canary"), nil, "hostEmail"},
		{"long email", s.client(nil), host(strings.Repeat("x", 321), "canary"), nil, "hostEmail"},
		{"empty password", s.client(nil), host(email(1), ""), nil, "hostPassword"},
		{"nil option", s.client(nil), s.hosts, nil, "option"},
		{"nil store", s.client(nil), s.hosts, hostpool.WithStore(nil), "store"},
		{"nil signer", s.client(nil), s.hosts, hostpool.WithEndSigner(nil), "endSigner"},
		{"nil logger", s.client(nil), s.hosts, hostpool.WithLogger(nil), "logger"},
		{"no time to start", s.client(nil), s.hosts, hostpool.WithStartWithin(0), "startWithin"},
		{"negative time to start", s.client(nil), s.hosts, hostpool.WithStartWithin(-1), "startWithin"},
		{"no time between checks", s.client(nil), s.hosts, hostpool.WithCheckEvery(0), "checkEvery"},
		{"negative time between checks", s.client(nil), s.hosts, hostpool.WithCheckEvery(-1), "checkEvery"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pool, err := hostpool.New(tt.client, tt.hosts, tt.opt)
			assert.Nil(t, pool)
			assertParameter(t, tt.param, err)
		})
	}
	assert.Empty(t, s.Requests())
}

func assertParameter(t *testing.T, param string, err error) {
	t.Helper()
	var parameter *iomeeting.ParameterError
	if assert.ErrorAs(t, err, &parameter) {
		assert.Equal(t, param, parameter.Param)
	}
	assert.NotContains(t, fmt.Sprint(err), "canary")
}

// TestP25Calls passes arguments that cannot be used to a pool. Neither the service
// nor the store hears of it.
func TestP25Calls(t *testing.T) {
	s := newSite(t, 1)
	store := newHooked()
	store.failWith(func(context.Context) error { t.Error("the store was asked"); return errDown })
	pool := s.pool(t, hostpool.WithStore(store))
	signing := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))
	zero := new(hostpool.Pool)
	var noContext context.Context
	schedule := func(ctx context.Context, p *hostpool.Pool, opts iomeeting.ScheduleOptions) error {
		_, err := p.Schedule(ctx, &opts)
		return err
	}
	start := func(ctx context.Context, p *hostpool.Pool, opts iomeeting.StartOptions) error {
		_, err := p.Start(ctx, &opts)
		return err
	}
	list := func(ctx context.Context, p *hostpool.Pool) error {
		_, err := p.Leases(ctx)
		return err
	}
	const url, lease = "https://example.com/ended", "ID:a00@example.com"
	tests := []struct {
		name, param string
		err         error
	}{
		{"EndURL without a signer", "meetingEndUrl", schedule(t.Context(), pool, iomeeting.ScheduleOptions{EndURL: url})},
		{"bad EndURL", "meetingEndUrl", schedule(t.Context(), signing, iomeeting.ScheduleOptions{EndURL: "canary"})},
		{"bad meeting password", "meetingPassword", schedule(t.Context(), signing, iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret("canary\n")})},
		{"bad meeting password with an EndURL", "meetingPassword", schedule(t.Context(), signing, iomeeting.ScheduleOptions{EndURL: url, MeetingPassword: iomeeting.NewSecret("canary\n")})},
		{"long operator ID", "operatorId", schedule(t.Context(), signing, iomeeting.ScheduleOptions{EndURL: url, OperatorID: strings.Repeat("x", 2001)})},
		{"bad operator ID that is not signed", "operatorId", schedule(t.Context(), signing, iomeeting.ScheduleOptions{OperatorID: "canary\n"})},
		{"bad title", "title", start(t.Context(), pool, iomeeting.StartOptions{Title: "\xff"})},
		{"Schedule without a context", "ctx", schedule(noContext, pool, iomeeting.ScheduleOptions{})},
		{"Start without a context", "ctx", start(noContext, pool, iomeeting.StartOptions{})},
		{"Leases without a context", "ctx", list(noContext, pool)},
		{"Renew without a context", "ctx", pool.Renew(noContext, lease, 1)},
		{"Release without a context", "ctx", pool.Release(noContext, lease)},
		{"Renew for no time", "d", pool.Renew(t.Context(), lease, 0)},
		{"Renew for negative time", "d", pool.Renew(t.Context(), lease, -1)},
		{"Renew of no lease", "lease", pool.Renew(t.Context(), "canary", 1)},
		{"Renew of a lease without an ID", "lease", pool.Renew(t.Context(), ":canary", 1)},
		{"Renew of a lease without an account", "lease", pool.Renew(t.Context(), "canary:", 1)},
		{"Release of no lease", "lease", pool.Release(t.Context(), "")},
		{"Schedule of a zero Pool", "pool", schedule(t.Context(), zero, iomeeting.ScheduleOptions{})},
		{"Start of a zero Pool", "pool", start(t.Context(), zero, iomeeting.StartOptions{})},
		{"Leases of a zero Pool", "pool", list(t.Context(), zero)},
		{"Renew of a zero Pool", "pool", zero.Renew(t.Context(), lease, 1)},
		{"Release of a zero Pool", "pool", zero.Release(t.Context(), lease)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assertParameter(t, tt.param, tt.err) })
	}
	_, ok := zero.Host(email(0))
	assert.False(t, ok)
	assert.Empty(t, s.Requests())
}

func TestP25EndHandler(t *testing.T) {
	s := newSite(t, 1)
	onEnd := func(context.Context, string) error { return nil }
	assert.Panics(t, func() { s.pool(t).EndHandler(onEnd) }, "without a signer")
	assert.Panics(t, func() { s.pool(t, hostpool.WithEndSigner(signer(t))).EndHandler(nil) }, "without onEnd")
	assert.Panics(t, func() { new(hostpool.Pool).EndHandler(onEnd) }, "of a zero Pool")
}
