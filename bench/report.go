package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// numbers prints numbers with thousands separators.
var numbers = message.NewPrinter(language.English)

// concurrency says in words how many calls are in progress.
func concurrency(workers int) string {
	if workers == 1 {
		return "1 call at a time"
	}
	return numbers.Sprintf("%d concurrent calls", workers)
}

// printTable prints the results of one level, with a row for each contender.
func printTable(out io.Writer, g group, workers int, results []result) error {
	if _, err := fmt.Fprintf(out, "%s, %s\n", g.title, concurrency(workers)); err != nil {
		return err
	}
	t := newTable(out)
	// t writes nothing before Flush, which returns the error.
	fmt.Fprintf(t, nameColumn+"calls/s\t", "")
	for _, baseline := range g.baselines {
		fmt.Fprintf(t, "/ %s\t", baseline)
	}
	if g.connections != nil {
		fmt.Fprint(t, "connections opened\tresumed\t")
	}
	fmt.Fprint(t, "allocations/call\t\n")
	for _, r := range results {
		numbers.Fprintf(t, nameColumn+"%.0f\t", r.contender, median(r.rates))
		for _, baseline := range g.baselines {
			fmt.Fprintf(t, "%.2f\t", ratio(r, find(results, baseline, workers)))
		}
		if g.connections != nil {
			numbers.Fprintf(t, "%d\t%s\t", r.connections.Opened, r.connections.share())
		}
		fmt.Fprintf(t, "%.1f\t\n", r.allocs)
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// share returns which part of the connections resumed a session.
func (c connections) share() string {
	if c.Opened == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(c.Resumed)/float64(c.Opened))
}

// nameColumn is the format of the only column that is aligned left.
const nameColumn = "%-22s\t"

func newTable(out io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// find returns the result of a contender at a level.
func find(results []result, contender string, workers int) result {
	for _, r := range results {
		if r.contender == contender && r.workers == workers {
			return r
		}
	}
	panic("no result of " + contender)
}

// ratio returns how many times as many calls a made as b: the median of the
// repetitions, since a machine that is slow for a while is so for both.
func ratio(a, b result) float64 { return medianRatio(a.rates, b.rates) }

func medianRatio(a, b []float64) float64 {
	var ratios []float64
	for i := range a {
		ratios = append(ratios, a[i]/b[i])
	}
	return median(ratios)
}

// printFootprints prints a table with a row for each contender.
func printFootprints(out io.Writer, calls int, footprints []footprint) error {
	if _, err := numbers.Fprintf(out, "Memory of %d concurrent queries, each on a connection of its own\n", calls); err != nil {
		return err
	}
	t := newTable(out)
	// t writes nothing before Flush, which returns the error.
	fmt.Fprintf(t, nameColumn+"heap and stacks before\tpeak\tper call\tpeak of the process\t\n", "")
	for _, f := range footprints {
		perCall := (float64(f.Peak) - float64(f.Before)) / float64(calls)
		fmt.Fprintf(t, nameColumn+"%.1f MiB\t%.1f MiB\t%.1f KiB\t%s\t\n",
			f.Contender, mib(f.Before), mib(f.Peak), perCall/(1<<10), resident(f.Resident))
	}
	fmt.Fprintln(t)
	return t.Flush()
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

func resident(bytes uint64) string {
	if bytes == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.1f MiB", mib(bytes))
}
