package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// compareStores measures how fast a pool takes and releases leases in each kind of
// store, beside the cheapest locks of the same server over the same connections.
func compareStores(out io.Writer, p plan) (err error) {
	if len(engines) == 0 {
		return errors.New("database servers cannot be started on this system")
	}
	var all []leaseServer
	for _, e := range engines { // all before the first is measured, in case one is not installed
		s, stop, startErr := e.run(slices.Max(p.storeLevels))
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, stop()) }()
		all = append(all, s)
	}
	for _, s := range all {
		if err := compareStore(out, s, p); err != nil {
			return err
		}
	}
	return nil
}

// compareStore measures the store of one server, and prints a table.
func compareStore(out io.Writer, s leaseServer, p plan) error {
	title, err := s.describe(context.Background())
	if err != nil {
		return err
	}
	results, err := measureStore(s, p)
	if err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	return printLeases(out, title, results)
}

// measureStore measures with each number of accounts, while more and more of them
// are held.
func measureStore(s leaseServer, p plan) ([]leaseResult, error) {
	var pairs []*pair
	for _, n := range p.accounts {
		pair, err := newPair(s, n)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	var results []leaseResult
	for _, percent := range p.heldPercents {
		if err := holdAll(s, pairs, percent); err != nil {
			return nil, fmt.Errorf("%d %% held: %w", percent, err)
		}
		for _, workers := range p.storeLevels {
			r, err := measurePairs(pairs, workers, p)
			if err != nil {
				return nil, fmt.Errorf("%d %% held, %d workers: %w", percent, workers, err)
			}
			results = append(results, r...)
		}
	}
	return results, nil
}

// holdAll has that percentage of all accounts held.
func holdAll(s leaseServer, pairs []*pair, percent int) error {
	for _, p := range pairs {
		if err := p.hold(percent); err != nil {
			return err
		}
	}
	return s.tidy(context.Background())
}

// measurePairs measures all pools and locks with that many workers, in turn.
func measurePairs(pairs []*pair, workers int, p plan) ([]leaseResult, error) {
	var g group
	for _, pair := range pairs {
		accounts := numbers.Sprintf("%d accounts, ", len(pair.accounts))
		g.contenders = append(g.contenders, contender{name: accounts + "pool"}, contender{name: accounts + "bare locks"})
	}
	if err := g.warmUp(callersOf(pairs, workers), workers); err != nil {
		return nil, err
	}
	callers := callersOf(pairs, workers)
	taken, err := g.takeTurns(callers, workers, p)
	if err != nil {
		return nil, err
	}
	var all []leases
	for i, c := range callers {
		all = append(all, c.(*leaseCaller).leases(taken[i]))
	}
	var results []leaseResult
	for i, pair := range pairs {
		if err := pair.check(); err != nil {
			return nil, err
		}
		results = append(results, pair.result(workers, all[2*i], all[2*i+1]))
	}
	return results, nil
}

// callersOf returns two callers of each pair: of its pool, and of its bare locks.
func callersOf(pairs []*pair, workers int) []caller {
	var callers []caller
	for _, pair := range pairs {
		pool, bare := pair.callers(workers)
		callers = append(callers, pool, bare)
	}
	return callers
}
