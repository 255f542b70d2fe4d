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

// The tests in the files faults*_test.go are the list of faults that this package
// promises to survive. They count what the service receives.

// methods are the two ways to get a meeting.
var methods = map[string]func(context.Context, *hostpool.Pool) (hostpool.Meeting, error){
	"Schedule": func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) { return p.Schedule(ctx, nil) },
	"Start":    func(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) { return p.Start(ctx, nil) },
}

// TestConcurrentCalls has as many concurrent callers as there are accounts. Each of
// them gets one.
func TestConcurrentCalls(t *testing.T) {
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

// TestNoMeetingIsEnded has two servers start and end meetings on too few
// accounts. Each meeting is still in progress when its own host ends it.
func TestNoMeetingIsEnded(t *testing.T) {
	const servers, workers, rounds = 2, 4, 12
	s := newSite(t, 5)
	store := hostpool.NewMemoryStore()
	var wg sync.WaitGroup
	for i := range servers {
		pool := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))
		ends := newEnds(t, pool)
		for j := range workers {
			wg.Go(func() {
				for round := 0; round < rounds && !t.Failed(); {
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
					assert.NotEqual(t, meeting.Lease, leases(t, pool)[meeting.Host.Email].String())
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

// TestAllLeased shows that the pool sends nothing if every account has a lease.
func TestAllLeased(t *testing.T) {
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

// TestInAnotherMeeting shows that the pool leaves a meeting of somebody else alone,
// and tries the next account.
func TestInAnotherMeeting(t *testing.T) {
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

// TestRefused shows that the pool skips an account that the service refuses.
func TestRefused(t *testing.T) {
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
	assert.EqualError(t, err, "iomeeting: no host account is free; an account failed earlier: query: "+strings.TrimPrefix(want.Error(), "iomeeting: "))
}

// TestRefusedInOnePool has two pools, one of them with a wrong password. The other one
// uses the account.
func TestRefusedInOnePool(t *testing.T) {
	s := newSite(t, 1)
	store := hostpool.NewMemoryStore()
	wrong := newPool(t, s.client(nil), []iomeeting.Host{refusals["wrong password"].host}, hostpool.WithStore(store))
	_, err := wrong.Schedule(t.Context(), nil)
	assertRefused(t, iomeeting.ErrWrongPassword, err)
	_, err = s.pool(t, hostpool.WithStore(store)).Schedule(t.Context(), nil)
	assert.NoError(t, err)
}

// TestRefusedBySchedule has the service refuse the account in its second response.
func TestRefusedBySchedule(t *testing.T) {
	s := newSite(t, 2)
	s.FailNext(iomeetingtest.Pass(), iomeetingtest.RawAnswer("2,"))
	pool := s.pool(t, hostpool.WithStore(inOrder(hostpool.NewMemoryStore())))
	meeting, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, email(1), meeting.Host.Email)
	assert.Equal(t, []string{email(1)}, held(t, pool))
}

// TestRefusedWhileChecking has an expired lease of an account that the service
// refuses. Another server may have the right password, so the lease stays.
func TestRefusedWhileChecking(t *testing.T) {
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

// TestOutcomeUnknown has the service drop connections once it has scheduled a
// meeting. Two more accounts are tried at most.
func TestOutcomeUnknown(t *testing.T) {
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

// TestOutcomeUnknownThenAnotherError shows that no later error hides an unknown outcome.
func TestOutcomeUnknownThenAnotherError(t *testing.T) {
	tests := []struct {
		name  string
		fault iomeetingtest.Fault
		is    error
	}{
		{"an error of one account", iomeetingtest.HTTPStatus(404), iomeeting.ErrBadResponse},
		{"a refusal", iomeetingtest.RawAnswer("2,,"), hostpool.ErrNoneFree},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, 2)
			s.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop(), tt.fault)
			_, err := s.pool(t).Schedule(t.Context(), nil)
			assert.ErrorIs(t, err, tt.is)
			assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			assert.Equal(t, 1, strings.Count(err.Error(), "iomeeting: "), err)
		})
	}
}

// TestOutcomeUnknownUntilTheLeaseExpires shows that the account is free again after
// a minute.
func TestOutcomeUnknownUntilTheLeaseExpires(t *testing.T) {
	s := newSite(t, 1)
	s.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop())
	synctest.Test(t, func(t *testing.T) {
		pool := s.pool(t)
		_, err := pool.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		assertFreeAfter(t, pool, time.Minute)
	})
}

// TestServiceDown shows that the pool asks about one account, and gives it back.
func TestServiceDown(t *testing.T) {
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

// TestServiceDownWhileChecking has the service fail when it is asked about an expired
// lease. It is somebody else's, and stays.
func TestServiceDownWhileChecking(t *testing.T) {
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

// TestContextEnds has the context canceled at each step of a call.
func TestContextEnds(t *testing.T) {
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
			assert.Equal(t, tt.calls, s.kinds())
			leases, err := w.store.List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.held, len(leases) == 1)
		})
	}
}

// TestHangingStore shows that a call whose context has ended does not wait for
// the store for longer than 5 seconds.
func TestHangingStore(t *testing.T) {
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
