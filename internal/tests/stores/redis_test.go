package stores

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestRedisForgetsScripts shows that a store works on a server that has lost its
// scripts.
func TestRedisForgetsScripts(t *testing.T) {
	client := newRedis(t, servers.ForTest(t, servers.Redis).DSN)
	store := redisstore.New(client)
	forget := func() { require.NoError(t, client.ScriptFlush(t.Context()).Err()) }
	for range 2 {
		forget()
		take(t, store, "id", "a@example.com")
		forget()
		require.NoError(t, store.Renew(t.Context(), "a@example.com", "id", time.Hour))
		forget()
		require.NoError(t, store.Release(t.Context(), "a@example.com", "id"))
	}
}

// TestRedisOtherData shows that a key that holds something else is not taken for
// leases.
func TestRedisOtherData(t *testing.T) {
	tests := []struct {
		name, want string
		write      func(client *redis.Client, key string) error
	}{
		{"text", "WRONGTYPE", func(client *redis.Client, key string) error {
			return client.Set(t.Context(), key, "text", time.Hour).Err()
		}},
		{"another hash", "the key holds something other than leases", func(client *redis.Client, key string) error {
			return client.HSet(t.Context(), key, "field", "text").Err()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, key := newRedis(t, servers.DSN(t, servers.Redis)), rand.Text()
			require.NoError(t, tt.write(client, key))
			_, err := redisstore.New(client, redisstore.WithKey(key)).List(t.Context())
			assert.ErrorContains(t, err, tt.want)
			require.NoError(t, client.Del(t.Context(), key).Err())
		})
	}
}
