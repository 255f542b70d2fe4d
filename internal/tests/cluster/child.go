package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// childVariable makes this program a web server. It is set in its environment.
const childVariable = "CLUSTER_CHILD"

// childConfig is what a web server reads from its standard input. It contains
// passwords, which should not be passed as arguments.
type childConfig struct {
	Site        string
	Leases      string
	EndURL      string
	Key         string
	StartWithin time.Duration
	Accounts    map[string]string // passwords by email address
}

// started is the response to a visitor who starts a meeting. A website would serve
// the link with Link.ServeHTTP; here, there is no browser to submit the form.
type started struct {
	Host     string
	Endpoint string
	Params   url.Values
}

func (s started) meetingID() string { return s.Params.Get("meetingID") }

// runChild serves until its standard input ends, as it does when the parent dies.
func runChild(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	var c childConfig
	if err := decoder.Decode(&c); err != nil {
		return err
	}
	pool, err := newPool(c)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(pool, c.EndURL), ReadTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, decoder.Buffered())
		_, _ = io.Copy(io.Discard, in)
		_ = server.Close()
	}()
	fmt.Fprintln(out, listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newPool(c childConfig) (*hostpool.Pool, error) {
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
	store, err := openLeases(c.Leases)
	if err != nil {
		return nil, err
	}
	return hostpool.New(client, hosts,
		hostpool.WithStore(store),
		hostpool.WithEndSigner(signer),
		hostpool.WithStartWithin(c.StartWithin),
		hostpool.WithCheckEvery(c.StartWithin),
		hostpool.WithLogger(slog.New(slog.DiscardHandler)))
}

// routes returns the pages of a web server.
func routes(pool *hostpool.Pool, endURL string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /start", func(w http.ResponseWriter, r *http.Request) {
		// A visitor who goes away must not leave an unknown outcome behind.
		meeting, err := pool.Schedule(context.WithoutCancel(r.Context()), &iomeeting.ScheduleOptions{EndURL: endURL})
		switch {
		case errors.Is(err, hostpool.ErrNoneFree):
			http.Error(w, "no account is free", http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadGateway)
		default:
			respond(w, started{meeting.Host.Email, meeting.StartLink.Endpoint(), meeting.StartLink.Params()})
		}
	})
	mux.HandleFunc("GET /leased", func(w http.ResponseWriter, r *http.Request) {
		leases, err := pool.Leases(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		respond(w, len(leases))
	})
	mux.Handle("/meeting-ended", pool.EndHandler(func(context.Context, string) error { return nil }))
	return mux
}

func respond(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // an error means that the visitor has gone
}
