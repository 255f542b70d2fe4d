// Package sqlstore keeps the leases of package hostpool in an SQL database:
// PostgreSQL, MySQL, MariaDB or SQLite, through [database/sql] and a driver of
// your choice.
//
//	db, err := sql.Open("pgx", "postgres://meetings@db.example.com/meetings")
//	store := sqlstore.New(db, sqlstore.Postgres)
//	err = store.CreateTable(ctx)
//	pool, err := hostpool.New(client, hosts, hostpool.WithStore(store))
//
// The store uses single statements without transactions, locks or session state,
// so it works through a connection pooler such as PgBouncer. Leases expire by the
// clock of the database. The clocks and time zones of clients do not matter.
//
// # Settings
//
// PostgreSQL needs no settings. Through PgBouncer in transaction mode, pgx needs
// default_query_exec_mode=exec in its connection string, and lib/pq needs
// binary_parameters=yes.
//
// MySQL and MariaDB need no settings. The store works with and without
// clientFoundRows, interpolateParams and a strict sql_mode.
//
// SQLite needs a busy timeout, because a statement fails while another connection
// writes; if a single process uses the file, a single connection, set by
// [sql.DB.SetMaxOpenConns], works too. For modernc.org/sqlite, add
// ?_pragma=busy_timeout(5000) to the name of the file; for mattn/go-sqlite3,
// ?_busy_timeout=5000. If you use journal_mode=WAL, set it once when you create the
// file: SQLite does not wait if several connections set it at the same time. All
// processes that share a file must run on the same machine.
//
// The store loses leases only if the database loses committed data. Keep commits
// durable (synchronous_commit in PostgreSQL, innodb_flush_log_at_trx_commit in
// MySQL). Promoting a replica that lags behind loses committed data too.
//
// # The table
//
// The table has one row for each leased account. If you create it with a
// migration tool instead of [Store.CreateTable], these are its columns:
//
//	-- PostgreSQL
//	host text COLLATE "C" PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, expires bigint NOT NULL
//	-- MySQL and MariaDB, where VARCHAR would ignore case or trailing spaces
//	host VARBINARY(512) PRIMARY KEY, id VARBINARY(64) NOT NULL UNIQUE, expires BIGINT NOT NULL
//	-- SQLite
//	host TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL
//
// The column expires is in microseconds since 1970 in UTC.
package sqlstore
