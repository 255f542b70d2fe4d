package iomeetingtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

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

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	page := []string{http.MethodGet, http.MethodPost}
	mux.Handle("/snm.do", s.recorded(page, servePage(s.openNew)))
	mux.Handle("/ssm.do", s.recorded(page, servePage(s.openScheduled)))
	mux.Handle("/jm.do", s.recorded(page, servePage(s.openJoin)))
	call := []string{http.MethodPost}
	mux.Handle("/meetingControl/query", s.recorded(call, s.failing(s.serveQuery)))
	mux.Handle("/meetingControl/schedule", s.recorded(call, s.failing(s.serveSchedule)))
	mux.Handle("/", s.recorded(page, http.NotFound))
	return mux
}

// recorded parses and records each request, and hands it to next if its method
// is one of methods.
func (s *Server) recorded(methods []string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		err := r.ParseForm()
		s.record(r)
		switch {
		case !slices.Contains(methods, r.Method):
			w.Header().Set("Allow", strings.Join(methods, ", "))
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		case err != nil:
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
		default:
			next(w, r)
		}
	})
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
