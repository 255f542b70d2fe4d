package modelcheck

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

const (
	startWithin = 2 * time.Minute
	checkEvery  = 20 * time.Second

	// These are constants of package hostpool.
	takeFor     = time.Minute
	leaveOutFor = 10 * time.Minute

	halfLease = takeFor/2 + time.Second // too long for a call on a new lease
)

// world is servers that share a store, the service, the hosts, and the order in
// which things happen.
type world struct {
	t *testing.T
	mood
	rng      *rand.Rand
	began    time.Time
	hosts    []iomeeting.Host
	store    hostpool.Store
	service  *service
	servers  []*server
	calls    int // of pools, to number the actors
	actors   []*actor
	last     *actor // the one that went on last; nil if time has passed since
	bookings []*booking
	reports  []*meeting // whose end was not reported, or may be reported again
	flights  []*flight
	steps    int
	count    map[string]int // how often something noteworthy happened

	mu       sync.Mutex
	names    map[string]string // of leases, by ID
	log      []string
	violated string // the first violation
}

// server is a pool with some of the accounts, and its handler of reports.
type server struct {
	hosts []iomeeting.Host
	pool  *hostpool.Pool
	ends  http.Handler
}

// newWorld returns a world in which what happens depends on the seed and the store.
func newWorld(t *testing.T, seed uint64, store hostpool.Store) *world {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := &world{
		t:     t,
		mood:  newMood(rng),
		rng:   rng,
		began: time.Now(),
		store: store,
		names: make(map[string]string),
		count: make(map[string]int),
	}
	w.service = &service{world: w, running: make(map[string]*meeting)}
	for i := range pick(rng, []int{1, 1, 1, 2, 3}) {
		w.hosts = append(w.hosts, iomeeting.Host{
			Email:    fmt.Sprintf("host%d@example.com", i+1),
			Password: iomeeting.NewSecret("password"),
		})
	}
	for range 2 {
		some := slices.Clone(w.hosts)
		if rng.IntN(4) == 0 {
			some = some[rng.IntN(len(some)):]
		}
		w.servers = append(w.servers, w.newServer(some))
	}
	return w
}

func (w *world) newServer(hosts []iomeeting.Host) *server {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn",
		iomeeting.WithHTTPClient(&http.Client{Transport: w.service}),
		iomeeting.WithTimeout(0), // that of the pool must be enough
		iomeeting.WithRetries(0)) // the wait before a retry does not depend on the seed
	require.NoError(w.t, err)
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("k", 32)))
	require.NoError(w.t, err)
	pool, err := hostpool.New(client, hosts,
		hostpool.WithStore(gatedStore{w.store, w}),
		hostpool.WithEndSigner(signer),
		hostpool.WithStartWithin(startWithin),
		hostpool.WithCheckEvery(checkEvery),
		hostpool.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(w.t, err)
	return &server{hosts, pool, pool.EndHandler(func(context.Context, string) error { return nil })}
}

// spawn runs an actor until its first step. It calls f, and gives the function
// that f returns to the world, which calls it.
func (w *world) spawn(s *server, what string, f func(context.Context, *actor) (report func())) *actor {
	w.calls++
	a := &actor{
		name:   fmt.Sprint(what, w.calls),
		server: s,
		resume: make(chan verdict),
		taken:  make(map[string]int),
	}
	w.actors = append(w.actors, a)
	w.last = a
	go a.run(f)
	w.settle()
	return a
}

// settle waits until every actor waits or has ended, and removes those that have
// ended.
func (w *world) settle() {
	synctest.Wait()
	w.actors = slices.DeleteFunc(w.actors, func(a *actor) bool {
		ended, report := a.result()
		if report != nil {
			report()
		}
		return ended
	})
}

// letGo lets an actor go on until its next gate.
func (w *world) letGo(a *actor, v verdict) {
	w.trace("%s: %s: %s", a.name, a.waitsAt().step, v)
	w.last = a
	a.resume <- v
	w.settle()
}

// restart crashes a server and starts it again.
func (w *world) restart(i int) {
	w.trace("server %d crashes", i)
	old := w.servers[i]
	for _, a := range slices.Clone(w.actors) {
		if a.server == old {
			w.letGo(a, crash)
		}
	}
	w.servers[i] = w.newServer(old.hosts)
}

// schedule calls Schedule, with or without an EndURL, or Start.
func (w *world) schedule(s *server) {
	kind := w.rng.IntN(4)
	timeout := time.Hour
	if w.rng.IntN(4) == 0 {
		timeout = time.Duration(1+w.rng.IntN(60)) * time.Second
	}
	w.spawn(s, "call", func(ctx context.Context, a *actor) func() {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		var m hostpool.Meeting
		var err error
		switch kind {
		case 0:
			m, err = s.pool.Start(ctx, nil)
		case 1:
			m, err = s.pool.Schedule(ctx, nil)
		default:
			m, err = s.pool.Schedule(ctx, &iomeeting.ScheduleOptions{EndURL: "https://shop.example.com/ended", OperatorID: a.name})
		}
		return func() {
			if err == nil {
				w.book(m, a)
				return
			}
			w.trace("%s fails: %v", a.name, err)
			for _, target := range []error{hostpool.ErrNoneFree, hostpool.ErrLeaseLost, iomeeting.ErrOutcomeUnknown} {
				if errors.Is(err, target) {
					w.count[target.Error()]++
				}
			}
		}
	})
}

// renew extends a booking.
func (w *world) renew(b *booking) {
	s := pick(w.rng, w.servers)
	began, startBy := time.Now(), b.startBy
	w.trace("booking %d is renewed", b.number)
	b.renews = w.spawn(s, "renew", func(ctx context.Context, a *actor) func() {
		err := s.pool.Renew(ctx, b.meeting.Lease, startWithin)
		return func() {
			w.trace("%s: %v", a.name, err)
			if err == nil && time.Now().Before(startBy) {
				b.startBy = began.Add(startWithin)
			}
		}
	})
}

// release cancels a booking, or gives up one that is over.
func (w *world) release(b *booking) {
	s := pick(w.rng, w.servers)
	b.canceled = true
	w.trace("booking %d is released", b.number)
	w.spawn(s, "release", func(ctx context.Context, a *actor) func() {
		err := s.pool.Release(ctx, b.meeting.Lease)
		return func() { w.trace("%s: %v", a.name, err) }
	})
}

// reportEnd reports the end of a meeting to one of the servers. Afterwards it may
// be reported again.
func (w *world) reportEnd(m *meeting) {
	s := pick(w.rng, w.servers)
	if w.rng.IntN(3) > 0 {
		w.reports = without(w.reports, m)
	}
	w.trace("the end of meeting %s is reported", m.id)
	w.spawn(s, "report", func(ctx context.Context, a *actor) func() {
		form := url.Values{"operatorId": {m.operatorID}}.Encode()
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/ended", strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res := httptest.NewRecorder()
		s.ends.ServeHTTP(res, req)
		return func() {
			w.count["end reported"]++
			if res.Code != http.StatusOK {
				w.violation("%s got HTTP status %d", a.name, res.Code)
			}
		}
	})
}

// arrive lets a command or a request arrive.
func (w *world) arrive(f *flight) {
	w.flights = without(w.flights, f)
	w.count["late arrival"]++
	f.arrive()
}

// sleep lets time pass. A request that cannot arrive any later arrives, or is lost.
func (w *world) sleep(d time.Duration) {
	w.trace("%v pass", d)
	w.last = nil
	end := time.Now().Add(d)
	for {
		f := w.firstDue(end)
		if f == nil {
			break
		}
		time.Sleep(time.Until(f.by))
		w.settle()
		if w.rng.IntN(2) == 0 {
			w.arrive(f)
		} else {
			w.flights = without(w.flights, f)
		}
	}
	time.Sleep(time.Until(end))
	w.settle()
}

// firstDue returns the flight that must have arrived first, if that is by end.
func (w *world) firstDue(end time.Time) (first *flight) {
	for _, f := range w.flights {
		if !f.by.IsZero() && !f.by.After(end) && (first == nil || f.by.Before(first.by)) {
			first = f
		}
	}
	return first
}

// violation records that a promise was broken.
func (w *world) violation(format string, args ...any) {
	w.trace("VIOLATION: "+format, args...)
	if w.violated == "" {
		w.violated = fmt.Sprintf(format, args...)
	}
}

// trace records what happened.
func (w *world) trace(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%3d %14v  ", w.steps, time.Since(w.began))+fmt.Sprintf(format, args...))
}

// name gives a lease a name. Its ID does not depend on the seed.
func (w *world) name(id, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[id] = name
}

func (w *world) nameOf(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[id]
}

func without[T comparable](from []T, t T) []T {
	return slices.DeleteFunc(slices.Clone(from), func(other T) bool { return other == t })
}
