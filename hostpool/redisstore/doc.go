// Package redisstore keeps the leases of package
// [github.com/iomeeting/iomeeting-go/hostpool] in Redis:
//
//	rdb := redis.NewClient(&redis.Options{Addr: "redis:6379", ContextTimeoutEnabled: true})
//	store, err := redisstore.New(rdb)
//	pool, err := hostpool.New(client, store, hosts)
//
// Set ContextTimeoutEnabled: otherwise go-redis ignores the deadline of the context. Each
// method is one script on one hash, so a Redis Cluster works too. Leases expire by the
// clock of the server. It needs Redis 5 or later, and is tested with 7.0. The user of the
// connection needs the commands eval, evalsha, time, hget, hgetall, hset, hsetnx and hdel.
//
// # What Redis forgets
//
// Use package [github.com/iomeeting/iomeeting-go/hostpool/sqlstore] if your servers share
// an SQL database: it forgets nothing. Redis forgets leases
//   - when a replica takes over that has not received them yet;
//   - when it crashes, unless appendonly is yes and appendfsync is always;
//   - when it evicts the key: maxmemory-policy must not begin with allkeys.
//
// Meetings in progress go on even then, because a pool asks the service before it
// uses an account. But the account of a meeting that has not started yet may get a
// second one. If the first starts just while the second is being scheduled, it is ended;
// otherwise one of the two hosts is refused. [hostpool.Pool.StartLink] notices that the
// lease is gone: use it if a host starts long after the meeting was scheduled.
//
// If a response is lost, go-redis sends the command again. A Take may thus lease a
// second account, which comes back like that of a meeting that nobody has started.
package redisstore
