// Package iomeetingtest provides an in-process IOMeeting server for tests of programs
// that use package [github.com/iomeeting/iomeeting-go].
//
// A [Server] implements the six operations of the IOMeeting API 2.0. The two calls,
// query and schedule, return exactly the lines that the spec defines. The pages accept
// GET and POST, and show who is in which meeting, or why the person was refused.
//
// A scheduled meeting is in progress once its host has started it. It ends when you
// call [Server.EndMeeting], or when its host schedules another meeting while it is in
// progress. Before EndMeeting or the call returns, the server POSTs operatorId to the
// meeting's end URL, and once more if the connection drops before a response, as a JDK
// does.
//
// [Server.Open] and [Server.Submit] do what a browser does with a link. If the service
// refuses the person, their error has the HTTP status and the reason:
//
//   - 400: a title or user name is not encoded correctly, jm.do does not name exactly
//     one of a host and a meeting, or the request cannot be read.
//   - 403: a password is wrong or missing.
//   - 404: the host or the meeting is unknown or missing.
//   - 409: the meeting to join has not started, the host to join is not in a meeting,
//     or the host who starts a meeting is in another one.
//   - 410: the meeting has ended.
//
// Where the spec is silent, the server is strict: a host in a meeting cannot start
// another one, and any password is wrong for a meeting that has none.
//
// The guide has a whole test, and the server as a command for other languages:
// https://github.com/iomeeting/iomeeting-go/blob/main/docs/testing.md
package iomeetingtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

// Server is an in-process IOMeeting server. Its methods are safe for concurrent use.
type Server struct {
	// URL is the address to pass to [iomeeting.NewClient], such as
	// http://127.0.0.1:34567.
	URL string

	http      *httptest.Server
	service   *service
	callbacks *http.Client // POSTs to end URLs
	closing   context.Context
	close     context.CancelFunc

	wrapping sync.RWMutex // guards handler
	handler  http.Handler

	mu       sync.Mutex // guards the fields below
	requests []Request
	faults   []Fault
}

// NewServer starts a server with the given host accounts on a free port of the loopback
// interface. Call [Server.Close] when you are finished with it. Where [Listen] returns
// an error, NewServer panics.
func NewServer(hosts ...iomeeting.Host) *Server {
	service, err := newService(hosts)
	if err != nil {
		panic(err)
	}
	return start(httptest.NewUnstartedServer(nil), service)
}

// Listen starts a server with the given host accounts at a fixed address, such as
// "127.0.0.1:8080", in one of the forms that [net.Listen] accepts. If addr stands for
// all interfaces, as ":8080" does, URL has the host localhost. The server offers no
// protection: use an address that only your tests can reach. Call [Server.Close] when
// you are finished with it.
//
// Listen returns an [*iomeeting.ParameterError] if [iomeeting.Host.Validate] rejects an
// account or two accounts have the same email address.
func Listen(addr string, hosts ...iomeeting.Host) (*Server, error) {
	service, err := newService(hosts)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("iomeetingtest: %w", err)
	}
	return start(&httptest.Server{Listener: listener, Config: &http.Server{}}, service), nil
}

func start(unstarted *httptest.Server, service *service) *Server {
	s := &Server{http: unstarted, service: service, callbacks: newCallbackClient()}
	s.closing, s.close = context.WithCancel(context.Background())
	s.handler = s.routes()
	s.http.Config.Handler = http.HandlerFunc(s.serve)
	s.http.Start()
	s.URL = urlOf(s.http.Listener.Addr())
	return s
}

// urlOf returns the URL of a server that listens on addr. No client should connect
// to the address that stands for all interfaces.
func urlOf(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	return "http://" + addr.String()
}

// Close shuts down the server and waits for its goroutines to end. Requests that have
// arrived are still served, but a [Delay] is cut short. Closing a server twice is a
// no-op.
func (s *Server) Close() {
	s.close()
	s.http.Close()
}

// Client returns a client for the server. It panics if [iomeeting.NewClient] returns an
// error. If http.DefaultTransport has been replaced by a mock, the client uses the mock,
// as every client does.
func (s *Server) Client(opts ...iomeeting.Option) *iomeeting.Client {
	c, err := iomeeting.NewClient(s.URL, opts...)
	if err != nil {
		panic(err)
	}
	return c
}

// Wrap puts a handler in front of the server, for example one that logs every request,
// adds a path or makes pages fail. It passes to next what the server should serve as
// before. Wrap may be called several times; the last handler is the first to see a
// request.
//
// When next returns, r.Form and r.PostForm hold the parameters of the request. If a
// [Drop] applies, next panics with [http.ErrAbortHandler]. [Server.Requests] returns
// only the requests that reached next.
func (s *Server) Wrap(wrap func(next http.Handler) http.Handler) {
	s.wrapping.Lock()
	defer s.wrapping.Unlock()
	s.handler = wrap(s.handler)
}

// serve passes each request to the handler in front. When the server is closed,
// the handlers stop waiting for the rest of a body.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	stop := context.AfterFunc(s.closing, func() {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	})
	defer stop()
	s.wrapping.RLock()
	handler := s.handler
	s.wrapping.RUnlock()
	handler.ServeHTTP(w, r)
}
