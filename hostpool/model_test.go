package hostpool_test

import (
	"cmp"
	"context"
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

// TestModelRepeats shows that a seed alone decides what happens.
func TestModelRepeats(t *testing.T) {
	for seed := range uint64(30) {
		assert.Equal(t, runModel(t, seed, defect{}).log, runModel(t, seed, defect{}).log, "seed %d", seed)
	}
}

// defect is something wrong with the pool, the store or the service.
type defect struct {
	name     string
	pool     func(*hostpool.Pool)
	store    string        // what is wrong with the store
	late     time.Duration // by which the service is later than it may be
	silent   bool          // the service does not tell that a host is in a meeting
	password string        // of all meetings
	shortens bool          // asking about a host in a meeting renews the lease for CheckEvery
}

// TestModelFindsDefects shows that the model finds what breaks the promises.
func TestModelFindsDefects(t *testing.T) {
	for _, d := range []defect{
		{name: "an unknown outcome is forgotten after a minute", pool: func(p *hostpool.Pool) { p.SetLateWithin(time.Minute) }},
		{name: "a lease lasts no longer than the call", pool: func(p *hostpool.Pool) { p.SetLeaseFor(hostpool.CallWithin) }},
		{name: "a Schedule is carried out too late", late: 2 * time.Minute},
		{name: "the service does not tell that a host is in a meeting", silent: true},
		{name: "all meetings have the same password", password: "same"},
		{name: "a check shortens a lease that was renewed", shortens: true},
		{name: "takes expired leases over", store: "takes expired leases over"},
		{name: "renews nothing", store: "renews nothing"},
		{name: "releases any lease", store: "releases any lease"},
		{name: "releases renewed leases as expired", store: "releases renewed leases as expired"},
		{name: "releases no expired lease", store: "releases no expired lease"},
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

	mu    sync.Mutex // calls go on by themselves when their context is done
	gates []*gate
}

type modelServer struct {
	pool    *hostpool.Pool
	ends    http.Handler
	crashed bool
}

// modelCall is a call of a pool. Its context has it as a value.
type modelCall struct {
	name    string
	server  *modelServer
	asked   map[string]int    // in which step the service said that a host was in no meeting
	saw     map[*booking]*saw // by a call of Check
	report  func()            // what to do with the result; nil until the call has returned
	ended   bool
	crashed bool // nobody gets the result
}

type callKey struct{}

// saw is what was true of a booking at some time during a call of Check.
type saw struct{ in, notIn, held, notHeld bool }

// arrival is something that was sent, given up, and may still arrive.
type arrival struct {
	name   string
	by     time.Time // zero if it may take any time
	arrive func()
}

// modelMeeting is a meeting of the service.
type modelMeeting struct {
	host, id, password, operatorID string
	booking                        *booking // nil if no pool knows of it
	began                          int      // the step in which it was started; 0 before
	ended                          bool
}

// booking is a meeting that a pool has returned.
type booking struct {
	hostpool.Meeting
	number   int
	meeting  *modelMeeting // nil until the host has started, after Start
	promised time.Time     // until when the host may start
	released bool
	change   *modelCall // of StartLink or Renew, the last one
}

func runModel(t *testing.T, seed uint64, d defect) (m *model) {
	synctest.Test(t, func(t *testing.T) {
		m = newModel(t, seed, d)
		for m.step = 1; m.step <= modelSteps && m.problem == ""; m.step++ {
			time.Sleep(1) // so that no two timers end at the same time
			m.next()
			m.settle()
		}
		m.late = nil
		m.stop()
		if m.problem == "" {
			m.checkAllComeBack()
			m.stop()
		}
	})
	return m
}

func newModel(t *testing.T, seed uint64, d defect) *model {
	rng := rand.New(rand.NewPCG(seed, 0))
	m := &model{
		t: t, rng: rng, defect: d, began: time.Now(), faults: 2 + rng.IntN(10),
		password: make(map[string]int), count: make(map[string]int),
	}
	m.store = brokenStore{hostpool.NewMemoryStore(), d.store}
	for i := range pick(rng, []int{1, 1, 1, 2, 3, 40}) {
		m.hosts = append(m.hosts, email(i))
	}
	m.servers = []*modelServer{m.newServer(), m.newServer()}
	return m
}

func (m *model) newServer() *modelServer {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn", iomeeting.WithRetries(0), iomeeting.WithTimeout(0),
		iomeeting.WithHTTPClient(&http.Client{Transport: modelService{m}}))
	require.NoError(m.t, err)
	pool, err := hostpool.New(client, modelStore{m.store, m}, m.accounts(0),
		hostpool.WithEnd("https://shop.example.com/ended", signer(m.t)),
		hostpool.WithStartWithin(modelStartWithin), hostpool.WithCheckEvery(modelCheckEvery),
		hostpool.WithWait(pick(m.rng, []time.Duration{0, 3 * time.Second})),
		hostpool.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(m.t, err)
	pool.SetRandom(rand.New(rand.NewPCG(m.rng.Uint64(), 0)))
	assert.NoError(m.t, pool.SetHosts(m.accounts(0)))
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
		m.sleep(m.someTime())
		return
	}
	type event struct {
		weight int
		happen func()
	}
	var events []event
	add := func(weight int, happen func()) { events = append(events, event{weight, happen}) }
	for _, g := range m.gates {
		add(16, func() { m.resume(g, m.someOutcome(g)) })
	}
	if len(m.calls) < 5 {
		s := pick(m.rng, m.servers)
		add(6, func() { m.meet(s) })
		add(1, func() { m.reclaim(s) })
		for _, b := range m.bookings {
			if !b.released && (b.change == nil || b.change.ended) {
				add(1, func() { m.prolong(s, b) })
			}
			if !b.released && !m.isIn(b) {
				add(1, func() { m.release(s, b) })
			}
		}
		for i := range m.reports {
			add(2, func() { m.reportEnd(s, i) })
		}
		if len(m.bookings) > 0 {
			add(2, func() { m.checkBookings(s) })
		}
	}
	for _, b := range m.bookings {
		if m.isLive(b) && !m.isIn(b) && m.running(b.Host) == nil {
			add(8, func() { m.start(b) })
		}
	}
	for _, meeting := range m.meetings {
		if !meeting.ended {
			add(1+2*min(meeting.began, 1), func() {
				m.trace("meeting %s ends", meeting.id)
				m.end(meeting)
			})
		}
	}
	for i := range m.late {
		add(2, func() { m.arrive(i) })
	}
	host := pick(m.rng, m.hosts)
	if m.running(host) == nil {
		add(1, func() {
			m.trace("somebody else starts a meeting on %s", host)
			m.add(&modelMeeting{host: host, password: cmp.Or(m.defect.password, "of somebody else"), began: m.step})
		})
	}
	if m.rng.IntN(20) == 0 {
		add(20, func() {
			i, from := m.rng.IntN(2), m.rng.IntN(len(m.hosts))
			m.password[host] += m.rng.IntN(2)
			m.trace("server %d gets the accounts from %s on; the password of %s is %d", i, m.hosts[from], host, m.password[host])
			assert.NoError(m.t, m.servers[i].pool.SetHosts(m.accounts(from)))
		})
		add(10, func() {
			i := m.rng.IntN(2)
			m.trace("server %d crashes", i)
			m.servers[i].crashed = true
			m.servers[i] = m.newServer()
		})
	}
	total := 0
	for _, e := range events {
		total += e.weight
	}
	n := m.rng.IntN(max(total, 1))
	for _, e := range events {
		if n -= e.weight; n < 0 {
			e.happen()
			return
		}
	}
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

func (m *model) leases() []hostpool.Lease {
	leases, err := m.store.List(context.Background())
	require.NoError(m.t, err)
	slices.SortFunc(leases, func(a, b hostpool.Lease) int { return cmp.Compare(a.Host, b.Host) })
	return leases
}

// sleep lets time pass. What cannot arrive any later arrives, or is lost.
func (m *model) sleep(d time.Duration) {
	m.trace("%v pass", d)
	for end := time.Now().Add(d); ; {
		first := -1
		for i, a := range m.late {
			if !a.by.IsZero() && !a.by.After(end) && (first < 0 || a.by.Before(m.late[first].by)) {
				first = i
			}
		}
		if first < 0 {
			time.Sleep(time.Until(end))
			return
		}
		time.Sleep(time.Until(m.late[first].by))
		m.settle()
		m.arrive(first)
	}
}

func (m *model) arrive(i int) {
	a := m.late[i]
	m.late = slices.Delete(m.late, i, i+1)
	m.trace("late: %s", a.name)
	a.arrive()
}

// settle waits until every call waits at a gate or for time to pass, or has ended.
func (m *model) settle() {
	synctest.Wait()
	for i := 0; i >= 0; {
		if i = slices.IndexFunc(m.gates, func(g *gate) bool { return g.call.crashed || g.call.server.crashed }); i >= 0 {
			m.resume(m.gates[i], crash)
			synctest.Wait()
		}
	}
	slices.SortFunc(m.gates, func(a, b *gate) int { return cmp.Compare(a.name, b.name) })
	m.calls = slices.DeleteFunc(m.calls, func(c *modelCall) bool {
		if c.report != nil && !c.crashed && !c.server.crashed {
			c.report()
		}
		return c.ended
	})
	m.check()
}
