package iomeetingtest

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// maxBody bounds the body of a request, in bytes.
	maxBody = 1 << 20

	// maxURL bounds the address of a page, in bytes. Servlet containers have
	// about this limit.
	maxURL = 8000
)

// Request is a request that arrived at a [Server], whatever became of it. It
// holds passwords in clear.
type Request struct {
	Method   string
	Path     string      // such as /meetingControl/query
	Header   http.Header // as net/http gives it to a server
	Query    url.Values  // parameters in the URL
	PostForm url.Values  // parameters in the body
}

// Requests returns the requests that have arrived so far, in their order. They
// are the caller's own copies.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.requests))
	for i, r := range s.requests {
		requests[i] = r.clone()
	}
	return requests
}

func (r Request) clone() Request {
	r.Header = r.Header.Clone()
	r.Query = cloneValues(r.Query)
	r.PostForm = cloneValues(r.PostForm)
	return r
}

func cloneValues(v url.Values) url.Values { return url.Values(http.Header(v).Clone()) }

// endpoint is one of the six, and the methods that it takes.
type endpoint struct {
	methods []string
	serve   http.HandlerFunc
}

func (s *Server) endpoints() map[string]endpoint {
	page := []string{http.MethodGet, http.MethodPost}
	call := []string{http.MethodPost}
	return map[string]endpoint{
		"/snm.do":                  {page, servePage(s.openNew)},
		"/ssm.do":                  {page, servePage(s.openScheduled)},
		"/jm.do":                   {page, servePage(s.openJoin)},
		"/meetingControl/query":    {call, s.failing(s.serveQuery)},
		"/meetingControl/schedule": {call, s.failing(s.serveSchedule)},
	}
}

// routes returns a handler that parses and records each request, and hands it
// to its endpoint.
func (s *Server) routes() http.Handler {
	endpoints := s.endpoints()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.readForm(w, r)
		s.record(r)
		e, ok := endpoints[r.URL.Path]
		switch {
		case len(r.RequestURI) > maxURL:
			http.Error(w, "the URL is too long", http.StatusBadRequest)
		case !ok:
			http.NotFound(w, r)
		case !slices.Contains(e.methods, r.Method):
			w.Header().Set("Allow", strings.Join(e.methods, ", "))
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		case err != nil:
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
		default:
			e.serve(w, r)
		}
	})
}

// readForm reads r to its end and parses its parameters. Once the server is
// closing, it does not wait for the rest of a body.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request) error {
	stop := context.AfterFunc(s.closing, func() {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	})
	defer stop()
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	_, unread := io.Copy(io.Discard, r.Body) // what is not a form
	return cmp.Or(err, unread)
}

func (s *Server) record(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{
		Method:   r.Method,
		Path:     r.URL.Path,
		Header:   r.Header,
		Query:    r.URL.Query(),
		PostForm: r.PostForm,
	}.clone())
}
