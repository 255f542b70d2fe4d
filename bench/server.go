package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	serveCommand = "serve"

	// answer says that the host is available.
	answer    = "0,,"
	queryPath = "/meetingControl/query"

	email    = "alice@example.com"
	password = "correct horse"
)

// addresses are what the server tells the process that has started it.
type addresses struct {
	// Sites are one for each contender, so that a connection can be laid at
	// its contender's door even if no request ever comes over it.
	Sites   []string
	Control string // plain HTTP, so that to ask is not counted
	CA      []byte
}

// serve answers queries until the process ends. args hold the number of sites.
func serve(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes the number of sites", serveCommand)
	}
	sites, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	ca, leaf, err := newAuthority()
	if err != nil {
		return err
	}
	s := &service{opened: make(map[string]int)}
	served := make(chan error)
	a := addresses{CA: ca}
	queries := s.queryServer(leaf)
	for range sites {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		a.Sites = append(a.Sites, "https://"+l.Addr().String())
		go func() { served <- queries.ServeTLS(l, "", "") }()
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

// service answers queries, or holds them back. It counts connections.
type service struct {
	mu     sync.Mutex
	opened map[string]int // connections by site
	gate   chan struct{}  // closed to let calls go; nil where none are held
	held   int
}

// queryServer offers HTTP/1.1 and HTTP/2.
func (s *service) queryServer(leaf tls.Certificate) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+queryPath, s.query)
	return &http.Server{
		Handler:           mux,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{leaf}},
		ReadHeaderTimeout: time.Minute,
		ConnState:         s.count,
	}
}

func (s *service) count(conn net.Conn, state http.ConnState) {
	if state != http.StateNew {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened["https://"+conn.LocalAddr().String()]++
}

func (s *service) query(w http.ResponseWriter, r *http.Request) {
	s.wait(r.Context())
	// A contender that sent less than the others would win by it.
	if r.PostFormValue("hostEmail") != email || r.PostFormValue("hostPassword") != password {
		http.Error(w, "not the form that was to be sent", http.StatusBadRequest)
		return
	}
	// An error here means that the client is gone.
	_, _ = io.WriteString(w, answer)
}

// wait waits while calls are held back.
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
	mux.HandleFunc("GET /opened", s.reportOpened)
	mux.HandleFunc("GET /held", s.reportHeld)
	mux.HandleFunc("POST /hold", s.hold)
	mux.HandleFunc("POST /release", s.release)
	return &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
}

func (s *service) reportOpened(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(w).Encode(s.opened) // or the one who asks is gone
}

func (s *service) reportHeld(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(w).Encode(s.held) // or the one who asks is gone
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
