package hostpool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// gate is where a call waits before a step.
type gate struct {
	name     string
	call     *modelCall
	outcomes []outcome
	resume   chan outcome
}

// outcome is what happens to a step.
type outcome string

const (
	pass    outcome = "pass"
	fail    outcome = "fail"    // nothing is sent
	lose    outcome = "lose"    // it is carried out, and the response is lost
	late    outcome = "late"    // it is carried out later, and the caller gets an error now
	twice   outcome = "twice"   // it is carried out twice
	down    outcome = "down"    // the service answers with HTTP status 503
	garbage outcome = "garbage" // the service answers with a page
	expired outcome = "expired" // the context is done
	crash   outcome = "crash"
)

var errLost = errors.New("connection closed")

// wait waits at a gate until the model decides what happens to a step.
func (m *model) wait(ctx context.Context, step string, outcomes ...outcome) outcome {
	c := ctx.Value(callKey{}).(*modelCall)
	g := &gate{c.name + ": " + step, c, outcomes, make(chan outcome)}
	m.mu.Lock()
	m.gates = append(m.gates, g)
	m.mu.Unlock()
	select {
	case o := <-g.resume:
		if o == crash {
			runtime.Goexit()
		}
		return o
	case <-ctx.Done():
		m.remove(g)
		return expired
	}
}

func (m *model) remove(g *gate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gates = slices.DeleteFunc(m.gates, func(other *gate) bool { return other == g })
}

func (m *model) resume(g *gate, o outcome) {
	m.trace("%s: %s", g.name, o)
	m.remove(g)
	g.call.crashed = g.call.crashed || o == crash
	g.resume <- o
}

func (m *model) someOutcome(g *gate) outcome {
	switch {
	case strings.HasSuffix(g.name, ": schedule") && m.rng.IntN(3) == 0:
		return late
	case m.rng.IntN(m.faults) > 0:
		return pass
	default:
		return pick(m.rng, g.outcomes)
	}
}

// spawn begins a call. f returns what to do with its result.
func (m *model) spawn(s *modelServer, what string, f func(ctx context.Context, c *modelCall) (report func())) *modelCall {
	m.number++
	c := &modelCall{name: fmt.Sprint(what, " ", m.number), server: s, asked: make(map[string]int)}
	m.calls = append(m.calls, c)
	m.trace("%s begins", c.name)
	go func() {
		defer func() { c.ended = true }() // also after a crash
		c.report = f(context.WithValue(context.Background(), callKey{}, c), c)
	}()
	return c
}

// meet calls Schedule or Start.
func (m *model) meet(s *modelServer) {
	isStart, password := m.rng.IntN(4) == 0, iomeeting.NewSecret(m.defect.password)
	limit := pick(m.rng, []time.Duration{time.Second, 20 * time.Second, time.Hour, time.Hour, time.Hour, time.Hour})
	m.spawn(s, "meet", func(ctx context.Context, c *modelCall) func() {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		b := &booking{}
		var err error
		if isStart {
			b.Meeting, err = s.pool.Start(ctx, &iomeeting.StartOptions{MeetingPassword: password})
		} else {
			b.Meeting, err = s.pool.Schedule(ctx, &iomeeting.ScheduleOptions{MeetingPassword: password, OperatorID: c.name})
		}
		return func() {
			m.trace("%s: %s %s: %v", c.name, b.Host, b.ID, err)
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
		}
	})
}

// prolong calls StartLink or Renew for a booking.
func (m *model) prolong(s *modelServer, b *booking) {
	begin, isRenew := time.Now(), b.ID == "" || m.rng.IntN(2) == 0
	b.change = m.spawn(s, "prolong", func(ctx context.Context, c *modelCall) func() {
		var err error
		if isRenew {
			err = s.pool.Renew(ctx, b.Lease, modelStartWithin)
		} else {
			_, err = s.pool.StartLink(ctx, b.Meeting)
		}
		return func() {
			m.trace("%s: %s: %v", c.name, b.Host, err)
			switch {
			case err == nil:
				b.promised = begin.Add(modelStartWithin)
			case errors.Is(err, hostpool.ErrLeaseLost):
				m.count["lease lost"]++
				if m.isLive(b) {
					m.broken("%s: lease lost, but %s still has it", c.name, b.Host)
				}
			}
		}
	})
}

func (m *model) release(s *modelServer, b *booking) {
	b.released = true
	m.spawn(s, "release", func(ctx context.Context, c *modelCall) func() {
		err := s.pool.Release(ctx, b.Lease)
		return func() { m.trace("%s: %s: %v", c.name, b.Host, err) }
	})
}

func (m *model) reclaim(s *modelServer) {
	m.spawn(s, "reclaim", func(ctx context.Context, c *modelCall) func() {
		released, err := s.pool.Reclaim(ctx)
		return func() {
			m.trace("%s: %d leases: %v", c.name, len(released), err)
			m.count["reclaimed"] += len(released)
		}
	})
}

// reportEnd reports the end of a meeting, perhaps not for the last time. Or the report
// is lost.
func (m *model) reportEnd(s *modelServer, i int) {
	meeting := m.reports[i]
	if m.rng.IntN(3) > 0 {
		m.reports = slices.Delete(m.reports, i, i+1)
	}
	if m.rng.IntN(4) == 0 {
		return
	}
	m.count["reported"]++
	m.spawn(s, "report", func(ctx context.Context, c *modelCall) func() {
		status := post(ctx, s.ends, meeting.operatorID)
		return func() {
			if status != http.StatusOK {
				m.broken("%s: HTTP status %d", c.name, status)
			}
		}
	})
}

// checkBookings calls Check for the last bookings.
func (m *model) checkBookings(s *modelServer) {
	bookings := m.bookings[max(0, len(m.bookings)-5):]
	var meetings []hostpool.Meeting
	for _, b := range bookings {
		meetings = append(meetings, b.Meeting)
	}
	c := m.spawn(s, "check", func(ctx context.Context, c *modelCall) func() {
		progress, err := s.pool.Check(ctx, meetings...)
		return func() {
			for i, p := range progress {
				m.trace("%s: %s: %v %v", c.name, meetings[i].Host, p.State, p.Err)
				m.count[p.State.String()]++
				saw := c.saw[bookings[i]]
				if p.State == hostpool.InProgress && !saw.in || p.State == hostpool.Waiting && !(saw.held && saw.notIn) ||
					p.State == hostpool.Over && !(saw.notHeld && saw.notIn) || (p.State == hostpool.Unknown) != (p.Err != nil) {
					m.broken("%s: %s was never %v", c.name, meetings[i].Host, p.State)
				}
			}
			m.trace("%s: %v", c.name, err)
		}
	})
	c.saw = make(map[*booking]*saw)
	for _, b := range bookings {
		c.saw[b] = new(saw)
	}
	m.check()
}

// running returns the meeting that a host is in, or nil.
func (m *model) running(host string) *modelMeeting {
	for _, meeting := range m.meetings {
		if meeting.host == host && meeting.began > 0 && !meeting.ended {
			return meeting
		}
	}
	return nil
}

func (m *model) add(meeting *modelMeeting) *modelMeeting {
	m.meetings = append(m.meetings, meeting)
	meeting.id = fmt.Sprint("m", len(m.meetings))
	return meeting
}

// start opens the start link of a booking.
func (m *model) start(b *booking) {
	m.trace("the host of %s starts %s", b.Host, b.ID)
	m.count["started"]++
	if b.meeting == nil {
		b.meeting = m.add(&modelMeeting{host: b.Host, password: b.Password.Reveal(), booking: b})
	}
	b.meeting.began = m.step
}

func (m *model) end(meeting *modelMeeting) {
	meeting.ended = true
	if meeting.operatorID != "" {
		m.reports = append(m.reports, meeting)
	}
}

func (m *model) isIn(b *booking) bool { return b.meeting != nil && m.running(b.Host) == b.meeting }

// isLive reports whether the host is in the meeting or may start it.
func (m *model) isLive(b *booking) bool {
	over := b.released || b.meeting != nil && b.meeting.ended || !time.Now().Before(b.promised)
	return m.isIn(b) || !over
}

// check checks that each booking that is in progress, or that its host may start, has
// its account, and notes what a call of Check could see.
func (m *model) check() {
	leases := make(map[string]hostpool.Lease)
	for _, l := range m.leases() {
		leases[l.Host] = l
	}
	for _, b := range m.bookings {
		switch lease := leases[b.Host]; {
		case !m.isLive(b):
		case lease.String() != b.Lease:
			m.broken("%s has lost its account", b.Host)
		case !m.isIn(b) && lease.Left < time.Until(b.promised):
			m.broken("the lease of %s expires %v too early", b.Host, time.Until(b.promised)-lease.Left)
		}
	}
	for _, c := range m.calls {
		for b, saw := range c.saw {
			lease := leases[b.Host]
			held, in := lease.String() == b.Lease && lease.Left > 0, m.isIn(b)
			saw.in, saw.notIn = saw.in || in, saw.notIn || !in
			saw.held, saw.notHeld = saw.held || held, saw.notHeld || !held
		}
	}
}

// stop crashes all servers.
func (m *model) stop() {
	for _, s := range m.servers {
		s.crashed = true
	}
	for len(m.calls) > 0 {
		time.Sleep(time.Second)
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
	time.Sleep(modelStartWithin + hostpool.CallWithin)
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

// modelService is the service as the pools call it.
type modelService struct{ *model }

// RoundTrip serves a call. Whether a Schedule was sent depends on whether its body was
// read.
func (s modelService) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, isQuery := req.Context(), strings.HasSuffix(req.URL.Path, "/query")
	c := ctx.Value(callKey{}).(*modelCall)
	step, outcomes, form := "schedule", []outcome{fail, late, down, garbage, crash}, url.Values(nil)
	if isQuery {
		form = s.read(req)
		step, outcomes = "query "+form.Get("hostEmail"), []outcome{fail, down, garbage, crash}
	}
	o := s.wait(ctx, step, outcomes...)
	switch o {
	case expired:
		return nil, ctx.Err()
	case fail:
		return nil, errLost
	}
	if !isQuery {
		form = s.read(req)
	}
	switch {
	case o == down:
		return answer(http.StatusServiceUnavailable, "")()
	case o == garbage:
		return answer(http.StatusOK, "<html>")()
	case o == late:
		by := time.Now().Add(hostpool.LateWithin + s.defect.late - 1)
		s.late = append(s.late, arrival{c.name + ": schedule", by, func() {
			s.count["late schedule"]++
			s.schedule(c, form)
		}})
		return nil, errLost
	case isQuery:
		return answer(http.StatusOK, s.query(c, form))()
	}
	text := s.schedule(c, form)
	if s.wait(ctx, "scheduled "+text, lose, crash) != pass {
		return nil, errLost
	}
	return answer(http.StatusOK, text)()
}

func (s modelService) read(req *http.Request) url.Values {
	body, err := io.ReadAll(req.Body)
	require.NoError(s.t, err)
	form, err := url.ParseQuery(string(body))
	require.NoError(s.t, err)
	return form
}

func (s modelService) isRefused(form url.Values) bool {
	return form.Get("hostPassword") != fmt.Sprint("password ", s.password[form.Get("hostEmail")])
}

func (s modelService) query(c *modelCall, form url.Values) string {
	host := form.Get("hostEmail")
	meeting := s.running(host)
	if s.isRefused(form) {
		return "2,,"
	}
	if meeting != nil && !s.defect.silent {
		if s.defect.shortens {
			_ = s.store.Renew(context.Background(), host, leaseOf(s.store, host).ID, modelCheckEvery)
		}
		return "3," + meeting.id + "," + meeting.password
	}
	c.asked[host] = s.step
	return "0,,"
}

func (s modelService) schedule(c *modelCall, form url.Values) string {
	host := form.Get("hostEmail")
	if s.isRefused(form) {
		return "2,"
	}
	if meeting := s.running(host); meeting != nil {
		if meeting.booking != nil || meeting.began <= c.asked[host] {
			s.broken("%s ends meeting %s of %s", c.name, meeting.id, host)
		}
		s.end(meeting)
	}
	for _, b := range s.bookings {
		if b.Host == host && s.isLive(b) {
			s.broken("%s schedules a meeting for %s, whose host may start another", c.name, host)
		}
	}
	meeting := s.add(&modelMeeting{host: host, password: form.Get("meetingPassword"), operatorID: form.Get("operatorId")})
	return "0," + meeting.id
}

// modelStore is the store as the pools call it.
type modelStore struct {
	hostpool.Store
	model *model
}

func (s modelStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (host string, err error) {
	err = s.model.command(ctx, fmt.Sprint("Take one of ", len(hosts)), func() (err error) {
		host, err = s.Store.Take(context.Background(), hosts, id, d)
		return err
	})
	return host, err
}

func (s modelStore) Renew(ctx context.Context, host, id string, d time.Duration) error {
	return s.model.command(ctx, "Renew "+host+" "+d.String(), func() error { return s.Store.Renew(context.Background(), host, id, d) })
}

func (s modelStore) Release(ctx context.Context, host, id string) error {
	return s.model.command(ctx, "Release "+host, func() error { return s.Store.Release(context.Background(), host, id) })
}

func (s modelStore) ReleaseExpired(ctx context.Context, host, id string) error {
	return s.model.command(ctx, "ReleaseExpired "+host, func() error { return s.Store.ReleaseExpired(context.Background(), host, id) })
}

func (s modelStore) List(ctx context.Context) (leases []hostpool.Lease, err error) {
	err = s.model.command(ctx, "List", func() error { leases = s.model.leases(); return nil })
	return leases, err
}

// command lets the store execute a command.
func (m *model) command(ctx context.Context, step string, execute func() error) error {
	switch m.wait(ctx, step, fail, lose, late, twice, crash) {
	case expired:
		return ctx.Err()
	case fail:
		return errLost
	case lose:
		_ = execute()
		return errLost
	case late:
		m.late = append(m.late, arrival{name: step, arrive: func() { _ = execute() }})
		return errLost
	case twice:
		_ = execute()
	}
	return execute()
}

// brokenStore is a store with a defect.
type brokenStore struct {
	hostpool.Store
	defect string
}

func leaseOf(store hostpool.Store, host string) hostpool.Lease {
	leases, err := store.List(context.Background())
	i := slices.IndexFunc(leases, func(l hostpool.Lease) bool { return l.Host == host })
	if err != nil || i < 0 {
		return hostpool.Lease{}
	}
	return leases[i]
}

func (s brokenStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (string, error) {
	for _, host := range hosts {
		if s.defect == "takes expired leases over" {
			_ = s.Store.ReleaseExpired(ctx, host, leaseOf(s.Store, host).ID)
		}
	}
	return s.Store.Take(ctx, hosts, id, d)
}

func (s brokenStore) Renew(ctx context.Context, host, id string, d time.Duration) error {
	if s.defect == "renews nothing" {
		return nil
	}
	return s.Store.Renew(ctx, host, id, d)
}

func (s brokenStore) Release(ctx context.Context, host, id string) error {
	if s.defect == "releases any lease" {
		id = leaseOf(s.Store, host).ID
	}
	return s.Store.Release(ctx, host, id)
}

func (s brokenStore) ReleaseExpired(ctx context.Context, host, id string) error {
	switch s.defect {
	case "releases renewed leases as expired":
		return s.Store.Release(ctx, host, id)
	case "releases no expired lease":
		return hostpool.ErrLeaseLost
	}
	return s.Store.ReleaseExpired(ctx, host, id)
}
