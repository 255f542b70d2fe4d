package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// leaseResult is what was measured at one level.
type leaseResult struct {
	heldPercent int
	accounts    int
	workers     int
	atWork      int // fewer than the workers if no more accounts are free
	pool, bare  leases
}

// leases are those that one contender took and released.
type leases struct {
	rates      []float64       // leases per second in each repetition
	took       []time.Duration // taking and releasing each of them, sorted
	roundTrips float64         // of each Take, the mean
}

// ratios returns how many times as many leases the pool took as the bare locks, in
// each repetition.
func (r leaseResult) ratios() []float64 {
	ratios := make([]float64, len(r.pool.rates))
	for i := range ratios {
		ratios[i] = r.pool.rates[i] / r.bare.rates[i]
	}
	return ratios
}

// growth returns how many times as much a lease costs as it does in a result with
// other accounts, both compared with bare locks. All four took turns.
func (r leaseResult) growth(other leaseResult) float64 {
	growths := other.ratios()
	for i, ratio := range r.ratios() {
		growths[i] /= ratio
	}
	return median(growths)
}

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
	fmt.Fprint(t, "| held\t accounts\t workers\t at work\t leases/s\t bare\t ratio\t cost\t p50 µs\t p99 µs\t bare p50\t bare p99\t round trips\t\n")
	fmt.Fprint(t, "|--:\t--:\t--:\t--:\t--:\t--:\t--:\t--:\t--:\t--:\t--:\t--:\t--:\t\n")
	for _, r := range results {
		numbers.Fprintf(t, "| %d %%\t %d\t %d\t %d\t %.0f\t %.0f\t %.2f\t %.2f\t %d\t %d\t %d\t %d\t %.2f\t\n",
			r.heldPercent, r.accounts, r.workers, r.atWork,
			median(r.pool.rates), median(r.bare.rates), median(r.ratios()), r.growth(fewestAccounts(results, r)),
			r.pool.percentile(50).Microseconds(), r.pool.percentile(99).Microseconds(),
			r.bare.percentile(50).Microseconds(), r.bare.percentile(99).Microseconds(), r.pool.roundTrips)
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// fewestAccounts returns the result with the fewest accounts, of those with the
// same workers and the same percentage held.
func fewestAccounts(results []leaseResult, like leaseResult) leaseResult {
	fewest := like
	for _, r := range results {
		if r.heldPercent == like.heldPercent && r.workers == like.workers && r.accounts < fewest.accounts {
			fewest = r
		}
	}
	return fewest
}
