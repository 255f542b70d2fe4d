package main

import (
	"crypto/rand"
	"embed"
	"errors"
	"html/template"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

//go:embed assets
var assets embed.FS

var templates = template.Must(template.ParseFS(assets, "assets/*.html"))

// startWithin is how long a host may take to start a meeting.
const startWithin = 10 * time.Minute

// site is the partner's site.
type site struct {
	service    *iomeetingtest.Server
	client     *iomeeting.Client
	hosts      []iomeeting.Host
	pool       *hostpool.Pool
	checkEvery time.Duration

	mu           sync.Mutex // guards the fields below
	checked      time.Time
	booked, past []booking
}

// newSite returns a site that the service reaches at url.
func newSite(service *iomeetingtest.Server, hosts []iomeeting.Host, url string) (*site, error) {
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret(rand.Text() + rand.Text())) // a real site stores its key
	if err != nil {
		return nil, err
	}
	client := service.Client()
	pool, err := hostpool.New(client, hostpool.NewMemoryStore(), hosts,
		hostpool.WithEnd(url+"/meeting-ended", signer), hostpool.WithStartWithin(startWithin))
	return &site{service: service, client: client, hosts: hosts, pool: pool, checkEvery: time.Second}, err
}

func (s *site) routes() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", s.showMeetings)
	pages.HandleFunc("GET /accounts", s.showAccounts)
	pages.Handle("GET /assets/", http.FileServerFS(assets))
	pages.HandleFunc("POST /meetings", s.book)
	pages.HandleFunc("POST /meetings/{id}/{as}", s.open) // as is start, join or observe
	pages.HandleFunc("POST /meetings/{id}/end", s.end)
	all := http.NewServeMux()
	all.Handle("/", http.MaxBytesHandler(http.NewCrossOriginProtection().Handler(pages), 16<<10))
	all.Handle("/meeting-ended", s.pool.EndHandler(s.ended)) // the service POSTs here, from another origin
	return all
}

// problem tells a visitor what to do.
type problem struct {
	Status      int
	Title, Text string
}

func (p problem) Error() string { return "website: " + p.Title }

var (
	errMissing = problem{http.StatusBadRequest, "Something is missing",
		"Please enter a title to book a meeting, or your name to join one. Each may have up to 200 characters."}
	errNotHost = problem{http.StatusForbidden, "Only the host can start it",
		"The meeting was booked in another browser. Please start it there, or join it once it is in progress."}
	errNotStarted = problem{http.StatusConflict, "The meeting has not started",
		"Please wait for its host. The list shows when it is in progress."}
	errInProgress = problem{http.StatusConflict, "The meeting has already started",
		"Please go back to it, or join it from the list."}
	errOver = problem{http.StatusGone, "The meeting is over",
		"It has ended, or its host did not start it in time. Please book another one."}
)

// explain returns the problem to show for an error.
func explain(err error) problem {
	var p problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, hostpool.ErrLeaseLost):
		return errOver
	case errors.Is(err, hostpool.ErrNoneFree):
		return problem{http.StatusTooManyRequests, "All accounts are in use",
			"Each host account is in a meeting or held for one. Please book again once a meeting has ended."}
	case errors.Is(err, iomeeting.ErrOutcomeUnknown):
		return problem{http.StatusBadGateway, "The booking was not confirmed",
			"Nobody can start this meeting, even if the service has scheduled it. Please book again."}
	default:
		return problem{http.StatusBadGateway, "The meeting service is not available",
			"It did not answer as it should. Please try again in a minute."}
	}
}

func showError(w http.ResponseWriter, err error) {
	log.Print(err) // no error contains a password
	p := explain(err)
	render(w, p.Status, "problem.html", p)
}

func render(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := templates.ExecuteTemplate(w, name, data); err != nil {
		log.Print(err)
	}
}
