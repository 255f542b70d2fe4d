package main

import (
	"strings"
	"testing"
	"time"
)

func TestPrintLeases(t *testing.T) {
	result := func(accounts, free, workers int, poolRate float64) leaseResult {
		return leaseResult{
			heldPercent: 90, accounts: accounts, free: free, workers: workers, roundTrips: 1.5,
			pool: leases{[]float64{poolRate, poolRate, 1}, []time.Duration{1, 2 * time.Millisecond, 3 * time.Second}},
			bare: leases{[]float64{4000, 2000, 2}, []time.Duration{5 * time.Microsecond}},
		}
	}
	var out strings.Builder
	err := printLeases(&out, "A server", []leaseResult{
		result(50, 5, 1, 2000), result(10_000, 1000, 1, 1000), result(50, 5, 16, 500), result(10_000, 1000, 16, 100),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `A server

| held | accounts | free  | workers | leases/s | bare  | ratio | growth | p50 µs | p99 µs    | bare p50 | bare p99 | round trips |
|--:   |--:       |--:    |--:      |--:       |--:    |--:    |--:     |--:     |--:        |--:       |--:       |--:          |
| 90 % | 50       | 5     | 1       | 2,000    | 2,000 | 0.50  |        | 2,000  | 3,000,000 | 5        | 5        | 1.50        |
| 90 % | 10,000   | 1,000 | 1       | 1,000    | 2,000 | 0.50  | 2.00   | 2,000  | 3,000,000 | 5        | 5        | 1.50        |
| 90 % | 50       | 5     | 16      | 500      | 2,000 | 0.25  |        | 2,000  | 3,000,000 | 5        | 5        | 1.50        |
| 90 % | 10,000   | 1,000 | 16      | 100      | 2,000 | 0.05  |        | 2,000  | 3,000,000 | 5        | 5        | 1.50        |

`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestPercentile(t *testing.T) {
	var took []time.Duration
	for i := range 1000 {
		took = append(took, time.Duration(i+1))
	}
	for _, tt := range []struct {
		leases, percent int
		want            time.Duration
	}{{1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {2, 99, 2}, {100, 99, 99}, {101, 99, 100}, {1000, 50, 500}, {1000, 99, 990}} {
		if got := (leases{took: took[:tt.leases]}).percentile(tt.percent); got != tt.want {
			t.Errorf("%d %% of %d: got %d, want %d", tt.percent, tt.leases, got, tt.want)
		}
	}
}
