package main

import (
	"testing"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

// newClient returns a client for the site.
func newClient(tb testing.TB, site string, opts ...iomeeting.Option) *iomeeting.Client {
	tb.Helper()
	client, err := iomeeting.NewClient(site, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// way is one way to do the work that is measured.
type way struct {
	name string
	do   func() error
}

// batch is how many times a way does the work before it is the next one's turn.
const batch = 1000

// compareWays measures each way by itself. Then all of them take turns, and it
// reports the ratio of the first way's time to that of each other way.
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
	b.ReportMetric(0, "ns/op") // the time for a batch of each way says nothing
	for i, w := range ways[1:] {
		b.ReportMetric(median(ratios[i+1]), "/"+w.name)
	}
}

// startOptions fill all fields of the longest link. In this title, the text
// encoding changes nothing that a form would not change.
var startOptions = iomeeting.StartOptions{
	MeetingPassword:  iomeeting.NewSecret("join us"),
	ObserverPassword: iomeeting.NewSecret("watch us"),
	Title:            "Weekly review",
}
