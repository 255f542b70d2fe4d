// Command bench compares Query with other ways to send the same request: with
// net/http as one would tune it and as it comes, with fasthttp, and with a
// hand-written connection as the limit. All contenders take turns in one run,
// so that whatever else the machine does befalls them alike, against a TLS
// server on a loopback address in a process of its own.
//
//	go run . [-quick] [-svg FILE]
//
// It prints medians, then the peak memory of many calls at once.
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
	levels      []int         // calls at once
	repetitions int           // of each level
	window      time.Duration // of one contender in one repetition
	maxCalls    int           // in one window
	memoryCalls int           // at once, for the peak memory
}

var (
	fullPlan = plan{
		levels:      []int{1, 16, 64, 256},
		repetitions: 15,
		window:      200 * time.Millisecond,
		maxCalls:    100_000,
		memoryCalls: 10_000,
	}
	// quickPlan shows that everything works. Its numbers say little.
	quickPlan = plan{
		levels:      []int{1, 16, 64, 256},
		repetitions: 2,
		window:      50 * time.Millisecond,
		maxCalls:    10_000,
		memoryCalls: 400, // fits where a process may open 1,024 files
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

// dispatch runs the benchmark, or what the benchmark starts in a process of its
// own.
func dispatch(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case serveCommand:
			endWithParent()
			return serve(args[1:], os.Stdout)
		case memoryCommand:
			endWithParent()
			return memoryProcess(args[1:], os.Stdout)
		}
	}
	return bench(args, os.Stdout)
}

func bench(args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	quick := flags.Bool("quick", false, "take some seconds, for results that say little")
	svg := flags.String("svg", "", "draw requests per second as an SVG chart to this `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	p := fullPlan
	if *quick {
		p = quickPlan
	}
	s, err := startServer(len(contenders))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return compare(out, s, p, *svg)
}

// compare measures and prints everything.
func compare(out io.Writer, s *server, p plan, svg string) error {
	if err := trustByDefault(s.CA); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s %s/%s, GOMAXPROCS %d; medians of %d repetitions of %v each, in turn,\nand of the ratios in each repetition.\n"+
		"Over HTTP/1.1, which is what servers without HTTP/2 speak, the default transport keeps 2 idle connections.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), p.repetitions, p.window)
	if err != nil {
		return err
	}
	results, err := measure(s, p)
	if err != nil {
		return err
	}
	if err := printResults(out, p.levels, results); err != nil {
		return err
	}
	if svg != "" {
		if err := drawChart(svg, p.levels, results); err != nil {
			return err
		}
	}
	footprints, err := measureMemory(s, p.memoryCalls)
	if err != nil {
		return err
	}
	return printFootprints(out, p.memoryCalls, footprints)
}
