package hostpool_test

import (
	"context"
	"errors"
	"fmt"
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

// TestEndBeforeTheResponse ends a meeting before its Schedule has returned.
// Another server may have leased the account by then.
func TestEndBeforeTheResponse(t *testing.T) {
	for _, taken := range []bool{false, true} {
		t.Run(fmt.Sprintf("taken by another: %t", taken), func(t *testing.T) {
			s := newSite(t, 1)
			store := hostpool.NewMemoryStore()
			other := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))
			ends := newEnds(t, other)
			var theirs hostpool.Meeting
			pool := s.poolOver(t, around(nil, func(r *http.Request) error {
				if !isSchedule(r) {
					return nil
				}
				assert.NoError(t, s.EndMeeting("000001"))
				if taken {
					var err error
					theirs, err = other.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL})
					assert.NoError(t, err)
					open(t, theirs.StartLink)
				}
				return nil
			}), hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))

			_, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL, OperatorID: "booking 7"})
			assert.ErrorIs(t, err, hostpool.ErrLeaseLost)
			assert.Equal(t, []string{"booking 7"}, ends.notified())
			assert.Equal(t, theirs.MeetingID, s.meeting(t, s.hosts[0]))
			assert.Equal(t, taken, len(held(t, other)) == 1)
		})
	}
}

// TestEnds POSTs operator IDs to the handler after the account was leased to a
// second meeting, whose lease stays.
func TestEnds(t *testing.T) {
	s := newSite(t, 1)
	logger, text := logTo()
	pool := s.pool(t, hostpool.WithEndSigner(signer(t)), hostpool.WithLogger(logger))
	ends := newEnds(t, pool)
	handler := pool.EndHandler(ends.onEnd)
	opts := &iomeeting.ScheduleOptions{EndURL: ends.URL, OperatorID: "booking\n7:会"}
	first, err := pool.Schedule(t.Context(), opts)
	require.NoError(t, err)
	require.NoError(t, s.EndMeeting(first.MeetingID))
	assert.Equal(t, []string{"booking\n7:会"}, ends.notified())
	assert.Empty(t, held(t, pool))
	second, err := pool.Schedule(t.Context(), opts)
	require.NoError(t, err)
	replay := s.operatorIDs()[0]

	other, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("other", 7)))
	require.NoError(t, err)
	lease := "hostpool lease\n" + second.Lease + "\nforged"
	tests := []struct {
		name, operatorID string
		status           int
		notified         []string
	}{
		{"reported twice", replay, http.StatusOK, []string{"booking\n7:会"}},
		{"forged", lease, http.StatusForbidden, nil},
		{"signed by somebody else", other.Sign(lease), http.StatusForbidden, nil},
		{"signed without a lease", signer(t).Sign("booking 7"), http.StatusOK, []string{"booking 7"}},
		{"signed without a lease, empty", signer(t).Sign(""), http.StatusOK, []string{""}},
		{"signed with half a lease", signer(t).Sign("hostpool lease\nhalf"), http.StatusOK, []string{""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.status, post(handler, tt.operatorID))
			assert.Equal(t, tt.notified, ends.notified())
			assert.Equal(t, second.Lease, leases(t, pool)[email(0)].String())
		})
	}
	assert.NotContains(t, text.String(), "level=WARN")
}

// TestFreeOnceNotified shows that onEnd can use the account for the next meeting.
func TestFreeOnceNotified(t *testing.T) {
	s := newSite(t, 1)
	pool := s.pool(t, hostpool.WithEndSigner(signer(t)))
	handler := pool.EndHandler(func(ctx context.Context, _ string) error {
		_, err := pool.Schedule(ctx, nil)
		return err
	})
	_, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: "http://127.0.0.1:1/"})
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, post(handler, s.operatorIDs()[0]))
	assert.Len(t, held(t, pool), 1)
}

// TestEndWithoutNotification has a meeting outlast its lease and then end without a
// notification. The pool asks only when it needs the account, and not more often
// than CheckEvery.
func TestEndWithoutNotification(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, hostpool.WithStartWithin(20*time.Minute), hostpool.WithCheckEvery(3*time.Minute))
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				open(t, meeting.StartLink)
				id := s.meeting(t, meeting.Host)
				before := s.count("query")

				time.Sleep(time.Until(meeting.StartBy) - 1)
				assertNone(t, s, pool, before)
				time.Sleep(time.Nanosecond)
				assertNone(t, s, pool, before+1)
				assert.Equal(t, time.Now().Add(3*time.Minute), leases(t, pool)[email(0)].Expires)
				assert.Equal(t, meeting.Lease, leases(t, pool)[email(0)].String())
				require.NoError(t, s.EndMeeting(id))

				time.Sleep(3*time.Minute - 1)
				assertNone(t, s, pool, before+1)
				time.Sleep(time.Nanosecond)
				again, err := method(t.Context(), pool)
				assert.NoError(t, err)
				assert.NotEqual(t, meeting.Lease, again.Lease)
				assert.Equal(t, before+3, s.count("query"), "one about the lease, one before the meeting")
			})
		})
	}
}

// assertNone checks that no account is free, and how many queries that took.
func assertNone(t *testing.T, s *site, pool *hostpool.Pool, queries int) {
	t.Helper()
	_, err := pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err)
	assert.Equal(t, queries, s.count("query"))
}

// TestNeverStarted has a lease run out. Its owner can extend it until then, and
// even later as long as nobody needs the account.
func TestNeverStarted(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t)
				meeting, err := method(t.Context(), pool)
				require.NoError(t, err)
				assert.Equal(t, time.Now().Add(15*time.Minute), meeting.StartBy)
				assert.Equal(t, meeting.StartBy, leases(t, pool)[email(0)].Expires)

				time.Sleep(15 * time.Minute)
				require.NoError(t, pool.Renew(t.Context(), meeting.Lease, time.Hour))
				assertFreeAfter(t, pool, time.Hour)
				assert.ErrorIs(t, pool.Renew(t.Context(), meeting.Lease, time.Hour), hostpool.ErrLeaseLost)
				assert.ErrorIs(t, pool.Release(t.Context(), meeting.Lease), hostpool.ErrLeaseLost)
			})
		})
	}
}

// TestDifferentLists has two servers share one of their two accounts. An
// expired lease of an account that a server does not have is left alone.
func TestDifferentLists(t *testing.T) {
	s := newSite(t, 3)
	synctest.Test(t, func(t *testing.T) {
		store := inOrder(hostpool.NewMemoryStore())
		one := newPool(t, s.client(nil), s.hosts[:2], hostpool.WithStore(store))
		two := newPool(t, s.client(nil), s.hosts[1:], hostpool.WithStore(store))
		for range 2 {
			_, err := one.Schedule(t.Context(), nil)
			require.NoError(t, err)
		}
		meeting, err := two.Schedule(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, email(2), meeting.Host.Email)
		_, err = two.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, hostpool.ErrNoneFree)
		first := leases(t, one)[email(0)]

		time.Sleep(15 * time.Minute)
		for range 2 {
			_, err = two.Schedule(t.Context(), nil)
			assert.NoError(t, err)
		}
		_, err = two.Schedule(t.Context(), nil)
		assert.ErrorIs(t, err, hostpool.ErrNoneFree)
		assert.Equal(t, first, leases(t, two)[email(0)])
		assert.Equal(t, []string{"query " + email(0), "schedule " + email(0)}, s.calls()[:2])
		assert.NotContains(t, strings.Join(s.calls()[2:], "\n"), email(0))
	})
}

// TestClocks has the store's clock differ from the pool's.
func TestClocks(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			s := newSite(t, 1)
			synctest.Test(t, func(t *testing.T) {
				pool := s.pool(t, hostpool.WithStore(skewed(hostpool.NewMemoryStore(), skew)))
				meeting, err := pool.Schedule(t.Context(), nil)
				require.NoError(t, err)
				assert.Equal(t, time.Now().Add(15*time.Minute), meeting.StartBy)
				assert.Equal(t, meeting.StartBy.Add(skew), leases(t, pool)[email(0)].Expires)
				open(t, meeting.StartLink)
				time.Sleep(15*time.Minute - 1)
				assertNone(t, s, pool, 1)
				time.Sleep(time.Nanosecond)
				assertNone(t, s, pool, 2)
				require.NoError(t, s.EndMeeting(meeting.MeetingID))
				assertFreeAfter(t, pool, time.Minute)
			})
		})
	}
}

// TestOnEndFails shows that the pool releases the account nevertheless.
func TestOnEndFails(t *testing.T) {
	for name, onEnd := range map[string]func(context.Context, string) error{
		"error": func(context.Context, string) error { return errors.New("canary") },
		"panic": func(context.Context, string) error { panic("canary") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			pool := s.pool(t, hostpool.WithEndSigner(signer(t)))
			_, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: "http://127.0.0.1:1/"})
			require.NoError(t, err)
			assert.Equal(t, http.StatusInternalServerError, post(pool.EndHandler(onEnd), s.operatorIDs()[0]))
			assert.Empty(t, held(t, pool))
		})
	}
}

// TestTakeTwice has the client of a database send a command twice.
func TestTakeTwice(t *testing.T) {
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 3)
			store := newHooked()
			store.take = func(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
				_, _ = store.Store.Take(ctx, hosts, id, d)
				return store.Store.Take(ctx, hosts, id, d)
			}
			pool := s.pool(t, hostpool.WithStore(store))
			meeting, err := method(t.Context(), pool)
			require.NoError(t, err)
			assert.Equal(t, []string{meeting.Host.Email}, held(t, pool))
			assert.Equal(t, 1, s.count("query"))
		})
	}
}

// strange are email addresses that a careless store or lease confuses.
var strange = []string{
	"alice@example.com", "Alice@example.com", "ALICE@EXAMPLE.COM", "alice@example.com ",
	`o'hara@example.com`, `"quo\"ted"@example.com`, "100%@example.com", "100_@example.com", `back\slash@example.com`,
	"会议@例子.广告", "é@example.com", "e\u0301@example.com", "a:b@example.com", ":", "a&b=c+d@example.com",
	strings.Repeat("x", 308) + "@example.com",
}

// TestStrangeEmails leases every account once, and gives the right one back.
func TestStrangeEmails(t *testing.T) {
	hosts := make([]iomeeting.Host, len(strange))
	for i, email := range strange {
		hosts[i] = iomeeting.Host{Email: email, Password: iomeeting.NewSecret("1")}
	}
	s := &site{iomeetingtest.NewServer(hosts...), hosts}
	t.Cleanup(s.Close)
	pool := s.pool(t, hostpool.WithEndSigner(signer(t)))
	ends := newEnds(t, pool)
	meetings := make(map[string]hostpool.Meeting)
	for range hosts {
		meeting, err := pool.Schedule(t.Context(), &iomeeting.ScheduleOptions{EndURL: ends.URL})
		require.NoError(t, err)
		meetings[meeting.Host.Email] = meeting
	}
	_, err := pool.Schedule(t.Context(), nil)
	assert.ErrorIs(t, err, hostpool.ErrNoneFree)
	assert.Len(t, meetings, len(hosts))
	for i, email := range strange {
		assert.NoError(t, pool.Renew(t.Context(), meetings[email].Lease, time.Minute), email)
		assert.Equal(t, meetings[email].Lease, leases(t, pool)[email].String(), email)
		host, ok := pool.Host(email)
		assert.Equal(t, hosts[i], host)
		assert.True(t, ok)
		require.NoError(t, s.EndMeeting(meetings[email].MeetingID), email)
		assert.NotContains(t, leases(t, pool), email)
		assert.Len(t, leases(t, pool), len(strange)-i-1)
	}
}
