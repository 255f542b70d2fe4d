package stores

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// lossyRedis is a Redis server whose responses can be lost on the way.
type lossyRedis struct {
	client *redis.Client
	lose   atomic.Bool // the next response
}

func newLossyRedis(t *testing.T) *lossyRedis {
	t.Helper()
	r := new(lossyRedis)
	r.client = closeAfter(t, redis.NewClient(&redis.Options{
		Addr:                  servers.ForTest(t, servers.Redis).Addr,
		ContextTimeoutEnabled: true,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &lossyConn{Conn: conn, redis: r}, err
		},
	}))
	return r
}

// loseResponse calls f, and loses the response to its first command. go-redis takes
// that for a timeout, and sends the command again.
func (r *lossyRedis) loseResponse(t *testing.T, f func() error) error {
	t.Helper()
	r.client.ConfigResetStat(t.Context())
	r.lose.Store(true)
	err := f()
	assert.False(t, r.lose.Load(), "no response was lost")
	assert.Contains(t, r.client.Info(t.Context(), "commandstats").Val(), "cmdstat_evalsha:calls=2,")
	return err
}

// lossyConn is a connection on which nothing arrives any more once a response was
// lost.
type lossyConn struct {
	net.Conn
	redis *lossyRedis
	lost  atomic.Bool
}

func (c *lossyConn) Read(p []byte) (int, error) {
	if c.lost.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Conn.Read(p)
	if err == nil && c.redis.lose.CompareAndSwap(true, false) {
		c.lost.Store(true)
		return 0, os.ErrDeadlineExceeded
	}
	return n, err
}

// TestRedisSendsTwice shows what becomes of a call if go-redis sends its command again,
// though the first one was carried out: a Take costs one more account, until its lease
// expires.
func TestRedisSendsTwice(t *testing.T) {
	r := newLossyRedis(t)
	store, err := redisstore.New(r.client)
	require.NoError(t, err)
	hosts := []string{"a@example.com", "b@example.com", "c@example.com"}
	host := take(t, store, "first", hosts...) // from here on, Redis knows the scripts
	require.NoError(t, store.Renew(t.Context(), host, "first", time.Hour))
	require.NoError(t, store.Release(t.Context(), host, "first"))

	require.NoError(t, r.loseResponse(t, func() error {
		host = take(t, store, "id", hosts...)
		return nil
	}), "Take")
	assert.Equal(t, "id", list(t, store)[host])
	assert.Len(t, list(t, store), 2)
	assert.NoError(t, r.loseResponse(t, func() error { return store.Renew(t.Context(), host, "id", 2*time.Hour) }), "Renew")
	err = r.loseResponse(t, func() error { return store.Release(t.Context(), host, "id") })
	assert.ErrorIs(t, err, hostpool.ErrLeaseLost, "the second Release found no lease")
	assert.NotContains(t, list(t, store), host)
}
