// Package iomeetingtest is an IOMeeting service in the process, for tests of
// code that uses package iomeeting and for a first run of it.
//
// It has the six endpoints of the spec. The four pages open by GET and by POST
// and say in a few lines of HTML who is in which meeting, or why not; the two
// calls answer exactly what the spec says. Meetings live as they do there: a
// meeting is scheduled, the host starts it, people join it while it is in
// progress, and it ends, be it by [Server.EndMeeting] or, in progress, because
// the host schedules another one. When it ends, operatorId is POSTed to its end
// URL, before EndMeeting returns or the call is answered; twice, as a JDK does,
// where the connection drops before an answer.
//
// A test starts or joins a meeting as a browser does, by
// http.Get(link.URL()) or http.PostForm(link.Endpoint(), link.Params()). The
// page has HTTP status 200; or 400 for parameters that make no sense, 403 for a
// wrong password, 404 for a host or a meeting that there is not, 409 for a
// meeting that has not started or a host who is in another one, and 410 for a
// meeting that has ended.
//
// A test looks at what arrived by [Server.Requests], and makes calls fail by
// [Server.FailNext]. Where the spec is silent, the service is strict: a host in
// a meeting cannot start a second one, and a password that a meeting does not
// have is a wrong password.
package iomeetingtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

// Server is an IOMeeting service that listens on a loopback address. It may be
// used by several goroutines at once.
type Server struct {
	// URL is the site's address for [iomeeting.NewClient], such as
	// http://127.0.0.1:34567.
	URL string

	http    *httptest.Server
	service *service
	toUsers *http.Client // POSTs to end URLs
	closing context.Context
	close   context.CancelFunc

	mu       sync.Mutex
	requests []Request
	faults   []Fault
}

// endURLTimeout bounds how long the service waits for an answer of an end URL.
const endURLTimeout = 5 * time.Second

// NewServer starts a service with these host accounts. Like
// [httptest.NewServer] it panics if it cannot listen; it panics as well for
// an account without an e-mail address or a password, and for two of one e-mail
// address. The caller calls [Server.Close] when done.
func NewServer(hosts ...iomeeting.Host) *Server {
	s := &Server{
		service: newService(hosts),
		toUsers: &http.Client{
			// A connection is not kept, so that nothing is left running.
			Transport:     &http.Transport{DisableKeepAlives: true},
			Timeout:       endURLTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.closing, s.close = context.WithCancel(context.Background())
	s.http = httptest.NewServer(s.routes())
	s.URL = s.http.URL
	return s
}

// Close stops the service and waits until nothing of it runs. Calls that have
// arrived are answered first, without the rest of a [Delay]. To close a server
// twice does nothing.
func (s *Server) Close() {
	s.close()
	s.http.Close()
}

// Client returns a client of the service, as [iomeeting.NewClient] does for a
// site: where http.DefaultTransport is a mock, the client meets that. It panics
// where NewClient returns an error.
func (s *Server) Client(opts ...iomeeting.Option) *iomeeting.Client {
	c, err := iomeeting.NewClient(s.URL, opts...)
	if err != nil {
		panic(err)
	}
	return c
}

// EndMeeting ends a meeting, be it in progress or only scheduled, and POSTs its
// operatorId to its end URL, if it has one. It returns when that has answered.
//
// The error says that there is no such meeting or that it has ended already;
// or, of a meeting that it did end, that the end URL gave no answer within 5
// seconds or one whose HTTP status is not 2xx.
func (s *Server) EndMeeting(meetingID string) error {
	m, err := s.service.end(meetingID)
	if err != nil {
		return err
	}
	return s.tellEnd(m)
}
