// Package hostpool shares host accounts among meetings, and among servers.
//
// A host account can be in one meeting at a time, and scheduling a second meeting
// ends the first. If you start meetings for many customers on a few accounts, use
// a [Pool]: it leases an account to each meeting. If every customer has an
// account of their own, you need no pool.
//
//	pool, err := hostpool.New(client, hosts, hostpool.WithStore(store), hostpool.WithEndSigner(signer))
//	http.Handle("/meeting-ended", pool.EndHandler(onEnd))
//	meeting, err := pool.Schedule(ctx, &iomeeting.ScheduleOptions{EndURL: endURL, OperatorID: booking})
//
// The meeting has a link for its host's browser. When it ends, the service
// notifies EndHandler, and the account is free again. If nobody starts it, or its
// end is never reported, the lease expires; when the account is needed, the pool
// asks the service whether its host is in a meeting, and takes it back if not.
//
// One server can keep the leases in memory, the default. Several servers that
// share accounts must share a [Store]: package sqlstore keeps leases in
// PostgreSQL, MySQL, MariaDB or SQLite.
//
// # What it promises
//
// No call of a Pool ends a meeting that was started through another lease of it,
// as long as the store keeps its leases, hosts start by [Meeting.StartBy], and a
// request reaches the service within 60 seconds if at all. After a server
// crashes, its accounts are free again within a minute, or within the time of
// [WithStartWithin] if the meeting was returned and nobody started it.
//
// If the store forgets leases, as memory does at a restart, meetings in progress
// are still safe, because every schedule asks the service first. Meetings that
// are scheduled but not started may then share an account.
//
// # Passwords
//
// A start link holds the password of the account, so everyone who presents can
// read it in the source of the page and use the account. Give a pool accounts
// that hold nothing else, and change their passwords regularly and whenever a
// presenter must no longer have access.
package hostpool
