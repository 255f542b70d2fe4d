package main

import (
	"cmp"
	"embed"
	"errors"
	"html/template"
	"log"
	"net/http"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

//go:embed assets
var assets embed.FS

var templates = template.Must(template.ParseFS(assets, "assets/*.html"))

// startWithin is how long a host may take to start a meeting. Hosts are sent
// there at once, so they need less time than the pool allows by default.
const startWithin = 5 * time.Minute

// site is the partner's site.
type site struct {
	config
	client *iomeeting.Client
	pool   *hostpool.Pool
	watch  *watch
	books  books
}

func newSite(cfg config) (*site, error) {
	client, errClient := iomeeting.NewClient(cfg.service)
	signer, errSigner := iomeeting.NewEndSigner(cfg.key)
	if err := cmp.Or(errClient, errSigner); err != nil {
		return nil, err
	}
	pool, err := hostpool.New(client, hostpool.NewMemoryStore(), cfg.hosts, // several servers would share a store
		hostpool.WithEnd(cfg.url+endPath, signer),
		hostpool.WithStartWithin(startWithin),
	)
	if err != nil {
		return nil, err
	}
	s := &site{config: cfg, client: client, pool: pool, watch: newWatch(client, cfg.hosts)}
	return s, nil
}

func (s *site) routes() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", s.showBoard)
	pages.HandleFunc("GET /accounts", s.showAccounts)
	pages.Handle("GET /assets/", http.FileServerFS(assets))
	pages.HandleFunc("POST /start", s.startMeeting)
	pages.HandleFunc("POST /join", s.joinMeeting)
	if s.end != nil {
		pages.HandleFunc("POST /end", s.endMeeting)
	}
	all := http.NewServeMux()
	all.Handle("/", http.MaxBytesHandler(http.NewCrossOriginProtection().Handler(pages), 64<<10))
	all.Handle(endPath, s.pool.EndHandler(s.meetingEnded)) // the service POSTs here, from another origin
	return all
}

// problem is an error explained to a visitor.
type problem struct {
	err   error
	code  int
	Title string
	Text  string // what to do
}

var (
	errMissing       = errors.New("website: title or name missing or too long")
	errNotInProgress = errors.New("website: meeting not in progress")
	errNotKnown      = errors.New("website: meeting in an unknown state")
	errNoObservers   = errors.New("website: meeting without observers")
)

var problems = []problem{
	{iomeeting.ErrOutcomeUnknown, http.StatusBadGateway, "The meeting was not confirmed",
		"The meeting service did not say whether it scheduled your meeting. Nobody can start that one, so please start another."},
	{hostpool.ErrNoneFree, http.StatusServiceUnavailable, "All accounts are in use",
		"Every host account is in a meeting or held for one. Please wait until a meeting has ended, then start yours."},
	{errMissing, http.StatusBadRequest, "Something is missing",
		"Please enter your name and, to start a meeting, a title. Each may have up to 200 characters."},
	{errNotInProgress, http.StatusConflict, "The meeting is not in progress",
		"It has ended, or its host has not started it yet. Please look at the list of meetings."},
	{errNotKnown, http.StatusBadGateway, "The meeting cannot be joined now",
		"The meeting service did not say whether it is in progress. Please try again in a minute."},
	{errNoObservers, http.StatusConflict, "This meeting has no observers",
		"Its host did not allow observers. You can join as a participant."},
}

var otherProblem = problem{nil, http.StatusBadGateway, "The meeting service is not available",
	"It did not answer as it should. Please try again in a few minutes."}

// showError tells a visitor what to do.
func showError(w http.ResponseWriter, err error) {
	log.Print(err) // no error holds a password
	for _, p := range problems {
		if errors.Is(err, p.err) {
			render(w, p.code, "problem.html", p)
			return
		}
	}
	render(w, otherProblem.code, "problem.html", otherProblem)
}

func render(w http.ResponseWriter, code int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	if err := templates.ExecuteTemplate(w, name, data); err != nil {
		log.Print(err)
	}
}
