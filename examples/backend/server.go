package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// endPath is where the service reports the ends of meetings.
const endPath = "/meeting-ended"

// server is one server of the API. What servers share is in the database.
type server struct {
	config
	client   *iomeeting.Client
	pool     *hostpool.Pool
	bookings bookings
	accounts atomic.Int64 // for the gauge
}

func newServer(ctx context.Context, c config) (*server, error) {
	client, err := iomeeting.NewClient(c.site, traced(otel.GetTracerProvider()))
	signer, err2 := iomeeting.NewEndSigner(c.endKey)
	hosts, err3 := readHosts(c.hostsFile)
	db, leases, err4 := openDB(ctx, c.db)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return nil, err
	}
	pool, err := hostpool.New(client, leases, hosts, hostpool.WithEnd(c.apiURL+endPath, signer))
	if err != nil {
		return nil, err
	}
	s := &server{config: c, client: client, pool: pool, bookings: db}
	s.accounts.Store(int64(len(hosts)))
	return s, s.observe(otel.Meter("backend"))
}

// readHosts reads the host accounts. Keep an account in the file until its bookings are
// over: a server that starts without it does not know their meetings.
func readHosts(file string) (hosts []iomeeting.Host, err error) {
	content, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(content, &hosts) != nil { // its error may quote a part of a password
		err = errors.New(file + ` is not JSON like [{"Email": "…", "Password": "…"}]`)
	}
	return hosts, err
}

// serveAPI serves until ctx is done, and then until the requests that have begun are
// served. It checks the meetings every now and then, and reads the accounts again on
// SIGHUP.
func serveAPI(ctx context.Context, c config) error {
	s, err := newServer(ctx, c)
	if err != nil {
		return err
	}
	defer s.bookings.Close()
	routes, err := s.routes()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	fmt.Println(listener.Addr())
	web := &http.Server{
		Handler:     otelhttp.NewHandler(routes, "backend"),
		ReadTimeout: 10 * time.Second,
		// A start takes up to 10 seconds to find an account, and 30 for each one that it tries, usually one.
		WriteTimeout: 2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	tick := time.NewTicker(c.checkEvery)
	for {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return web.Shutdown(context.Background())
		case <-tick.C:
			if err := s.check(ctx); err != nil {
				slog.Warn("not all meetings could be checked", "error", err) // the next tick tries again
			}
		case <-hangup:
			if err := s.changeHosts(); err != nil {
				slog.Error("the accounts stay as they were", "error", err)
			}
		}
	}
}

func (s *server) changeHosts() error {
	hosts, err := readHosts(s.hostsFile)
	if err == nil {
		err = s.pool.SetHosts(hosts)
	}
	if err == nil {
		s.accounts.Store(int64(len(hosts)))
	}
	return err
}

// check stores what the meetings are doing, and closes those whose end was not reported.
// Reclaim frees their accounts; but other servers and calls do, too, so Check tells which
// meetings are over.
func (s *server) check(ctx context.Context) error {
	_, err := s.pool.Reclaim(ctx)
	open, err2 := s.bookings.query(ctx, `WHERE state = 'waiting' OR state = 'in progress'`)
	var meetings []hostpool.Meeting
	for _, b := range open {
		meetings = append(meetings, b.Meeting)
	}
	progress, err3 := s.pool.Check(ctx, meetings...)
	err = cmp.Or(err, err2, err3)
	for i, p := range progress {
		b, state := open[i], p.State.String()
		if p.State == hostpool.Waiting && b.State == hostpool.InProgress.String() { // it has ended
			_ = s.pool.Release(ctx, b.Meeting.Lease) // or else it expires
			state = hostpool.Over.String()
		}
		if p.State != hostpool.Unknown && state != b.State {
			err = cmp.Or(err, s.bookings.set(ctx, b.Key, b.Attempt, state))
		}
		err = cmp.Or(err, p.Err)
	}
	return err
}

// traced makes a client trace each attempt of a call, and send the trace on.
func traced(traces trace.TracerProvider) iomeeting.Option {
	return iomeeting.WithTransportWrapper(func(next http.RoundTripper) http.RoundTripper {
		return otelhttp.NewTransport(next,
			otelhttp.WithTracerProvider(traces), otelhttp.WithPropagators(propagation.TraceContext{}))
	})
}

// observe exports how many of the accounts have a lease. Other pools on the database
// would have to leave out each other's accounts.
func (s *server) observe(meter metric.Meter) error {
	_, err := meter.Int64ObservableGauge("iomeeting.pool.accounts", metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
		leases, err := s.pool.Leases(ctx)
		count := map[string]int64{"free": s.accounts.Load() - int64(len(leases)), "leased": 0, "expired": 0}
		for _, lease := range leases {
			if lease.Left > 0 {
				count["leased"]++
			} else { // checked when a meeting needs the account, or by Reclaim
				count["expired"]++
			}
		}
		for state, n := range count {
			o.Observe(n, metric.WithAttributes(attribute.String("state", state)))
		}
		return err
	}))
	return err
}
