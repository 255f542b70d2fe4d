package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// The examples need a database, so they are compiled but not run.
var (
	ctx    = context.Background()
	db     *sql.DB
	store  *sqlstore.Store
	client *iomeeting.Client
	hosts  []iomeeting.Host
)

// All servers of a site share the leases of their pools in PostgreSQL.
func Example() {
	// The program imports a driver: _ "github.com/jackc/pgx/v5/stdlib".
	db, err := sql.Open("pgx", "postgres://meetings@db.example.com/meetings")
	if err != nil {
		log.Fatal(err)
	}
	store := sqlstore.New(db, sqlstore.Postgres)
	if err := store.CreateTable(ctx); err != nil {
		log.Fatal(err)
	}
	pool, err := hostpool.New(client, hosts, hostpool.WithStore(store))
	if err != nil {
		log.Fatal(err)
	}
	meeting, err := pool.Start(ctx, &iomeeting.StartOptions{Title: "Viewing"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("on the account", meeting.Host.Email)
}

func ExampleNew() {
	// The program imports a driver: _ "github.com/go-sql-driver/mysql".
	db, err := sql.Open("mysql", "meetings:password@tcp(db.example.com)/meetings")
	if err != nil {
		log.Fatal(err)
	}
	store := sqlstore.New(db, sqlstore.MySQL)
	if err := store.CreateTable(ctx); err != nil {
		log.Fatal(err)
	}
}

// Processes of one machine can share a file.
func ExampleNew_file() {
	// The program imports a driver: _ "modernc.org/sqlite".
	db, err := sql.Open("sqlite", "file:leases.db?_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	store := sqlstore.New(db, sqlstore.SQLite)
	if err := store.CreateTable(ctx); err != nil {
		log.Fatal(err)
	}
}

func ExampleWithTable() {
	store := sqlstore.New(db, sqlstore.Postgres, sqlstore.WithTable("meetings.leases"))
	if err := store.CreateTable(ctx); err != nil {
		log.Fatal(err)
	}
}

func ExampleStore_CreateTable() {
	err := store.CreateTable(ctx)
	var parameter *iomeeting.ParameterError
	switch {
	case errors.As(err, &parameter):
		log.Fatalf("sqlstore.New was called with a wrong %s", parameter.Param)
	case err != nil:
		log.Fatal(err) // the error of the database
	}
}

// A pool calls Take. A program that does needs a new ID for each lease.
func ExampleStore_Take() {
	lease, err := store.Take(ctx, []string{"alice@example.com", "bob@example.com"}, "a-new-id", time.Minute)
	switch {
	case errors.Is(err, hostpool.ErrNoneFree):
		fmt.Println("both accounts are leased")
	case err != nil:
		log.Fatal(err)
	case lease.ID != "a-new-id":
		fmt.Println("free if its host is not in a meeting:", lease.Host)
	default:
		fmt.Println("free:", lease.Host)
	}
}

// A pool calls Renew.
func ExampleStore_Renew() {
	err := store.Renew(ctx, "alice@example.com", "its-id", 15*time.Minute)
	if errors.Is(err, hostpool.ErrLeaseLost) {
		fmt.Println("the account belongs to somebody else")
	}
}

// A pool calls Release.
func ExampleStore_Release() {
	err := store.Release(ctx, "alice@example.com", "its-id")
	if errors.Is(err, hostpool.ErrLeaseLost) {
		fmt.Println("the account was released already")
	}
}

func ExampleStore_List() {
	leases, err := store.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, lease := range leases {
		fmt.Println(lease.Host, "until", lease.Expires)
	}
}
