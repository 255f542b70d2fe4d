// Package bench compares the package with other ways to do the same work. The
// script run in this folder makes the tables of docs/performance.md.
//
// A benchmark's name says who does the work (client=) and how many calls are in
// progress at the same time (at=).
package bench

import (
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) {
	if os.Getenv(serverVariable) != "" {
		serve()
		return
	}
	stop, err := startServer()
	if err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// call does the work once. Calls of the same worker do not overlap.
type call func(worker int) error

// client is one way to do the work.
type client struct {
	name string
	open func(b *testing.B, at int) call // for that many workers
}

// compare measures the clients in turn, at each number of workers. Their order is
// random, because it matters a little who comes after whom.
func compare(b *testing.B, levels []int, clients ...client) {
	for _, at := range levels {
		shuffle(clients)
		for _, c := range clients {
			call := c.open(b, at)
			b.Run(fmt.Sprintf("client=%s/at=%d", c.name, at), func(b *testing.B) { measure(b, at, call) })
		}
	}
}

func shuffle[T any](s []T) {
	rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

// measure makes b.N calls, after some that open the connections.
func measure(b *testing.B, workers int, call call) {
	work := func(worker, _ int) error { return call(worker) }
	together(b, workers, 4*workers, work)
	b.ReportAllocs()
	b.ResetTimer()
	together(b, workers, b.N, work)
}

// together lets the workers do n pieces of work, and waits for all.
func together(b *testing.B, workers, n int, work func(worker, i int) error) {
	b.Helper()
	var started atomic.Int64
	var group errgroup.Group
	for worker := range workers {
		group.Go(func() error {
			for i := int(started.Add(1)) - 1; i < n; i = int(started.Add(1)) - 1 {
				if err := work(worker, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(b, group.Wait())
}
