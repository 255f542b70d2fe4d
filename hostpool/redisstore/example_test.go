package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
)

// What the examples begin with. They are compiled, but not run: they need a Redis.
var (
	ctx    = context.Background()
	client *redis.Client
	store  = redisstore.New(client)
)

// A pool whose leases are in Redis, for several servers.
func Example() {
	client := redis.NewClient(&redis.Options{Addr: "redis.example.com:6379", ContextTimeoutEnabled: true})
	defer client.Close()

	meetings, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	if err != nil {
		log.Fatal(err)
	}
	hosts := []iomeeting.Host{
		{Email: "host1@example.com", Password: iomeeting.NewSecret("secret1")},
		{Email: "host2@example.com", Password: iomeeting.NewSecret("secret2")},
	}
	pool, err := hostpool.New(meetings, hosts, hostpool.WithStore(redisstore.New(client)))
	if err != nil {
		log.Fatal(err)
	}
	meeting, err := pool.Schedule(context.Background(), nil)
	if errors.Is(err, hostpool.ErrNoneFree) {
		log.Fatal("all accounts are in use")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("meeting", meeting.MeetingID, "on the account of", meeting.Host.Email)
}

// In a Redis Cluster.
func ExampleNew() {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:                 []string{"redis1.example.com:6379", "redis2.example.com:6379"},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	store := redisstore.New(client)
	_ = hostpool.WithStore(store)
}

// Two sites on one Redis.
func ExampleWithKey() {
	store := redisstore.New(client, redisstore.WithKey("leases of abc.iomeeting.cn"))
	_ = hostpool.WithStore(store)
}

// Options that were chosen elsewhere.
func ExampleOption() {
	var opts []redisstore.Option
	if key := "test:hostpool"; key != "" {
		opts = append(opts, redisstore.WithKey(key))
	}
	store := redisstore.New(client, opts...)
	_ = hostpool.WithStore(store)
}

// A pool calls the store. Call it yourself to test that Redis can be reached.
func ExampleStore() {
	var store hostpool.Store = redisstore.New(client)
	if _, err := store.List(ctx); err != nil {
		log.Fatal("Redis cannot be used: ", err)
	}
}

func ExampleStore_Take() {
	lease, err := store.Take(ctx, []string{"host1@example.com", "host2@example.com"}, "a new ID", time.Minute)
	switch {
	case errors.Is(err, hostpool.ErrNoneFree):
		fmt.Println("all accounts are in use")
	case err != nil:
		log.Fatal(err)
	case lease.ID != "a new ID":
		fmt.Println("an expired lease of", lease.Host)
	default:
		fmt.Println(lease.Host, "is leased until", lease.Expires)
	}
}

func ExampleStore_Renew() {
	err := store.Renew(ctx, "host1@example.com", "the ID of its lease", 15*time.Minute)
	if errors.Is(err, hostpool.ErrLeaseLost) {
		fmt.Println("the account belongs to somebody else")
	}
}

func ExampleStore_Release() {
	err := store.Release(ctx, "host1@example.com", "the ID of its lease")
	if err != nil && !errors.Is(err, hostpool.ErrLeaseLost) {
		log.Fatal(err)
	}
}

func ExampleStore_List() {
	leases, err := store.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, lease := range leases {
		fmt.Println(lease.Host, "is leased until", lease.Expires)
	}
}
