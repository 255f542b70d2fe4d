package stores

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestRedisForgetsScripts shows that a store works on a server that has lost its
// scripts.
func TestRedisForgetsScripts(t *testing.T) {
	client := newRedis(t, servers.ForTest(t, servers.Redis).DSN)
	store, err := redisstore.New(client)
	require.NoError(t, err)
	forget := func() { require.NoError(t, client.ScriptFlush(t.Context()).Err()) }
	for range 2 {
		forget()
		take(t, store, "id", "a@example.com")
		forget()
		require.NoError(t, store.Renew(t.Context(), "a@example.com", "id", time.Hour))
		forget()
		list(t, store)
		forget()
		require.NoError(t, store.Release(t.Context(), "a@example.com", "id"))
	}
}

// TestRedisOtherData shows what a store makes of what other programs have written under
// its key: text is an error, and a field of the hash is an expired lease, so that a pool
// frees the account.
func TestRedisOtherData(t *testing.T) {
	client := newRedis(t, servers.DSN(t, servers.Redis))
	text, fields := rand.Text(), rand.Text()
	t.Cleanup(func() { assert.NoError(t, client.Del(context.Background(), text, fields).Err()) })
	require.NoError(t, client.Set(t.Context(), text, "text", time.Hour).Err())
	store, err := redisstore.New(client, redisstore.WithKey(text))
	require.NoError(t, err)
	_, err = store.List(t.Context())
	assert.ErrorContains(t, err, "WRONGTYPE")

	store, err = redisstore.New(client, redisstore.WithKey(fields))
	require.NoError(t, err)
	for _, value := range []string{"", "text", "12", "a b", " id", "-1 id", "1.5 id", "1 id with spaces"} {
		const host = "a@example.com"
		require.NoError(t, client.HSet(t.Context(), fields, host, value).Err())
		takeNone(t, store, host)
		leases, err := store.List(t.Context())
		require.NoError(t, err)
		require.Len(t, leases, 1)
		assert.Negative(t, leases[0].Left, value)
		assert.NoError(t, store.ReleaseExpired(t.Context(), host, leases[0].ID), value)
		assert.Empty(t, list(t, store), value)
	}
}
