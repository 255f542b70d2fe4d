package sqlstore_test

import (
	"context"
	"database/sql"
	"log"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// All servers of a site share the leases of their pools in PostgreSQL.
func Example() {
	// The program imports a driver: _ "github.com/jackc/pgx/v5/stdlib".
	db, err := sql.Open("pgx", "postgres://meetings@db.example.com/meetings")
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.New(db, sqlstore.Postgres)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.CreateTable(context.Background()); err != nil {
		log.Fatal(err)
	}
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	if err != nil {
		log.Fatal(err)
	}
	pool, err := hostpool.New(client, store, []iomeeting.Host{
		{Email: "host1@example.com", Password: iomeeting.NewSecret("secret1")},
		{Email: "host2@example.com", Password: iomeeting.NewSecret("secret2")},
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = pool // pool.Schedule, pool.EndHandler
}
