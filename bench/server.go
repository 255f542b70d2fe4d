package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const serverCommand = "server"

// serverTask is what a server process is told to do.
type serverTask struct {
	Sites      int
	TLSVersion uint16 // the only one to accept; 0 for any that net/http accepts
}

// addresses are what the server process reports.
type addresses struct {
	Sites   []string // one for each contender, so that connections can be told apart
	Control string   // over plain HTTP, so that control connections are not counted
	CA      []byte
}

// connections counts the connections to a site.
type connections struct {
	Opened  int
	Resumed int // those that resumed a TLS session
}

// run serves until a listener fails.
func (task serverTask) run(out io.Writer) error {
	ca, leaf, err := newAuthority()
	if err != nil {
		return err
	}
	var (
		s      service
		a      = addresses{CA: ca}
		served = make(chan error)
	)
	for range task.Sites {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		a.Sites = append(a.Sites, "https://"+l.Addr().String())
		server := s.newSite(leaf, task.TLSVersion)
		go func() { served <- server.ServeTLS(l, "", "") }()
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	a.Control = "http://" + control.Addr().String()
	go func() { served <- s.controlServer().Serve(control) }()
	if err := json.NewEncoder(out).Encode(a); err != nil {
		return err
	}
	return <-served
}

// service answers calls, or holds queries back.
type service struct {
	sites []*tally
	mu    sync.Mutex
	gate  chan struct{} // closed to let held queries go; nil while none are held
	held  int
}

// tally counts the connections to one site.
type tally struct{ opened, resumed atomic.Int64 }

// newSite adds a site. It speaks HTTP/1.1 and HTTP/2.
func (s *service) newSite(leaf tls.Certificate, version uint16) *http.Server {
	t := new(tally)
	s.sites = append(s.sites, t)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+queryPath, s.queries())
	mux.HandleFunc("POST "+schedulePath, schedules())
	return &http.Server{
		Handler: mux,
		TLSConfig: &tls.Config{
			Certificates:     []tls.Certificate{leaf},
			MinVersion:       version,
			MaxVersion:       version,
			VerifyConnection: t.countHandshake,
		},
		ReadHeaderTimeout: time.Minute,
		ConnState:         t.countConnection,
	}
}

func (t *tally) countConnection(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		t.opened.Add(1)
	}
}

func (t *tally) countHandshake(state tls.ConnectionState) error {
	if state.DidResume {
		t.resumed.Add(1)
	}
	return nil
}

func (s *service) queries() http.HandlerFunc {
	answer := answering(queryForm(), queryAnswer)
	return func(w http.ResponseWriter, r *http.Request) {
		s.wait(r.Context())
		answer(w, r)
	}
}

func schedules() http.HandlerFunc {
	answer := answering(scheduleForm(), scheduleAnswer)
	return func(w http.ResponseWriter, r *http.Request) {
		if !r.Close { // a contender that kept its connections would win by it
			http.Error(w, "the connection is to be kept", http.StatusBadRequest)
			return
		}
		answer(w, r)
	}
}

// answering returns a handler that answers the form with body. It refuses other
// forms: a contender that sent less would win by it.
func answering(form url.Values, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || !maps.EqualFunc(r.PostForm, form, slices.Equal) {
			http.Error(w, "not the expected form", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, body) // fails only if the client is gone
	}
}

// wait waits while queries are held back.
func (s *service) wait(ctx context.Context) {
	s.mu.Lock()
	gate := s.gate
	if gate != nil {
		s.held++
	}
	s.mu.Unlock()
	if gate == nil {
		return
	}
	select {
	case <-gate:
	case <-ctx.Done():
	}
}

func (s *service) controlServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /connections", s.reportConnections)
	mux.HandleFunc("GET /held", s.reportHeld)
	mux.HandleFunc("POST /hold", s.hold)
	mux.HandleFunc("POST /release", s.release)
	return &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
}

func (s *service) reportConnections(w http.ResponseWriter, _ *http.Request) {
	counts := make([]connections, len(s.sites))
	for i, t := range s.sites {
		counts[i] = connections{int(t.opened.Load()), int(t.resumed.Load())}
	}
	_ = json.NewEncoder(w).Encode(counts) // fails only if the client is gone
}

func (s *service) reportHeld(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(w).Encode(s.held) // fails only if the client is gone
}

func (s *service) hold(http.ResponseWriter, *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate == nil {
		s.gate, s.held = make(chan struct{}), 0
	}
}

func (s *service) release(http.ResponseWriter, *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != nil {
		close(s.gate)
		s.gate = nil
	}
}
