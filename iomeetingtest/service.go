package iomeetingtest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/iomeeting/iomeeting-go"
)

// service is the state behind the endpoints: host accounts and their meetings.
// It knows no requests. What it returns are copies.
type service struct {
	mu       sync.Mutex
	hosts    map[string]iomeeting.Secret // passwords by e-mail address
	meetings map[string]*meeting         // by ID
	running  map[string]*meeting         // by the host's e-mail address
}

// meeting is scheduled, then in progress, then ended; one that a host starts
// without an ID is in progress at once.
type meeting struct {
	id               string
	host             string // e-mail address
	title            string
	password         iomeeting.Secret
	observerPassword iomeeting.Secret
	endURL           string
	operatorID       string
	state            state
	people           []person
}

type state int

const (
	scheduled state = iota
	inProgress
	ended
)

// person is somebody in a meeting.
type person struct {
	name string
	role string // "host", "participant" or "observer"
}

// refusal is why somebody gets into no meeting.
type refusal struct {
	code   int // HTTP status of the page that says it
	reason string
}

func (r *refusal) Error() string { return r.reason }

func refuse(code int, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// newService panics for an account that no client could name.
func newService(hosts []iomeeting.Host) *service {
	s := &service{
		hosts:    make(map[string]iomeeting.Secret),
		meetings: make(map[string]*meeting),
		running:  make(map[string]*meeting),
	}
	for _, host := range hosts {
		if host.Email == "" || host.Password.IsZero() {
			panic("iomeetingtest: a host account needs an e-mail address and a password")
		}
		if _, ok := s.hosts[host.Email]; ok {
			panic("iomeetingtest: two host accounts have one e-mail address")
		}
		s.hosts[host.Email] = host.Password
	}
	return s
}

// checkHost returns the status that the calls answer for these credentials.
func (s *service) checkHost(email string, password iomeeting.Secret) iomeeting.Status {
	switch known, ok := s.hosts[email]; {
	case !ok:
		return iomeeting.StatusHostNotFound
	case known != password:
		return iomeeting.StatusWrongPassword
	default:
		return iomeeting.StatusOK
	}
}

// query returns whether the host is in a meeting, and in which.
func (s *service) query(email string, password iomeeting.Secret) (iomeeting.Status, meeting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.checkHost(email, password)
	if m := s.running[email]; status == iomeeting.StatusOK && m != nil {
		return iomeeting.StatusInMeeting, m.copy()
	}
	return status, meeting{}
}

// schedule adds m to the meetings. It first ends the one that the host is in,
// if any, and returns that as well.
func (s *service) schedule(m meeting, password iomeeting.Secret) (status iomeeting.Status, id string, over *meeting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status = s.checkHost(m.host, password); status != iomeeting.StatusOK {
		return status, "", nil
	}
	if running := s.running[m.host]; running != nil {
		was := s.finish(running)
		over = &was
	}
	return status, s.add(m).id, over
}

// start adds m to the meetings and starts it.
func (s *service) start(m meeting, password iomeeting.Secret) (meeting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.checkHost(m.host, password) {
	case iomeeting.StatusHostNotFound:
		return meeting{}, refuse(http.StatusNotFound, "There is no host account %s.", m.host)
	case iomeeting.StatusWrongPassword:
		return meeting{}, refuse(http.StatusForbidden, "The host password is wrong.")
	}
	if running := s.running[m.host]; running != nil {
		return meeting{}, refuse(http.StatusConflict, "%s is already in meeting %s.", m.host, running.id)
	}
	return s.begin(s.add(m)), nil
}

// startByID starts a scheduled meeting. To a host who comes back to a meeting
// in progress it opens that again.
func (s *service) startByID(id string, password iomeeting.Secret) (meeting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetings[id]
	if m == nil {
		return meeting{}, refuse(http.StatusNotFound, "There is no meeting %s.", id)
	}
	running := s.running[m.host]
	switch {
	case s.hosts[m.host] != password:
		return meeting{}, refuse(http.StatusForbidden, "The host password is wrong.")
	case m.state == ended:
		return meeting{}, refuse(http.StatusGone, "Meeting %s has ended.", id)
	case m.state == inProgress:
		return m.copy(), nil
	case running != nil:
		return meeting{}, refuse(http.StatusConflict, "%s is already in meeting %s.", m.host, running.id)
	}
	return s.begin(m), nil
}

// joining is somebody's wish to join a meeting, named by one of the first two.
type joining struct {
	hostEmail, meetingID              string
	meetingPassword, observerPassword iomeeting.Secret
	name                              string
}

// join lets somebody into a meeting in progress.
func (s *service) join(j joining) (meeting, person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.find(j)
	if err != nil {
		return meeting{}, person{}, err
	}
	role := m.roleFor(j)
	if role == "" {
		return meeting{}, person{}, refuse(http.StatusForbidden, "The password of meeting %s is wrong or missing.", m.id)
	}
	p := person{j.name, role}
	m.people = append(m.people, p)
	return m.copy(), p, nil
}

// find returns the meeting in progress that j names.
func (s *service) find(j joining) (*meeting, error) {
	if j.hostEmail != "" {
		if _, ok := s.hosts[j.hostEmail]; !ok {
			return nil, refuse(http.StatusNotFound, "There is no host account %s.", j.hostEmail)
		}
		if s.running[j.hostEmail] == nil {
			return nil, refuse(http.StatusConflict, "%s is in no meeting.", j.hostEmail)
		}
		return s.running[j.hostEmail], nil
	}
	m := s.meetings[j.meetingID]
	switch {
	case m == nil:
		return nil, refuse(http.StatusNotFound, "There is no meeting %s.", j.meetingID)
	case m.state == scheduled:
		return nil, refuse(http.StatusConflict, "Meeting %s has not started.", m.id)
	case m.state == ended:
		return nil, refuse(http.StatusGone, "Meeting %s has ended.", m.id)
	}
	return m, nil
}

// roleFor returns as what the passwords of j let somebody in, or "". The
// meeting's password may be the observers' one.
func (m *meeting) roleFor(j joining) string {
	observes := func(password iomeeting.Secret) bool {
		return !password.IsZero() && password == m.observerPassword
	}
	switch {
	case observes(j.observerPassword):
		return "observer"
	case !j.observerPassword.IsZero():
		return ""
	case j.meetingPassword == m.password:
		return "participant"
	case observes(j.meetingPassword):
		return "observer"
	default:
		return ""
	}
}

// end ends a meeting that has not ended.
func (s *service) end(id string) (meeting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetings[id]
	switch {
	case m == nil:
		return meeting{}, fmt.Errorf("iomeetingtest: there is no meeting %s", id)
	case m.state == ended:
		return meeting{}, fmt.Errorf("iomeetingtest: meeting %s has ended already", id)
	}
	return s.finish(m), nil
}

// add gives m an ID, with zeros in front so that nobody takes it for a number.
func (s *service) add(m meeting) *meeting {
	m.id = fmt.Sprintf("%06d", len(s.meetings)+1)
	s.meetings[m.id] = &m
	return &m
}

func (s *service) begin(m *meeting) meeting {
	m.state = inProgress
	m.people = []person{{m.host, "host"}}
	s.running[m.host] = m
	return m.copy()
}

func (s *service) finish(m *meeting) meeting {
	if m.state == inProgress {
		delete(s.running, m.host)
	}
	m.state = ended
	return m.copy()
}

func (m *meeting) copy() meeting {
	c := *m
	c.people = slices.Clone(m.people)
	return c
}
