package main

import (
	"testing"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

// newClient returns a client of a site that is not asked, or that the options
// replace.
func newClient(tb testing.TB, site string, opts ...iomeeting.Option) *iomeeting.Client {
	tb.Helper()
	client, err := iomeeting.NewClient(site, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// way is one way to do what is measured.
type way struct {
	name string
	do   func() error
}

// batch is how often a way does it before the next one has its turn.
const batch = 1000

// compareWays measures each way by itself, and then all of them in turn for the
// ratio of the first way's time to that of each other way.
func compareWays(b *testing.B, ways ...way) {
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := w.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("ratio", func(b *testing.B) { reportRatios(b, ways) })
}

func reportRatios(b *testing.B, ways []way) {
	ratios := make([][]float64, len(ways))
	for b.Loop() {
		var first time.Duration
		for i, w := range ways {
			start := time.Now()
			for range batch {
				if err := w.do(); err != nil {
					b.Fatal(err)
				}
			}
			took := time.Since(start)
			if i == 0 {
				first = took
			}
			if i > 0 {
				ratios[i] = append(ratios[i], first.Seconds()/took.Seconds())
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of a batch of all ways
	for i, w := range ways[1:] {
		b.ReportMetric(median(ratios[i+1]), "/"+w.name)
	}
}

// startOptions fill the five fields of the largest link. Both encodings of
// this title are the same.
var startOptions = iomeeting.StartOptions{
	MeetingPassword:  iomeeting.NewSecret("join us"),
	ObserverPassword: iomeeting.NewSecret("watch us"),
	Title:            "Weekly review",
}
