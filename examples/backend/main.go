// Backend is the API of a partner's site, whose front end is on another origin. Its
// servers share their bookings and the leases of host accounts in a database.
//
//	go -C examples/backend run .
//
// starts everything on this machine, as demo.go says. In production, run each server
// with -serve, and give all of them the same variable END_KEY. It traces calls, and
// exports a gauge, by OpenTelemetry's global providers: set those of your collector in
// main.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// checkEvery is how often each server asks the service what the open meetings are
// doing.
const checkEvery = 5 * time.Second

type config struct {
	addr, site, hostsFile, db, apiURL, frontEnd string
	endKey                                      iomeeting.Secret
}

func main() {
	c := config{endKey: iomeeting.NewSecret(os.Getenv("END_KEY"))}
	isServer := flag.Bool("serve", false, "run one server of the API")
	flag.StringVar(&c.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 means any free port")
	flag.StringVar(&c.site, "site", "", "`URL` of the IOMeeting site")
	flag.StringVar(&c.hostsFile, "hosts", "hosts.json", "`file` of the host accounts")
	flag.StringVar(&c.db, "db", "", "`file` of a SQLite database, or URL of a PostgreSQL database, whose password is in PGPASSWORD or ~/.pgpass")
	flag.StringVar(&c.apiURL, "api", "", "`URL` at which browsers and the service reach the API")
	flag.StringVar(&c.frontEnd, "front-end", "", "`origin` of the front end, such as https://app.example.com")
	flag.Parse()
	run := demo
	if *isServer {
		run = serve
	}
	if err := run(c); err != nil {
		log.Fatal(err)
	}
}

// serve runs a server until a signal stops it, and then until the requests that have
// begun are served.
func serve(c config) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	s, err := newServer(ctx, c)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	web := &http.Server{Handler: otelhttp.NewHandler(s.routes(), "backend"), ReadTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	tick := time.NewTicker(checkEvery)
	for {
		select {
		case <-tick.C:
			if err := s.check(ctx); err != nil {
				slog.Warn("not all meetings could be checked", "error", err)
			}
		case <-hangup:
			hosts, err := readHosts(c.hostsFile)
			if err == nil {
				err = s.pool.SetHosts(hosts)
			}
			if err != nil {
				slog.Error("the accounts stay as they were", "error", err)
			}
		case err := <-failed:
			return err
		case <-ctx.Done():
			stop() // a second signal ends the program
			return web.Shutdown(context.Background())
		}
	}
}

// server is one server of the API. What the servers share is in the database.
type server struct {
	client     *iomeeting.Client
	pool       *hostpool.Pool
	bookings   bookings
	frontEnd   string
	protection *http.CrossOriginProtection
}

func newServer(ctx context.Context, c config) (*server, error) {
	client, err := iomeeting.NewClient(c.site, iomeeting.WithTransportWrapper(traced))
	signer, err2 := iomeeting.NewEndSigner(c.endKey)
	hosts, err3 := readHosts(c.hostsFile)
	db, leases, err4 := openDB(ctx, c.db)
	protection := http.NewCrossOriginProtection()
	err5 := protection.AddTrustedOrigin(c.frontEnd)
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	pool, err := hostpool.New(client, leases, hosts, hostpool.WithEnd(c.apiURL+"/meeting-ended", signer))
	if err != nil {
		return nil, err
	}
	return &server{client, pool, db, c.frontEnd, protection}, observe(otel.Meter("backend"), pool)
}

// routes returns the API. Browsers may POST to it only from pages of the front end. The
// service does so without an Origin, but with a signature.
//
// Sign-in goes around the API, and says who may start and who may join. A form POST has
// no Authorization header: use a cookie. With SameSite=Lax, it arrives if both origins
// are of one site, such as app.example.com and api.example.com.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bookings", s.list)
	mux.HandleFunc("POST /bookings/{key}/start", inTab(s.start, "Start the meeting"))
	mux.HandleFunc("POST /bookings/{key}/join", inTab(s.join, "Join the meeting"))
	mux.Handle("/meeting-ended", s.pool.EndHandler(s.ended))
	return http.MaxBytesHandler(s.protection.Handler(mux), 64<<10)
}

// list shows the bookings as the last check found them: visitors who watch the list
// cost the service nothing.
func (s *server) list(w http.ResponseWriter, r *http.Request) {
	// With sign-in, also Access-Control-Allow-Credentials, and credentials: "include" in fetch.
	w.Header().Set("Access-Control-Allow-Origin", s.frontEnd)
	found, err := s.bookings.query(r.Context(), `ORDER BY created DESC LIMIT 50`)
	if err != nil {
		slog.ErrorContext(r.Context(), "bookings not listed", "error", err)
		http.Error(w, "The bookings cannot be read.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(found) // an error means that the browser has gone
}

//go:embed problem.html
var problemHTML string

var problemPage = template.Must(template.New("").Parse(problemHTML))

// inTab opens a link in the tab of a visitor, or serves a page that says why it cannot.
func inTab(find func(r *http.Request) (iomeeting.Link, error), label string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		link, err := find(r)
		if err == nil {
			link.ServePage(w, r, label)
			return
		}
		slog.WarnContext(r.Context(), "meeting not opened", "path", r.URL.Path, "error", err)
		status, text := http.StatusServiceUnavailable, "The meeting cannot be opened at the moment. Please try again."
		switch {
		case errors.Is(err, hostpool.ErrNoneFree):
			status, text = http.StatusTooManyRequests, "All meeting rooms are in use. Please try again later."
		case errors.Is(err, errOver), errors.Is(err, hostpool.ErrLeaseLost):
			status, text = http.StatusGone, "This meeting is over."
		}
		w.WriteHeader(status)
		_ = problemPage.Execute(w, text)
	}
}

// start returns the start link of a booking, which it adds if needed. However often it
// is called, on whichever servers, the booking gets one meeting.
func (s *server) start(r *http.Request) (iomeeting.Link, error) {
	ctx, key := r.Context(), r.PathValue("key")
	if len(key) > 64 { // a UUID has 36
		return iomeeting.Link{}, errOver
	}
	for {
		claimed, err := s.bookings.claim(ctx, key, r.FormValue("title"))
		if claimed {
			err = s.schedule(ctx, key)
		}
		if err != nil {
			return iomeeting.Link{}, err
		}
		b, err := s.bookings.get(ctx, key)
		if err != nil {
			return iomeeting.Link{}, err
		}
		if b.Meeting.ID != "" {
			return s.pool.StartLink(ctx, b.Meeting)
		}
		time.Sleep(200 * time.Millisecond) // another request is scheduling it
	}
}

// schedule schedules the meeting of a booking that this request has claimed.
func (s *server) schedule(ctx context.Context, key string) error {
	m, err := s.pool.Schedule(ctx, &iomeeting.ScheduleOptions{OperatorID: key})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second) // the visitor may have gone
	defer cancel()
	if err != nil {
		return errors.Join(err, s.bookings.unclaim(ctx, key))
	}
	saved, err := s.bookings.save(ctx, key, m)
	if err == nil && !saved { // it took so long that another request has saved a meeting
		_ = s.pool.Release(ctx, m.Lease) // nobody gets the link, so nobody starts the meeting
	}
	return err
}

// join returns the link for a participant.
func (s *server) join(r *http.Request) (iomeeting.Link, error) {
	b, err := s.bookings.get(r.Context(), r.PathValue("key"))
	if err != nil {
		return iomeeting.Link{}, err
	}
	return s.client.JoinByID(b.Meeting.ID, &iomeeting.JoinOptions{
		MeetingPassword: b.Meeting.Password, UserName: r.FormValue("name"),
	})
}

// ended is called when the service reports the end of a meeting, perhaps twice, and
// perhaps of one that was scheduled with an unknown outcome: its lease is in no booking.
// If an end is not stored, check closes the booking.
func (s *server) ended(ctx context.Context, ended hostpool.Ended) error {
	return s.bookings.set(ctx, ended.OperatorID, ended.Lease, hostpool.Over)
}

// check stores what the meetings are doing, and closes those whose end was not reported.
// Reclaim frees their accounts; but other servers and calls do, too, so Check tells which
// meetings are over.
func (s *server) check(ctx context.Context) error {
	_, err := s.pool.Reclaim(ctx)
	open, err2 := s.bookings.query(ctx, `WHERE state IN ('waiting', 'in progress')`)
	var meetings []hostpool.Meeting
	for _, b := range open {
		meetings = append(meetings, b.Meeting)
	}
	progress, err3 := s.pool.Check(ctx, meetings...)
	errs := []error{err, err2, err3}
	for i, p := range progress {
		b := open[i]
		if p.State == hostpool.Waiting && b.State == hostpool.InProgress.String() { // it has ended
			_ = s.pool.Release(ctx, b.Meeting.Lease) // or else it expires
			p.State = hostpool.Over
		}
		errs = append(errs, p.Err)
		if p.State != hostpool.Unknown && p.State.String() != b.State {
			errs = append(errs, s.bookings.set(ctx, b.Key, b.Meeting.Lease, p.State))
		}
	}
	return cmp.Or(errs...)
}

// readHosts reads the host accounts. Keep an account in the file until its meetings are
// over: a server that starts without it does not know them.
func readHosts(file string) (hosts []iomeeting.Host, err error) {
	content, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(content, &hosts) != nil { // its error may quote a part of a password
		err = errors.New(file + ` is not JSON like [{"Email": "…", "Password": "…"}]`)
	}
	return hosts, err
}

// traced makes a client trace each attempt of a call.
func traced(next http.RoundTripper) http.RoundTripper { return otelhttp.NewTransport(next) }

// observe exports how many accounts are in use. Many expired leases are long meetings,
// or ends that nobody reports. If other pools on the database have other accounts, leave
// those out.
func observe(meter metric.Meter, pool *hostpool.Pool) error {
	_, err := meter.Int64ObservableGauge("iomeeting.pool.leases", metric.WithInt64Callback(
		func(ctx context.Context, o metric.Int64Observer) error {
			leases, err := pool.Leases(ctx)
			if err != nil {
				return err
			}
			count := map[bool]int64{false: 0, true: 0}
			for _, lease := range leases {
				count[lease.Left <= 0]++
			}
			for expired, n := range count {
				o.Observe(n, metric.WithAttributes(attribute.Bool("expired", expired)))
			}
			return nil
		}))
	return err
}
