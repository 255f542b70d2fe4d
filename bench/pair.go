package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// pair is a pool and bare locks for the same host accounts, of which some are held
// all the time.
type pair struct {
	accounts    []string // in a random order that is the same in each run
	held        int      // the first ones
	heldPercent int
	store       hostpool.Store // of the pool
	pool, bare  *leaseCaller
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
	locks, err := s.locks(context.Background(), n)
	if err != nil {
		return nil, err
	}
	shuffled := slices.Clone(accounts)
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return &pair{accounts: shuffled, store: store, pool: &leaseCaller{leaser: pool}, bare: &leaseCaller{leaser: locks}}, nil
}

// hold has more accounts held, until it is that percentage of them.
func (p *pair) hold(percent int) error {
	more := p.accounts[p.held : len(p.accounts)*percent/100]
	for _, c := range []*leaseCaller{p.pool, p.bare} {
		holding, ctx := errgroup.WithContext(context.Background())
		holding.SetLimit(64)
		for _, account := range more {
			holding.Go(func() error { return c.leaser.hold(ctx, account) })
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
	leases, err := p.store.List(context.Background())
	if err == nil && len(leases) != p.held {
		err = fmt.Errorf("%d of %d accounts are held, not %d", len(leases), len(p.accounts), p.held)
	}
	return err
}

// reset prepares for a measurement with that many workers.
func (p *pair) reset(workers int) {
	p.pool.reset(p.free(), workers)
	p.bare.reset(p.free(), workers)
}

func (p *pair) free() []string { return p.accounts[p.held:] }

// result returns what was measured with that many workers.
func (p *pair) result(workers int, pool, bare samples) leaseResult {
	return leaseResult{
		heldPercent: p.heldPercent,
		accounts:    len(p.accounts),
		workers:     workers,
		atWork:      min(workers, len(p.free())),
		pool:        p.pool.result(pool),
		bare:        p.bare.result(bare),
	}
}
