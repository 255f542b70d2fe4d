package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net/http"
	"slices"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// maxEnded is how many ended meetings the board shows.
const maxEnded = 5

// board is what board.html shows.
type board struct {
	Meetings []row // newest first
	Ended    []row // last ended first
	CanEnd   bool
}

// row is a meeting on the board.
type row struct {
	ID        string
	Title     string
	HostName  string
	State     state
	Observers bool
	MeetingID string // empty unless the meeting is in progress
	Ended     time.Time
}

func (s *site) showBoard(w http.ResponseWriter, r *http.Request) {
	b, err := s.board(r.Context())
	if err != nil {
		showError(w, err)
		return
	}
	render(w, http.StatusOK, "board.html", b)
}

func (s *site) board(ctx context.Context) (board, error) {
	bookings := s.books.all() // before the leases, so that each booking's lease was taken already
	leases, err := s.pool.Leases(ctx)
	if err != nil {
		return board{}, err
	}
	held := make(map[string]bool, len(leases))
	emails := make([]string, len(leases))
	for i, lease := range leases {
		held[lease.String()] = true
		emails[i] = lease.Host
	}
	answers := s.watch.askAll(ctx, emails) // accounts without a lease have none of our meetings
	page := board{CanEnd: s.end != nil}
	for _, b := range bookings {
		heard := answers[b.hostEmail]
		r := row{
			ID: b.id, Title: b.title, HostName: b.hostName,
			State: b.state(held[b.lease], heard), Observers: !b.observerPassword.IsZero(),
		}
		switch r.State {
		case gone:
			continue
		case ended:
			s.noteEnd(ctx, b)
			r.Ended = cmp.Or(b.ended, time.Now())
			page.Ended = append(page.Ended, r)
			continue
		case inProgress:
			r.MeetingID = heard.state.MeetingID
			s.noteStart(b, heard)
		}
		page.Meetings = append(page.Meetings, r)
	}
	slices.SortStableFunc(page.Ended, func(x, y row) int { return y.Ended.Compare(x.Ended) })
	page.Ended = page.Ended[:min(len(page.Ended), maxEnded)]
	return page, nil
}

// noteStart notes that the meeting is in progress.
func (s *site) noteStart(b booking, heard answer) {
	s.books.update(b.id, func(b *booking) {
		if b.started.IsZero() {
			b.started = heard.asked
		}
		if heard.asked.After(b.ended) {
			b.ended = time.Time{}
		}
	})
}

// noteEnd notes that the meeting is over, and gives its account back. If the
// service has reported the end, both have been done.
func (s *site) noteEnd(ctx context.Context, b booking) {
	if !b.ended.IsZero() {
		return
	}
	if err := s.pool.Release(ctx, b.lease); err != nil && !errors.Is(err, hostpool.ErrLeaseLost) {
		log.Print(err) // the next visit to the board retries
		return
	}
	s.books.end(b.id)
}
