// Package hostpool shares host accounts among meetings, and among servers.
//
// A host account can be in only one meeting: scheduling another ends the first. If
// every customer has an account of their own, you need no pool. If meetings share
// accounts, a [Pool] leases an account to each meeting:
//
//	pool, err := hostpool.New(client, hosts, hostpool.WithStore(store), hostpool.WithEndSigner(signer))
//	http.Handle("/meeting-ended", pool.EndHandler(onEnd))
//	meeting, err := pool.Schedule(ctx, &iomeeting.ScheduleOptions{EndURL: endURL, OperatorID: booking})
//
// When the meeting ends, the service notifies EndHandler, and the account is free
// again. If no notification comes within [WithStartWithin], the lease expires. When
// the account is needed, the pool then asks the service whether its host is in a
// meeting, and takes the account back if not.
//
// Leases are kept in memory by default. Servers that share accounts must share a
// [Store]: package sqlstore keeps leases in PostgreSQL, MySQL, MariaDB or SQLite,
// and package redisstore, a module of its own, in Redis.
//
// # What it promises
//
// No call of a Pool ends a meeting that was started through another lease, as long
// as the store keeps its leases, each host starts before [Meeting.StartBy], and a
// request reaches the service within 30 seconds or not at all. If a server crashes, the
// leases of its accounts expire after a minute, or after the time of
// [WithStartWithin] if the meeting had been returned. A pool can then reuse each
// account whose host is not in a meeting.
//
// If the store forgets leases, as memory does at a restart, a meeting in progress is
// still safe, because the pool asks the service before it uses an account. But the
// account of a scheduled meeting may be given to a second meeting, and scheduling
// that ends the first if the first starts just then. If both hosts start, the spec
// does not say what happens.
//
// # Passwords
//
// A start link contains the password of the account. Everyone who presents can read
// it in the source of the page, and use the account. Give a pool accounts without
// other data, and change their passwords regularly, and whenever a presenter must
// no longer have access.
package hostpool
