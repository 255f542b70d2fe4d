package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// startMeeting makes a meeting on a free account, and sends its host there.
func (s *site) startMeeting(w http.ResponseWriter, r *http.Request) {
	title, name := entered(r, "title"), entered(r, "name")
	if title == "" || name == "" {
		showError(w, errMissing)
		return
	}
	b := newBooking(title, name, r.PostFormValue("observers") != "")
	s.books.add(b) // before the call, since even a call with an unknown outcome may lead to a reported end
	meeting, err := s.meetingFor(r.Context(), b)
	if err != nil {
		s.books.update(b.id, func(b *booking) { b.failed = !errors.Is(err, iomeeting.ErrOutcomeUnknown) })
		showError(w, err)
		return
	}
	s.books.update(b.id, func(b *booking) {
		b.hostEmail, b.lease, b.startBy = meeting.Host, meeting.Lease, meeting.StartBy
	})
	// The link holds the password of the account, which the host can read in the
	// source of the page, so a site like this needs accounts with no other data.
	meeting.StartLink.ServePage(w, r, "")
}

// meetingFor makes the meeting of a booking. Without observers it is scheduled,
// so that the service notifies us when it ends. A scheduled meeting cannot have
// observers, so with them we start one, and find its end by asking when somebody
// looks at the board.
func (s *site) meetingFor(ctx context.Context, b booking) (hostpool.Meeting, error) {
	if b.observerPassword.IsZero() {
		return s.pool.Schedule(ctx, &iomeeting.ScheduleOptions{
			MeetingPassword: b.password,
			OperatorID:      b.id,
		})
	}
	return s.pool.Start(ctx, &iomeeting.StartOptions{
		MeetingPassword:  b.password,
		ObserverPassword: b.observerPassword,
		Title:            b.title,
	})
}

// entered returns what a visitor entered in a field of a form, or "" if it cannot
// be used.
func entered(r *http.Request, field string) string {
	value := strings.TrimSpace(r.PostFormValue(field))
	if !utf8.ValidString(value) || utf8.RuneCountInString(value) > 200 {
		return ""
	}
	return value
}
