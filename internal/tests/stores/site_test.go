package stores

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// site is a site of the service with two servers of a partner, each with a pool
// of its own.
type site struct {
	t       *testing.T
	service *iomeetingtest.Server
	servers [2]*partner
}

// partner is a server of a partner.
type partner struct {
	pool   *hostpool.Pool
	endURL string

	mu    sync.Mutex
	ended map[string]int // how often each operator ID was reported
}

// newSite returns a site with these host accounts. The leases are in a new table
// of the database, to which each server has connections of its own.
func newSite(t *testing.T, d *database, emails ...string) *site {
	t.Helper()
	table := newTable()
	return newSiteOn(t, func() hostpool.Store {
		store := d.open(t, table)
		require.NoError(t, store.CreateTable(t.Context()))
		return store
	}, emails...)
}

// newSiteOn returns a site with these host accounts, and a store for each server.
func newSiteOn(t *testing.T, newStore func() hostpool.Store, emails ...string) *site {
	t.Helper()
	var hosts []iomeeting.Host
	for _, email := range emails {
		hosts = append(hosts, iomeeting.Host{Email: email, Password: iomeeting.NewSecret("password")})
	}
	s := &site{t: t, service: iomeetingtest.NewServer(hosts...)}
	t.Cleanup(s.service.Close)
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("k", 32)))
	require.NoError(t, err)
	for i := range s.servers {
		pool, err := hostpool.New(s.service.Client(), hosts, hostpool.WithStore(newStore()), hostpool.WithEndSigner(signer),
			hostpool.WithLogger(slog.New(slog.DiscardHandler)))
		require.NoError(t, err)
		p := &partner{pool: pool, ended: make(map[string]int)}
		web := httptest.NewServer(pool.EndHandler(p.onEnd))
		t.Cleanup(web.Close)
		p.endURL = web.URL
		s.servers[i] = p
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return s
}

func (p *partner) onEnd(_ context.Context, operatorID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended[operatorID]++
	return nil
}

// timesEnded returns how often the service has reported the end of a booking, to
// any of the servers.
func (s *site) timesEnded(booking string) (n int) {
	for _, p := range s.servers {
		p.mu.Lock()
		n += p.ended[booking]
		p.mu.Unlock()
	}
	return n
}

// schedule schedules a meeting on server i and starts it. Its end is reported to
// the other server.
func (s *site) schedule(i int, booking string) (hostpool.Meeting, error) {
	meeting, err := s.servers[i].pool.Schedule(s.t.Context(), &iomeeting.ScheduleOptions{
		EndURL: s.servers[1-i].endURL, OperatorID: booking,
	})
	if err != nil {
		return hostpool.Meeting{}, err
	}
	assert.Equal(s.t, http.StatusOK, s.start(meeting), "the meeting cannot start")
	return meeting, nil
}

// start opens the start link of a meeting, and returns the HTTP status of the page.
func (s *site) start(meeting hostpool.Meeting) int {
	page, err := http.Get(meeting.StartLink.URL())
	if !assert.NoError(s.t, err) {
		return 0
	}
	defer page.Body.Close()
	_, _ = io.Copy(io.Discard, page.Body)
	return page.StatusCode
}

// end ends a meeting that is in progress.
func (s *site) end(meeting hostpool.Meeting, booking string) {
	assert.Zero(s.t, s.timesEnded(booking), "another meeting has ended this one")
	assert.NoError(s.t, s.service.EndMeeting(meeting.MeetingID), "it has ended already")
	assert.Equal(s.t, 1, s.timesEnded(booking))
}

// countSchedules returns how many calls to schedule a meeting the service got.
func (s *site) countSchedules() (n int) {
	for _, r := range s.service.Requests() {
		if strings.HasSuffix(r.Path, "/schedule") {
			n++
		}
	}
	return n
}
