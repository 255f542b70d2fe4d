package modelcheck

import (
	"slices"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// booking is a meeting that a pool has returned.
type booking struct {
	world     *world
	number    int
	meeting   hostpool.Meeting
	scheduled *meeting  // nil after Start
	startBy   time.Time // deadline for the host to start
	canceled  bool      // whether Release was called
	renews    *actor    // which called Renew last
}

// book records that an actor's call returned a meeting.
func (w *world) book(m hostpool.Meeting, a *actor) {
	b := &booking{world: w, number: len(w.bookings) + 1, meeting: m, startBy: m.StartBy}
	w.trace("%s has booking %d: %s, lease %s, meeting %q", a.name, b.number, b.host(), w.nameOf(b.leaseID()), m.MeetingID)
	if busy := w.service.running[b.host()]; busy != nil && busy.began < a.taken[b.host()] {
		w.violation("%s was in meeting %s before %s took the account", b.host(), busy.id, a.name)
	}
	for _, scheduled := range w.service.meetings {
		if scheduled.id == m.MeetingID {
			b.scheduled = scheduled
			scheduled.booking = b
		}
	}
	w.bookings = append(w.bookings, b)
}

func (b *booking) host() string { return b.meeting.Host.Email }

// leaseID returns the ID of the lease.
func (b *booking) leaseID() string { return b.meeting.Lease[:len(b.meeting.Lease)-len(":"+b.host())] }

// inProgress reports whether the host is in the meeting.
func (b *booking) inProgress() bool {
	m := b.world.service.running[b.host()]
	return m != nil && m.booking == b
}

// live reports whether the host is in the meeting or may start it.
func (b *booking) live() bool {
	over := b.scheduled != nil && b.scheduled.ended
	return b.inProgress() || !over && !b.canceled && time.Now().Before(b.startBy)
}

// renewing reports whether a call of Renew has not returned.
func (b *booking) renewing() bool { return slices.Contains(b.world.actors, b.renews) }

// canStart reports whether the start link would start the meeting now.
func (b *booking) canStart() bool { return b.live() && b.world.service.running[b.host()] == nil }

// start opens the start link in the browser of the host.
func (b *booking) start() {
	b.world.trace("the host of booking %d starts", b.number)
	b.world.count["meeting started"]++
	m := b.scheduled
	if m == nil { // a link of Start starts a new meeting each time
		m = b.world.service.add(&meeting{host: b.host(), booking: b})
	}
	b.world.service.begin(m)
}
