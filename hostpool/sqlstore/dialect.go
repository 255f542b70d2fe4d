package sqlstore

import (
	"errors"
	"strconv"
	"strings"
)

// Dialect identifies the SQL dialect of a database.
type Dialect int

const (
	// Postgres is the dialect of PostgreSQL.
	Postgres Dialect = iota + 1
	// MySQL is the dialect of MySQL and MariaDB.
	MySQL
	// SQLite is the dialect of SQLite.
	SQLite
)

// dialect holds what differs between SQL dialects.
type dialect struct {
	columns  string // of the table
	now      string // microseconds since 1970 UTC, by the clock of the database
	insert   string // inserts a lease, unless its host or its ID has one
	takeFree string // inserts a lease of the first free host and returns it, if one statement can
	offered  string // is true for hosts that are offered
	array    bool   // whether one placeholder stands for all hosts, as an array
	numbered bool   // whether placeholders are $1, $2 and so on
}

var dialects = map[Dialect]dialect{
	Postgres: {
		columns: `host text COLLATE "C" PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, expires bigint NOT NULL`,
		now:     `(extract(epoch from clock_timestamp()) * 1000000)::bigint`, // now() is when a transaction began
		insert:  `INSERT INTO {table} (host, id, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		takeFree: `INSERT INTO {table} (host, id, expires)
			SELECT offered.host, ?, {now} + ? FROM unnest(CAST({hosts} AS text)::text[]) WITH ORDINALITY AS offered (host, n)
			WHERE NOT EXISTS (SELECT FROM {table} AS held WHERE held.host = offered.host)
			ORDER BY n LIMIT 1 ON CONFLICT DO NOTHING RETURNING host, id, expires`,
		offered:  `host = ANY (CAST({hosts} AS text)::text[])`, // drivers differ in how they pass an array, but not a text
		array:    true,
		numbered: true,
	},
	MySQL: {
		// Its text types ignore case and trailing spaces.
		columns: `host VARBINARY(512) PRIMARY KEY, id VARBINARY(64) NOT NULL UNIQUE, expires BIGINT NOT NULL`,
		// UNIX_TIMESTAMP is ambiguous when daylight saving time ends.
		now: `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`,
		// It cuts values that are too long, which the store refuses.
		insert:  `INSERT IGNORE INTO {table} (host, id, expires) VALUES (?, ?, ?)`,
		offered: `host IN ({hosts})`,
	},
	SQLite: {
		columns: `host TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL`,
		now:     `CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)`, // unixepoch('subsec') needs SQLite 3.42 (2023)
		insert:  `INSERT INTO {table} (host, id, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		offered: `host IN ({hosts})`,
	},
}

// maxHost and maxID are the lengths of the columns in MySQL, in bytes. They apply
// to all databases, so that leases can move from one to another.
const (
	maxHost = 512
	maxID   = 64
)

// sql returns a statement in the dialect of the database.
func (s *Store) sql(statement string) string {
	statement = strings.NewReplacer("{table}", s.table, "{now}", s.dialect.now).Replace(statement)
	if !s.dialect.numbered {
		return statement
	}
	var b strings.Builder
	for i, part := range strings.Split(statement, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}

// isUndone reports whether the database rolled back a statement because it
// conflicted with a concurrent one.
func isUndone(err error) bool {
	var state interface{ SQLState() string } // of pgx and lib/pq
	if errors.As(err, &state) {
		return state.SQLState() == "40001" // above the isolation level read committed
	}
	return err != nil && strings.HasPrefix(err.Error(), "Error 1213") // a deadlock, in go-sql-driver/mysql
}
