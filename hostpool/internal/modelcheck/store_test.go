package modelcheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

var errConnection = errors.New("connection broken")

// gatedStore is the store as an actor calls it.
type gatedStore struct {
	hostpool.Store
	world *world
}

func (s gatedStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	a := actorOf(ctx)
	a.leases++
	s.world.name(id, fmt.Sprintf("%s.%d", a.name, a.leases))
	lease, err := command(ctx, s.world, "Take "+s.world.nameOf(id), func() (hostpool.Lease, error) {
		return s.Store.Take(context.Background(), s.world.shuffled(hosts), id, d)
	})
	if err == nil && lease.ID == id {
		a.taken[lease.Host] = s.world.steps
	}
	return lease, err
}

func (s gatedStore) Renew(ctx context.Context, host, id string, d time.Duration) error {
	step := fmt.Sprintf("Renew %s of %s for %v", s.world.nameOf(id), host, d)
	_, err := command(ctx, s.world, step, func() (struct{}, error) {
		return struct{}{}, s.Store.Renew(context.Background(), host, id, d)
	})
	return err
}

func (s gatedStore) Release(ctx context.Context, host, id string) error {
	step := fmt.Sprintf("Release %s of %s", s.world.nameOf(id), host)
	_, err := command(ctx, s.world, step, func() (struct{}, error) {
		return struct{}{}, s.Store.Release(context.Background(), host, id)
	})
	return err
}

// command lets the store execute a command.
func command[T any](ctx context.Context, w *world, step string, execute func() (T, error)) (T, error) {
	a := actorOf(ctx)
	if w.deafStore {
		ctx = context.WithoutCancel(ctx)
	}
	var none T
	later := func() {
		w.flights = append(w.flights, &flight{what: step, arrive: func() {
			_, err := execute()
			w.trace("%s, late: %v", step, err)
		}})
	}
	switch a.wait(ctx, step, fail, delay, repeat, echo, crash) {
	case expired:
		return none, ctx.Err()
	case fail:
		return none, errConnection
	case delay:
		later()
		return none, errConnection
	case repeat:
		_, _ = execute()
	case echo:
		later()
	}
	result, err := execute()
	w.trace("%s: %s: %v", a.name, step, err)
	if w.skipsGate() {
		return result, err
	}
	if a.wait(context.Background(), "after "+step, fail, crash) == fail {
		return none, errConnection
	}
	return result, err
}

// shuffled returns the hosts in an order that depends on the seed alone.
func (w *world) shuffled(hosts []string) []string {
	hosts = slices.Sorted(slices.Values(hosts))
	w.rng.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	return hosts
}
