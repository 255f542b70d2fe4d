package hostpool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// TestMemoryStore goes through the rules of a Store.
func TestMemoryStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, start := t.Context(), time.Now()
		s := hostpool.NewMemoryStore()
		take := func(id string, d time.Duration, hosts ...string) (hostpool.Lease, error) {
			return s.Take(ctx, hosts, id, d)
		}
		wants := func(want hostpool.Lease) func(hostpool.Lease, error) {
			return func(got hostpool.Lease, err error) {
				t.Helper()
				assert.NoError(t, err)
				assert.Equal(t, want, got)
			}
		}
		none := func(lease hostpool.Lease, err error) {
			t.Helper()
			assert.Equal(t, hostpool.ErrNoneFree, err)
			assert.Zero(t, lease)
		}
		a := hostpool.Lease{Host: "a", ID: "1", Expires: start.Add(time.Second)}
		b := hostpool.Lease{Host: "b", ID: "2", Expires: start.Add(time.Minute)}

		none(take("1", time.Second))
		wants(a)(take("1", time.Second, "a", "b"))
		wants(a)(take("1", time.Hour, "b", "a")) // again
		wants(b)(take("2", time.Minute, "a", "b"))
		none(take("3", time.Minute, "a", "b"))
		assert.Equal(t, hostpool.ErrLeaseLost, s.Renew(ctx, "a", "2", time.Hour))
		assert.Equal(t, hostpool.ErrLeaseLost, s.Release(ctx, "a", "2"))
		assert.Equal(t, hostpool.ErrLeaseLost, s.Renew(ctx, "c", "", time.Hour))
		assert.Equal(t, hostpool.ErrLeaseLost, s.Release(ctx, "c", ""))

		time.Sleep(time.Second - 1)
		none(take("3", time.Minute, "a", "b"))
		time.Sleep(time.Nanosecond)
		c := hostpool.Lease{Host: "c", ID: "3", Expires: start.Add(2 * time.Second)}
		wants(c)(take("3", time.Second, "a", "c")) // rather than an expired one
		a.Expires = start.Add(time.Second + time.Minute)
		wants(a)(take("4", time.Minute, "b", "a")) // extended
		none(take("4", time.Minute, "b", "a"))     // only once
		require.NoError(t, s.Renew(ctx, "a", "1", time.Hour))
		a.Expires = start.Add(time.Second + time.Hour)
		leases, err := s.List(ctx)
		require.NoError(t, err)
		assert.ElementsMatch(t, []hostpool.Lease{a, b, c}, leases)

		time.Sleep(2 * time.Hour)
		require.NoError(t, s.Renew(ctx, "a", "1", time.Second)) // though it has expired
		require.NoError(t, s.Release(ctx, "b", "2"))            // as has this
		assert.Equal(t, hostpool.ErrLeaseLost, s.Release(ctx, "b", "2"))
	})
}

// TestMemoryStoreContext shows that nothing happens once the context has ended.
func TestMemoryStoreContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := hostpool.NewMemoryStore()
	lease, err := s.Take(ctx, []string{"a"}, "1", time.Hour)
	require.NoError(t, err)
	cancel()
	_, err = s.Take(ctx, []string{"b"}, "2", time.Hour)
	assert.Equal(t, context.Canceled, err)
	assert.Equal(t, context.Canceled, s.Renew(ctx, "a", "1", time.Minute))
	assert.Equal(t, context.Canceled, s.Release(ctx, "a", "1"))
	_, err = s.List(ctx)
	assert.Equal(t, context.Canceled, err)
	leases, err := s.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []hostpool.Lease{lease}, leases)
}
