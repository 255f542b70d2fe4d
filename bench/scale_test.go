package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iomeeting/iomeeting-go"
)

const (
	// sweepAtOnce is as many as the client keeps connections.
	sweepAtOnce = 256

	// sweepAnswer is what a service takes to answer.
	sweepAnswer = 50 * time.Millisecond
)

// BenchmarkSweep reads the state of every host account of a large site. Its
// ratio is to the time that the answers alone take; its peak of heap and stacks
// is that of the client and of the service, which is in the process.
func BenchmarkSweep(b *testing.B) {
	hosts := sweepHosts()
	service := httptest.NewServer(http.HandlerFunc(answerSlowly))
	defer service.Close()
	client := newClient(b, service.URL)
	b.Run(fmt.Sprintf("hosts=%d/c=%d", len(hosts), sweepAtOnce), func(b *testing.B) {
		stop := watchPeak()
		for b.Loop() {
			if err := sweep(b.Context(), client, hosts); err != nil {
				b.Error(err)
				break
			}
		}
		reportSweep(b, len(hosts), stop())
	})
}

func sweepHosts() []iomeeting.Host {
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	hosts := make([]iomeeting.Host, n)
	for i := range hosts {
		hosts[i] = iomeeting.Host{Email: fmt.Sprintf("host-%d@example.com", i), Password: host.Password}
	}
	return hosts
}

func answerSlowly(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(sweepAnswer)
	// An error here means that the client is gone; the benchmark then fails.
	_, _ = io.WriteString(w, answer)
}

// sweep reads the state of all hosts.
func sweep(ctx context.Context, client *iomeeting.Client, hosts []iomeeting.Host) error {
	states := make([]iomeeting.QueryResult, len(hosts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sweepAtOnce)
	for i, h := range hosts {
		group.Go(func() (err error) {
			states[i], err = client.Query(ctx, h)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, state := range states {
		if !state.Available() {
			return fmt.Errorf("host %d is not available", i)
		}
	}
	return nil
}

func reportSweep(b *testing.B, hosts int, peak uint64) {
	seconds := b.Elapsed().Seconds() / float64(b.N)
	answers := float64(hosts) * sweepAnswer.Seconds() / sweepAtOnce
	b.ReportMetric(0, "ns/op") // said in seconds
	b.ReportMetric(seconds, "s/sweep")
	b.ReportMetric(seconds/answers, "x-answers")
	b.ReportMetric(mib(peak), "peak-MiB")
}
