package redisstore_test

import (
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
)

// noServer returns a client of an address on which nobody listens.
func noServer(t *testing.T) *redis.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	client := redis.NewClient(&redis.Options{Addr: l.Addr().String(), MaxRetries: -1})
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return client
}

// errorsOf returns the errors of all methods of a store.
func errorsOf(t *testing.T, store hostpool.Store, host string) map[string]error {
	_, take := store.Take(t.Context(), []string{host}, "id", time.Minute)
	_, list := store.List(t.Context())
	return map[string]error{
		"Take":    take,
		"Renew":   store.Renew(t.Context(), host, "id", time.Minute),
		"Release": store.Release(t.Context(), host, "id"),
		"List":    list,
	}
}

func TestWrongArguments(t *testing.T) {
	client := noServer(t)
	tests := []struct {
		name  string
		store *redisstore.Store
		want  *iomeeting.ParameterError
	}{
		{"nil client", redisstore.New(nil), &iomeeting.ParameterError{Param: "client", Reason: "is nil"}},
		{"nil option", redisstore.New(client, nil), &iomeeting.ParameterError{Param: "option", Reason: "is nil"}},
		{"empty key", redisstore.New(client, redisstore.WithKey("")), &iomeeting.ParameterError{Param: "key", Reason: "is empty"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for method, err := range errorsOf(t, tt.store, "anna@example.com") {
				assert.Equal(t, tt.want, err, method)
			}
		})
	}
}

func TestWrongHost(t *testing.T) {
	store := redisstore.New(noServer(t))
	for _, host := range []string{"", "\n", "anna@example.com\n", "anna\n@example.com"} {
		_, err := store.Take(t.Context(), []string{"joe@example.com", host}, "id", time.Minute)
		assert.Equal(t, &iomeeting.ParameterError{Param: "host", Reason: "is empty or contains a line break"}, err, "%q", host)
	}
}

// TestLastOptionCounts shows that a store works if a wrong key was overridden: it
// fails only because no server listens.
func TestLastOptionCounts(t *testing.T) {
	store := redisstore.New(noServer(t), redisstore.WithKey(""), redisstore.WithKey("key"))
	for method, err := range errorsOf(t, store, "anna@example.com") {
		var op *net.OpError
		assert.ErrorAs(t, err, &op, method)
	}
}
