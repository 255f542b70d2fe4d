package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// warmUp is how many calls each worker makes before the measurement, so that
// handshakes do not make up the first repetition. Their connections count.
const warmUp = 2

// result is what was measured of a contender at a level.
type result struct {
	contender string
	workers   int
	rates     []float64 // requests per second, in each repetition
	allocs    float64   // allocations per call, the median
	opened    int       // connections, in the warm-up and all repetitions
}

// measure measures all contenders at all levels.
func measure(s *server, p plan) ([]result, error) {
	var results []result
	for _, workers := range p.levels {
		level, err := measureLevel(s, p, workers)
		if err != nil {
			return nil, err
		}
		results = append(results, level...)
	}
	return results, nil
}

// measureLevel measures the contenders in turn, with that many workers. Each
// repetition starts with another contender, so that none always follows the
// same one.
func measureLevel(s *server, p plan, workers int) ([]result, error) {
	before, err := s.control.opened()
	if err != nil {
		return nil, err
	}
	callers, err := connectAll(s, workers)
	if err != nil {
		return nil, err
	}
	defer closeAll(callers)
	taken := make([]samples, len(contenders))
	for repetition := range p.repetitions {
		for turn := range contenders {
			i := (turn + repetition) % len(contenders)
			w, err := measureWindow(callers[i], workers, p)
			if err != nil {
				return nil, fmt.Errorf("%s, %d at once: %w", contenders[i].name, workers, err)
			}
			taken[i].add(w)
		}
	}
	after, err := s.control.opened()
	if err != nil {
		return nil, err
	}
	results := make([]result, len(contenders))
	for i, c := range contenders {
		results[i] = result{c.name, workers, taken[i].rates, median(taken[i].allocs),
			after[s.Sites[i]] - before[s.Sites[i]]}
	}
	return results, nil
}

// connectAll returns all contenders, warmed up.
func connectAll(s *server, workers int) ([]caller, error) {
	var callers []caller
	for i, contender := range contenders {
		c, err := contender.connect(target{s.Sites[i], s.CA}, workers)
		if err == nil {
			callers = append(callers, c)
			_, err = run(c, workers, warmUp, new(atomic.Bool))
		}
		if err != nil {
			closeAll(callers)
			return nil, fmt.Errorf("%s, warming up for %d at once: %w", contender.name, workers, err)
		}
	}
	return callers, nil
}

func closeAll(callers []caller) {
	for _, c := range callers {
		c.close()
	}
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

// measureWindow lets the workers call for as long as the plan says. Calls that
// are under way at the end are waited for and count, and so does their time.
func measureWindow(c caller, workers int, p plan) (window, error) {
	runtime.GC() // nobody pays for the garbage of another
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

// run lets each worker call until it has done so often enough or stop is set,
// but at least once. It returns the number of calls.
func run(c caller, workers, callsEach int, stop *atomic.Bool) (int64, error) {
	var calls atomic.Int64
	var group errgroup.Group
	for worker := range workers {
		group.Go(func() error {
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
	err := group.Wait()
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
