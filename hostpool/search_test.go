package hostpool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// answering is a transport in front of a service that answers every call alike.
// It counts the calls, and fails after 1,000.
type answering struct {
	answer string
	calls  atomic.Int64
}

func (a *answering) RoundTrip(*http.Request) (*http.Response, error) {
	if a.calls.Add(1) > 1000 {
		return nil, errors.New("too many calls")
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(a.answer))}, nil
}

// bigPool returns a pool of n accounts of a service that answers alike.
func bigPool(t *testing.T, n int, service *answering, opts ...hostpool.Option) (*hostpool.Pool, []string) {
	t.Helper()
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn", iomeeting.WithHTTPClient(&http.Client{Transport: service}))
	require.NoError(t, err)
	hosts := make([]iomeeting.Host, n)
	emails := make([]string, n)
	for i := range hosts {
		emails[i] = fmt.Sprintf("%05d@example.com", i)
		hosts[i] = iomeeting.Host{Email: emails[i], Password: iomeeting.NewSecret("1")}
	}
	return newPool(t, client, hosts, opts...), emails
}

const (
	available = "0,,"
	inMeeting = "3,000001,"
)

// TestSearchOffersAll has every account leased. All are offered, each of them
// once, in windows of a bounded size.
func TestSearchOffersAll(t *testing.T) {
	for _, n := range []int{1, 2, 31, 32, 33, 97, 1000, 10_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var w windows
			store := newHooked()
			store.take = func(context.Context, []string, string, time.Duration) (hostpool.Lease, error) {
				return hostpool.Lease{}, hostpool.ErrNoneFree
			}
			service := new(answering)
			pool, emails := bigPool(t, n, service, hostpool.WithStore(w.of(store)))
			_, err := pool.Schedule(t.Context(), nil)
			assert.Equal(t, hostpool.ErrNoneFree, err)
			assert.Zero(t, service.calls.Load())

			assert.Len(t, w.all[0], min(n, 32))
			for _, window := range w.all {
				assert.NotEmpty(t, window)
				assert.LessOrEqual(t, len(window), 1024)
			}
			offered := slices.Concat(w.all...)
			assert.Len(t, offered, n)
			slices.Sort(offered)
			assert.Equal(t, emails, offered)
		})
	}
}

// TestSearchStartsAnywhere shows that searches differ, and that one which finds an
// account offers no second window.
func TestSearchStartsAnywhere(t *testing.T) {
	var w windows
	pool, emails := bigPool(t, 10_000, &answering{answer: available}, hostpool.WithStore(w.of(hostpool.NewMemoryStore())))
	for range 2 {
		_, err := pool.Start(t.Context(), nil)
		require.NoError(t, err)
	}
	require.Len(t, w.all, 2)
	assert.NotEqual(t, w.all[0], w.all[1])
	for _, window := range w.all {
		assert.Len(t, window, 32)
		first := slices.Index(emails, window[0])
		var inSequence []string
		for i := range window {
			inSequence = append(inSequence, emails[(first+i)%len(emails)])
		}
		assert.NotEqual(t, inSequence, window)
	}
}

// TestSearchLearns shows that searches begin with larger windows if few accounts
// are free, and with small ones again when many are.
func TestSearchLearns(t *testing.T) {
	var w windows
	store, nth := newHooked(), 100 // the first free account of each window
	store.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
		if len(hosts) < nth {
			return hostpool.Lease{}, hostpool.ErrNoneFree
		}
		return store.Store.Take(ctx, hosts[nth-1:], id, d)
	}
	pool, _ := bigPool(t, 10_000, &answering{answer: available}, hostpool.WithStore(w.of(store)))
	sizes := func() (sizes []int) {
		w.all = nil
		meeting, err := pool.Start(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, pool.Release(t.Context(), meeting.Lease))
		for _, window := range w.all {
			sizes = append(sizes, len(window))
		}
		return sizes
	}
	assert.Equal(t, []int{32, 64, 128}, sizes())
	for range 50 {
		sizes()
	}
	assert.Equal(t, []int{256}, sizes())
	nth = 1
	for range 50 {
		sizes()
	}
	assert.Equal(t, []int{32}, sizes())
}

// TestSearchLearnsNothingFromChecks has every lease expired. Of the accounts that a
// call checks, three are in a meeting. A larger window would not save any of these
// checks.
func TestSearchLearnsNothingFromChecks(t *testing.T) {
	const n = 2000
	synctest.Test(t, func(t *testing.T) {
		var w windows
		service := &answering{answer: inMeeting}
		store := &hooked{Store: expiredLeases(t, n)}
		checks := 0 // of this call, by their Takes
		store.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
			lease, err := store.Store.Take(ctx, hosts, id, d)
			if checks++; checks > 3 {
				service.answer = available
			}
			return lease, err
		}
		pool, _ := bigPool(t, n, service, hostpool.WithStore(w.of(store)))
		for range 20 {
			w.all, checks, service.answer = nil, 0, inMeeting
			meeting, err := pool.Start(t.Context(), nil)
			require.NoError(t, err)
			require.Len(t, w.all[0], 32)
			require.Equal(t, 5, checks, "three in a meeting, one that is not, and the lease on it")
			require.NoError(t, pool.Renew(t.Context(), meeting.Lease, time.Minute))
			time.Sleep(time.Minute) // all leases expire
		}
	})
}

// TestSearchChecksSixteen has every account in a meeting and every lease expired.
// A call checks 16 of them at most.
func TestSearchChecksSixteen(t *testing.T) {
	for _, n := range []int{1, 16, 17, 40, 1000} {
		for name, method := range methods {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					service := &answering{answer: inMeeting}
					pool, _ := bigPool(t, n, service, hostpool.WithStore(expiredLeases(t, n)), hostpool.WithCheckEvery(3*time.Minute))
					_, err := method(t.Context(), pool)
					assert.Equal(t, hostpool.ErrNoneFree, err)
					assert.Equal(t, min(n, 16), int(service.calls.Load()))
					assert.Equal(t, min(n, 16), heldFor(t, pool, 3*time.Minute))
					assert.Equal(t, n-min(n, 16), heldFor(t, pool, 0))
				})
			})
		}
	}
}

// expiredLeases returns a store with expired leases on the accounts of a big pool.
func expiredLeases(t *testing.T, n int) hostpool.Store {
	t.Helper()
	store := hostpool.NewMemoryStore()
	for i := range n {
		_, err := store.Take(t.Context(), []string{fmt.Sprintf("%05d@example.com", i)}, "old", time.Minute)
		require.NoError(t, err)
	}
	time.Sleep(time.Minute)
	return store
}

// heldFor returns how many leases expire after d from now; 0 stands for those that
// have expired.
func heldFor(t *testing.T, pool *hostpool.Pool, d time.Duration) (n int) {
	t.Helper()
	all, err := pool.Leases(t.Context())
	require.NoError(t, err)
	for _, lease := range all {
		if max(0, time.Until(lease.Expires)) == d {
			n++
		}
	}
	return n
}

// TestSearchAfterTheChecks has more windows than a call offers before its 16 checks
// are used up. The rest are still offered, without checks: an expired lease among
// them is left to expire, and a free account is found.
func TestSearchAfterTheChecks(t *testing.T) {
	const n = 16_000
	for _, free := range []bool{false, true} {
		t.Run(fmt.Sprintf("a free account: %t", free), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w windows
				store := expiredLeases(t, n)
				service := &answering{answer: inMeeting}
				recorded := w.of(store)
				pool, emails := bigPool(t, n, service, hostpool.WithStore(recorded))
				take := recorded.take
				recorded.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
					if len(w.all) == 18 && free {
						service.answer = available
						require.NoError(t, store.Release(ctx, hosts[0], "old"))
					}
					return take(ctx, hosts, id, d)
				}
				meeting, err := pool.Start(t.Context(), nil)
				if free {
					assert.NoError(t, err)
					assert.Equal(t, w.all[18][0], meeting.Host.Email)
					assert.Equal(t, 17, int(service.calls.Load()))
					return
				}
				assert.Equal(t, hostpool.ErrNoneFree, err)
				assert.Equal(t, 16, int(service.calls.Load()))
				offered := slices.Concat(w.all...)
				slices.Sort(offered)
				assert.Equal(t, emails, offered)
				assert.Greater(t, len(w.all), 18)
				assert.Equal(t, 16, heldFor(t, pool, time.Minute))
				time.Sleep(time.Millisecond)
				assert.Equal(t, n-16, heldFor(t, pool, 0))
			})
		})
	}
}

// TestSearchPassesByMeetings has all but one account of a window in meetings, with
// expired leases. The last one is found by further checks.
func TestSearchPassesByMeetings(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 16)
			synctest.Test(t, func(t *testing.T) {
				for i := range 15 {
					s.start(t, i)
				}
				before := s.count("query")
				pool := s.pool(t, hostpool.WithStore(expired(t, s)))
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				assert.Equal(t, email(15), meeting.Host.Email)
				assert.Equal(t, 17, s.count("query")-before, "one about each lease, one before the meeting")
			})
		})
	}
}

// TestSearchLosesToAnEnd has the service notify another server while the pool
// checks an expired lease. The account is then free.
func TestSearchLosesToAnEnd(t *testing.T) {
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("in a meeting: %t", running), func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				store := expired(t, s)
				id := ""
				if running {
					id = s.start(t, 0)
				}
				released := false
				transport := around(nil, func(*http.Request) error {
					if !released {
						released = true
						if running {
							assert.NoError(t, s.EndMeeting(id))
						}
						assert.NoError(t, store.Release(t.Context(), email(0), "old"))
					}
					return nil
				})
				pool := s.poolOver(t, transport, hostpool.WithStore(store))
				_, err := pool.Schedule(t.Context(), nil)
				if running {
					assert.Equal(t, hostpool.ErrNoneFree, err) // it was in a meeting a moment ago
					_, err = pool.Schedule(t.Context(), nil)
				}
				assert.NoError(t, err)
			})
		})
	}
}

// TestBrokenStores has stores that break the rules. No call panics, runs forever or
// sends many requests.
func TestBrokenStores(t *testing.T) {
	const notOffered = "iomeeting: take a lease: the store returned an account that it was not offered"
	returning := func(lease hostpool.Lease) func(*hooked) {
		return func(s *hooked) {
			s.take = func(_ context.Context, _ []string, id string, _ time.Duration) (hostpool.Lease, error) {
				if lease.ID == "its own" {
					lease.ID = id
				}
				return lease, nil
			}
		}
	}
	tests := []struct {
		name    string
		breaks  func(*hooked)
		answer  string
		err     string
		queries int
	}{
		{"the zero lease", returning(hostpool.Lease{}), available, notOffered, 0},
		{"an account that was not offered", returning(hostpool.Lease{Host: "x@example.com", ID: "its own"}), available, notOffered, 0},
		{"an expired lease that was not offered", returning(hostpool.Lease{Host: "x@example.com", ID: "old"}), available, notOffered, 0},
		{"an account in other letters", returning(hostpool.Lease{Host: "00000@EXAMPLE.com", ID: "its own"}), available, notOffered, 0},
		{"an expired lease that never goes away", returning(hostpool.Lease{Host: "00000@example.com"}), available, "iomeeting: no host account is free", 16},
		{"an expired lease of a meeting without end", returning(hostpool.Lease{Host: "00000@example.com"}), inMeeting, notOffered, 1},
		{"an expired lease that never goes away, and the password is wrong", returning(hostpool.Lease{Host: "00000@example.com"}), "2,,", notOffered, 1},
		{"forgets at once", func(s *hooked) {
			s.take = func(_ context.Context, hosts []string, id string, _ time.Duration) (hostpool.Lease, error) {
				return hostpool.Lease{Host: hosts[0], ID: id}, nil
			}
		}, inMeeting, "iomeeting: no host account is free", 3},
		{"forgets at once, and the password is wrong", func(s *hooked) {
			s.take = func(_ context.Context, hosts []string, id string, _ time.Duration) (hostpool.Lease, error) {
				return hostpool.Lease{Host: hosts[0], ID: id}, nil
			}
		}, "2,,", "iomeeting: no host account is free; an account failed earlier: query: wrong host password", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := newHooked()
			tt.breaks(store)
			service := &answering{answer: tt.answer}
			pool, _ := bigPool(t, 3, service, hostpool.WithStore(store))
			_, err := pool.Start(t.Context(), nil)
			assert.EqualError(t, err, tt.err)
			assert.Equal(t, tt.queries, int(service.calls.Load()))
		})
	}
}
