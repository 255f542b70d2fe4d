package iomeetingtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"
)

// Fault is a way for a call to go wrong. It is made by [HTTPStatus],
// [RawAnswer], [Delay], [Drop] or [Pass].
type Fault struct {
	serve func(s *Server, w http.ResponseWriter, r *http.Request, next http.HandlerFunc)
}

// HTTPStatus answers with an HTTP status and a line of text. The call is not
// carried out. It panics for a code that is not in 200 to 599.
func HTTPStatus(code int) Fault {
	if code < 200 || code > 599 {
		panic("iomeetingtest: an answer's HTTP status is in 200 to 599")
	}
	return Fault{func(_ *Server, w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		http.Error(w, fmt.Sprintf("HTTP status %d, as the test asked", code), code)
	}}
}

// RawAnswer answers with HTTP status 200 and body. The call is not carried out.
func RawAnswer(body string) Fault {
	return Fault{func(_ *Server, w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		answer(w, "%s", body)
	}}
}

// Delay carries the call out, and holds its answer back for d, or until the
// client has gone or the server is closed. It shows what a caller makes of a
// call whose answer it does not get. A Query that times out is tried again, and
// then answered, unless the client has [iomeeting.WithRetries](0).
func Delay(d time.Duration) Fault {
	return Fault{func(s *Server, w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		held := httptest.NewRecorder()
		next(held, r)
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		case <-s.closing.Done():
		}
		w.Header().Set("Content-Type", held.Header().Get("Content-Type"))
		_, _ = held.Body.WriteTo(w) // the client may have gone
	}}
}

// Drop carries the call out, and closes the connection without an answer: the
// outcome of a Schedule is then unknown to its caller.
func Drop() Fault {
	return Fault{func(_ *Server, _ http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		next(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}}
}

// Pass answers the call as if there were no fault. It stands for a call that is
// to go well before another goes wrong, such as the query of
// [iomeeting.Client.ScheduleIfAvailable].
func Pass() Fault {
	return Fault{func(_ *Server, w http.ResponseWriter, r *http.Request, next http.HandlerFunc) { next(w, r) }}
}

// FailNext makes the next calls go wrong, each by one of the faults in their
// order. Every request to one of the two calls uses one up, also when a client
// tries again: a Query gets over two faults that may pass, unless the client
// has [iomeeting.WithRetries](0). Pages use none, and so do requests that no
// client of package iomeeting sends, such as a GET. Faults that earlier calls
// of FailNext set are used up first. It panics for the zero Fault.
func (s *Server) FailNext(faults ...Fault) {
	if slices.ContainsFunc(faults, func(f Fault) bool { return f.serve == nil }) {
		panic("iomeetingtest: the zero Fault")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// failing puts the faults in front of a call.
func (s *Server) failing(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if fault, ok := s.takeFault(); ok {
			fault.serve(s, w, r, next)
			return
		}
		next(w, r)
	}
}

func (s *Server) takeFault() (fault Fault, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return Fault{}, false
	}
	fault, s.faults = s.faults[0], s.faults[1:]
	return fault, true
}
