package hostpool

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Lease reserves a host account for one meeting. An expired lease still reserves its
// account, until a pool has asked the service whether the host is in a meeting.
type Lease struct {
	// Host is the email address of the account.
	Host string
	// ID is different for each lease.
	ID string
	// Left is the time until the lease expires, by the store's clock. It is not
	// positive once the lease has expired.
	Left time.Duration
}

// String returns the lease as [Pool.Renew] and [Pool.Release] accept it, and as
// [Meeting.Lease] and [Ended.Lease] contain it.
func (l Lease) String() string { return l.ID + ":" + l.Host }

// Store keeps the leases of pools. It is safe for concurrent use by all processes
// that share it, and each of its methods is atomic. Time is that of the store's
// clock. Email addresses have up to 320 bytes and are compared byte by byte. IDs
// have 26 ASCII letters and digits. A duration of more than 100 years may be cut to
// that.
//
// Package sqlstore keeps leases in PostgreSQL, MySQL, MariaDB or SQLite, and package
// redisstore, a module of its own, in Redis. Package storetest tests a Store.
type Store interface {
	// Take leases the first of hosts that has no lease, and returns it. The lease
	// gets the given ID, and expires d from now. If each of hosts has a lease,
	// expired or not, or if hosts is empty, Take returns [ErrNoneFree]. A pool
	// passes at most 8,192 hosts.
	Take(ctx context.Context, hosts []string, id string, d time.Duration) (host string, err error)

	// Renew sets a lease to expire d from now, even if it has expired. If id does
	// not hold host, Renew returns [ErrLeaseLost].
	Renew(ctx context.Context, host, id string, d time.Duration) error

	// Release deletes a lease. If id does not hold host, Release returns
	// [ErrLeaseLost].
	Release(ctx context.Context, host, id string) error

	// ReleaseExpired deletes a lease if it has expired. If it has not, or if id does
	// not hold host, ReleaseExpired returns [ErrLeaseLost].
	ReleaseExpired(ctx context.Context, host, id string) error

	// List returns all leases, expired ones included, in any order.
	List(ctx context.Context) ([]Lease, error)
}

var (
	// ErrNoneFree is returned if every host account is in use, or was left out because
	// the service refused it, or if one call has tried 16 without success. If the
	// context ended the wait for an account, the chain also contains its error.
	ErrNoneFree = errors.New("iomeeting: no host account is free")

	// ErrLeaseLost is returned if a lease does not exist any more: it was released, it
	// expired and its account was found idle, or the store lost it. Schedule and Start
	// return it if StartBy passed during the call.
	ErrLeaseLost = errors.New("iomeeting: lease lost")

	// ErrStore is returned, together with the store's own error, if the store failed,
	// or did not respond within 5 seconds or before the context was done.
	ErrStore = errors.New("iomeeting: store failed")
)

// NewMemoryStore returns a store that keeps its leases in memory, for a single
// server: servers that share host accounts must share a store. When the process
// ends, its leases are gone. Meetings in progress are safe even then, because a pool
// asks the service before it uses an account.
func NewMemoryStore() Store {
	return &memoryStore{leases: make(map[string]memoryLease)}
}

type memoryStore struct {
	mu     sync.Mutex
	leases map[string]memoryLease // by host
}

type memoryLease struct {
	id      string
	expires time.Time
}

func (s *memoryStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	for _, host := range hosts {
		if _, held := s.leases[host]; !held {
			s.leases[host] = memoryLease{id, time.Now().Add(d)}
			return host, nil
		}
	}
	return "", ErrNoneFree
}

func (s *memoryStore) Renew(ctx context.Context, host, id string, d time.Duration) error {
	return s.change(ctx, host, id, false, func() { s.leases[host] = memoryLease{id, time.Now().Add(d)} })
}

func (s *memoryStore) Release(ctx context.Context, host, id string) error {
	return s.change(ctx, host, id, false, func() { delete(s.leases, host) })
}

func (s *memoryStore) ReleaseExpired(ctx context.Context, host, id string) error {
	return s.change(ctx, host, id, true, func() { delete(s.leases, host) })
}

// change calls f if id holds host and, if asked for, the lease has expired.
func (s *memoryStore) change(ctx context.Context, host, id string, ifExpired bool, f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	lease, held := s.leases[host]
	if !held || lease.id != id || ifExpired && lease.expires.After(time.Now()) {
		return ErrLeaseLost
	}
	f()
	return nil
}

func (s *memoryStore) List(ctx context.Context) ([]Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	leases := make([]Lease, 0, len(s.leases))
	for host, lease := range s.leases {
		leases = append(leases, Lease{host, lease.id, time.Until(lease.expires)})
	}
	return leases, nil
}
