package main

import (
	"context"
	"slices"
	"time"
)

// leaseCaller leases an account and releases it in each call. Workers wait while
// others are at work on all free accounts, which does not count as time of a lease.
type leaseCaller struct {
	leaser leaser
	free   chan string
	took   [][]time.Duration // by worker
}

func newLeaseCaller(l leaser, free []string, workers int) *leaseCaller {
	c := &leaseCaller{leaser: l, free: make(chan string, len(free)), took: make([][]time.Duration, workers)}
	for _, account := range free {
		c.free <- account
	}
	return c
}

func (c *leaseCaller) call(worker int) error {
	free := <-c.free
	defer func() { c.free <- free }()
	start := time.Now()
	if err := c.leaser.lease(context.Background(), free); err != nil {
		return err
	}
	c.took[worker] = append(c.took[worker], time.Since(start))
	return nil
}

func (*leaseCaller) close() {}

// leases returns the leases of the windows in s.
func (c *leaseCaller) leases(s samples) leases {
	return leases{s.rates, slices.Sorted(slices.Values(slices.Concat(c.took...)))}
}
