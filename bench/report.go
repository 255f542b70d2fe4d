package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printResults prints a table for each level, with a row for each contender.
func printResults(out io.Writer, levels []int, results []result) error {
	for _, workers := range levels {
		if _, err := fmt.Fprintf(out, "%d at once\n", workers); err != nil {
			return err
		}
		if err := printLevel(out, workers, results); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	return nil
}

func printLevel(out io.Writer, workers int, results []result) error {
	t := newTable(out)
	// t writes nothing before Flush, which returns the error.
	fmt.Fprintf(t, nameColumn+"requests/s\t/ iomeeting\t/ bare\t/ bare, timed\tconnections opened\tallocations/call\t\n", "")
	own, plain, withTimeout := find(results, ours, workers), find(results, bare, workers), find(results, timed, workers)
	for _, r := range results {
		if r.workers != workers {
			continue
		}
		fmt.Fprintf(t, nameColumn+"%.0f\t%.2f\t%.2f\t%.2f\t%d\t%.1f\t\n", r.contender, median(r.rates),
			ratio(r, own), ratio(r, plain), ratio(r, withTimeout), r.opened, r.allocs)
	}
	return t.Flush()
}

// nameColumn is the format of the one column that is aligned left.
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
	panic("nobody measured " + contender)
}

// ratio returns how many times as many requests a answered as b: the median of
// the repetitions, since a machine that is slow for a while is so for both.
func ratio(a, b result) float64 {
	var ratios []float64
	for i := range a.rates {
		ratios = append(ratios, a.rates[i]/b.rates[i])
	}
	return median(ratios)
}

// printFootprints prints a table with a row for each contender.
func printFootprints(out io.Writer, calls int, footprints []footprint) error {
	if _, err := fmt.Fprintf(out, "Memory of %d calls at once, each on a connection of its own\n", calls); err != nil {
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
	return t.Flush()
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

func resident(bytes uint64) string {
	if bytes == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.1f MiB", mib(bytes))
}
