package stores

import (
	"context"
	"net"
	"net/http"
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

// redisPair is a Redis server with a replica, and the address that clients connect
// to, which a failover changes.
type redisPair struct {
	t               *testing.T
	master, replica *servers.Server
	onReplica       *redis.Client
	addr            atomic.Value
}

func newRedisPair(t *testing.T) *redisPair {
	t.Helper()
	master := servers.ForTest(t, servers.Redis, "--repl-diskless-sync-delay", "0")
	host, port, err := net.SplitHostPort(master.Addr)
	require.NoError(t, err)
	replica := servers.ForTest(t, servers.Redis, "--replicaof", host, port,
		"--appendonly", "no") // a replica that rewrites its file after a sync does not stop
	p := &redisPair{t: t, master: master, replica: replica, onReplica: redisClient(t, replica)}
	p.addr.Store(master.Addr)
	return p
}

// connect returns a client of the server that is the master.
func (p *redisPair) connect() *redis.Client {
	return closeAfter(p.t, redis.NewClient(&redis.Options{
		ContextTimeoutEnabled: true,
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, p.addr.Load().(string))
		},
	}))
}

// waitForReplica waits until the replica has all that was written so far.
func (p *redisPair) waitForReplica() {
	p.t.Helper()
	master := redisClient(p.t, p.master)
	conn := master.Conn() // WAIT is about the writes of one connection
	defer conn.Close()
	require.NoError(p.t, conn.Set(p.t.Context(), "written after the leases", "yes", 0).Err())
	require.EventuallyWithT(p.t, func(c *assert.CollectT) {
		assert.Equal(c, int64(1), conn.Wait(p.t.Context(), 1, time.Second).Val())
	}, time.Minute, 10*time.Millisecond)
}

// cut cuts the replica off from its master.
func (p *redisPair) cut() {
	p.t.Helper()
	require.NoError(p.t, p.onReplica.ReplicaOf(p.t.Context(), "127.0.0.1", "1").Err()) // nobody is there
}

// failOver lets the master crash, and makes the replica the new master.
func (p *redisPair) failOver() {
	p.t.Helper()
	require.NoError(p.t, p.master.Kill())
	require.NoError(p.t, p.onReplica.ReplicaOf(p.t.Context(), "NO", "ONE").Err())
	p.addr.Store(p.replica.Addr)
}

// TestRedisFailover shows what the comment of package redisstore says of a store
// that forgets: meetings in progress go on, Renew returns ErrLeaseLost, and only a
// meeting that has not started may get a second meeting on its account.
func TestRedisFailover(t *testing.T) {
	pair := newRedisPair(t)
	s := newSiteOn(t, func() hostpool.Store { return redisstore.New(pair.connect()) },
		"a@example.com", "b@example.com", "c@example.com")

	kept, err := s.schedule(0, "in progress, its lease is on the replica")
	require.NoError(t, err)
	pair.waitForReplica()
	pair.cut()
	inProgress, err := s.schedule(0, "in progress, its lease is forgotten")
	require.NoError(t, err)
	notStarted, err := s.servers[0].pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	pair.failOver()

	pool := s.servers[1].pool
	assert.NoError(t, pool.Renew(t.Context(), kept.Lease, time.Hour))
	assert.ErrorIs(t, pool.Renew(t.Context(), inProgress.Lease, time.Hour), hostpool.ErrLeaseLost)
	assert.ErrorIs(t, pool.Renew(t.Context(), notStarted.Lease, time.Hour), hostpool.ErrLeaseLost)

	second, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, notStarted.Host, second.Host)
	_, err = pool.Schedule(t.Context(), nil)
	assert.ErrorIs(t, err, hostpool.ErrNoneFree)

	assert.Equal(t, http.StatusOK, s.start(notStarted), "the first of two meetings on an account cannot start")
	assert.Equal(t, http.StatusConflict, s.start(second), "both meetings on an account can start")
	s.end(kept, "in progress, its lease is on the replica")
	s.end(inProgress, "in progress, its lease is forgotten")
}
