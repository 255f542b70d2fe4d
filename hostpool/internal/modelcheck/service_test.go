package modelcheck

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// arriveWithin is how long after it was sent a request may arrive. Package hostpool
// sends requests in the first half of a lease of a minute.
const arriveWithin = 30 * time.Second

const (
	queryPath    = "/meetingControl/query"
	schedulePath = "/meetingControl/schedule"
)

// service is the service, and the network on the way to it.
type service struct {
	world    *world
	meetings []*meeting
	running  map[string]*meeting // by the email address of the host
}

// meeting is scheduled, then in progress, then ended.
type meeting struct {
	id         string
	host       string   // email address
	operatorID string   // empty if no one is notified of its end
	booking    *booking // nil if no pool has returned the meeting
	outsider   bool     // whether it was started without a pool
	began      int      // the step in which it was started
	ended      bool
}

// add adds a meeting that has not started.
func (s *service) add(m *meeting) *meeting {
	s.meetings = append(s.meetings, m)
	m.id = "m" + strconv.Itoa(len(s.meetings))
	return m
}

// begin starts a meeting whose host is in no other.
func (s *service) begin(m *meeting) {
	m.began = s.world.steps
	s.running[m.host] = m
}

// end ends a meeting. If someone is to be notified, that remains to be done.
func (s *service) end(m *meeting) {
	m.ended = true
	if s.running[m.host] == m {
		delete(s.running, m.host)
	}
	if m.operatorID != "" {
		s.world.reports = append(s.world.reports, m)
	}
}

func (s *service) query(host string) string {
	if m := s.running[host]; m != nil {
		return "3," + m.id + ","
	}
	return "0"
}

// schedule schedules a meeting, and ends the one that the host is in. The actor a
// took the account in step taken.
func (s *service) schedule(form url.Values, a *actor, taken int) string {
	host := form.Get("hostEmail")
	if m := s.running[host]; m != nil {
		if !m.outsider || m.began < taken {
			s.world.violation("%s ends meeting %s of %s", a.name, m.id, host)
		}
		s.end(m)
	}
	for _, b := range s.world.bookings {
		if b.host() == host && b.live() {
			s.world.violation("%s schedules a meeting for %s, who may start booking %d", a.name, host, b.number)
		}
	}
	m := s.add(&meeting{host: host, operatorID: form.Get("operatorId")})
	return "0," + m.id
}

// RoundTrip carries an actor's request to the service.
func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, path := req.Context(), req.URL.Path
	a := actorOf(ctx)
	v := a.wait(ctx, path, fail, lose, delay, refuse, down, crash)
	switch v {
	case expired:
		return nil, ctx.Err()
	case fail:
		return nil, errConnection // without reading the body: nothing was sent
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	switch v {
	case lose:
		return nil, errConnection
	case delay:
		s.delay(path, form, a)
		return nil, errConnection
	case refuse:
		return response(http.StatusOK, "2"), nil
	case down:
		return response(http.StatusServiceUnavailable, ""), nil
	}
	return s.respond(ctx, path, form, a)
}

// delay lets a request arrive later.
func (s *service) delay(path string, form url.Values, a *actor) {
	if path == queryPath {
		return // a late query changes nothing
	}
	taken := a.taken[form.Get("hostEmail")]
	s.world.flights = append(s.world.flights, &flight{
		what:   a.name + ": " + path,
		by:     time.Now().Add(arriveWithin - 1),
		arrive: func() { s.world.trace("%s, late: %s", path, s.schedule(form, a, taken)) },
	})
}

// respond carries out a request, and lets its response arrive or not.
func (s *service) respond(ctx context.Context, path string, form url.Values, a *actor) (*http.Response, error) {
	host := form.Get("hostEmail")
	var answer string
	if path == queryPath {
		answer = s.query(host)
	} else {
		answer = s.schedule(form, a, a.taken[host])
	}
	s.world.trace("%s: %s for %s: %s", a.name, path, host, answer)
	if !s.world.skipsGate() {
		switch a.wait(ctx, "after "+path, fail, crash) {
		case expired:
			return nil, ctx.Err()
		case fail:
			return nil, errConnection
		}
	}
	return response(http.StatusOK, answer), nil
}

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}
}

// flight is a command or a request that may still arrive. Its sender has given up.
type flight struct {
	what   string
	by     time.Time // when it has arrived, or is lost; zero if it may take any time
	arrive func()
}
