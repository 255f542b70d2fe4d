package iomeetingtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"
)

// Fault is a way for a call to fail, for [Server.FailNext]. It applies to every call
// unless it is limited by [Fault.ForHost] or [Fault.ForPath].
type Fault struct {
	serve func(s *Server, w http.ResponseWriter, r *http.Request, next http.HandlerFunc)
	host  string // if not empty, the only host that the fault applies to
	path  string // if not empty, the only path that the fault applies to
}

// HTTPStatus responds with an HTTP status from 200 to 599 and a line of text. The call
// is not carried out.
func HTTPStatus(code int) Fault {
	if code < 200 || code > 599 {
		panic(fmt.Sprintf("iomeetingtest: HTTP status %d is not in the range 200 to 599", code))
	}
	return Fault{serve: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		http.Error(w, fmt.Sprintf("HTTP status %d, set by FailNext", code), code)
	}}
}

// RawAnswer responds with HTTP status 200 and body. The call is not carried out.
func RawAnswer(body string) Fault {
	return Fault{serve: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		answer(w, "%s", body)
	}}
}

// Delay carries the call out and holds the response back for d, or until the client
// disconnects or the server is closed.
func Delay(d time.Duration) Fault {
	return Fault{serve: func(s *Server, w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		held := httptest.NewRecorder()
		next(held, r)
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		case <-s.closing.Done():
		}
		w.Header().Set("Content-Type", held.Header().Get("Content-Type"))
		_, _ = held.Body.WriteTo(w) // the client may have disconnected
	}}
}

// Drop carries the call out and closes the connection without a response. The caller of
// a Schedule then cannot know its outcome.
func Drop() Fault {
	return Fault{serve: func(_ *Server, _ http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		next(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}}
}

// Pass lets the call succeed. Use it when one call should succeed before another one
// fails, such as the query of [iomeeting.Client.ScheduleIfAvailable].
func Pass() Fault {
	return Fault{serve: func(_ *Server, w http.ResponseWriter, r *http.Request, next http.HandlerFunc) { next(w, r) }}
}

// ForHost returns a copy of f that applies only to calls whose parameter hostEmail is
// email.
func (f Fault) ForHost(email string) Fault {
	if email == "" {
		panic("iomeetingtest: ForHost needs an email address")
	}
	f.host = email
	return f
}

// ForPath returns a copy of f that applies only to calls to path, which is
// /meetingControl/query or /meetingControl/schedule. It panics for any other path, as
// such a fault would never apply.
func (f Fault) ForPath(path string) Fault {
	if path != queryPath && path != schedulePath {
		panic(fmt.Sprintf("iomeetingtest: %q is not the path of a call", path))
	}
	f.path = path
	return f
}

func (f Fault) appliesTo(r *http.Request) bool {
	return (f.host == "" || f.host == r.PostForm.Get("hostEmail")) && (f.path == "" || f.path == r.URL.Path)
}

// FailNext adds faults to a queue. Each request to one of the two calls removes the
// first fault in the queue that applies to it, and fails accordingly. If none applies,
// the call is served as usual. Other requests, such as those to pages, remove no fault.
//
// A retry is a request of its own: by default, Query retries, and succeeds after two
// temporary faults. With [iomeeting.WithRetries](0), one is enough to make it fail.
//
// Of more than 10,000 faults in the queue, the server forgets the oldest.
func (s *Server) FailNext(faults ...Fault) {
	if slices.ContainsFunc(faults, func(f Fault) bool { return f.serve == nil }) {
		panic("iomeetingtest: FailNext was called with the zero Fault")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = newest(append(s.faults, faults...))
}

// withFaults returns a handler for a call that fails if a fault applies.
func (s *Server) withFaults(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if fault, ok := s.takeFault(r); ok {
			fault.serve(s, w, r, next)
			return
		}
		next(w, r)
	}
}

func (s *Server) takeFault(r *http.Request) (fault Fault, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.faults, func(f Fault) bool { return f.appliesTo(r) })
	if i < 0 {
		return Fault{}, false
	}
	fault = s.faults[i]
	s.faults = slices.Delete(s.faults, i, i+1)
	return fault, true
}
