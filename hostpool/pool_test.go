package hostpool_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// TestMeeting checks what a meeting has, and that its links work.
func TestMeeting(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, hostpool.WithStartWithin(2*time.Minute))
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				assert.Equal(t, s.hosts[0], meeting.Host)
				assert.Equal(t, leases(t, pool)[email(0)].String(), meeting.Lease)
				assert.Equal(t, time.Now().Add(2*time.Minute), meeting.StartBy)
				assert.Equal(t, meeting.StartBy, leases(t, pool)[email(0)].Expires)
				open(t, meeting.StartLink)
				if name == "Schedule" {
					assert.Equal(t, meeting.MeetingID, s.meeting(t, meeting.Host))
				} else {
					assert.Empty(t, meeting.MeetingID)
					assert.NotEmpty(t, s.meeting(t, meeting.Host))
				}
			})
		})
	}
}

// TestOptionsOfAMeeting shows that the service gets the options of a meeting.
func TestOptionsOfAMeeting(t *testing.T) {
	s := newSite(t, 3)
	pool := s.pool(t)
	_, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret("tea")})
	require.NoError(t, err)
	assert.Equal(t, "tea", s.Requests()[1].PostForm.Get("meetingPassword"))

	meeting, err := pool.Start(t.Context(), &iomeeting.StartOptions{Title: "Q3 review"})
	require.NoError(t, err)
	assert.Equal(t, "Q3 review", meeting.StartLink.Params().Get("title"))

	// The options of the caller stay as they are.
	signing := s.pool(t, hostpool.WithEndSigner(signer(t)))
	opts := &iomeeting.ScheduleOptions{EndURL: "http://127.0.0.1:1/", OperatorID: "booking 7"}
	_, err = signing.Schedule(t.Context(), opts)
	require.NoError(t, err)
	assert.Equal(t, "booking 7", opts.OperatorID)
}

// TestOperatorIDs shows that every operator ID which Schedule accepts comes back,
// with the longest email address too.
func TestOperatorIDs(t *testing.T) {
	host := iomeeting.Host{Email: strings.Repeat("会", 106) + "@a", Password: iomeeting.NewSecret("1")}
	require.Len(t, host.Email, 320)
	s := &site{iomeetingtest.NewServer(host), []iomeeting.Host{host}}
	t.Cleanup(s.Close)
	pool := s.pool(t, hostpool.WithEndSigner(signer(t)))
	ends := newEnds(t, pool)
	for name, operatorID := range map[string]string{
		"empty":              "",
		"longest":            strings.Repeat("x", 2000),
		"longest, in CJK":    strings.Repeat("会", 666) + "xx",
		"control characters": "a\x00b\nc\r\n",
		"invalid UTF-8":      "\xff\xfe",
		"like a lease":       "hostpool lease\nID:" + host.Email + "\nbooking",
		"like a form":        "a&b=c+d %",
	} {
		t.Run(name, func(t *testing.T) {
			meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL, OperatorID: operatorID})
			require.NoError(t, err)
			assert.NoError(t, s.EndMeeting(meeting.MeetingID))
			assert.Equal(t, []string{operatorID}, ends.notified())
			assert.Empty(t, held(t, pool))
		})
	}
}

// TestOperatorIDOnTheThirdAccount has a host in a meeting, then an unknown outcome.
// The operator ID comes back with the lease of the meeting that was returned.
func TestOperatorIDOnTheThirdAccount(t *testing.T) {
	s := newSite(t, 3)
	s.start(t, 0)
	s.FailNext(iomeetingtest.Pass(), iomeetingtest.Pass(), iomeetingtest.Drop())
	pool := s.pool(t, hostpool.WithEndSigner(signer(t)), hostpool.WithStore(inOrder(hostpool.NewMemoryStore())))
	ends := newEnds(t, pool)
	meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL, OperatorID: "booking 7"})
	require.NoError(t, err)
	assert.Equal(t, email(2), meeting.Host.Email)
	require.NoError(t, s.EndMeeting(meeting.MeetingID))
	assert.Equal(t, []string{"booking 7"}, ends.notified())
	assert.Equal(t, []string{email(0), email(1)}, held(t, pool))
}

// TestRenewAndRelease changes leases from another server.
func TestRenewAndRelease(t *testing.T) {
	s := newSite(t, 1)
	synctest.Test(t, func(t *testing.T) {
		store := hostpool.NewMemoryStore()
		meeting, err := s.pool(t, hostpool.WithStore(store)).Schedule(t.Context(), nil)
		require.NoError(t, err)
		other := s.pool(t, hostpool.WithStore(store))

		require.NoError(t, other.Renew(t.Context(), meeting.Lease, time.Hour))
		assert.Equal(t, time.Now().Add(time.Hour), leases(t, other)[email(0)].Expires)
		require.NoError(t, other.Renew(t.Context(), meeting.Lease, time.Second))
		assert.Equal(t, time.Now().Add(time.Second), leases(t, other)[email(0)].Expires)

		require.NoError(t, other.Release(t.Context(), meeting.Lease))
		assert.Empty(t, held(t, other))
		assert.Equal(t, hostpool.ErrLeaseLost, other.Release(t.Context(), meeting.Lease))
		assert.Equal(t, hostpool.ErrLeaseLost, other.Renew(t.Context(), meeting.Lease, time.Hour))
		assert.Len(t, s.calls(), 2, "neither asks the service")
	})
}

// TestStoreErrors shows the errors of a store that is down or silent.
func TestStoreErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newHooked()
		pool, _ := bigPool(t, 1, new(answering), hostpool.WithStore(store))
		for name, call := range map[string]func() error{
			"renew a lease":   func() error { return pool.Renew(t.Context(), "ID:00000@example.com", time.Hour) },
			"release a lease": func() error { return pool.Release(t.Context(), "ID:00000@example.com") },
			"list leases":     func() error { _, err := pool.Leases(t.Context()); return err },
		} {
			store.goDown()
			err := call()
			assert.ErrorIs(t, err, errDown)
			assert.ErrorIs(t, err, hostpool.ErrStore)
			assert.EqualError(t, err, "iomeeting: "+name+": connection refused")
			store.hang()
			start := time.Now()
			assert.ErrorIs(t, call(), context.DeadlineExceeded)
			assert.Equal(t, 5*time.Second, time.Since(start))
		}
	})
}

func TestHost(t *testing.T) {
	s := newSite(t, 2)
	pool := newPool(t, s.client(nil), s.hosts[:1])
	host, ok := pool.Host(email(0))
	assert.Equal(t, s.hosts[0], host)
	assert.True(t, ok)
	host, ok = pool.Host(email(1))
	assert.Zero(t, host)
	assert.False(t, ok)
}

// TestLog has an account that is refused, one in a meeting, one with an unknown
// outcome, and one that works.
func TestLog(t *testing.T) {
	s := newSite(t, 4)
	s.start(t, 1)
	logger, text := logTo()
	lost := false
	transport := around(nil, func(r *http.Request) error {
		if isSchedule(r) && !lost {
			lost = true
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	s.hosts[0].Password = iomeeting.NewSecret("canary-wrong")
	pool := s.poolOver(t, transport, hostpool.WithLogger(logger), hostpool.WithStore(inOrder(hostpool.NewMemoryStore())))
	meeting, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, pool.Renew(t.Context(), meeting.Lease, time.Hour))
	require.NoError(t, pool.Release(t.Context(), meeting.Lease))
	assert.Equal(t, `level=DEBUG msg="iomeeting pool: lease taken" host=a00@example.com lease=ID
level=WARN msg="iomeeting pool: account left out" host=a00@example.com lease=ID error="iomeeting: query: wrong host password"
level=DEBUG msg="iomeeting pool: lease released" host=a00@example.com lease=ID
level=DEBUG msg="iomeeting pool: lease taken" host=a01@example.com lease=ID
level=DEBUG msg="iomeeting pool: host is in a meeting" host=a01@example.com lease=ID
level=DEBUG msg="iomeeting pool: lease renewed" host=a01@example.com lease=ID for=1m0s
level=DEBUG msg="iomeeting pool: lease taken" host=a02@example.com lease=ID
level=WARN msg="iomeeting pool: outcome unknown" host=a02@example.com lease=ID error="iomeeting: schedule: unexpected EOF"
level=DEBUG msg="iomeeting pool: lease taken" host=a03@example.com lease=ID
level=DEBUG msg="iomeeting pool: lease renewed" host=a03@example.com lease=ID for=15m0s
level=DEBUG msg="iomeeting pool: lease renewed" host=a03@example.com lease=ID for=1h0m0s
level=DEBUG msg="iomeeting pool: lease released" host=a03@example.com lease=ID
`, text.String())
	assert.NotContains(t, meeting.Lease, "canary")
}

// TestLogOfAnExpiredLease has a lease taken back, and one that stays.
func TestLogOfAnExpiredLease(t *testing.T) {
	s := newSite(t, 2)
	s.start(t, 0)
	synctest.Test(t, func(t *testing.T) {
		logger, text := logTo()
		pool := s.pool(t, hostpool.WithLogger(logger), hostpool.WithStore(expired(t, s)))
		_, err := pool.Start(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, `level=DEBUG msg="iomeeting pool: host is in a meeting" host=a00@example.com lease=old
level=DEBUG msg="iomeeting pool: lease renewed" host=a00@example.com lease=old for=1m0s
level=DEBUG msg="iomeeting pool: lease released" host=a01@example.com lease=old
level=DEBUG msg="iomeeting pool: lease taken" host=a01@example.com lease=ID
level=DEBUG msg="iomeeting pool: lease renewed" host=a01@example.com lease=ID for=15m0s
`, text.String())
	})
}

// TestLogDefault shows that a pool logs to slog.Default.
func TestLogDefault(t *testing.T) {
	s := newSite(t, 1)
	logger, text := logTo()
	before := slog.Default()
	slog.SetDefault(logger)
	defer slog.SetDefault(before)
	pool, err := hostpool.New(s.client(nil), s.hosts)
	require.NoError(t, err)
	_, err = pool.Start(t.Context(), nil)
	require.NoError(t, err)
	assert.Contains(t, text.String(), "iomeeting pool: lease taken")
}

// TestLastOptionCounts gives each option twice.
func TestLastOptionCounts(t *testing.T) {
	s := newSite(t, 1)
	synctest.Test(t, func(t *testing.T) {
		first, last := hostpool.NewMemoryStore(), hostpool.NewMemoryStore()
		logger, text := logTo()
		pool := s.pool(t,
			hostpool.WithStore(first), hostpool.WithStore(last),
			hostpool.WithStartWithin(time.Second), hostpool.WithStartWithin(time.Hour),
			hostpool.WithCheckEvery(time.Second), hostpool.WithCheckEvery(time.Minute),
			hostpool.WithLogger(discard), hostpool.WithLogger(logger))
		meeting, err := pool.Start(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, time.Now().Add(time.Hour), meeting.StartBy)
		assert.NotEmpty(t, text)
		leases, err := first.List(t.Context())
		require.NoError(t, err)
		assert.Empty(t, leases)
		leases, err = last.List(t.Context())
		require.NoError(t, err)
		assert.Len(t, leases, 1)
	})
}
