// Package redisstore keeps the leases of a [hostpool.Pool] in Redis or Valkey.
//
// Use it if your servers share a Redis already, and if you can live with what a
// Redis may forget. If they share an SQL database, use package sqlstore: a
// database with durable commits forgets nothing.
//
//	client := redis.NewClient(&redis.Options{Addr: "redis:6379", ContextTimeoutEnabled: true})
//	pool, err := hostpool.New(meetings, hosts, hostpool.WithStore(redisstore.New(client)))
//
// All leases are in one hash, under one key, so the store works in a Redis
// Cluster too. Each method is one command, and all but List are Lua scripts, which
// need Redis 5 or later. Leases expire by the clock of the Redis server.
//
// # What Redis forgets
//
// A lease may be forgotten
//   - by a failover to a replica that had not received the lease yet. Redis
//     replicates after it has answered;
//   - by a crash of the server, unless appendonly is yes and appendfsync is always.
//     Without appendonly, all leases since the last snapshot are gone;
//   - by eviction: a maxmemory-policy that begins with allkeys may delete all
//     leases. Use noeviction, or a policy that begins with volatile, which spares
//     keys without a time to live;
//   - by FLUSHALL, or by anyone who deletes the key;
//   - by [redis.Ring], which uses another server while one is down. Do not use a
//     Ring.
//
// Meetings in progress go on when their leases are forgotten, because the pool
// asks the service about each host account before it schedules a meeting on it.
// But the account of a meeting that was scheduled and has not started yet may be
// given to a second meeting. If a host starts the first one just when the second
// one is being scheduled, the first one is ended. If both start, the spec does not
// say what happens. For a forgotten lease, [hostpool.Pool.Renew] returns
// [hostpool.ErrLeaseLost]: call it before you send a host to the start link, if
// that is long after the meeting was scheduled.
//
// After a failover, leases expire by the clock of another server. Synchronize the
// clocks, for example with NTP.
//
// # Timeouts
//
// go-redis ends a call at the deadline of its context only if the option
// ContextTimeoutEnabled is set. Set it: a pool gives each call of its store at
// most 5 seconds.
//
// If a response does not arrive in time, go-redis sends the command again, even
// though the first one may have been carried out. That is harmless. Take returns
// the lease that it took the first time, and Renew sets the same lease again.
// Release may return [hostpool.ErrLeaseLost] for a lease that it has just deleted.
// A Take that extended an expired lease may return [hostpool.ErrNoneFree]; the
// lease can be taken when it has expired again.
package redisstore
