package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// warmUpCalls is how many calls each worker makes before the measurement, so that the
// first repetition is not spent on handshakes. Their connections count.
const warmUpCalls = 2

// result is what was measured of a contender at a level.
type result struct {
	contender   string
	workers     int
	rates       []float64   // calls per second in each repetition
	allocs      float64     // allocations per call, the median
	connections connections // of the warm-up and all repetitions
}

// measure measures the group with that many workers. The contenders take turns.
// Each repetition starts with another contender, so that none always follows the
// same one.
func (g group) measure(workers int, p plan) ([]result, error) {
	callers, err := g.connect(workers)
	if err != nil {
		return nil, err
	}
	defer closeAll(callers)
	before, err := g.countConnections()
	if err != nil {
		return nil, err
	}
	if err := g.warmUp(callers, workers); err != nil {
		return nil, err
	}
	taken, err := g.takeTurns(callers, workers, p)
	if err != nil {
		return nil, err
	}
	after, err := g.countConnections()
	if err != nil {
		return nil, err
	}
	results := make([]result, len(callers))
	for i, c := range g.contenders {
		results[i] = result{c.name, workers, taken[i].rates, median(taken[i].allocs), connections{
			after[i].Opened - before[i].Opened,
			after[i].Resumed - before[i].Resumed,
		}}
	}
	return results, nil
}

// connect returns a caller of each contender.
func (g group) connect(workers int) ([]caller, error) {
	var callers []caller
	for _, contender := range g.contenders {
		c, err := contender.connect(workers)
		if err != nil {
			closeAll(callers)
			return nil, fmt.Errorf("%s: %w", contender.name, err)
		}
		callers = append(callers, c)
	}
	return callers, nil
}

func closeAll(callers []caller) {
	for _, c := range callers {
		c.close()
	}
}

func (g group) countConnections() ([]connections, error) {
	if g.connections == nil {
		return make([]connections, len(g.contenders)), nil
	}
	return g.connections()
}

func (g group) warmUp(callers []caller, workers int) error {
	for i, c := range callers {
		if _, err := run(c, workers, warmUpCalls, new(atomic.Bool)); err != nil {
			return g.failed(i, err)
		}
	}
	return nil
}

func (g group) takeTurns(callers []caller, workers int, p plan) ([]samples, error) {
	taken := make([]samples, len(callers))
	for repetition := range p.repetitions {
		for turn := range callers {
			i := (turn + repetition) % len(callers)
			w, err := measureWindow(callers[i], workers, p)
			if err != nil {
				return nil, g.failed(i, err)
			}
			taken[i].add(w)
		}
	}
	return taken, nil
}

func (g group) failed(i int, err error) error {
	return fmt.Errorf("%s: %w", g.contenders[i].name, err)
}

// samples are the windows of one contender at one level.
type samples struct{ rates, allocs []float64 }

func (s *samples) add(w window) {
	s.rates = append(s.rates, float64(w.calls)/w.duration.Seconds())
	s.allocs = append(s.allocs, float64(w.mallocs)/float64(w.calls))
}

// window is one measurement.
type window struct {
	calls    int64
	duration time.Duration
	mallocs  uint64
}

// measureWindow lets the workers call for as long as the plan says. It waits for
// the calls that are then in progress: they count, and so does their time.
func measureWindow(c caller, workers int, p plan) (window, error) {
	runtime.GC() // nobody pays for another's garbage
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var stop atomic.Bool
	defer time.AfterFunc(p.window, func() { stop.Store(true) }).Stop()
	start := time.Now()
	calls, err := run(c, workers, max(1, p.maxCalls/workers), &stop)
	duration := time.Since(start)
	runtime.ReadMemStats(&after)
	return window{calls, duration, after.Mallocs - before.Mallocs}, err
}

// run lets each worker call callsEach times, or until stop is set, but at least
// once. It returns the number of calls.
func run(c caller, workers, callsEach int, stop *atomic.Bool) (int64, error) {
	var calls atomic.Int64
	var running errgroup.Group
	for worker := range workers {
		running.Go(func() error {
			for n := range callsEach {
				if n > 0 && stop.Load() {
					break
				}
				if err := c.call(worker); err != nil {
					stop.Store(true)
					return err
				}
				calls.Add(1)
			}
			return nil
		})
	}
	err := running.Wait()
	return calls.Load(), err
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
