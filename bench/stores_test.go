package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// inMemory is a server in this process.
type inMemory struct{ stores []hostpool.Store }

func (*inMemory) describe(context.Context) (string, error) { return "memory", nil }

func (s *inMemory) store(context.Context, int) (hostpool.Store, error) {
	store := hostpool.NewMemoryStore()
	s.stores = append(s.stores, store)
	return store, nil
}

func (*inMemory) locks(context.Context, int) (leaser, error) { return new(names), nil }

func (*inMemory) tidy(context.Context) error { return nil }

func (*inMemory) close() error { return nil }

// names are locks in memory.
type names struct{ held sync.Map }

func (n *names) hold(_ context.Context, account string) error {
	if _, held := n.held.LoadOrStore(account, true); held {
		return errors.New("two callers hold the same account")
	}
	return nil
}

func (n *names) lease(ctx context.Context, free string) error {
	defer n.held.Delete(free)
	return n.hold(ctx, free)
}

var smallPlan = plan{
	storeLevels:  []int{1, 8},
	accounts:     []int{4, 40},
	heldPercents: []int{0, 75},
	repetitions:  3,
	window:       time.Millisecond,
	maxCalls:     100,
}

func TestMeasureStore(t *testing.T) {
	server := new(inMemory)
	results, err := measureStore(server, smallPlan)
	if err != nil {
		t.Fatal(err)
	}
	var levels []string
	for _, r := range results {
		levels = append(levels, fmt.Sprint(r.heldPercent, " ", r.accounts, " ", r.free, " ", r.workers, " ", r.atWork()))
		for _, l := range []leases{r.pool, r.bare} {
			if len(l.rates) != 3 || len(l.took) < 3*r.workers {
				t.Errorf("%s: %d leases in %d repetitions", levels[len(levels)-1], len(l.took), len(l.rates))
			}
		}
	}
	want := "0 4 4 1 1, 0 40 40 1 1, 0 4 4 8 4, 0 40 40 8 8, 75 4 1 1 1, 75 40 10 1 1, 75 4 1 8 1, 75 40 10 8 8"
	if got := strings.Join(levels, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for i, store := range server.stores {
		all, err := store.List(t.Context())
		if err != nil || len(all) != smallPlan.accounts[i]*3/4 {
			t.Errorf("%d leases are left: %v", len(all), err)
		}
	}
}

// TestLeaseLeft shows that a pool that gave no lease back would not pass.
func TestLeaseLeft(t *testing.T) {
	server := new(inMemory)
	pair, err := newPair(server, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pair.hold(50), pair.check()); err != nil {
		t.Fatal(err)
	}
	if _, err := server.stores[0].Take(t.Context(), pair.free(), "id", time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := pair.check(); err == nil {
		t.Error("check did not report the lease that was left")
	}
}

// TestReleaseFails shows that a lease that was not released does not count.
func TestReleaseFails(t *testing.T) {
	pair, err := newPair(new(inMemory), 10)
	if err != nil {
		t.Fatal(err)
	}
	pair.pool.store.Store = forgetful{pair.pool.store.Store}
	if err := pair.pool.lease(t.Context(), ""); !errors.Is(err, hostpool.ErrLeaseLost) {
		t.Errorf("got %v", err)
	}
}

// forgetful is a store that has lost every lease when it is released.
type forgetful struct{ hostpool.Store }

func (forgetful) Release(context.Context, string, string) error { return hostpool.ErrLeaseLost }

// TestHeldLeaseExpires shows that a lease of another is not counted as a new one.
func TestHeldLeaseExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pair, err := newPair(new(inMemory), 10)
		if err != nil {
			t.Fatal(err)
		}
		if err := pair.hold(90); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if err := pair.pool.hold(t.Context(), pair.free()[0]); err != nil {
			t.Fatal(err)
		}
		if err := pair.pool.lease(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "has expired") {
			t.Errorf("got %v", err)
		}
	})
}

func TestCountRoundTrips(t *testing.T) {
	var n atomic.Int64
	ctx := countRoundTrips(t.Context(), &n)
	process := commandCounter{}.ProcessHook(func(context.Context, redis.Cmder) error { return nil })
	for _, ctx := range []context.Context{t.Context(), ctx} {
		statementCounter{}.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{})
		statementCounter{}.TracePrepareStart(ctx, nil, pgx.TracePrepareStartData{})
		if err := process(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 3 {
		t.Errorf("counted %d, want 3", n.Load())
	}
}

func TestStoresDrawNoChart(t *testing.T) {
	if err := bench([]string{"-stores", "-svg", "chart.svg"}, io.Discard); err == nil {
		t.Error("got no error")
	}
}
