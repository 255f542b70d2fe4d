package main

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// leaseCaller takes a lease and releases it in each call. If there are more workers
// than free accounts, the others wait, which does not count as time of a lease.
type leaseCaller struct {
	leaser     leaser
	free       chan string
	took       [][]time.Duration // by worker
	roundTrips atomic.Int64      // of all Takes
}

// reset makes the caller forget what it has measured.
func (c *leaseCaller) reset(free []string, workers int) {
	c.free = make(chan string, len(free))
	for _, account := range free {
		c.free <- account
	}
	c.took = make([][]time.Duration, workers)
	c.roundTrips.Store(0)
}

func (c *leaseCaller) call(worker int) error {
	free := <-c.free
	defer func() { c.free <- free }()
	ctx := context.Background()
	start := time.Now()
	lease, err := c.leaser.take(countRoundTrips(ctx, &c.roundTrips), free)
	if err != nil {
		return err
	}
	if err := c.leaser.release(ctx, lease); err != nil {
		return err
	}
	c.took[worker] = append(c.took[worker], time.Since(start))
	return nil
}

func (*leaseCaller) close() {}

func (c *leaseCaller) result(s samples) leases {
	took := slices.Sorted(slices.Values(slices.Concat(c.took...)))
	return leases{s.rates, took, float64(c.roundTrips.Load()) / float64(len(took))}
}
