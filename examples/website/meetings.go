package main

import (
	"cmp"
	"crypto/rand"
	"log"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

func (s *site) showMeetings(w http.ResponseWriter, r *http.Request) {
	open, past, err := s.bookings(r.Context())
	if err != nil {
		showError(w, err)
		return
	}
	render(w, http.StatusOK, "meetings.html", map[string]any{"Open": open, "Past": past, "Visitor": visitor(r)})
}

// book books a meeting. It prefers to schedule it, but a scheduled meeting cannot have
// observers.
func (s *site) book(w http.ResponseWriter, r *http.Request) {
	b := booking{ID: rand.Text(), Title: entered(r, "title"), Host: visitor(r)}
	err := error(errMissing)
	switch {
	case b.Title == "":
	case r.PostFormValue("observers") == "":
		b.Meeting, err = s.pool.Schedule(r.Context(), &iomeeting.ScheduleOptions{OperatorID: b.ID})
	default:
		b.ObserverPassword = iomeeting.NewSecret(rand.Text())
		b.Meeting, err = s.pool.Start(r.Context(), &iomeeting.StartOptions{Title: b.Title, ObserverPassword: b.ObserverPassword})
	}
	if err != nil {
		showError(w, err)
		return
	}
	if b.Host == "" {
		b.Host = rand.Text()
		http.SetCookie(w, &http.Cookie{Name: "visitor", Value: b.Host, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	b.Progress.State = hostpool.Waiting
	s.add(b) // if its end has been reported already, the next check closes it
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// visitor identifies the browser of a visitor who has booked a meeting.
func visitor(r *http.Request) string {
	cookie, err := r.Cookie("visitor")
	if err != nil {
		return ""
	}
	return cookie.Value
}

// open sends a visitor to a meeting.
func (s *site) open(w http.ResponseWriter, r *http.Request) {
	link, err := s.link(r)
	if err != nil {
		showError(w, err)
		return
	}
	link.ServePage(w, r, "")
}

// link returns the link to a meeting. What the visitor saw may be old, so it asks the
// pool.
func (s *site) link(r *http.Request) (link iomeeting.Link, err error) {
	open, _, _ := s.bookings(r.Context())
	i := slices.IndexFunc(open, func(b booking) bool { return b.ID == r.PathValue("id") })
	if i < 0 {
		return link, errOver
	}
	b, name := open[i], entered(r, "name")
	progress, err := s.pool.Check(r.Context(), b.Meeting)
	if err != nil || progress[0].Err != nil {
		return link, cmp.Or(err, progress[0].Err)
	}
	id, isStart, isWaiting := progress[0].ID, r.PathValue("as") == "start", progress[0].State == hostpool.Waiting
	switch {
	case progress[0].State == hostpool.Over || isWaiting && b.Progress.ID != "":
		return link, errOver
	case isStart && b.Host != visitor(r):
		return link, errNotHost
	case isStart && b.Meeting.ID != "": // the host may also come back
		return s.pool.StartLink(r.Context(), b.Meeting)
	case isStart && isWaiting:
		return b.Meeting.StartLink, s.pool.Renew(r.Context(), b.Meeting.Lease, startWithin)
	case isStart:
		return link, errInProgress
	case isWaiting:
		return link, errNotStarted
	case name == "":
		return link, errMissing
	case r.PathValue("as") == "observe":
		return s.client.JoinByID(id, &iomeeting.JoinOptions{ObserverPassword: b.ObserverPassword, UserName: name})
	default:
		return s.client.JoinByID(id, &iomeeting.JoinOptions{MeetingPassword: b.Meeting.Password, UserName: name})
	}
}

// entered returns what a visitor entered in a field of a form, or "" if it cannot be
// used.
func entered(r *http.Request, field string) string {
	value := strings.TrimSpace(r.PostFormValue(field))
	if !utf8.ValidString(value) || utf8.RuneCountInString(value) > 200 {
		return ""
	}
	return value
}

// end ends a meeting of the in-process service, as its host would do in the meeting.
// The API has no call for that.
func (s *site) end(w http.ResponseWriter, r *http.Request) {
	open, _, _ := s.bookings(r.Context())
	for _, b := range open {
		if b.ID == r.PathValue("id") && b.Host == visitor(r) {
			if err := s.service.EndMeeting(b.Progress.ID); err != nil {
				log.Print(err) // such as: the meeting has already ended
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked = time.Time{} // the list shows the end at once
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
