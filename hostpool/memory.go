package hostpool

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// memoryStore keeps its leases in a map.
type memoryStore struct {
	mu     sync.Mutex
	leases map[string]Lease // by host
}

// NewMemoryStore returns a store that keeps its leases in the memory of the
// process. It is for a single server: servers that share host accounts must
// share a store. When the process ends, the leases are gone.
func NewMemoryStore() Store {
	return &memoryStore{leases: make(map[string]Lease)}
}

func (s *memoryStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return Lease{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, host := range hosts {
		if lease, ok := s.leases[host]; ok && lease.ID == id {
			return lease, nil
		}
	}
	now := time.Now()
	for _, host := range hosts {
		if _, held := s.leases[host]; !held {
			return s.set(Lease{host, id, now.Add(d)}), nil
		}
	}
	for _, host := range hosts {
		if lease := s.leases[host]; !lease.Expires.After(now) {
			return s.set(Lease{host, lease.ID, now.Add(d)}), nil
		}
	}
	return Lease{}, ErrNoneFree
}

func (s *memoryStore) Renew(ctx context.Context, host, id string, d time.Duration) error {
	return s.change(ctx, host, id, func() { s.set(Lease{host, id, time.Now().Add(d)}) })
}

func (s *memoryStore) Release(ctx context.Context, host, id string) error {
	return s.change(ctx, host, id, func() { delete(s.leases, host) })
}

func (s *memoryStore) List(ctx context.Context) ([]Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.leases)), nil
}

// change calls f if host is leased to id.
func (s *memoryStore) change(ctx context.Context, host, id string, f func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if lease, held := s.leases[host]; !held || lease.ID != id {
		return ErrLeaseLost
	}
	f()
	return nil
}

func (s *memoryStore) set(lease Lease) Lease {
	s.leases[lease.Host] = lease
	return lease
}
