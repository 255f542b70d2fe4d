// Package sqlstore keeps the leases of package
// [github.com/iomeeting/iomeeting-go/hostpool] in PostgreSQL, MySQL, MariaDB or SQLite,
// through [database/sql] and a driver of your choice:
//
//	db, err := sql.Open("pgx", "postgres://meetings@db.example.com/meetings")
//	store, err := sqlstore.New(db, sqlstore.Postgres)
//	err = store.CreateTable(ctx)
//	pool, err := hostpool.New(client, store, hosts)
//
// It uses single statements, without transactions or session state. Leases expire by the
// clock of the database. It is tested with PostgreSQL 15, PgBouncer 1.18, MariaDB 10.11
// and SQLite 3.53. On MySQL itself, the tests have not been run.
//
// # Settings
//
// Commits must be durable, autocommit must be on, and all statements must reach the
// primary. The clock must not jump: see package hostpool. By default, [sql.DB] keeps two
// idle connections: set [sql.DB.SetMaxIdleConns] to the number of concurrent calls.
//
// PostgreSQL: prefer pgx. lib/pq may wait for a server that does not respond, whatever
// the deadline of the context. Through PgBouncer in transaction mode, pgx needs
// default_query_exec_mode=exec in its connection string, and lib/pq
// binary_parameters=yes. Leave autovacuum on, so that PostgreSQL does not keep a plan
// that it made for an empty table.
//
// SQLite: version 3.38 or later. Processes that share a file run on the same machine.
// Set a busy timeout, with modernc.org/sqlite by ?_pragma=busy_timeout(5000) after the
// name of the file. If you use journal_mode=WAL, set it once, when you create the file.
//
// # The table
//
// [Store.CreateTable] creates it, or a migration tool with these columns. Expires is in
// microseconds since 1970, UTC.
//
//	-- PostgreSQL
//	host text COLLATE "C" PRIMARY KEY, id text COLLATE "C" NOT NULL, expires bigint NOT NULL
//	-- MySQL and MariaDB, where VARCHAR ignores case or trailing spaces
//	host VARBINARY(512) PRIMARY KEY, id VARBINARY(64) NOT NULL, expires BIGINT NOT NULL
//	-- SQLite
//	host TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL, expires INTEGER NOT NULL
//
// Leases of accounts that you no longer have stay in the table, unless a pool still
// knows the account. Delete them once no server does.
package sqlstore
