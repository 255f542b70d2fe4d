package sqlstore

import (
	"errors"
	"strconv"
	"strings"
)

// Dialect is the SQL dialect of a database.
type Dialect int

// The dialects. That of MariaDB is MySQL.
const (
	Postgres Dialect = iota + 1
	MySQL
	SQLite
)

// dialect holds what differs between databases.
type dialect struct {
	columns string // of the table
	now     string // microseconds since 1970, UTC
	expires string // d from now

	// take leases the first host without a lease of a JSON array. It returns that host,
	// and 0 if another caller was faster. If all have leases, it returns no row. MySQL
	// needs two statements: held returns the hosts that have leases, and insert leases
	// one.
	take, held, insert string
}

var dialects = map[Dialect]dialect{
	Postgres: {
		columns: `host text COLLATE "C" PRIMARY KEY, id text COLLATE "C" NOT NULL, expires bigint NOT NULL`,
		now:     `(extract(epoch from clock_timestamp()) * 1000000)::bigint`, // now() is when a transaction began
		expires: `{now} + ?`,
		// Drivers differ in how they pass an array, but not a text. With IS NULL, hosts
		// are looked up one by one until one has no lease. NOT EXISTS would become a join
		// that reads the whole table, and stay one if it was planned for a small table.
		take: `WITH free AS (
			SELECT host FROM json_array_elements_text(CAST(? AS text)::json) WITH ORDINALITY AS offered (host, n)
			WHERE (SELECT 1 FROM {table} AS held WHERE held.host = offered.host) IS NULL
			ORDER BY n LIMIT 1
		), taken AS (
			INSERT INTO {table} (host, id, expires) SELECT host, ?, {now} + ? FROM free
			ON CONFLICT DO NOTHING RETURNING host
		) SELECT host, '', (SELECT count(*) FROM taken) FROM free`,
	},
	MySQL: {
		columns: `host VARBINARY(512) PRIMARY KEY, id VARBINARY(64) NOT NULL, expires BIGINT NOT NULL`,
		now:     `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`,
		expires: `({now} + ?) DIV 2 * 2 + (expires + 1) % 2`, // the last bit changes: MySQL counts only rows that do
		held:    `SELECT host, '', 0 FROM {table} WHERE host IN ({hosts})`,
		insert:  `INSERT IGNORE INTO {table} (host, id, expires) VALUES (?, ?, {now} + ?)`,
	},
	SQLite: {
		columns: `host TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL, expires INTEGER NOT NULL`,
		now:     `CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)`, // unixepoch('subsec') needs SQLite 3.42
		expires: `{now} + ?`,
		take: `WITH offered AS (SELECT key AS n, value AS host FROM json_each(?))
			INSERT INTO {table} (host, id, expires) SELECT host, ?, {now} + ? FROM offered
			WHERE NOT EXISTS (SELECT 1 FROM {table} AS held WHERE held.host = offered.host)
			ORDER BY n LIMIT 1 RETURNING host, '', 1`,
	},
}

// statement returns a statement in the dialect of the database.
func (s *Store) statement(template string) string {
	d := dialects[s.dialect]
	text := strings.ReplaceAll(template, "{expires}", d.expires)
	text = strings.NewReplacer("{table}", s.table, "{now}", d.now).Replace(text)
	for n := 1; s.dialect == Postgres && strings.Contains(text, "?"); n++ {
		text = strings.Replace(text, "?", "$"+strconv.Itoa(n), 1)
	}
	return text
}

// undone is the state of a statement that the database has rolled back because of a
// concurrent one.
const undone = "40001"

// stateOf returns the SQLSTATE of an error, as far as it matters.
func stateOf(err error) string {
	var state interface{ SQLState() string } // of pgx and lib/pq
	switch {
	case errors.As(err, &state):
		return state.SQLState()
	case err != nil && strings.Contains(err.Error(), "Error 1213"): // a deadlock, of go-sql-driver/mysql
		return undone
	}
	return ""
}
