package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// booking is a meeting that was booked, for now or for later. Its JSON has no password
// and no link: start and join open the meeting.
type booking struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// State is booked (also after a failed start), opening while a server schedules the
	// meeting, then waiting, in progress or over.
	State   string           `json:"state"`
	Attempt string           `json:"-"` // the last call of Schedule
	Meeting hostpool.Meeting `json:"-"` // zero until it has been scheduled
}

// The passwords let anybody join who can read this table, so encrypt them with a key
// that is not in the database. They go when the meeting is over. A real site creates
// the table by its migrations: two servers that do it at once may fail in PostgreSQL.
const createTable = `CREATE TABLE IF NOT EXISTS bookings (
	key text PRIMARY KEY, title text NOT NULL, state text NOT NULL,
	attempt text NOT NULL, created bigint NOT NULL, claimed_until bigint NOT NULL,
	host text NOT NULL DEFAULT '', meeting text NOT NULL DEFAULT '',
	password text NOT NULL DEFAULT '', lease text NOT NULL DEFAULT '')`

// claimFor is how long a server has a booking to itself while it schedules the
// meeting. After a crash, another server goes on then.
const claimFor = 45 * time.Second

// bookings is the table. Its statements work in SQLite and in PostgreSQL.
type bookings struct{ *sql.DB }

// openDB opens a PostgreSQL database or a file of SQLite, with the tables of bookings
// and leases.
func openDB(ctx context.Context, dsn string) (bookings, *sqlstore.Store, error) {
	if dsn == "" {
		return bookings{}, nil, errors.New("-db is not set")
	}
	driver, dialect := "pgx", sqlstore.Postgres
	if !strings.Contains(dsn, "://") {
		driver, dialect = "sqlite", sqlstore.SQLite
		dsn = (&url.URL{Scheme: "file", OmitHost: true, Path: dsn, RawQuery: "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"}).String()
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return bookings{}, nil, err
	}
	db.SetMaxOpenConns(20)
	leases, err := sqlstore.New(db, dialect)
	if err == nil {
		err = leases.CreateTable(ctx)
	}
	if err == nil {
		_, err = db.ExecContext(ctx, createTable)
	}
	return bookings{db}, leases, err
}

// add adds a booking for later, unless it exists.
func (b bookings) add(ctx context.Context, key, title string) error {
	_, err := b.change(ctx, `INSERT INTO bookings (key, title, state, attempt, created, claimed_until)
		VALUES ($1, $2, 'booked', '', $3, 0) ON CONFLICT (key) DO NOTHING`, key, title, time.Now().UnixMilli())
	return err
}

// claim returns a booking, which it adds if needed. The booking has the caller's attempt
// if nobody has scheduled its meeting or is doing so: then the caller must.
func (b bookings) claim(ctx context.Context, key, title, attempt string) (booking, error) {
	now := time.Now()
	_, err := b.change(ctx, `INSERT INTO bookings (key, title, state, attempt, created, claimed_until)
		VALUES ($1, $2, 'opening', $3, $4, $5)
		ON CONFLICT (key) DO UPDATE SET state = 'opening', attempt = excluded.attempt, claimed_until = excluded.claimed_until
		WHERE bookings.state = 'booked' OR bookings.state = 'opening' AND bookings.claimed_until < excluded.created`,
		key, title, attempt, now.UnixMilli(), now.Add(claimFor).UnixMilli())
	if err != nil {
		return booking{}, err
	}
	return b.get(ctx, key)
}

// save stores the meeting that an attempt has scheduled. It reports false if that is
// over already, or took so long that another attempt has begun.
func (b bookings) save(ctx context.Context, key, attempt string, m hostpool.Meeting) (bool, error) {
	return b.change(ctx, `UPDATE bookings SET state = 'waiting', host = $3, meeting = $4, password = $5, lease = $6
		WHERE key = $1 AND attempt = $2 AND state = 'opening'`, key, attempt, m.Host, m.ID, m.Password.Reveal(), m.Lease)
}

// set changes the state of a booking, if the attempt is its last one.
func (b bookings) set(ctx context.Context, key, attempt, state string) error {
	_, err := b.change(ctx, `UPDATE bookings SET state = $3, password = CASE WHEN $3 = 'over' THEN '' ELSE password END
		WHERE key = $1 AND attempt = $2 AND state <> 'over'`, key, attempt, state)
	return err
}

// change reports whether a statement has changed a row.
func (b bookings) change(ctx context.Context, statement string, args ...any) (bool, error) {
	result, err := b.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

func (b bookings) get(ctx context.Context, key string) (booking, error) {
	found, err := b.query(ctx, `WHERE key = $1`, key)
	if err != nil || len(found) == 0 {
		return booking{}, cmp.Or(err, errNotFound)
	}
	return found[0], nil
}

func (b bookings) query(ctx context.Context, where string, args ...any) ([]booking, error) {
	rows, err := b.QueryContext(ctx, `SELECT key, title, state, attempt, host, meeting, password, lease FROM bookings `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []booking{} // not null in JSON
	for rows.Next() {
		var bk booking
		var password string
		if err := rows.Scan(&bk.Key, &bk.Title, &bk.State, &bk.Attempt, &bk.Meeting.Host, &bk.Meeting.ID, &password, &bk.Meeting.Lease); err != nil {
			return nil, err
		}
		bk.Meeting.Password = iomeeting.NewSecret(password)
		found = append(found, bk)
	}
	return found, rows.Err()
}
