package redisstore_test

import (
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
)

// All servers of a site share the leases of their pools in Redis.
func Example() {
	rdb := redis.NewClient(&redis.Options{Addr: "redis.example.com:6379", ContextTimeoutEnabled: true})
	defer rdb.Close()
	store, err := redisstore.New(rdb)
	if err != nil {
		log.Fatal(err)
	}
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	if err != nil {
		log.Fatal(err)
	}
	pool, err := hostpool.New(client, store, []iomeeting.Host{
		{Email: "host1@example.com", Password: iomeeting.NewSecret("secret1")},
		{Email: "host2@example.com", Password: iomeeting.NewSecret("secret2")},
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = pool // pool.Schedule, pool.EndHandler
}
