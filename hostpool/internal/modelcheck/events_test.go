package modelcheck

import (
	"context"
	"slices"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// event is something that can happen. The greater its weight, the likelier it is.
type event struct {
	weight int
	happen func()
}

// step lets one of the events happen that can happen now.
func (w *world) step() {
	w.steps++
	if w.rng.IntN(w.sleeps) == 0 {
		w.sleep(w.someTime())
		return
	}
	events := slices.Concat(w.actorEvents(), w.userEvents(), w.hostEvents(), w.serviceEvents())
	total := 0
	for _, e := range events {
		total += e.weight
	}
	if total == 0 {
		return
	}
	n := w.rng.IntN(total)
	for _, e := range events {
		if n -= e.weight; n < 0 {
			e.happen()
			return
		}
	}
}

// actorEvents are steps of actors, and the end of their servers.
func (w *world) actorEvents() []event {
	var events []event
	for _, a := range w.actors {
		weight := 16
		if a == w.last {
			weight *= w.burst
		}
		events = append(events, event{weight, func() { w.letGo(a, w.someVerdict(a)) }})
	}
	if w.possible[crash] {
		events = append(events, event{1, func() { w.restart(w.rng.IntN(len(w.servers))) }})
	}
	return events
}

// userEvents are calls of the pools.
func (w *world) userEvents() []event {
	if len(w.actors) >= w.maxActors {
		return nil
	}
	weight := 1
	if w.available() {
		weight = 8
	}
	events := []event{{weight, func() { w.schedule(pick(w.rng, w.servers)) }}}
	for _, b := range w.bookings {
		if b.live() && !b.renewing() {
			events = append(events, event{1, func() { w.renew(b) }})
		}
		if !b.inProgress() && !b.canceled {
			events = append(events, event{1, func() { w.release(b) }})
		}
	}
	return events
}

// available reports whether there is an account without a lease, or an expired
// lease.
func (w *world) available() bool {
	leases := w.leases()
	return len(leases) < len(w.hosts) || slices.ContainsFunc(leases, func(l hostpool.Lease) bool {
		return !l.Expires.After(time.Now())
	})
}

// hostEvents are what hosts do in their browsers.
func (w *world) hostEvents() []event {
	var events []event
	for _, b := range w.bookings {
		if b.canStart() {
			events = append(events, event{10, b.start})
		}
	}
	if host := pick(w.rng, w.hosts).Email; w.service.running[host] == nil {
		events = append(events, event{w.outsiders, func() {
			w.trace("%s starts a meeting without a pool", host)
			w.service.begin(w.service.add(&meeting{host: host, outsider: true}))
		}})
	}
	for _, m := range w.service.meetings {
		if m.ended {
			continue
		}
		weight := 1 // it has not started
		if w.service.running[m.host] == m {
			weight = 4
		}
		events = append(events, event{weight, func() {
			w.trace("meeting %s ends", m.id)
			w.service.end(m)
		}})
	}
	return events
}

// serviceEvents are reports of ends, and what arrives late.
func (w *world) serviceEvents() []event {
	var events []event
	for _, m := range w.reports {
		events = append(events, event{1, func() { w.reports = without(w.reports, m) }}) // it is lost
		if len(w.actors) < w.maxActors {
			events = append(events, event{3, func() { w.reportEnd(m) }})
		}
	}
	for _, f := range w.flights {
		events = append(events, event{1, func() { w.arrive(f) }})
	}
	return events
}

// someVerdict returns what happens to the next step of an actor.
func (w *world) someVerdict(a *actor) verdict {
	at := a.waitsAt()
	if w.possible[delay] && at.step == schedulePath && w.rng.IntN(2) == 0 {
		return delay
	}
	possible := slices.DeleteFunc(slices.Clone(at.verdicts), func(v verdict) bool { return !w.possible[v] })
	if len(possible) == 0 || w.rng.IntN(w.faults) > 0 {
		return pass
	}
	return pick(w.rng, possible)
}

// skipsGate reports whether an actor goes on after a step without waiting.
func (w *world) skipsGate() bool { return w.rng.IntN(w.gates) == 0 }

// someTime returns how much time passes: often until a lease expires, or until
// just before it.
func (w *world) someTime() time.Duration {
	if len(w.actors) > 0 && w.rng.IntN(5) == 0 {
		return time.Second // less than the timeout of any call
	}
	d := pick(w.rng, w.naps)
	if left := w.timesLeft(); len(left) > 0 && w.rng.IntN(2) == 0 {
		d = pick(w.rng, left)
	}
	if w.rng.IntN(4) == 0 {
		d--
	}
	return d
}

// timesLeft returns how long the leases last that have not expired.
func (w *world) timesLeft() []time.Duration {
	var left []time.Duration
	for _, l := range w.leases() {
		if d := time.Until(l.Expires); d > 0 {
			left = append(left, d)
		}
	}
	return left
}

// leases returns the leases in an order that does not depend on the store.
func (w *world) leases() []hostpool.Lease {
	leases, err := w.store.List(context.Background())
	if err != nil {
		w.violation("the leases cannot be listed: %v", err)
	}
	slices.SortFunc(leases, func(a, b hostpool.Lease) int { return a.Expires.Compare(b.Expires) })
	return leases
}
