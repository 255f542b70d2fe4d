package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// accountRow is a host account on the page of accounts.
type accountRow struct {
	Email   string
	State   string // "available", "meeting", "refused" or "unknown"
	Title   string // of the meeting that it is in, if that was started here
	Lease   *hostpool.Lease
	Expires time.Time
	For     string // title of the meeting that it is leased to
}

// showAccounts shows the accounts with their states and leases. A real site has
// this page for its staff, and splits it if there are many accounts.
func (s *site) showAccounts(w http.ResponseWriter, r *http.Request) {
	leases, err := s.pool.Leases(r.Context())
	if err != nil {
		showError(w, err)
		return
	}
	byHost := make(map[string]*hostpool.Lease, len(leases))
	for _, lease := range leases {
		byHost[lease.Host] = &lease
	}
	emails := make([]string, len(s.hosts))
	for i, host := range s.hosts {
		emails[i] = host.Email
	}
	answers, bookings := s.watch.askAll(r.Context(), emails), s.books.all()
	rows := make([]accountRow, len(emails))
	for i, email := range emails {
		rows[i] = newAccountRow(email, byHost[email], answers[email], bookings)
	}
	render(w, http.StatusOK, "accounts.html", rows)
}

func newAccountRow(email string, lease *hostpool.Lease, heard answer, bookings []booking) accountRow {
	row := accountRow{Email: email, State: accountState(heard), Lease: lease}
	for _, b := range bookings {
		if heard.isIn(b) {
			row.Title = b.title
		}
		if lease != nil && lease.String() == b.lease {
			row.For = b.title
		}
	}
	if lease != nil {
		row.Expires = time.Now().Add(lease.Left)
	}
	return row
}

func accountState(heard answer) string {
	switch {
	case errors.Is(heard.err, iomeeting.ErrHostNotFound), errors.Is(heard.err, iomeeting.ErrWrongPassword):
		return "refused"
	case heard.err != nil:
		return "unknown"
	case heard.state.InMeeting:
		return "meeting"
	default:
		return "available"
	}
}
