package redisstore_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
)

// The methods of stores are tested on real servers in internal/tests/stores.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNewWithWrongParameters(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	ring := redis.NewRing(&redis.RingOptions{})
	defer func() { assert.NoError(t, client.Close()) }()
	defer func() { assert.NoError(t, ring.Close()) }()
	tests := []struct {
		name   string
		client redis.Scripter
		opts   []redisstore.Option
		param  string
	}{
		{"nil client", nil, nil, "client"},
		{"Ring", ring, nil, "client"},
		{"empty key", client, []redisstore.Option{redisstore.WithKey("")}, "key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := redisstore.New(tt.client, tt.opts...)
			var parameter *iomeeting.ParameterError
			require.ErrorAs(t, err, &parameter)
			assert.Equal(t, tt.param, parameter.Param)
		})
	}
}
