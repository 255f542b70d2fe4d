package stores

import (
	"context"
	"net"
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
	p := &redisPair{t: t, master: master, replica: replica, onReplica: newRedis(t, replica.DSN)}
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
	master := newRedis(p.t, p.master.DSN)
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

// TestRedisFailover shows what a new master makes of leases that it does not have:
// Renew returns ErrLeaseLost, and others can take the host.
func TestRedisFailover(t *testing.T) {
	pair := newRedisPair(t)
	before, err := redisstore.New(pair.connect())
	require.NoError(t, err)
	after, err := redisstore.New(pair.connect())
	require.NoError(t, err)
	kept := take(t, before, "kept", "kept@example.com")
	pair.waitForReplica()
	pair.cut()
	lost := take(t, before, "lost", "lost@example.com")
	pair.failOver()

	assert.NoError(t, after.Renew(t.Context(), kept, "kept", time.Hour))
	assert.ErrorIs(t, after.Renew(t.Context(), lost, "lost", time.Hour), hostpool.ErrLeaseLost)
	assert.Equal(t, lost, take(t, after, "other", kept, lost))
}
