package hostpool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// slowRenewals is a store whose Renew takes effect at once, but returns late.
type slowRenewals struct {
	Store
	delay time.Duration
}

func (s slowRenewals) Renew(ctx context.Context, host, id string, d time.Duration) error {
	err := s.Store.Renew(ctx, host, id, d)
	time.Sleep(s.delay)
	return err
}

// TestHoldAfterExpiry shows that a meeting is not returned if its first lease may
// have expired before it was extended. Between the two, another server may have
// checked the account and be about to release it.
func TestHoldAfterExpiry(t *testing.T) {
	for _, test := range []struct {
		delay  time.Duration
		want   error
		leases int
	}{
		{takeFor - 1, nil, 1},
		{takeFor, ErrLeaseLost, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := NewMemoryStore()
			client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
			require.NoError(t, err)
			pool, err := New(client, []iomeeting.Host{{Email: "a@example.com", Password: iomeeting.NewSecret("1")}},
				WithStore(slowRenewals{store, test.delay}))
			require.NoError(t, err)
			taken := time.Now()
			lease, err := store.Take(t.Context(), []string{"a@example.com"}, "id", takeFor)
			require.NoError(t, err)

			assert.ErrorIs(t, pool.hold(t.Context(), lease, taken), test.want)

			leases, err := store.List(t.Context())
			require.NoError(t, err)
			assert.Len(t, leases, test.leases)
		})
	}
}
