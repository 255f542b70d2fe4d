package hostpool_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
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
)

// The model tests what the package promises, in random orders of events. Two servers
// share a store and accounts. Each step of their calls may fail, arrive late or twice,
// or be the last one before a crash. Meanwhile hosts start and end their meetings,
// others start meetings on the same accounts, passwords change, and the service reports
// ends once, twice, late or never. The clock is fake, and the seed decides what happens:
//
//	go test ./hostpool -run 'TestModel$' -model.seed 42 -model.runs 1
var (
	modelSeed = flag.Uint64("model.seed", 0, "the seed of the first run; 0 for a random one")
	modelRuns = flag.Int("model.runs", 200, "the number of runs, each with the next seed")
)

const (
	modelSteps       = 150
	modelStartWithin = 5 * time.Minute
	modelCheckEvery  = 20 * time.Second
)

func TestModel(t *testing.T) {
	seed := cmp.Or(*modelSeed, rand.Uint64N(1e9)+1)
	count := make(map[string]int)
	for i := range uint64(*modelRuns) {
		m := runModel(t, seed+i, defect{})
		if m.problem != "" {
			t.Fatalf("%s\nRepeat it with -model.seed %d -model.runs 1\n%s", m.problem, seed+i, strings.Join(m.log, "\n"))
		}
		for what, n := range m.count {
			count[what] += n
		}
	}
	t.Log(count)
	for _, what := range []string{"started", "reported", "late schedule", "reclaimed", "lease lost", "in progress", "waiting", "over"} {
		assert.True(t, count[what] > 0 || *modelRuns < 200, "%s: never happened", what)
	}
}

// TestModelRepeats shows that the seed decides what happens, except that the runtime
// decides which of two waiting calls goes on first.
func TestModelRepeats(t *testing.T) {
	repeated := 0
	for seed := range uint64(30) {
		if slices.Equal(runModel(t, seed, defect{}).log, runModel(t, seed, defect{}).log) {
			repeated++
		}
	}
	assert.GreaterOrEqual(t, repeated, 27)
}

// defect is something wrong with the pool, the store or the service.
type defect struct {
	name     string
	pool     func(*hostpool.Pool)
	store    func(m *model, method, host string, execute func() error) error
	late     time.Duration // by which the service is later than it may be
	silent   bool          // the service does not tell that a host is in a meeting
	password string        // of all meetings
	shortens bool          // a query about a host in a meeting renews the lease for CheckEvery
}

// TestModelFindsDefects shows that the model finds what breaks the promises.
func TestModelFindsDefects(t *testing.T) {
	instead := func(of string, f func(m *model, host string) error) func(*model, string, string, func() error) error {
		return func(m *model, method, host string, execute func() error) error {
			if method == of {
				return f(m, host)
			}
			return execute()
		}
	}
	release := func(m *model, host string) error {
		return m.store.Release(context.Background(), host, m.lease(host).ID)
	}
	for _, d := range []defect{
		{name: "an unknown outcome is forgotten after a minute", pool: func(p *hostpool.Pool) { p.SetLateWithin(time.Minute) }},
		{name: "a lease lasts no longer than the call", pool: func(p *hostpool.Pool) { p.SetLeaseFor(hostpool.CallWithin) }},
		{name: "a Schedule is carried out too late", late: 2 * time.Minute},
		{name: "the service does not tell that a host is in a meeting", silent: true},
		{name: "all meetings have the same password", password: "same"},
		{name: "a query shortens a lease that was renewed", shortens: true},
		{name: "Renew renews nothing", store: instead("Renew", func(*model, string) error { return nil })},
		{name: "Release releases any lease", store: instead("Release", release)},
		{name: "ReleaseExpired releases any lease", store: instead("ReleaseExpired", release)},
		{name: "ReleaseExpired releases nothing", store: instead("ReleaseExpired", func(*model, string) error { return hostpool.ErrLeaseLost })},
		{name: "Take takes expired leases over", store: func(m *model, method, _ string, execute func() error) error {
			for _, l := range m.leases() {
				if method == "Take" {
					_ = m.store.ReleaseExpired(context.Background(), l.Host, l.ID)
				}
			}
			return execute()
		}},
	} {
		t.Run(d.name, func(t *testing.T) {
			for seed := range uint64(5000) {
				if m := runModel(t, seed, d); m.problem != "" {
					t.Logf("seed %d: %s", seed, m.problem)
					return
				}
			}
			t.Error("not found")
		})
	}
}

// model is one run.
type model struct {
	t        *testing.T
	rng      *rand.Rand
	defect   defect
	began    time.Time
	faults   int // one step in so many fails
	hosts    []string
	password map[string]int // how often that of a host has changed
	store    hostpool.Store
	servers  []*modelServer
	calls    []*modelCall
	number   int // of calls
	bookings []*booking
	meetings []*modelMeeting
	reports  []*modelMeeting // whose end can be reported
	late     []arrival
	step     int
	log      []string
	count    map[string]int
	problem  string // the first broken promise

	mu    sync.Mutex // held by who does something; calls go on by themselves when their context is done
	gates []*gate
}

type modelServer struct {
	pool    *hostpool.Pool
	ends    http.Handler
	crashed bool
}

// booking is a meeting that a pool has returned.
type booking struct {
	hostpool.Meeting
	meeting  *modelMeeting // nil until the host has started, after Start
	promised time.Time     // until when the host may start
	released bool
	change   *modelCall // of StartLink or Renew, the last one
}

func runModel(t *testing.T, seed uint64, d defect) (m *model) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 0))
		m = &model{
			t: t, rng: rng, defect: d, began: time.Now(), faults: 2 + rng.IntN(10),
			password: make(map[string]int), store: hostpool.NewMemoryStore(), count: make(map[string]int),
		}
		sizes := []int{1, 1, 1, 2, 3, 40}
		if d.name != "" {
			sizes = sizes[:4] // where it is found sooner
		}
		for i := range pick(rng, sizes) {
			m.hosts = append(m.hosts, email(i))
		}
		m.servers = []*modelServer{m.newServer(), m.newServer()}
		m.mu.Lock()
		defer m.mu.Unlock()
		for m.step = 1; m.step <= modelSteps && m.problem == ""; m.step++ {
			m.next()
			m.settle()
			m.pass(1) // so that no two timers end at the same time
			m.settle()
		}
		m.late = nil
		m.crashAll()
		if m.problem == "" {
			m.checkAllComeBack()
			m.crashAll()
		}
	})
	return m
}

func (m *model) newServer() *modelServer {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn", iomeeting.WithRetries(0), iomeeting.WithTimeout(0),
		iomeeting.WithHTTPClient(&http.Client{Transport: modelService{m}}))
	require.NoError(m.t, err)
	pool, err := hostpool.New(client, &store{m.store, m.command}, m.accounts(0), withEnd(m.t),
		hostpool.WithStartWithin(modelStartWithin), hostpool.WithCheckEvery(modelCheckEvery),
		hostpool.WithWait(pick(m.rng, []time.Duration{0, 3 * time.Second})),
		hostpool.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(m.t, err)
	pool.SetRandom(rand.New(rand.NewPCG(m.rng.Uint64(), 0)))
	require.NoError(m.t, pool.SetHosts(m.accounts(0)))
	if m.defect.pool != nil {
		m.defect.pool(pool)
	}
	return &modelServer{pool: pool, ends: pool.EndHandler(func(context.Context, hostpool.Ended) error { return nil })}
}

// accounts returns the accounts, without the first few.
func (m *model) accounts(from int) (accounts []iomeeting.Host) {
	for _, host := range m.hosts[from:] {
		accounts = append(accounts, iomeeting.Host{Email: host, Password: iomeeting.NewSecret(fmt.Sprint("password ", m.password[host]))})
	}
	return accounts
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func (m *model) trace(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf("%3d %14v  ", m.step, time.Since(m.began))+fmt.Sprintf(format, args...))
}

func (m *model) broken(format string, args ...any) {
	m.trace("BROKEN: "+format, args...)
	m.problem = cmp.Or(m.problem, fmt.Sprintf(format, args...))
}

// next lets one thing happen.
func (m *model) next() {
	if m.rng.IntN(8) == 0 {
		d := m.someTime()
		m.trace("%v pass", d)
		m.pass(d)
		return
	}
	var events []func()
	add := func(weight int, event func()) {
		for range weight {
			events = append(events, event)
		}
	}
	for _, g := range m.gates {
		add(16, func() { m.resume(g, m.someOutcome(g)) })
	}
	s, host := pick(m.rng, m.servers), pick(m.rng, m.hosts)
	if len(m.calls) < 5 {
		add(6, func() { m.meet(s) })
		add(1, func() { m.reclaim(s) })
		add(min(2, len(m.bookings)), func() { m.checkBookings(s) })
		for i := range m.reports {
			add(2, func() { m.reportEnd(s, i) })
		}
	}
	for _, b := range m.bookings {
		if len(m.calls) < 5 && !b.released {
			if b.change == nil || b.change.ended {
				add(1, func() { m.prolong(s, b) })
			}
			if !m.isIn(b) {
				add(1, func() { m.release(s, b) })
			}
		}
		if m.isLive(b) && m.running(b.Host) == nil {
			add(8, func() { m.start(b) })
		}
	}
	for _, meeting := range m.meetings {
		if !meeting.ended {
			add(1+2*min(meeting.began, 1), func() { m.end(meeting) })
		}
	}
	for i, a := range m.late {
		if !a.last {
			add(2, func() { m.arrive(i) })
		}
	}
	if m.running(host) == nil {
		add(1, func() {
			m.trace("somebody else starts a meeting on %s", host)
			m.add(&modelMeeting{host: host, password: cmp.Or(m.defect.password, "of somebody else"), began: m.step})
		})
	}
	if m.rng.IntN(20) == 0 {
		add(20, func() {
			from := m.rng.IntN(len(m.hosts))
			m.password[host] += m.rng.IntN(2)
			m.trace("a server gets the accounts from %s on; the password of %s is %d", m.hosts[from], host, m.password[host])
			require.NoError(m.t, s.pool.SetHosts(m.accounts(from)))
		})
		add(10, func() {
			m.trace("a server crashes")
			s.crashed = true
			m.servers[slices.Index(m.servers, s)] = m.newServer()
		})
	}
	pick(m.rng, append(events, func() {}))()
}

// someTime returns how much time passes: often until a lease expires, or just before.
func (m *model) someTime() time.Duration {
	if len(m.gates) > 0 && m.rng.IntN(4) > 0 {
		return time.Second
	}
	times := []time.Duration{time.Second, 6 * time.Second, hostpool.CallWithin, hostpool.LateWithin}
	for _, l := range m.leases() {
		times = append(times, max(0, l.Left), max(0, l.Left-1), max(0, l.Left-hostpool.CallWithin-1))
	}
	return pick(m.rng, times)
}

// pass lets time pass. What cannot arrive any later arrives.
func (m *model) pass(d time.Duration) {
	for end := time.Now().Add(d); ; {
		first := -1
		for i, a := range m.late {
			if !a.by.After(end) && (first < 0 || a.by.Before(m.late[first].by)) {
				first = i
			}
		}
		if first < 0 {
			m.sleep(time.Until(end))
			return
		}
		m.sleep(time.Until(m.late[first].by))
		m.settle()
		m.arrive(first)
	}
}

func (m *model) sleep(d time.Duration) {
	m.mu.Unlock()
	defer m.mu.Lock()
	time.Sleep(d)
}

// settle waits until every call waits at a gate or for time to pass, or has ended.
func (m *model) settle() {
	for i := 0; i >= 0; {
		m.mu.Unlock()
		synctest.Wait()
		m.mu.Lock()
		slices.SortFunc(m.gates, func(a, b *gate) int { return cmp.Compare(a.name, b.name) })
		i = slices.IndexFunc(m.gates, func(g *gate) bool { return g.call.crashed || g.call.server.crashed })
		if i >= 0 {
			m.resume(m.gates[i], crash)
		}
	}
	m.calls = slices.DeleteFunc(m.calls, func(c *modelCall) bool {
		if c.ended && !c.crashed && !c.server.crashed {
			m.trace("%s: %v", c.name, c.err)
			c.report(c.err)
		}
		return c.ended
	})
	m.check()
}

// meet calls Schedule or Start.
func (m *model) meet(s *modelServer) {
	b, password := &booking{}, iomeeting.NewSecret(m.defect.password)
	isStart, hurries := m.rng.IntN(4) == 0, m.rng.IntN(4) == 0
	m.begin(s, "meet", func(ctx context.Context, c *modelCall) (err error) {
		if hurries {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
		}
		if isStart {
			b.Meeting, err = s.pool.Start(ctx, &iomeeting.StartOptions{MeetingPassword: password})
		} else {
			b.Meeting, err = s.pool.Schedule(ctx, &iomeeting.ScheduleOptions{MeetingPassword: password, OperatorID: c.name})
		}
		return err
	}, func(err error) {
		if err != nil {
			return
		}
		b.promised = b.StartBy
		for _, meeting := range m.meetings {
			if meeting.id == b.ID {
				meeting.booking, b.meeting = b, meeting
			}
		}
		m.bookings = append(m.bookings, b)
	})
}

// prolong calls StartLink or Renew for a booking.
func (m *model) prolong(s *modelServer, b *booking) {
	begin, isRenew := time.Now(), b.ID == "" || m.rng.IntN(2) == 0
	b.change = m.begin(s, "prolong "+b.Host, func(ctx context.Context, _ *modelCall) (err error) {
		if isRenew {
			return s.pool.Renew(ctx, b.Lease, modelStartWithin)
		}
		_, err = s.pool.StartLink(ctx, b.Meeting)
		return err
	}, func(err error) {
		if err == nil {
			b.promised = begin.Add(modelStartWithin)
		}
		if errors.Is(err, hostpool.ErrLeaseLost) {
			m.count["lease lost"]++
			if m.isLive(b) {
				m.broken("the lease of %s is lost, but the booking still has it", b.Host)
			}
		}
	})
}

func (m *model) release(s *modelServer, b *booking) {
	b.released = true
	m.begin(s, "release "+b.Host, func(ctx context.Context, _ *modelCall) error { return s.pool.Release(ctx, b.Lease) }, func(error) {})
}

func (m *model) reclaim(s *modelServer) {
	var released []hostpool.Lease
	m.begin(s, "reclaim", func(ctx context.Context, _ *modelCall) (err error) {
		released, err = s.pool.Reclaim(ctx)
		return err
	}, func(error) { m.count["reclaimed"] += len(released) })
}

// reportEnd reports the end of a meeting, perhaps not for the last time. Or the report
// is lost.
func (m *model) reportEnd(s *modelServer, i int) {
	meeting, status := m.reports[i], 0
	if m.rng.IntN(3) > 0 {
		m.reports = slices.Delete(m.reports, i, i+1)
	}
	if m.rng.IntN(4) == 0 {
		return
	}
	m.begin(s, "report "+meeting.id, func(ctx context.Context, _ *modelCall) error {
		status = post(ctx, s.ends, meeting.operatorID)
		return nil
	}, func(error) {
		m.count["reported"]++
		if status != http.StatusOK {
			m.broken("the report of %s got HTTP status %d", meeting.id, status)
		}
	})
}

// saw is what was true of a booking at some time during a call of Check.
type saw struct{ in, notIn, held, notHeld bool }

// checkBookings calls Check for the last bookings.
func (m *model) checkBookings(s *modelServer) {
	bookings, meetings, progress := m.bookings[max(0, len(m.bookings)-5):], []hostpool.Meeting(nil), []hostpool.Progress(nil)
	saws := make(map[*booking]*saw)
	for _, b := range bookings {
		meetings = append(meetings, b.Meeting)
		saws[b] = new(saw)
	}
	c := m.begin(s, "check", func(ctx context.Context, _ *modelCall) (err error) {
		progress, err = s.pool.Check(ctx, meetings...)
		return err
	}, func(error) {
		for i, p := range progress {
			m.count[p.State.String()]++
			saw := saws[bookings[i]]
			if p.State == hostpool.InProgress && !saw.in || p.State == hostpool.Waiting && !(saw.held && saw.notIn) ||
				p.State == hostpool.Over && !(saw.notHeld && saw.notIn) || (p.State == hostpool.Unknown) != (p.Err != nil) {
				m.broken("the booking of %s was never %v", meetings[i].Host, p.State)
			}
		}
	})
	c.saw = saws
	m.check()
}

// isLive reports whether the host of a booking is in the meeting or may start it.
func (m *model) isLive(b *booking) bool {
	over := b.released || b.meeting != nil && b.meeting.ended || !time.Now().Before(b.promised)
	return m.isIn(b) || !over
}

// check checks that each booking that is in progress, or that its host may start, has
// its account, and notes what a call of Check could see.
func (m *model) check() {
	for _, b := range m.bookings {
		switch lease := m.lease(b.Host); {
		case !m.isLive(b):
		case lease.String() != b.Lease:
			m.broken("the booking of %s has lost its account", b.Host)
		case !m.isIn(b) && lease.Left < time.Until(b.promised):
			m.broken("the lease of %s expires %v too early", b.Host, time.Until(b.promised)-lease.Left)
		}
	}
	for _, c := range m.calls {
		for b, saw := range c.saw {
			lease := m.lease(b.Host)
			held, in := lease.String() == b.Lease && lease.Left > 0, m.isIn(b)
			saw.in, saw.notIn = saw.in || in, saw.notIn || !in
			saw.held, saw.notHeld = saw.held || held, saw.notHeld || !held
		}
	}
}

func (m *model) crashAll() {
	for _, s := range m.servers {
		s.crashed = true
	}
	for len(m.calls) > 0 {
		m.sleep(time.Second)
		m.settle()
	}
}

// checkAllComeBack checks that all accounts can be used again, if all meetings end
// without a report and nobody starts those that are booked.
func (m *model) checkAllComeBack() {
	for _, meeting := range m.meetings {
		meeting.ended = true
	}
	m.bookings = nil
	m.sleep(modelStartWithin + hostpool.CallWithin)
	s := m.newServer()
	m.servers = []*modelServer{s}
	for range m.hosts {
		m.meet(s)
		for m.settle(); len(m.gates) > 0; m.settle() {
			m.resume(m.gates[0], pass)
		}
	}
	if len(m.bookings) != len(m.hosts) {
		m.broken("only %d of %d accounts came back", len(m.bookings), len(m.hosts))
	}
}
