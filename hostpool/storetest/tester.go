package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

const (
	// long is for leases that must not expire during a test.
	long = time.Hour

	// short is for leases that a test waits for.
	short = time.Millisecond

	// patience is how much later than short a lease may expire.
	patience = 10 * time.Second
)

// tester tests a rule. Methods that find it broken end the test, so goroutines of
// the test call the store itself.
type tester struct {
	*testing.T
	store hostpool.Store
	run   string // is in every email address of this test
}

// host returns an email address that no other test uses.
func (x *tester) host(name string) string { return name + "@" + x.run }

// hosts returns n email addresses, not in alphabetical order.
func (x *tester) hosts(n int) []string {
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = x.host(fmt.Sprint("host", n-i))
	}
	return hosts
}

// take calls Take, which must succeed with a lease of the host and ID.
func (x *tester) take(hosts []string, id string, d time.Duration, wantHost, wantID string) hostpool.Lease {
	x.Helper()
	lease, err := x.store.Take(x.Context(), hosts, id, d)
	if err != nil {
		x.Fatalf("Take with the ID %q: %v; want a lease of %q", id, err, wantHost)
	}
	if lease.Host != wantHost || lease.ID != wantID {
		x.Fatalf("Take with the ID %q returned the lease %q of %q; want %q of %q", id, lease.ID, lease.Host, wantID, wantHost)
	}
	return lease
}

// lease leases a host that has no lease to an ID.
func (x *tester) lease(host, id string, d time.Duration) hostpool.Lease {
	x.Helper()
	return x.take([]string{host}, id, d, host, id)
}

// noneFree calls Take, which must return ErrNoneFree.
func (x *tester) noneFree(hosts ...string) {
	x.Helper()
	lease, err := x.store.Take(x.Context(), hosts, "one-too-many", long)
	if !errors.Is(err, hostpool.ErrNoneFree) {
		x.Fatalf("Take returned the lease %q of %q and the error %v; want ErrNoneFree", lease.ID, lease.Host, err)
	}
}

// renew calls Renew, which must succeed.
func (x *tester) renew(host, id string, d time.Duration) {
	x.Helper()
	if err := x.store.Renew(x.Context(), host, id, d); err != nil {
		x.Fatalf("Renew of %q with the ID %q: %v", host, id, err)
	}
}

// release calls Release, which must succeed.
func (x *tester) release(host, id string) {
	x.Helper()
	if err := x.store.Release(x.Context(), host, id); err != nil {
		x.Fatalf("Release of %q with the ID %q: %v", host, id, err)
	}
}

// lost calls Renew and Release, which must return ErrLeaseLost.
func (x *tester) lost(host, id string) {
	x.Helper()
	if err := x.store.Renew(x.Context(), host, id, 2*long); !errors.Is(err, hostpool.ErrLeaseLost) {
		x.Fatalf("Renew of %q with the ID %q: %v; want ErrLeaseLost", host, id, err)
	}
	if err := x.store.Release(x.Context(), host, id); !errors.Is(err, hostpool.ErrLeaseLost) {
		x.Fatalf("Release of %q with the ID %q: %v; want ErrLeaseLost", host, id, err)
	}
}

// list returns the leases of this test, by host.
func (x *tester) list() map[string]hostpool.Lease {
	x.Helper()
	leases, err := x.ownLeases(x.Context())
	if err != nil {
		x.Fatalf("List: %v", err)
	}
	byHost := make(map[string]hostpool.Lease, len(leases))
	for _, lease := range leases {
		if _, twice := byHost[lease.Host]; twice {
			x.Fatalf("List returned %q twice", lease.Host)
		}
		byHost[lease.Host] = lease
	}
	return byHost
}

// holds calls List, which must return these leases of the test and no others.
func (x *tester) holds(want ...hostpool.Lease) {
	x.Helper()
	got := x.list()
	for _, lease := range want {
		listed, ok := got[lease.Host]
		if !ok {
			x.Fatalf("List did not return the lease %q of %q", lease.ID, lease.Host)
		}
		if listed.ID != lease.ID {
			x.Fatalf("List returned the lease %q of %q; want %q", listed.ID, lease.Host, lease.ID)
		}
		x.sameExpiry(listed, lease)
	}
	if len(got) != len(want) {
		x.Fatalf("List returned %d leases; want %d", len(got), len(want))
	}
}

// sameExpiry tests whether two leases expire at the same second.
func (x *tester) sameExpiry(got, want hostpool.Lease) {
	x.Helper()
	x.between("difference between two expiry times of "+got.Host, got.Expires.Sub(want.Expires), 0, 0)
}

// between tests whether d is in a range, for clocks that count in seconds.
func (x *tester) between(what string, d, least, most time.Duration) {
	x.Helper()
	if d < least-time.Second || d > most+time.Second {
		x.Fatalf("%s: %v; want %v to %v", what, d, least, most)
	}
}

// expire leases each host with the ID that expiredID returns, and waits until
// the leases have expired.
func (x *tester) expire(hosts ...string) []hostpool.Lease {
	x.Helper()
	var leases []hostpool.Lease
	for _, host := range hosts {
		leases = append(leases, x.lease(host, expiredID(host), short))
	}
	// The last one expires after the others: it was leased later, for as long.
	last := x.host("last")
	x.lease(last, "last", short)
	x.waitForExpired([]string{last}, "last")
	x.release(last, "last")
	return leases
}

// expiredID returns the ID under which expire leases a host.
func expiredID(host string) string {
	name, _, _ := strings.Cut(host, "@")
	return "expired-" + name
}

// waitForExpired calls Take until it returns the lease of an ID because it has
// expired.
func (x *tester) waitForExpired(hosts []string, wantID string) hostpool.Lease {
	x.Helper()
	for begin := time.Now(); ; time.Sleep(short) {
		expired := time.Since(begin) > patience
		lease, err := x.store.Take(x.Context(), hosts, "second", long)
		switch {
		case errors.Is(err, hostpool.ErrNoneFree) && !expired:
			continue
		case err != nil:
			x.Fatalf("Take of a lease that expired %v ago: %v", time.Since(begin).Round(time.Second), err)
		case lease.ID != wantID:
			x.Fatalf("Take returned an expired lease with the ID %q; want its old ID %q", lease.ID, wantID)
		case !slices.Contains(hosts, lease.Host):
			x.Fatalf("Take returned a lease of %q, which was not asked for", lease.Host)
		}
		return lease
	}
}

// releaseAll releases the leases of this test.
func (x *tester) releaseAll() {
	ctx := context.WithoutCancel(x.Context())
	leases, err := x.ownLeases(ctx)
	if err != nil {
		x.Errorf("List at the end of the test: %v", err)
	}
	for _, lease := range leases {
		if err := x.store.Release(ctx, lease.Host, lease.ID); err != nil {
			x.Errorf("Release at the end of the test: %v", err)
		}
	}
}

// ownLeases returns the leases of this test, even if the store has changed the
// case of their email addresses.
func (x *tester) ownLeases(ctx context.Context) ([]hostpool.Lease, error) {
	leases, err := x.store.List(ctx)
	return slices.DeleteFunc(slices.Clone(leases), func(lease hostpool.Lease) bool {
		return !strings.Contains(strings.ToUpper(lease.Host), strings.ToUpper(x.run))
	}), err
}
