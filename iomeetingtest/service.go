package iomeetingtest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/iomeeting/iomeeting-go"
)

// service is the state of a server: its host accounts and their meetings. It knows
// nothing of HTTP requests.
type service struct {
	mu       sync.Mutex
	hosts    map[string]iomeeting.Secret // passwords by email address
	created  int                         // the number of meetings so far
	ordered  []*meeting                  // by ID, without those that are forgotten
	meetings map[string]*meeting         // the same by ID
	running  map[string]*meeting         // by the host's email address
}

// maxKept limits meetings, the people in one, and faults: a server may run for a long
// time, and forgets the oldest.
const maxKept = 10_000

func newest[E any](all []E) []E { return all[max(0, len(all)-maxKept):] }

// meeting is a Meeting with what only its pages and its host's calls show.
type meeting struct {
	Meeting
	password         iomeeting.Secret
	observerPassword iomeeting.Secret
	people           []person // only ever appended to, so that copies may share it
}

// person is somebody in a meeting.
type person struct {
	name string
	role string // "host", "participant" or "observer"
}

// refusal is the reason why a person cannot enter a meeting.
type refusal struct {
	code   int // HTTP status of the page
	reason string
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// newService refuses accounts that no client could name, and duplicates.
func newService(hosts []iomeeting.Host) (*service, error) {
	s := &service{
		hosts:    make(map[string]iomeeting.Secret),
		meetings: make(map[string]*meeting),
		running:  make(map[string]*meeting),
	}
	for i, host := range hosts {
		err := host.Validate()
		if _, ok := s.hosts[host.Email]; ok {
			err = &iomeeting.ParameterError{Param: "hostEmail", Reason: "belongs to two accounts"}
		}
		if err != nil {
			return nil, fmt.Errorf("iomeetingtest: hosts[%d]: %w", i, err)
		}
		s.hosts[host.Email] = host.Password
	}
	return s, nil
}

// checkHost returns the status that calls with these credentials get.
func (s *service) checkHost(email string, password iomeeting.Secret) iomeeting.Status {
	switch known, ok := s.hosts[email]; {
	case !ok:
		return iomeeting.StatusHostNotFound
	case known != password:
		return iomeeting.StatusWrongPassword
	default:
		return 0
	}
}

// query returns the host's status, and the meeting that the host is in, if any.
func (s *service) query(email string, password iomeeting.Secret) (iomeeting.Status, meeting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.checkHost(email, password)
	if m := s.running[email]; status == 0 && m != nil {
		return iomeeting.StatusInMeeting, *m
	}
	return status, meeting{}
}

// schedule adds m to the meetings. If its host is in a meeting, schedule first ends
// that one and returns it too.
func (s *service) schedule(m meeting, password iomeeting.Secret) (status iomeeting.Status, id string, ended *meeting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status = s.checkHost(m.Host, password); status != 0 {
		return status, "", nil
	}
	if running := s.running[m.Host]; running != nil {
		last := s.finish(running)
		ended = &last
	}
	return status, s.add(m).ID, ended
}

// start adds m to the meetings and starts it.
func (s *service) start(m meeting, password iomeeting.Secret) (meeting, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.checkHost(m.Host, password) {
	case iomeeting.StatusHostNotFound:
		return meeting{}, refuse(http.StatusNotFound, "There is no host account %q.", m.Host)
	case iomeeting.StatusWrongPassword:
		return meeting{}, refuse(http.StatusForbidden, "The host password is wrong.")
	}
	if running := s.running[m.Host]; running != nil {
		return meeting{}, refuse(http.StatusConflict, "%s is already in meeting %s.", m.Host, running.ID)
	}
	return s.begin(s.add(m)), nil
}

// startByID starts a scheduled meeting. If the meeting is already in progress, the
// host returns to it.
func (s *service) startByID(id string, password iomeeting.Secret) (meeting, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetings[id]
	if m == nil {
		return meeting{}, refuse(http.StatusNotFound, "There is no meeting %q.", id)
	}
	running := s.running[m.Host]
	switch {
	case s.hosts[m.Host] != password:
		return meeting{}, refuse(http.StatusForbidden, "The host password is wrong.")
	case m.State == Ended:
		return meeting{}, refuse(http.StatusGone, "Meeting %s has ended.", id)
	case m.State == InProgress:
		return *m, nil
	case running != nil:
		return meeting{}, refuse(http.StatusConflict, "%s is already in meeting %s.", m.Host, running.ID)
	}
	return s.begin(m), nil
}

// joining is a request to join a meeting. Either hostEmail or meetingID is set.
type joining struct {
	hostEmail, meetingID              string
	meetingPassword, observerPassword iomeeting.Secret
	name                              string
}

// join lets a person into a meeting in progress.
func (s *service) join(j joining) (meeting, person, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, refused := s.find(j)
	if refused != nil {
		return meeting{}, person{}, refused
	}
	role := m.roleFor(j)
	if role == "" {
		return meeting{}, person{}, refuse(http.StatusForbidden, "The password of meeting %s is wrong or missing.", m.ID)
	}
	p := person{j.name, role}
	m.people = newest(append(m.people, p))
	return *m, p, nil
}

// find returns the meeting in progress that j names.
func (s *service) find(j joining) (*meeting, *refusal) {
	if j.hostEmail != "" {
		if _, ok := s.hosts[j.hostEmail]; !ok {
			return nil, refuse(http.StatusNotFound, "There is no host account %q.", j.hostEmail)
		}
		if s.running[j.hostEmail] == nil {
			return nil, refuse(http.StatusConflict, "%s is not in a meeting.", j.hostEmail)
		}
		return s.running[j.hostEmail], nil
	}
	m := s.meetings[j.meetingID]
	switch {
	case m == nil:
		return nil, refuse(http.StatusNotFound, "There is no meeting %q.", j.meetingID)
	case m.State == Scheduled:
		return nil, refuse(http.StatusConflict, "Meeting %s has not started.", m.ID)
	case m.State == Ended:
		return nil, refuse(http.StatusGone, "Meeting %s has ended.", m.ID)
	}
	return m, nil
}

// roleFor returns the role that the passwords of j give a person, or "" if they are
// wrong. The observers' password may also be given as the meeting's.
func (m *meeting) roleFor(j joining) string {
	isObservers := func(password iomeeting.Secret) bool {
		return !password.IsZero() && password == m.observerPassword
	}
	switch {
	case isObservers(j.observerPassword):
		return "observer"
	case !j.observerPassword.IsZero():
		return ""
	case j.meetingPassword == m.password:
		return "participant"
	case isObservers(j.meetingPassword):
		return "observer"
	default:
		return ""
	}
}

// end ends a meeting that has not ended.
func (s *service) end(id string) (Meeting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetings[id]
	switch {
	case m == nil:
		return Meeting{}, fmt.Errorf("iomeetingtest: there is no meeting %q", id)
	case m.State == Ended:
		return Meeting{}, fmt.Errorf("iomeetingtest: meeting %s has already ended", id)
	}
	return s.finish(m).Meeting, nil
}

// list returns the meetings in the order of their IDs.
func (s *service) list() []Meeting {
	s.mu.Lock()
	defer s.mu.Unlock()
	meetings := make([]Meeting, len(s.ordered))
	for i, m := range s.ordered {
		meetings[i] = m.Meeting
	}
	return meetings
}

// add gives m the next ID, stores it, and forgets an old meeting if there are too many.
func (s *service) add(m meeting) *meeting {
	if len(s.ordered) >= maxKept {
		isIdle := func(m *meeting) bool { return m.State != InProgress }
		if i := slices.IndexFunc(s.ordered, isIdle); i >= 0 {
			delete(s.meetings, s.ordered[i].ID)
			s.ordered = slices.Delete(s.ordered, i, i+1)
		}
	}
	s.created++
	m.ID = fmt.Sprintf("%06d", s.created) // zeros first, so that nobody takes it for a number
	s.meetings[m.ID] = &m
	s.ordered = append(s.ordered, &m)
	return &m
}

func (s *service) begin(m *meeting) meeting {
	m.State = InProgress
	m.people = []person{{m.Host, "host"}}
	s.running[m.Host] = m
	return *m
}

func (s *service) finish(m *meeting) meeting {
	if m.State == InProgress {
		delete(s.running, m.Host)
	}
	m.State = Ended
	m.people = nil
	return *m
}
