// Command bench compares the calls of package iomeeting with other ways to send
// the same requests.
//
//	go run . [-quick] [-svg FILE]
//	go run . [-quick] -stores
//
// It compares Query with net/http in several settings, with fasthttp, and with a
// hand-written connection as the limit; and Schedule, which opens a connection
// for each call, with net/http that does so too, with and without TLS session
// resumption.
//
// The contenders of a group take turns in one run, so that whatever else the
// machine does affects them alike. The TLS server has a certificate with an RSA
// key of 2,048 bits, and runs on a loopback address in a process of its own.
//
// The command prints medians, and the peak memory of many concurrent calls. It
// fails if fewer than 95 of 100 connections of Schedule resume a TLS session. No
// speed makes it fail.
//
// # Stores
//
// With -stores, it measures the stores of package hostpool instead. It starts
// PostgreSQL and Redis, which must be installed, with the settings of package
// servers. In each, a pool takes and releases leases, and so do bare locks of the
// same server over the same connections: a row that is inserted and deleted in
// PostgreSQL, SET NX and DEL in Redis. The pool searches for an account as it does
// for each meeting, but ends there, without a call to the service. Bare locks are
// given a free account.
//
// The table has these columns:
//
//   - held: the percentage of the accounts that are leased all the time;
//   - accounts, free: the number of accounts, and of those that are not held;
//   - workers: how many take leases concurrently. If there are more of them than
//     free accounts, the others wait;
//   - leases/s, bare, ratio: leases taken and released per second by the pool and
//     by bare locks, and the ratio of the two;
//   - growth: how many times as long a lease takes as among the fewest accounts,
//     if as many workers have leases there;
//   - p50, p99: how many microseconds it took to take and release a lease, the
//     median and the 99th percentile, without the wait for a free account;
//   - round trips: how many it takes to take a lease. Releasing it takes one more.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// runLimit ends a run that hangs. The calls have no such limit of their own,
// since it would cost some contenders more than others.
const runLimit = 15 * time.Minute

// plan bounds the load in count and in time.
type plan struct {
	queryLevels    []int         // concurrent queries
	scheduleLevels []int         // concurrent schedules
	repetitions    int           // of each level
	window         time.Duration // of one contender in one repetition
	maxCalls       int           // in one window
	memoryCalls    int           // concurrent queries, for the peak memory

	storeLevels  []int // workers that take and release leases
	accounts     []int // among which they take them
	heldPercents []int // of the accounts, in ascending order
}

var (
	fullPlan = plan{
		queryLevels:    []int{1, 16, 64, 256},
		scheduleLevels: []int{1, 16, 64},
		repetitions:    15,
		window:         200 * time.Millisecond,
		maxCalls:       100_000,
		memoryCalls:    10_000,
		storeLevels:    []int{1, 16, 64},
		accounts:       []int{50, 10_000},
		heldPercents:   []int{0, 90, 99},
	}
	// quickPlan shows that everything works. Its speeds say little.
	quickPlan = plan{
		queryLevels:    []int{1, 16, 64, 256},
		scheduleLevels: []int{1, 16, 64},
		repetitions:    2,
		window:         50 * time.Millisecond,
		maxCalls:       10_000,
		memoryCalls:    400, // fits where a process may open 1,024 files
		storeLevels:    []int{1, 64},
		accounts:       []int{50, 1_000},
		heldPercents:   []int{0, 90, 99},
	}
)

func main() {
	time.AfterFunc(runLimit, func() {
		fmt.Fprintln(os.Stderr, "bench: no end after", runLimit)
		os.Exit(1)
	})
	if err := dispatch(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// dispatch runs the benchmark, or a task that the benchmark runs in a process of
// its own.
func dispatch(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case serverCommand:
			return runTask(new(serverTask), args[1:])
		case memoryCommand:
			return runTask(new(memoryTask), args[1:])
		}
	}
	return bench(args, os.Stdout)
}

func bench(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	quick := flags.Bool("quick", false, "run for only a few seconds; the speeds mean little")
	stores := flags.Bool("stores", false, "measure the stores of package hostpool instead")
	svg := flags.String("svg", "", "draw the rates of Query as an SVG chart to this `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *stores && *svg != "" {
		return errors.New("-svg draws the rates of Query, which -stores does not measure")
	}
	p := fullPlan
	if *quick {
		p = quickPlan
	}
	_, err := fmt.Fprintf(out, "%s %s/%s, GOMAXPROCS %d; rates are medians of %d repetitions of %v each,\nand ratios are medians of the ratios in each repetition.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), p.repetitions, p.window)
	if err != nil {
		return err
	}
	if *stores {
		return compareStores(out, p)
	}
	if err := compareQueries(out, p, *svg); err != nil {
		return err
	}
	return compareSchedules(out, p)
}

// compare measures the group at each level, and prints a table for each.
func compare(out io.Writer, g group, levels []int, p plan) ([]result, error) {
	var all []result
	for _, workers := range levels {
		results, err := g.measure(workers, p)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", g.title, concurrency(workers), err)
		}
		if err := printTable(out, g, workers, results); err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return all, nil
}
