package hostpool_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// hooked is a store that calls its hooks, if set, instead of the Store.
type hooked struct {
	hostpool.Store
	take    func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error)
	renew   func(ctx context.Context, host, id string, d time.Duration) error
	release func(ctx context.Context, host, id string) error
	list    func(ctx context.Context) ([]hostpool.Lease, error)
}

func (s *hooked) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	if s.take != nil {
		return s.take(ctx, hosts, id, d)
	}
	return s.Store.Take(ctx, hosts, id, d)
}

func (s *hooked) Renew(ctx context.Context, host, id string, d time.Duration) error {
	if s.renew != nil {
		return s.renew(ctx, host, id, d)
	}
	return s.Store.Renew(ctx, host, id, d)
}

func (s *hooked) Release(ctx context.Context, host, id string) error {
	if s.release != nil {
		return s.release(ctx, host, id)
	}
	return s.Store.Release(ctx, host, id)
}

func (s *hooked) List(ctx context.Context) ([]hostpool.Lease, error) {
	if s.list != nil {
		return s.list(ctx)
	}
	return s.Store.List(ctx)
}

// newHooked returns a hooked memory store.
func newHooked() *hooked { return &hooked{Store: hostpool.NewMemoryStore()} }

// inOrder returns a store that takes the accounts of a window in the order of
// their email addresses, so that a test knows which one comes first.
func inOrder(store hostpool.Store) *hooked {
	return &hooked{Store: store, take: func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
		return store.Take(ctx, slices.Sorted(slices.Values(hosts)), id, d)
	}}
}

// errDown is the error of a database that is down.
var errDown = errors.New("connection refused")

// goDown makes every call of the store fail.
func (s *hooked) goDown() { s.failWith(func(context.Context) error { return errDown }) }

// hang makes every call of the store last until its context is done.
func (s *hooked) hang() {
	s.failWith(func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
}

func (s *hooked) failWith(f func(context.Context) error) {
	s.take = func(ctx context.Context, _ []string, _ string, _ time.Duration) (hostpool.Lease, error) {
		return hostpool.Lease{}, f(ctx)
	}
	s.renew = func(ctx context.Context, _, _ string, _ time.Duration) error { return f(ctx) }
	s.release = func(ctx context.Context, _, _ string) error { return f(ctx) }
	s.list = func(ctx context.Context) ([]hostpool.Lease, error) { return nil, f(ctx) }
}

// recover lets calls through to the Store again.
func (s *hooked) recover() { *s = hooked{Store: s.Store} }

// skewed returns a store whose clock differs by d from that of its callers.
func skewed(store hostpool.Store, d time.Duration) *hooked {
	return &hooked{
		Store: store,
		take: func(ctx context.Context, hosts []string, id string, duration time.Duration) (hostpool.Lease, error) {
			lease, err := store.Take(ctx, hosts, id, duration)
			lease.Expires = lease.Expires.Add(d)
			return lease, err
		},
		list: func(ctx context.Context) ([]hostpool.Lease, error) {
			leases, err := store.List(ctx)
			for i := range leases {
				leases[i].Expires = leases[i].Expires.Add(d)
			}
			return leases, err
		},
	}
}

// windows records what a store is offered.
type windows struct {
	mu  sync.Mutex
	all [][]string
}

// of returns a store that records the windows.
func (w *windows) of(store hostpool.Store) *hooked {
	return &hooked{Store: store, take: func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
		w.mu.Lock()
		w.all = append(w.all, slices.Clone(hosts))
		w.mu.Unlock()
		return store.Take(ctx, hosts, id, d)
	}}
}
