package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// compareStores measures how fast a pool takes and releases leases in each kind of
// store, beside the cheapest locks of the same server over the same connections.
func compareStores(out io.Writer, p plan) error {
	if len(engines) == 0 {
		return errors.New("package servers cannot start database servers on this system")
	}
	for _, e := range engines {
		if err := e.compare(out, p); err != nil {
			return err
		}
	}
	return nil
}

// compare measures the store of a new server, and prints a table.
func (e engine) compare(out io.Writer, p plan) (err error) {
	dir, err := os.MkdirTemp("", "iomeeting-bench-") // user postgres can reach it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	dsn, stop, err := e.start(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	s, err := e.open(dsn, slices.Max(p.storeLevels))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
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
	var callers []caller
	for _, pair := range pairs {
		accounts := numbers.Sprintf("%d accounts, ", len(pair.accounts))
		g.contenders = append(g.contenders, contender{name: accounts + "pool"}, contender{name: accounts + "bare locks"})
		callers = append(callers, pair.pool, pair.bare)
		pair.reset(workers)
	}
	if err := g.warmUp(callers, workers); err != nil {
		return nil, err
	}
	for _, pair := range pairs {
		pair.reset(workers)
	}
	taken, err := g.takeTurns(callers, workers, p)
	if err != nil {
		return nil, err
	}
	var results []leaseResult
	for i, pair := range pairs {
		if err := pair.check(); err != nil {
			return nil, err
		}
		results = append(results, pair.result(workers, taken[2*i], taken[2*i+1]))
	}
	return results, nil
}
