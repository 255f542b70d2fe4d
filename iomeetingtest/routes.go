package iomeetingtest

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	maxBody = 1 << 20 // bytes
	maxURL  = 8000    // bytes; servlet containers have a similar limit
)

// Request is a request that arrived at a [Server], whatever the response was. It
// contains passwords in plain text.
type Request struct {
	Method   string
	Path     string
	Header   http.Header
	Query    url.Values // the parameters in the URL
	PostForm url.Values // the parameters in the body
}

// Requests returns the requests that have arrived since the server started or since the
// last call of [Server.ClearRequests], in the order of arrival. The caller may modify
// what it returns.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.requests))
	for i, r := range s.requests {
		requests[i] = r.clone()
	}
	return requests
}

// ClearRequests forgets the requests that have arrived so far. Meetings and faults stay
// as they are.
func (s *Server) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (r Request) clone() Request {
	r.Header = r.Header.Clone()
	r.Query = cloneValues(r.Query)
	r.PostForm = cloneValues(r.PostForm)
	return r
}

func cloneValues(v url.Values) url.Values { return url.Values(http.Header(v).Clone()) }

// endpoint is what the server has at a path.
type endpoint struct {
	methods []string // the methods that it accepts
	serve   http.HandlerFunc
}

func (s *Server) endpoints() map[string]endpoint {
	page := []string{http.MethodGet, http.MethodPost}
	call := []string{http.MethodPost}
	return map[string]endpoint{
		"/snm.do":    {page, servePage(s.openNew)},
		"/ssm.do":    {page, servePage(s.openScheduled)},
		"/jm.do":     {page, servePage(s.openJoin)},
		queryPath:    {call, s.withFaults(s.serveQuery)},
		schedulePath: {call, s.withFaults(s.serveSchedule)},
	}
}

// routes returns a handler that parses and records each request, and passes it to
// its endpoint.
func (s *Server) routes() http.Handler {
	endpoints := s.endpoints()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := readForm(w, r)
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

// readForm reads the body of r to its end and parses the parameters.
func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	_, unread := io.Copy(io.Discard, r.Body) // ParseForm reads only forms
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
