package cluster

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	_ "modernc.org/sqlite"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/redisstore"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
)

// webServerVariable makes this program a web server. It is set in its environment.
const webServerVariable = "IOMEETING_TEST_WEB_SERVER"

// webServerConfig is what a web server reads from its standard input.
type webServerConfig struct {
	Site        string
	Leases      leases
	EndURL      string
	Key         string
	StartWithin time.Duration
	Accounts    map[string]string // passwords by email address
}

// leases says where leases are: in a SQL database, in Redis if the driver is "redis",
// or in the memory of each web server if there is no driver.
type leases struct{ Driver, DSN string }

// store returns the store of the leases.
func (l leases) store() (hostpool.Store, error) {
	switch l.Driver {
	case "":
		return hostpool.NewMemoryStore(), nil
	case "redis":
		options, err := redis.ParseURL(l.DSN)
		if err != nil {
			return nil, err
		}
		options.ContextTimeoutEnabled = true
		return redisstore.New(redis.NewClient(options))
	}
	db, err := sql.Open(l.Driver, l.DSN)
	if err != nil {
		return nil, err
	}
	db.SetMaxIdleConns(64) // as many as there are concurrent visitors; by default, only two connections are kept
	dialects := map[string]sqlstore.Dialect{"pgx": sqlstore.Postgres, "mysql": sqlstore.MySQL, "sqlite": sqlstore.SQLite}
	store, err := sqlstore.New(db, dialects[l.Driver])
	if err != nil {
		return nil, err
	}
	return store, store.CreateTable(context.Background())
}

// pool returns the pool of a web server.
func (c webServerConfig) pool() (*hostpool.Pool, error) {
	var hosts []iomeeting.Host
	for email, password := range c.Accounts {
		hosts = append(hosts, iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)})
	}
	client, err := iomeeting.NewClient(c.Site)
	if err != nil {
		return nil, err
	}
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret(c.Key))
	if err != nil {
		return nil, err
	}
	store, err := c.Leases.store()
	if err != nil {
		return nil, err
	}
	return hostpool.New(client, store, hosts,
		hostpool.WithEnd(c.EndURL, signer),
		hostpool.WithStartWithin(c.StartWithin),
		hostpool.WithCheckEvery(c.StartWithin),
		hostpool.WithLogger(slog.New(slog.DiscardHandler)))
}

// meeting is what a web server stores with a booking.
type meeting struct{ Host, ID, Lease string }

// form is a start link. A website would serve its page; here, there is no browser to
// submit it.
type form struct {
	Endpoint string
	Params   url.Values
}

// routes returns the pages of a web server.
func routes(pool *hostpool.Pool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /book", func(w http.ResponseWriter, r *http.Request) {
		m, err := pool.Schedule(r.Context(), nil)
		respond(w, meeting{m.Host, m.ID, m.Lease}, err)
	})
	mux.HandleFunc("POST /start", func(w http.ResponseWriter, r *http.Request) {
		m := hostpool.Meeting{Host: r.FormValue("host"), ID: r.FormValue("id"), Lease: r.FormValue("lease")}
		link, err := pool.StartLink(r.Context(), m)
		respond(w, form{link.Endpoint(), link.Params()}, err)
	})
	mux.Handle("/meeting-ended", pool.EndHandler(func(context.Context, hostpool.Ended) error { return nil }))
	return mux
}

func respond(w http.ResponseWriter, body any, err error) {
	switch {
	case errors.Is(err, hostpool.ErrNoneFree):
		http.Error(w, "no account is free", http.StatusServiceUnavailable)
	case errors.Is(err, hostpool.ErrLeaseLost):
		http.Error(w, "the account is not the meeting's", http.StatusGone)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	default:
		_ = json.NewEncoder(w).Encode(body)
	}
}

// serve is the program of a web server. It prints its address, and serves until its
// standard input ends, as it does when the parent dies.
func serve() error {
	_ = mysql.SetLogger(log.New(io.Discard, "", 0)) // it logs every connection that breaks
	logging.Disable()                               // so does go-redis
	var config webServerConfig
	if err := json.NewDecoder(os.Stdin).Decode(&config); err != nil {
		return err
	}
	pool, err := config.pool()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	go func() {
		for range time.Tick(time.Second) {
			_, _ = pool.Reclaim(context.Background()) // it fails while the database is down
		}
	}()
	fmt.Println(listener.Addr())
	return http.Serve(listener, routes(pool))
}
