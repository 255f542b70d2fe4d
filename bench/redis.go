package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
)

// redisServer is a Redis server.
type redisServer struct{ client *redis.Client }

func openRedis(url string, connections int) (leaseServer, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	options.PoolSize = connections
	options.ContextTimeoutEnabled = true // as package redisstore recommends
	options.MaxRetries = -1              // bare locks would fail if a command was sent twice
	client := redis.NewClient(options)
	client.AddHook(commandCounter{})
	return redisServer{client}, nil
}

func (r redisServer) describe(ctx context.Context) (string, error) {
	info, err := r.client.Info(ctx, "server").Result()
	if err != nil {
		return "", err
	}
	_, version, _ := strings.Cut(info, "redis_version:")
	version, _, _ = strings.Cut(version, "\r\n")
	config, err := r.client.ConfigGet(ctx, "append*").Result()
	return fmt.Sprintf("Redis %s, appendonly %s, appendfsync %s", version, config["appendonly"], config["appendfsync"]), err
}

func (r redisServer) store(_ context.Context, accounts int) (hostpool.Store, error) {
	return redisstore.New(r.client, redisstore.WithKey(fmt.Sprintf("leases:%d", accounts))), nil
}

func (r redisServer) locks(_ context.Context, accounts int) (leaser, error) {
	return keys{r.client, fmt.Sprintf("lock:%d:", accounts)}, nil
}

// tidy does nothing: Redis does all its work immediately.
func (redisServer) tidy(context.Context) error { return nil }

func (r redisServer) close() error { return r.client.Close() }

// keys are the cheapest locks of Redis: keys that do not expire.
type keys struct {
	client *redis.Client
	prefix string
}

func (k keys) hold(ctx context.Context, account string) error {
	set, err := k.client.SetNX(ctx, k.prefix+account, "held", 0).Result()
	if err == nil && !set {
		err = errors.New("the key exists")
	}
	return err
}

func (k keys) lease(ctx context.Context, free string) error {
	if err := k.hold(ctx, free); err != nil {
		return err
	}
	n, err := k.client.Del(ctx, k.prefix+free).Result()
	if err == nil && n != 1 {
		err = errors.New("the key does not exist")
	}
	return err
}
