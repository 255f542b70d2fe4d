package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

const (
	callers = 16 // that call a store at the same time
	rounds  = 10 // because a store with a race may pass once
)

// concurrently calls f from goroutines that start together, waits for them, and
// returns their errors. ErrNoneFree and ErrLeaseLost are answers; any other error
// ends the test.
func (x *tester) concurrently(n int, f func(i int) error) []error {
	x.Helper()
	errs := make([]error, n)
	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	done.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, hostpool.ErrNoneFree) && !errors.Is(err, hostpool.ErrLeaseLost) {
			x.Fatalf("concurrent calls: %v", err)
		}
	}
	return errs
}

// takeConcurrently calls Take from concurrent callers, each with an ID of its own,
// and returns the leases that they got.
func (x *tester) takeConcurrently(hosts []string) []hostpool.Lease {
	x.Helper()
	leases := make([]hostpool.Lease, callers)
	errs := x.concurrently(callers, func(i int) (err error) {
		leases[i], err = x.store.Take(x.Context(), hosts, fmt.Sprint("id", i), long)
		return err
	})
	var got []hostpool.Lease
	for i, lease := range leases {
		if errs[i] == nil {
			got = append(got, lease)
		}
	}
	return got
}

func testConcurrentTake(x *tester) {
	hosts := x.hosts(callers / 2)
	for range rounds {
		leases := x.takeConcurrently(hosts)
		if len(leases) != len(hosts) {
			x.Fatalf("%d concurrent callers got %d leases of %d hosts", callers, len(leases), len(hosts))
		}
		x.holds(leases...)
		x.releaseAll()
	}
}

func testConcurrentExpired(x *tester) {
	hosts := x.hosts(3)
	for range rounds {
		x.expire(hosts...)
		leases := x.takeConcurrently(hosts)
		if len(leases) != len(hosts) {
			x.Fatalf("%d concurrent callers got %d leases, and %d leases had expired", callers, len(leases), len(hosts))
		}
		for _, lease := range leases {
			if lease.ID != expiredID(lease.Host) {
				x.Fatalf("Take returned an expired lease with the ID %q; want its old ID %q", lease.ID, expiredID(lease.Host))
			}
		}
		x.holds(leases...)
		x.releaseAll()
	}
}

func testConcurrentSameID(x *tester) {
	hosts := x.hosts(callers)
	for range rounds {
		leases := make([]hostpool.Lease, callers)
		errs := x.concurrently(callers, func(i int) (err error) {
			if i%2 == 0 {
				leases[i], err = x.store.Take(x.Context(), hosts, "same", long)
				return err
			}
			return x.takeAndRelease(hosts, fmt.Sprint("other", i))
		})
		held := x.list()
		for i, err := range errs {
			if err != nil {
				x.Fatalf("concurrent calls: %v", err)
			}
			if i%2 == 0 && held[leases[i].Host].ID != "same" {
				x.Fatalf("a caller got a lease of %q, which is not leased to it", leases[i].Host)
			}
		}
		if len(held) != 1 {
			x.Fatalf("callers with the same ID got leases of %d hosts", len(held))
		}
		x.releaseAll()
	}
}

func (x *tester) takeAndRelease(hosts []string, id string) error {
	lease, err := x.store.Take(x.Context(), hosts, id, long)
	if err != nil {
		return err
	}
	return x.store.Release(x.Context(), lease.Host, id)
}

func testConcurrentRelease(x *tester) {
	host := x.host("host")
	for range rounds {
		x.lease(host, "old", long)
		errs := x.concurrently(callers, func(i int) (err error) {
			switch i % 4 {
			case 0, 1:
				return x.store.Release(x.Context(), host, "old")
			case 2:
				return x.store.Renew(x.Context(), host, "old", long)
			default:
				_, err = x.store.Take(x.Context(), []string{host}, fmt.Sprint("new", i), long)
				return err
			}
		})
		released, taken := 0, 0
		for i, err := range errs {
			switch {
			case err == nil && i%4 <= 1:
				released++
			case err == nil && i%4 == 3:
				taken++
			}
		}
		held := x.list()
		if released != 1 || taken > 1 || len(held) != taken || held[host].ID == "old" {
			x.Fatalf("one lease was released %d times, then the host was leased %d times; now it is leased to %q",
				released, taken, held[host].ID)
		}
		x.releaseAll()
	}
}

func testConcurrentUse(x *tester) {
	hosts := x.hosts(callers / 4)
	inUse := make(map[string]*atomic.Bool)
	for _, host := range hosts {
		inUse[host] = new(atomic.Bool)
	}
	x.concurrently(callers, func(i int) error {
		var errs []error
		for n := range rounds {
			errs = append(errs, x.use(hosts, inUse, fmt.Sprintf("id%d-%d", i, n)))
		}
		return errors.Join(errs...)
	})
	x.holds()
}

// use takes one of the hosts, renews its lease, and releases it. It returns an
// error if another caller uses the same host meanwhile.
func (x *tester) use(hosts []string, inUse map[string]*atomic.Bool, id string) error {
	lease, err := x.store.Take(x.Context(), hosts, id, long)
	if errors.Is(err, hostpool.ErrNoneFree) {
		return nil
	}
	if err != nil {
		return err
	}
	if inUse[lease.Host].Swap(true) {
		return fmt.Errorf("two callers hold %q", lease.Host)
	}
	if err := x.store.Renew(x.Context(), lease.Host, id, long); err != nil {
		return fmt.Errorf("renew a lease that nobody else may change: %v", err)
	}
	inUse[lease.Host].Store(false)
	if err := x.store.Release(x.Context(), lease.Host, id); err != nil {
		return fmt.Errorf("release a lease that nobody else may change: %v", err)
	}
	return nil
}
