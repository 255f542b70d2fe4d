package stores

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// oddEmails are email addresses that a database might take for one another.
var oddEmails = []string{
	"anna@example.com", "Anna@example.com", "ANNA@EXAMPLE.COM", "änna@example.com",
	"o'neil@example.com", `o\'neil@example.com`, "anna%@example.com", "安娜@例子.公司",
}

// TestTwoPools has two servers that share accounts.
func TestTwoPools(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { visit(t, newSite(t, e.newDatabase(t), oddEmails...)) })
	}
}

// visit lets as many visitors come at the same time as there are accounts. Each of
// them starts meetings one after another, on one of the servers; none of the
// meetings may be refused, or ended by another.
func visit(t *testing.T, s *site) {
	const meetings = 10 // of each visitor
	var visitors sync.WaitGroup
	for v := range len(oddEmails) {
		visitors.Go(func() {
			for m := range meetings {
				booking := fmt.Sprintf("visitor %d, meeting %d", v, m)
				meeting, err := s.schedule(v%2, booking)
				if !assert.NoError(t, err) {
					return
				}
				s.end(meeting, booking)
			}
		})
	}
	visitors.Wait()
	assert.Equal(t, meetings*len(oddEmails), s.countSchedules())
	leases, err := s.servers[0].pool.Leases(t.Context())
	require.NoError(t, err)
	assert.Empty(t, leases)
}

// TestOddEmails shows that a pool keeps accounts apart whose email addresses a
// database might take for one another.
func TestOddEmails(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s := newSite(t, e.newDatabase(t), oddEmails...)
			var got []string
			for i := range oddEmails {
				meeting, err := s.schedule(i%2, fmt.Sprint("booking ", i))
				require.NoError(t, err)
				got = append(got, meeting.Host.Email)
			}
			assert.ElementsMatch(t, oddEmails, got)

			_, err := s.schedule(0, "one too many")
			assert.ErrorIs(t, err, hostpool.ErrNoneFree)
			leases, err := s.servers[1].pool.Leases(t.Context())
			require.NoError(t, err)
			var leased []string
			for _, lease := range leases {
				leased = append(leased, lease.Host)
			}
			assert.ElementsMatch(t, oddEmails, leased)
		})
	}
}
