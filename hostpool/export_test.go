package hostpool

import (
	"math/rand/v2"
	"time"
)

const (
	CallWithin = callWithin
	LateWithin = lateWithin
)

// SetRandom makes a pool repeat its choices.
func (p *Pool) SetRandom(r *rand.Rand) { p.random = r }

// SetLateWithin and SetLeaseFor break a pool.
func (p *Pool) SetLateWithin(d time.Duration) { p.lateWithin = d }
func (p *Pool) SetLeaseFor(d time.Duration)   { p.leaseFor = d }
