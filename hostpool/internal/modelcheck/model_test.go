package modelcheck

import (
	"context"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

var (
	firstSeed = flag.Uint64("model.seed", 0, "the seed of the first run; 0 for a random one")
	runs      = flag.Int("model.runs", 1000, "the number of runs, each with the next seed")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const stepsOfRun = 150

// run returns a world after what happens with this seed.
func run(t *testing.T, seed uint64, newStore func() hostpool.Store) (w *world) {
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, seed, newStore())
		for w.steps < stepsOfRun && w.violated == "" {
			w.step()
			w.check()
		}
		w.stop()
		if w.violated == "" {
			w.checkFree()
		}
	})
	return w
}

// check checks that the account of every booking that may start or is in progress
// is leased to it, and will be until the deadline for the host to start.
func (w *world) check() {
	leases := make(map[string]hostpool.Lease)
	for _, l := range w.leases() {
		leases[l.Host] = l
	}
	for _, b := range w.bookings {
		lease := leases[b.host()]
		switch {
		case !b.live():
		case lease.ID != b.leaseID():
			w.violation("booking %d has lost its account to %q", b.number, w.nameOf(lease.ID))
		case !b.inProgress() && lease.Expires.Before(b.startBy):
			w.violation("the lease of booking %d expires %v too early", b.number, b.startBy.Sub(lease.Expires))
		}
	}
}

// stop ends all actors.
func (w *world) stop() {
	w.flights = nil
	for len(w.actors) > 0 {
		w.letGo(w.actors[0], crash)
	}
}

// checkFree checks that all accounts can be leased again, if all meetings end
// without a report and no one starts those that are booked.
func (w *world) checkFree() {
	for _, m := range w.service.meetings {
		m.ended = true
	}
	clear(w.service.running)
	w.sleep(max(startWithin, takeFor))
	w.bookings = nil
	s := w.newServer(w.hosts)
	for range w.hosts {
		w.schedule(s)
		for len(w.actors) > 0 {
			w.letGo(w.actors[0], pass)
		}
	}
	w.check()
	if len(w.bookings) != len(w.hosts) {
		w.violation("only %d accounts of %d are free in the end", len(w.bookings), len(w.hosts))
	}
}

// TestModel shows that no order of events makes a pool break its promises.
func TestModel(t *testing.T) {
	seed := *firstSeed
	if seed == 0 {
		seed = rand.Uint64N(1e9) + 1
	}
	t.Logf("-model.seed %d -model.runs %d", seed, *runs)
	count := make(map[string]int)
	for i := range uint64(*runs) {
		w := run(t, seed+i, hostpool.NewMemoryStore)
		if w.violated != "" {
			t.Fatalf("%s\nRepeat it with -model.seed %d -model.runs 1\n%s", w.violated, seed+i, strings.Join(w.log, "\n"))
		}
		for what, n := range w.count {
			count[what] += n
		}
	}
	t.Log(count)
	if *runs < 1000 {
		return
	}
	for _, what := range []string{"meeting started", "end reported", "late arrival", "iomeeting: lease lost"} {
		assert.Positive(t, count[what], what)
	}
}

// TestModelRepeats shows that the seed alone decides what happens.
func TestModelRepeats(t *testing.T) {
	for seed := range uint64(50) {
		first, second := run(t, seed, hostpool.NewMemoryStore), run(t, seed, hostpool.NewMemoryStore)
		assert.Equal(t, first.log, second.log, "seed %d", seed)
	}
}

// brokenStore is a store in memory with a defect.
type brokenStore struct {
	hostpool.Store
	defect string
}

func (s brokenStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	lease, err := s.Store.Take(ctx, hosts, id, d)
	if err != nil || lease.ID == id || s.defect != "takes expired leases" {
		return lease, err
	}
	if err := s.Store.Release(ctx, lease.Host, lease.ID); err != nil {
		return hostpool.Lease{}, err
	}
	return s.Store.Take(ctx, []string{lease.Host}, id, d)
}

func (s brokenStore) Renew(ctx context.Context, host, id string, d time.Duration) error {
	if s.defect == "renews nothing" {
		d = 0
	}
	return s.Store.Renew(ctx, host, id, d)
}

func (s brokenStore) Release(ctx context.Context, host, id string) error {
	switch s.defect {
	case "releases nothing":
		return nil
	case "releases any lease":
		leases, err := s.Store.List(ctx)
		if err != nil {
			return err
		}
		for _, l := range leases {
			if l.Host == host {
				id = l.ID
			}
		}
	}
	return s.Store.Release(ctx, host, id)
}

// TestModelFindsDefects shows that a broken store is found, so that the model would
// find a pool that breaks its promises.
func TestModelFindsDefects(t *testing.T) {
	const enough = 1000
	for _, defect := range []string{"takes expired leases", "renews nothing", "releases nothing", "releases any lease"} {
		t.Run(defect, func(t *testing.T) {
			newStore := func() hostpool.Store { return brokenStore{hostpool.NewMemoryStore(), defect} }
			for seed := range uint64(enough) {
				if w := run(t, seed, newStore); w.violated != "" {
					t.Logf("seed %d: %s", seed, w.violated)
					return
				}
			}
			t.Errorf("not found in %d runs", enough)
		})
	}
}
