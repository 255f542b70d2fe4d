package hostpool_test

import (
	"cmp"
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

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// modelCall is a call of a pool. Its context has it as a value.
type modelCall struct {
	name    string
	server  *modelServer
	report  func(error) // what to do with the result
	err     error
	ended   bool
	crashed bool              // nobody gets the result
	asked   map[string]int    // in which step the service said that a host was in no meeting
	saw     map[*booking]*saw // by a call of Check
}

type callKey struct{}

// begin begins a call.
func (m *model) begin(s *modelServer, what string, f func(context.Context, *modelCall) error, report func(error)) *modelCall {
	m.number++
	c := &modelCall{name: fmt.Sprint(m.number, " ", what), server: s, report: report, asked: make(map[string]int)}
	m.calls = append(m.calls, c)
	m.trace("%s begins", c.name)
	go func() {
		var err error
		defer func() { // also after a crash
			m.mu.Lock()
			defer m.mu.Unlock()
			c.err, c.ended = err, true
		}()
		err = f(context.WithValue(context.Background(), callKey{}, c), c)
	}()
	return c
}

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
	broken  outcome = "503"     // from the service
	garbage outcome = "garbage" // from the service
	expired outcome = "expired" // the context is done
	crash   outcome = "crash"
)

var errLost = errors.New("connection closed")

// wait waits at a gate until the model decides what happens to a step.
func (m *model) wait(ctx context.Context, step string, outcomes ...outcome) outcome {
	c := ctx.Value(callKey{}).(*modelCall)
	g := &gate{c.name + ": " + step, c, outcomes, make(chan outcome)}
	m.gates = append(m.gates, g)
	m.mu.Unlock()
	defer m.mu.Lock()
	select {
	case o := <-g.resume:
		if o == crash {
			runtime.Goexit()
		}
		return o
	case <-ctx.Done():
		m.mu.Lock()
		defer m.mu.Unlock()
		m.remove(g)
		return expired
	}
}

func (m *model) remove(g *gate) {
	m.gates = slices.DeleteFunc(m.gates, func(other *gate) bool { return other == g })
}

func (m *model) resume(g *gate, o outcome) {
	m.trace("%s: %s", g.name, o)
	m.remove(g)
	g.call.crashed = g.call.crashed || o == crash
	m.mu.Unlock()
	defer m.mu.Lock()
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

// arrival is something that was sent, given up, and may still arrive.
type arrival struct {
	name   string
	by     time.Time // when it arrives, if it has not before
	last   bool      // it arrives at the last moment
	arrive func()
}

func (m *model) arrive(i int) {
	a := m.late[i]
	m.late = slices.Delete(m.late, i, i+1)
	m.trace("late: %s", a.name)
	a.arrive()
}

// command lets the store execute a command.
func (m *model) command(ctx context.Context, method string, execute func(context.Context) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	do := func() error { return execute(context.Background()) }
	if m.defect.store != nil {
		words := append(strings.Fields(method), "")
		do = func() error {
			return m.defect.store(m, words[0], words[1], func() error { return execute(context.Background()) })
		}
	}
	switch m.wait(ctx, method, fail, lose, late, twice, crash) {
	case expired:
		return ctx.Err()
	case fail:
		return errLost
	case lose:
		_ = do()
		return errLost
	case late:
		m.late = append(m.late, arrival{method, time.Now().Add(hostpool.LateWithin), false, func() { _ = do() }})
		return errLost
	case twice:
		_ = do()
	}
	return do()
}

// leases returns the leases in the store, sorted.
func (m *model) leases() []hostpool.Lease {
	leases, err := m.store.List(context.Background())
	require.NoError(m.t, err)
	slices.SortFunc(leases, func(a, b hostpool.Lease) int { return cmp.Compare(a.Host, b.Host) })
	return leases
}

// lease returns the lease of a host, or the zero Lease.
func (m *model) lease(host string) hostpool.Lease {
	for _, l := range m.leases() {
		if l.Host == host {
			return l
		}
	}
	return hostpool.Lease{}
}

// modelMeeting is a meeting of the service.
type modelMeeting struct {
	host, id, password, operatorID string
	booking                        *booking // nil if no pool knows of it
	began                          int      // the step in which it was started; 0 before
	ended                          bool
}

func (m *model) add(meeting *modelMeeting) *modelMeeting {
	m.meetings = append(m.meetings, meeting)
	meeting.id = fmt.Sprint("m", len(m.meetings))
	return meeting
}

// start opens the start link of a booking.
func (m *model) start(b *booking) {
	m.trace("the host of %s starts", b.Host)
	m.count["started"]++
	if b.meeting == nil {
		b.meeting = m.add(&modelMeeting{host: b.Host, password: b.Password.Reveal(), booking: b})
	}
	b.meeting.began = m.step
}

func (m *model) end(meeting *modelMeeting) {
	m.trace("meeting %s of %s ends", meeting.id, meeting.host)
	meeting.ended = true
	if meeting.operatorID != "" {
		m.reports = append(m.reports, meeting)
	}
}

// running returns the meeting that a host is in, or nil.
func (m *model) running(host string) *modelMeeting {
	i := slices.IndexFunc(m.meetings, func(meeting *modelMeeting) bool {
		return meeting.host == host && meeting.began > 0 && !meeting.ended
	})
	if i < 0 {
		return nil
	}
	return m.meetings[i]
}

func (m *model) isIn(b *booking) bool { return b.meeting != nil && m.running(b.Host) == b.meeting }

// modelService is the service as the pools call it.
type modelService struct{ *model }

// RoundTrip serves a call. A Schedule was sent if its body was read.
func (s modelService) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx := req.Context()
	c := ctx.Value(callKey{}).(*modelCall)
	var form url.Values
	var o outcome
	if strings.HasSuffix(req.URL.Path, "/query") {
		form = s.read(req)
		o = s.wait(ctx, "query "+form.Get("hostEmail"), fail, broken, garbage, crash)
	} else if o = s.wait(ctx, "schedule", fail, late, broken, garbage, crash); o != fail && o != expired {
		form = s.read(req)
	}
	switch o {
	case expired:
		return nil, ctx.Err()
	case fail:
		return nil, errLost
	case broken:
		return answer(http.StatusServiceUnavailable, "")()
	case garbage:
		return answer(http.StatusOK, "<html>")()
	case late:
		by := time.Now().Add(hostpool.LateWithin + s.defect.late - 1)
		s.late = append(s.late, arrival{c.name + ": schedule", by, s.rng.IntN(2) == 0, func() {
			s.count["late schedule"]++
			s.schedule(c, form)
		}})
		return nil, errLost
	}
	if strings.HasSuffix(req.URL.Path, "/query") {
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
	switch {
	case s.isRefused(form):
		return "2,,"
	case meeting == nil || s.defect.silent:
		c.asked[host] = s.step
		return "0,,"
	}
	if s.defect.shortens {
		_ = s.store.Renew(context.Background(), host, s.lease(host).ID, modelCheckEvery)
	}
	return "3," + meeting.id + "," + meeting.password
}

func (s modelService) schedule(c *modelCall, form url.Values) string {
	host := form.Get("hostEmail")
	if s.isRefused(form) {
		return "2,"
	}
	if meeting := s.running(host); meeting != nil {
		if meeting.booking != nil || meeting.began <= c.asked[host] {
			s.model.broken("%s ends meeting %s of %s", c.name, meeting.id, host)
		}
		s.end(meeting)
	}
	for _, b := range s.bookings {
		if b.Host == host && s.isLive(b) {
			s.model.broken("%s schedules a meeting for %s, whose host may start another", c.name, host)
		}
	}
	meeting := s.add(&modelMeeting{host: host, password: form.Get("meetingPassword"), operatorID: form.Get("operatorId")})
	return "0," + meeting.id
}
