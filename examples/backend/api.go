package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// routes returns the API. From other sites, browsers may only use it in pages of the
// front end. The service reports ends without an Origin, but with a signature.
//
// Sign-in goes around the API, and says who may start and who may join. A form POST
// has no Authorization header: use a cookie. With SameSite=Lax, it arrives if both
// origins are of one site, such as app.example.com and api.example.com. For fetch, add
// credentials: "include" there, and Access-Control-Allow-Credentials here.
func (s *server) routes() (http.Handler, error) {
	api := http.NewServeMux()
	api.HandleFunc("GET /bookings", handle(forScripts, s.list))
	api.HandleFunc("PUT /bookings/{key}", handle(forScripts, s.book))
	api.HandleFunc("POST /bookings/{key}/start", handle(forPeople, s.start))
	api.HandleFunc("POST /bookings/{key}/join", handle(forPeople, s.join))
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(s.frontEnd); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.allowFrontEnd(protection.Handler(api)))
	mux.Handle(endPath, s.pool.EndHandler(s.ended))
	return http.MaxBytesHandler(mux, 64<<10), nil
}

// allowFrontEnd lets scripts of the front end send JSON and read responses (CORS).
func (s *server) allowFrontEnd(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if r.Header.Get("Origin") == s.frontEnd {
			w.Header().Set("Access-Control-Allow-Origin", s.frontEnd)
			if r.Method == http.MethodOptions {
				w.Header().Set("Access-Control-Allow-Methods", "PUT")
				w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// list shows the bookings as the last check found them: visitors who watch the list
// cost the service nothing.
func (s *server) list(w http.ResponseWriter, r *http.Request) error {
	found, err := s.bookings.query(r.Context(), `ORDER BY created DESC LIMIT 50`)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(found) // an error means that the browser has gone
	return nil
}

// book adds a booking for later. It takes no account: start does.
func (s *server) book(_ http.ResponseWriter, r *http.Request) error {
	var b booking
	if json.NewDecoder(r.Body).Decode(&b) != nil {
		return errBadRequest
	}
	return s.bookings.add(r.Context(), r.PathValue("key"), b.Title)
}

// start opens the meeting of a booking in the browser of its host.
func (s *server) start(w http.ResponseWriter, r *http.Request) error {
	link, err := s.startLink(r.Context(), r.PathValue("key"), r.FormValue("title"))
	if err == nil {
		link.ServePage(w, r, "Start the meeting")
	}
	return err
}

// startLink returns the start link of a booking, which it adds if needed. However
// often it is called, on whichever servers, it makes one meeting that can be started.
func (s *server) startLink(ctx context.Context, key, title string) (iomeeting.Link, error) {
	for {
		attempt := rand.Text()
		b, err := s.bookings.claim(ctx, key, title, attempt)
		switch {
		case err != nil:
			return iomeeting.Link{}, err
		case b.Attempt == attempt:
			return s.schedule(ctx, key, attempt)
		case b.State == "over":
			return iomeeting.Link{}, errOver
		case b.Meeting.ID != "":
			return s.pool.StartLink(ctx, b.Meeting)
		}
		select { // another request is scheduling it
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return iomeeting.Link{}, ctx.Err()
		}
	}
}

// schedule makes the meeting of a booking. Each attempt has its own operator ID: one
// whose outcome was unknown may end while the next is in progress.
func (s *server) schedule(ctx context.Context, key, attempt string) (iomeeting.Link, error) {
	m, err := s.pool.Schedule(ctx, &iomeeting.ScheduleOptions{OperatorID: key + " " + attempt})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second) // the visitor may have gone
	defer cancel()
	if err != nil {
		return iomeeting.Link{}, errors.Join(err, s.bookings.set(ctx, key, attempt, "booked"))
	}
	saved, err := s.bookings.save(ctx, key, attempt, m)
	if err == nil && !saved { // nobody gets the link, so nobody starts the meeting
		err = errors.Join(hostpool.ErrLeaseLost, s.pool.Release(ctx, m.Lease))
	}
	return m.StartLink, err
}

// join opens the meeting of a booking in the browser of a participant.
func (s *server) join(w http.ResponseWriter, r *http.Request) error {
	b, err := s.bookings.get(r.Context(), r.PathValue("key"))
	switch {
	case err != nil:
		return err
	case b.State == "over":
		return errOver
	case b.Meeting.ID == "":
		return errNotFound
	}
	link, err := s.client.JoinByID(b.Meeting.ID, &iomeeting.JoinOptions{
		MeetingPassword: b.Meeting.Password, UserName: strings.TrimSpace(r.FormValue("name")),
	})
	if err == nil {
		link.ServePage(w, r, "Join the meeting")
	}
	return err
}

// ended is called when the service reports the end of a meeting, perhaps twice.
func (s *server) ended(ctx context.Context, ended hostpool.Ended) error {
	key, attempt, _ := strings.Cut(ended.OperatorID, " ")
	err := s.bookings.set(ctx, key, attempt, "over")
	if err != nil { // then check closes the booking
		slog.ErrorContext(ctx, "end of a meeting not stored", "booking", key, "error", err)
	}
	return err
}

var (
	errBadRequest = errors.New("bad request")
	errNotFound   = errors.New("no such booking, or not started")
	errOver       = errors.New("the meeting is over")
)

// problem returns the HTTP status of an error, and what the visitor is told.
func problem(err error) (status int, text string) {
	switch {
	case errors.Is(err, iomeeting.ErrOutcomeUnknown): // it may exist, but nobody can start it
		return http.StatusBadGateway, "The meeting was not confirmed. Please try again."
	case errors.Is(err, hostpool.ErrNoneFree):
		return http.StatusServiceUnavailable, "All meeting rooms are in use. Please try again later."
	case errors.Is(err, errOver), errors.Is(err, hostpool.ErrLeaseLost):
		return http.StatusGone, "This meeting is over."
	case errors.Is(err, errNotFound):
		return http.StatusNotFound, "This meeting does not exist, or has not started yet."
	case errors.Is(err, errBadRequest), errors.Is(err, iomeeting.ErrInvalidParameter):
		return http.StatusBadRequest, "Please check what you have entered."
	default: // the service, or the database, which is hostpool.ErrStore if the pool asked it
		return http.StatusServiceUnavailable, "Meetings cannot be opened at the moment. Please try again later."
	}
}

//go:embed problem.html
var problemHTML string

var (
	problemPage = template.Must(template.New("").Parse(problemHTML))
	isKey       = regexp.MustCompile(`^[0-9A-Za-z_-]{0,64}$`).MatchString
)

const forScripts, forPeople = false, true // who gets the response: people do in a tab

// handle serves h. If h returns an error, it has not responded.
func handle(isPage bool, h func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		err := errBadRequest
		if isKey(r.PathValue("key")) {
			err = h(w, r)
		}
		if err == nil {
			return
		}
		status, text := problem(err)
		if status >= 500 && r.Context().Err() == nil { // else the visitor has gone
			slog.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		}
		if isPage {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_ = problemPage.Execute(w, text)
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": text})
	}
}
