// Package sqlstore keeps the leases of package hostpool in an SQL database:
// PostgreSQL, MySQL, MariaDB or SQLite, behind [database/sql] and a driver of your
// choice.
//
//	db, err := sql.Open("pgx", "postgres://meetings@db.example.com/meetings")
//	store := sqlstore.New(db, sqlstore.Postgres)
//	err = store.CreateTable(ctx)
//	pool, err := hostpool.New(client, hosts, hostpool.WithStore(store))
//
// Each call runs one or two statements, each of which writes at most one row. They
// need no transaction, no lock and no session, so any [sql.DB] will do, as will a
// connection pooler such as PgBouncer. A lease expires by the clock of the
// database, whatever its time zone and those of its clients.
//
// # What the database needs
//
// PostgreSQL needs no settings. Through PgBouncer in transaction mode, pgx needs
// default_query_exec_mode=exec in its connection string, and lib/pq needs
// binary_parameters=yes.
//
// MySQL and MariaDB need no settings, and work with and without clientFoundRows,
// interpolateParams and a strict sql_mode.
//
// SQLite needs a busy timeout, because a statement fails at once if another
// connection is writing. For modernc.org/sqlite add _pragma=busy_timeout(5000) to
// the name of the database, for mattn/go-sqlite3 _busy_timeout=5000. Processes
// that share the file must run on the same machine.
//
// The store loses no lease as long as the database loses no committed data. Do
// not turn off durable commits (synchronous_commit of PostgreSQL,
// innodb_flush_log_at_trx_commit of MySQL), and expect lost leases if a replica
// that lags behind is promoted.
//
// # The table
//
// The table has a row for each leased host, so it never has more rows than you
// have accounts. To create it with a migration tool instead of
// [Store.CreateTable], use one of these statements. In MySQL, the columns must be
// VARBINARY: text is compared without case there.
//
//	CREATE TABLE iomeeting_leases ( -- PostgreSQL
//		host text COLLATE "C" PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, expires bigint NOT NULL)
//	CREATE TABLE iomeeting_leases ( -- MySQL, MariaDB
//		host VARBINARY(512) PRIMARY KEY, id VARBINARY(64) NOT NULL UNIQUE, expires BIGINT NOT NULL)
//	CREATE TABLE iomeeting_leases ( -- SQLite
//		host TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL)
//
// The column expires is in microseconds since 1970 UTC.
package sqlstore
