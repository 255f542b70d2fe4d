package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"
)

// pair is a pool and bare locks for the same host accounts, of which some are held
// all the time.
type pair struct {
	accounts    []string // in a random order that is the same in each run
	held        int      // the first ones
	heldPercent int
	pool        pooled
	bare        leaser
}

func newPair(s leaseServer, n int) (*pair, error) {
	accounts := make([]string, n)
	for i := range accounts {
		accounts[i] = fmt.Sprintf("host%05d@example.com", i)
	}
	store, err := s.store(context.Background(), n)
	if err != nil {
		return nil, err
	}
	pool, err := newPooled(store, accounts)
	if err != nil {
		return nil, err
	}
	bare, err := s.locks(context.Background(), n)
	if err != nil {
		return nil, err
	}
	shuffled := slices.Clone(accounts)
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return &pair{accounts: shuffled, pool: pool, bare: bare}, nil
}

// hold has more accounts held, until it is that percentage of them.
func (p *pair) hold(percent int) error {
	more := p.accounts[p.held : len(p.accounts)*percent/100]
	for _, l := range []leaser{p.pool, p.bare} {
		holding, ctx := errgroup.WithContext(context.Background())
		holding.SetLimit(64)
		for _, account := range more {
			holding.Go(func() error { return l.hold(ctx, account) })
		}
		if err := holding.Wait(); err != nil {
			return err
		}
	}
	p.held += len(more)
	p.heldPercent = percent
	return nil
}

// check returns an error if other leases are left than those that are held.
func (p *pair) check() error {
	leases, err := p.pool.store.List(context.Background())
	if err == nil && len(leases) != p.held {
		err = fmt.Errorf("%d of %d accounts are held, not %d", len(leases), len(p.accounts), p.held)
	}
	return err
}

func (p *pair) free() []string { return p.accounts[p.held:] }

// callers returns new callers for that many workers.
func (p *pair) callers(workers int) (pool, bare *leaseCaller) {
	p.pool.store.roundTrips.Store(0)
	return newLeaseCaller(p.pool, p.free(), workers), newLeaseCaller(p.bare, p.free(), workers)
}

// result returns what the callers did.
func (p *pair) result(workers int, pool, bare leases) leaseResult {
	return leaseResult{
		heldPercent: p.heldPercent,
		accounts:    len(p.accounts),
		free:        len(p.free()),
		workers:     workers,
		pool:        pool,
		bare:        bare,
		roundTrips:  float64(p.pool.store.roundTrips.Load()) / float64(len(pool.took)),
	}
}
