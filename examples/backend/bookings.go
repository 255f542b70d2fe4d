package main

import (
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

// booking is a meeting that was booked. Its JSON has no password and no link: start and
// join open the meeting.
type booking struct {
	Key     string           `json:"key"`
	Title   string           `json:"title"`
	State   string           `json:"state"` // booked until its meeting is scheduled, then a hostpool.State
	Meeting hostpool.Meeting `json:"-"`
}

// A server has claimed a booking while it schedules the meeting; after a crash, another
// one goes on at claimed_until. The passwords let anybody join who can read the table,
// so encrypt them with a key that is not in the database. A real site creates the table
// by its migrations: two servers that do it at once may fail in PostgreSQL.
const createTable = `CREATE TABLE IF NOT EXISTS bookings (
	key text PRIMARY KEY, title text NOT NULL, created bigint NOT NULL, claimed_until bigint NOT NULL,
	state text NOT NULL DEFAULT 'booked', host text NOT NULL DEFAULT '', meeting text NOT NULL DEFAULT '',
	password text NOT NULL DEFAULT '', lease text NOT NULL DEFAULT '')`

var errOver = errors.New("no such booking, or its meeting is over")

// bookings is the table. Its statements work in SQLite and in PostgreSQL.
type bookings struct{ *sql.DB }

// openDB opens a database with the tables of bookings and leases.
func openDB(ctx context.Context, dsn string) (bookings, *sqlstore.Store, error) {
	if dsn == "" {
		return bookings{}, nil, errors.New("-db is not set")
	}
	driver, dialect := "pgx", sqlstore.Postgres
	if !strings.Contains(dsn, "://") {
		driver, dialect = "sqlite", sqlstore.SQLite
		dsn = "file:" + url.PathEscape(dsn) + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"
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

// claim adds a booking if needed, and reports whether the caller must schedule its
// meeting, because nobody has done so or is doing so.
func (b bookings) claim(ctx context.Context, key, title string) (bool, error) {
	now := time.Now()
	return b.change(ctx, `INSERT INTO bookings (key, title, created, claimed_until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (key) DO UPDATE SET claimed_until = excluded.claimed_until
		WHERE bookings.state = 'booked' AND bookings.claimed_until < excluded.created`,
		key, title, now.UnixMilli(), now.Add(45*time.Second).UnixMilli())
}

// unclaim lets the next request schedule the meeting of a booking.
func (b bookings) unclaim(ctx context.Context, key string) error {
	_, err := b.change(ctx, `UPDATE bookings SET claimed_until = 0 WHERE key = $1`, key)
	return err
}

// save stores the meeting of a booking, and reports false if it has one.
func (b bookings) save(ctx context.Context, key string, m hostpool.Meeting) (bool, error) {
	return b.change(ctx, `UPDATE bookings SET state = 'waiting', host = $2, meeting = $3, password = $4, lease = $5
		WHERE key = $1 AND state = 'booked'`, key, m.Host, m.ID, m.Password.Reveal(), m.Lease)
}

// set changes the state of a meeting, unless it is over. Then its password goes.
func (b bookings) set(ctx context.Context, key, lease string, state hostpool.State) error {
	_, err := b.change(ctx, `UPDATE bookings SET state = $3, password = CASE WHEN $3 = 'over' THEN '' ELSE password END
		WHERE key = $1 AND lease = $2 AND state <> 'over'`, key, lease, state.String())
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

// get returns a booking that is not over.
func (b bookings) get(ctx context.Context, key string) (booking, error) {
	found, err := b.query(ctx, `WHERE key = $1 AND state <> 'over'`, key)
	if err == nil && len(found) == 0 {
		err = errOver
	}
	if err != nil {
		return booking{}, err
	}
	return found[0], nil
}

func (b bookings) query(ctx context.Context, where string, args ...any) ([]booking, error) {
	rows, err := b.QueryContext(ctx, `SELECT key, title, state, host, meeting, password, lease FROM bookings `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []booking{} // not null in JSON
	for rows.Next() {
		var bk booking
		var password string
		if err := rows.Scan(&bk.Key, &bk.Title, &bk.State, &bk.Meeting.Host, &bk.Meeting.ID, &password, &bk.Meeting.Lease); err != nil {
			return nil, err
		}
		bk.Meeting.Password = iomeeting.NewSecret(password)
		found = append(found, bk)
	}
	return found, rows.Err()
}
