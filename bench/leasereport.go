package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// leaseResult is what was measured at one level.
type leaseResult struct {
	heldPercent int
	accounts    int
	free        int
	workers     int
	pool, bare  leases
	roundTrips  float64 // of each Take of the pool, the mean
}

// leases are those that one contender took and released.
type leases struct {
	rates []float64       // leases per second in each repetition
	took  []time.Duration // taking and releasing each of them, sorted
}

// atWork returns how many workers can have a lease at the same time.
func (r leaseResult) atWork() int { return min(r.workers, r.free) }

// percentile returns the time within which that percentage of the leases was taken
// and released.
func (l leases) percentile(percent int) time.Duration {
	return l.took[max(1, (len(l.took)*percent+99)/100)-1]
}

// printLeases prints a Markdown table with a row for each level.
func printLeases(out io.Writer, title string, results []leaseResult) error {
	if _, err := fmt.Fprintf(out, "%s\n\n", title); err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 1, ' ', tabwriter.Debug)
	// t writes nothing before Flush, which returns the error.
	fmt.Fprint(t, "| held\t accounts\t free\t workers\t leases/s\t bare\t ratio\t growth\t p50 µs\t p99 µs\t bare p50\t bare p99\t round trips\t\n")
	fmt.Fprintln(t, "|"+strings.Repeat("--:\t", 13))
	for _, r := range results {
		numbers.Fprintf(t, "| %d %%\t %d\t %d\t %d\t %.0f\t %.0f\t %.2f\t %s\t %d\t %d\t %d\t %d\t %.2f\t\n",
			r.heldPercent, r.accounts, r.free, r.workers,
			median(r.pool.rates), median(r.bare.rates), medianRatio(r.pool.rates, r.bare.rates), growth(results, r),
			r.pool.percentile(50).Microseconds(), r.pool.percentile(99).Microseconds(),
			r.bare.percentile(50).Microseconds(), r.bare.percentile(99).Microseconds(), r.roundTrips)
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// growth returns how many times as long a lease takes as with the fewest accounts,
// or "" if a different number of workers could hold leases there.
func growth(results []leaseResult, of leaseResult) string {
	fewest := of
	for _, r := range results {
		if r.heldPercent == of.heldPercent && r.workers == of.workers && r.accounts < fewest.accounts {
			fewest = r
		}
	}
	if fewest.accounts == of.accounts || fewest.atWork() != of.atWork() {
		return ""
	}
	return fmt.Sprintf("%.2f", medianRatio(fewest.pool.rates, of.pool.rates))
}
