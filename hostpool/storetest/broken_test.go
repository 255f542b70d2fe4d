package storetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// defect is what is wrong with a store.
type defect string

const (
	none               defect = "none"
	noCompareAndSet    defect = "changes a lease without looking at its ID"
	readThenRelease    defect = "reads a lease, then deletes whatever is there"
	readThenLease      defect = "looks for a free host, then leases it to anyone"
	expiredTwice       defect = "returns an expired lease to two callers"
	expiredNotExtended defect = "returns an expired lease without extending it"
	expiredNewID       defect = "gives an expired lease to the new ID"
	expiredFirst       defect = "prefers expired leases"
	expiredNotListed   defect = "does not list expired leases"
	expiredNotRenewed  defect = "does not renew expired leases"
	ignoresCase        defect = "compares email addresses without case"
	ignoresSpaces      defect = "compares email addresses without trailing spaces"
	cutsEmails         defect = "cuts email addresses"
	twoHostsForOneID   defect = "leases two hosts to one ID"
	readsIDFirst       defect = "looks for the ID, then leases a host"
	sameIDExtends      defect = "extends a lease whose ID is taken again"
	ownOrder           defect = "leases the hosts in its own order"
	anyHost            defect = "returns an expired lease of any host"
	emptyWindowFails   defect = "fails without hosts"
	otherError         defect = "returns an error of its own if none is free"
	smallWindow        defect = "fails with many hosts"
	addsToExpiry       defect = "renews from the old expiry"
	renewCreates       defect = "renews a lease that does not exist"
	ignoresContext     defect = "ignores the context"
)

// brokenStore is a store with a defect.
type brokenStore struct {
	defect defect
	mu     sync.Mutex
	leases map[string]hostpool.Lease // by key
}

func newBrokenStore(d defect) *brokenStore {
	return &brokenStore{defect: d, leases: make(map[string]hostpool.Lease)}
}

func (s *brokenStore) is(d defect) bool { return s.defect == d }

// loseRace lets other callers go on between two steps that should be one.
func (s *brokenStore) loseRace(d defect) {
	if s.is(d) {
		s.mu.Unlock()
		time.Sleep(3 * time.Millisecond)
		s.mu.Lock()
	}
}

// key returns what email addresses are compared by.
func (s *brokenStore) key(host string) string {
	switch {
	case s.is(ignoresCase):
		return strings.ToLower(host)
	case s.is(ignoresSpaces):
		return strings.TrimRight(host, " ")
	case s.is(cutsEmails):
		return host[:min(len(host), 255)]
	default:
		return host
	}
}

func (s *brokenStore) set(host, id string, expires time.Time) (hostpool.Lease, error) {
	if s.is(cutsEmails) {
		host = s.key(host)
	}
	lease := hostpool.Lease{Host: host, ID: id, Expires: expires}
	s.leases[s.key(host)] = lease
	return lease, nil
}

func (s *brokenStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	if err := ctx.Err(); err != nil && !s.is(ignoresContext) {
		return hostpool.Lease{}, err
	}
	if len(hosts) == 0 && s.is(emptyWindowFails) || len(hosts) > 1000 && s.is(smallWindow) {
		return hostpool.Lease{}, errors.New("syntax error")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is(ownOrder) {
		hosts = slices.Sorted(slices.Values(hosts))
	}
	for _, host := range hosts {
		if lease, held := s.leases[s.key(host)]; held && lease.ID == id && !s.is(twoHostsForOneID) {
			if s.is(sameIDExtends) {
				return s.set(host, id, time.Now().Add(d))
			}
			return lease, nil
		}
	}
	s.loseRace(readsIDFirst)
	steps := []func([]string, string, time.Duration) (hostpool.Lease, error){s.takeFree, s.takeExpired}
	if s.is(expiredFirst) {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if lease, err := step(hosts, id, d); err == nil {
			return lease, nil
		}
	}
	if s.is(otherError) {
		return hostpool.Lease{}, errors.New("no rows")
	}
	return hostpool.Lease{}, hostpool.ErrNoneFree
}

func (s *brokenStore) takeFree(hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	for _, host := range hosts {
		if _, held := s.leases[s.key(host)]; !held {
			s.loseRace(readThenLease)
			return s.set(host, id, time.Now().Add(d))
		}
	}
	return hostpool.Lease{}, hostpool.ErrNoneFree
}

func (s *brokenStore) takeExpired(hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	if s.is(anyHost) {
		for _, lease := range s.leases {
			hosts = append(slices.Clone(hosts), lease.Host)
		}
	}
	for _, host := range hosts {
		lease, held := s.leases[s.key(host)]
		if !held || lease.Expires.After(time.Now()) {
			continue
		}
		s.loseRace(expiredTwice)
		switch {
		case s.is(expiredNotExtended):
			return lease, nil
		case s.is(expiredNewID):
			return s.set(host, id, time.Now().Add(d))
		default:
			return s.set(host, lease.ID, time.Now().Add(d))
		}
	}
	return hostpool.Lease{}, hostpool.ErrNoneFree
}

func (s *brokenStore) Renew(ctx context.Context, host, id string, d time.Duration) error {
	return s.change(ctx, host, id, func(lease hostpool.Lease) error {
		from := time.Now()
		switch {
		case s.is(addsToExpiry):
			from = lease.Expires
		case s.is(expiredNotRenewed) && lease.Expires.Before(from):
			return hostpool.ErrLeaseLost
		}
		_, err := s.set(host, lease.ID, from.Add(d))
		return err
	})
}

func (s *brokenStore) Release(ctx context.Context, host, id string) error {
	return s.change(ctx, host, id, func(hostpool.Lease) error {
		s.loseRace(readThenRelease)
		delete(s.leases, s.key(host))
		return nil
	})
}

func (s *brokenStore) change(ctx context.Context, host, id string, f func(hostpool.Lease) error) error {
	if err := ctx.Err(); err != nil && !s.is(ignoresContext) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lease, held := s.leases[s.key(host)]
	switch {
	case !held && s.is(renewCreates):
		lease = hostpool.Lease{Host: host, ID: id, Expires: time.Now()}
	case !held || lease.ID != id && !s.is(noCompareAndSet):
		return hostpool.ErrLeaseLost
	}
	return f(lease)
}

func (s *brokenStore) List(ctx context.Context) ([]hostpool.Lease, error) {
	if err := ctx.Err(); err != nil && !s.is(ignoresContext) {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var leases []hostpool.Lease
	for _, lease := range s.leases {
		if !s.is(expiredNotListed) || lease.Expires.After(time.Now()) {
			leases = append(leases, lease)
		}
	}
	return leases, nil
}
