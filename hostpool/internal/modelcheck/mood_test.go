package modelcheck

import (
	"math/rand/v2"
	"time"
)

// mood is how likely events are. Each world has a mood of its own, because some
// events keep others from happening.
type mood struct {
	maxActors int
	faults    int              // one step in so many has a verdict other than pass
	possible  map[verdict]bool // verdicts other than pass
	sleeps    int              // one event in so many is that time passes
	naps      []time.Duration  // how long
	burst     int              // how much more likely the last actor is to go on than another
	gates     int              // one step in so many has no gate after it
	outsiders int              // how likely meetings without a pool are
	deafStore bool             // whether the store ignores contexts
}

func newMood(rng *rand.Rand) mood {
	m := mood{
		maxActors: 1 + rng.IntN(4),
		faults:    pick(rng, []int{6, 15, 40}),
		possible:  map[verdict]bool{delay: rng.IntN(2) == 0},
		sleeps:    pick(rng, []int{6, 12, 25}),
		burst:     pick(rng, []int{1, 4, 10}),
		gates:     pick(rng, []int{1, 2, 1000}),
		outsiders: pick(rng, []int{0, 0, 1}),
		deafStore: rng.IntN(2) == 0,
	}
	for range pick(rng, []int{0, 1, 2, 8}) {
		m.possible[pick(rng, []verdict{fail, lose, delay, repeat, echo, refuse, down, crash})] = true
	}
	for range 2 {
		m.naps = append(m.naps, pick(rng, []time.Duration{10 * time.Second, halfLease, halfLease, takeFor, leaveOutFor}))
	}
	return m
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
