package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"slices"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// maxPast limits the list of bookings that are over.
const maxPast = 5

// booking is a meeting that a visitor has booked.
type booking struct {
	ID               string // comes back as the operator ID when the meeting ends
	Title            string
	Host             string           // the visitor who booked it
	ObserverPassword iomeeting.Secret // empty if observers may not join
	Meeting          hostpool.Meeting
	Progress         hostpool.Progress // at the last check; once it has an ID, that stays
	Over             time.Time
}

// bookings returns the open bookings and the last ones that are over, newest first.
// Visitors who come at the same time share a check, and wait at most five seconds for
// it.
func (s *site) bookings(ctx context.Context) (open, past []booking, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.checked) >= s.checkEvery {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = s.check(ctx)
	}
	return slices.Clone(s.booked), slices.Clone(s.past), err
}

// check asks the pool what the meetings are doing, and closes the bookings that are
// over. The caller holds mu.
func (s *site) check(ctx context.Context) error {
	var meetings []hostpool.Meeting
	for _, b := range s.booked {
		meetings = append(meetings, b.Meeting)
	}
	progress, err := s.pool.Check(ctx, meetings...)
	if err != nil {
		return err
	}
	for i, p := range progress {
		b := &s.booked[i]
		p.ID = cmp.Or(p.ID, b.Progress.ID)
		if p.State == hostpool.Waiting && p.ID != "" { // it was in progress: nobody has reported its end
			p.State = hostpool.Over
			if err := s.pool.Release(ctx, b.Meeting.Lease); err != nil && !errors.Is(err, hostpool.ErrLeaseLost) {
				log.Print(err) // the account comes back once its lease has expired
			}
		}
		b.Progress = p
	}
	s.close(func(b booking) bool { return b.Progress.State == hostpool.Over })
	s.checked = time.Now()
	return nil
}

// close closes the open bookings that match. The caller holds mu.
func (s *site) close(match func(booking) bool) {
	for _, b := range slices.Backward(s.booked) {
		if match(b) {
			b.Over = time.Now()
			s.past = slices.Insert(s.past, 0, b)
		}
	}
	s.past = s.past[:min(len(s.past), maxPast)]
	s.booked = slices.DeleteFunc(s.booked, match)
}

// add adds a booking. An older one with the same account has lost it, so there are
// never more open bookings than accounts.
func (s *site) add(b booking) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(func(old booking) bool { return old.Meeting.Host == b.Meeting.Host })
	s.booked = slices.Insert(s.booked, 0, b)
}

// ended is called when a scheduled meeting has ended, perhaps more than once.
func (s *site) ended(_ context.Context, ended hostpool.Ended) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(func(b booking) bool { return b.ID == ended.OperatorID })
	return nil
}
