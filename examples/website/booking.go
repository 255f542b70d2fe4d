package main

import (
	"cmp"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

// booking is a meeting that somebody asked for on this site.
type booking struct {
	id               string // the operator ID, which comes back when the meeting ends
	title            string
	hostName         string
	password         iomeeting.Secret // no other meeting has it, so it identifies the meeting in a QueryResult
	observerPassword iomeeting.Secret // empty if the host did not allow observers
	created          time.Time

	hostEmail string    // the account; empty until the pool has returned a meeting
	lease     string    // of the account
	startBy   time.Time // deadline for the host to start
	failed    bool      // the pool returned an error other than ErrOutcomeUnknown
	started   time.Time // when we asked the service and first found the meeting in progress
	ended     time.Time // when the service reported the end, or we found that it is over
}

func newBooking(title, hostName string, observers bool) booking {
	now := time.Now()
	b := booking{
		id:       rand.Text(),
		title:    title,
		hostName: hostName,
		password: iomeeting.NewSecret(rand.Text()),
		created:  now,
		startBy:  now.Add(startWithin),
	}
	if observers {
		b.observerPassword = iomeeting.NewSecret(rand.Text())
	}
	return b
}

// state is what a meeting is doing.
type state string

const (
	unconfirmed state = "unconfirmed" // the pool has not returned, or the outcome is unknown
	waiting     state = "waiting"     // for its host
	inProgress  state = "progress"
	unknown     state = "unknown" // the service did not say
	ended       state = "ended"
	gone        state = "gone" // never made, or never started
)

// state returns the state of the meeting. It depends on what was last heard of
// the account, and on whether its lease is still held.
//
// After an unknown outcome, the end of a meeting may be reported that nobody could
// start.
func (b booking) state(held bool, heard answer) state {
	switch {
	case heard.isIn(b) && heard.asked.After(b.ended):
		return inProgress
	case !b.ended.IsZero() || b.isOver(held, heard):
		return ended
	case held && heard.err != nil:
		return unknown
	case b.failed || time.Now().After(b.startBy):
		return gone
	case b.lease == "":
		return unconfirmed
	default:
		return waiting
	}
}

// isOver reports whether a meeting that was in progress no longer is.
func (b booking) isOver(held bool, heard answer) bool {
	switch {
	case b.started.IsZero():
		return false
	case !held: // the pool gave the account back
		return true
	default:
		return heard.err == nil && heard.asked.After(b.started) && !heard.isIn(b)
	}
}

// books are the bookings of the site. A real site has a database for them, and
// encrypts the passwords there.
type books struct {
	mu   sync.Mutex
	byID map[string]booking
}

func (b *books) add(new booking) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byID == nil {
		b.byID = make(map[string]booking)
	}
	b.byID[new.id] = new
}

// update changes a booking, if there is one with that ID.
func (b *books) update(id string, change func(*booking)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found, ok := b.byID[id]; ok {
		change(&found)
		b.byID[id] = found
	}
}

// end notes when a meeting ended, if that has not been noted before.
func (b *books) end(id string) {
	b.update(id, func(b *booking) {
		if b.ended.IsZero() {
			b.ended = time.Now()
		}
	})
}

// get returns the booking with that ID, or the zero booking.
func (b *books) get(id string) booking {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byID[id]
}

// all returns the bookings, newest first.
func (b *books) all() []booking {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.byID), func(x, y booking) int {
		return cmp.Or(y.created.Compare(x.created), cmp.Compare(x.id, y.id))
	})
}
