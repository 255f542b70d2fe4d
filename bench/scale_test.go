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

// sweepAnswer is the time that the service takes to answer.
const sweepAnswer = 50 * time.Millisecond

// BenchmarkSweep reads the state of every host account of a site, with bounded
// concurrency. It reports the ratio to the time that the answers alone take, and
// the peak of heap and stacks, which includes the service and hardly grows with
// the number of hosts.
func BenchmarkSweep(b *testing.B) {
	service := httptest.NewServer(http.HandlerFunc(answerSlowly))
	defer service.Close()
	for _, size := range []struct{ hosts, concurrent int }{{1_000, 64}, {10_000, 64}, {10_000, 256}} {
		if testing.Short() && size.hosts > 1_000 {
			continue
		}
		b.Run(fmt.Sprintf("hosts=%d/concurrent=%d", size.hosts, size.concurrent), func(b *testing.B) {
			client := newClient(b, service.URL)
			hosts := sweepHosts(size.hosts)
			stop := watchPeak()
			for b.Loop() {
				if err := sweep(b.Context(), client, hosts, size.concurrent); err != nil {
					b.Error(err)
					break
				}
			}
			reportSweep(b, size.hosts, size.concurrent, stop())
		})
	}
}

func sweepHosts(n int) []iomeeting.Host {
	hosts := make([]iomeeting.Host, n)
	for i := range hosts {
		hosts[i] = iomeeting.Host{Email: fmt.Sprintf("host-%d@example.com", i), Password: host.Password}
	}
	return hosts
}

func answerSlowly(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(sweepAnswer)
	_, _ = io.WriteString(w, queryAnswer) // fails only if the client is gone
}

// sweep reads the state of all hosts.
func sweep(ctx context.Context, client *iomeeting.Client, hosts []iomeeting.Host, concurrent int) error {
	states := make([]iomeeting.QueryResult, len(hosts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrent)
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

func reportSweep(b *testing.B, hosts, concurrent int, peak uint64) {
	seconds := b.Elapsed().Seconds() / float64(b.N)
	answers := float64(hosts) * sweepAnswer.Seconds() / float64(concurrent)
	b.ReportMetric(0, "ns/op") // reported in seconds
	b.ReportMetric(seconds, "s/sweep")
	b.ReportMetric(seconds/answers, "/answers")
	b.ReportMetric(mib(peak), "peak-MiB")
}
