// Website is a partner's site that lets its customers start and join meetings:
// a board of host accounts, each available or in a meeting.
//
// It runs on an IOMeeting service in its own process. With IOMEETING_SITE set it
// runs on that site, and needs:
//
//	IOMEETING_HOST_EMAIL, IOMEETING_HOST_PASSWORD   the host account on the board
//	PARTNER_URL      where the service reaches this site, such as https://partner.example
//	PARTNER_KEY      32 bytes or more that nobody knows, to sign operator IDs with
//
// A true site would know who its visitors are, and let a host start meetings on
// their own account only.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

//go:embed assets
var assets embed.FS

var templates = template.Must(template.ParseFS(assets, "assets/*.html"))

func main() {
	flags := flag.NewFlagSet("website", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	_ = flags.Parse(os.Args[1:]) // it exits on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		fmt.Fprintln(os.Stderr, "website:", err)
		os.Exit(1)
	}
}

// run serves the site until ctx is done.
func run(ctx context.Context, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	site, closeSite, err := newSite("http://"+listener.Addr().String(), os.Getenv)
	if err != nil {
		return err
	}
	defer closeSite()
	server := &http.Server{Handler: site.routes(), ReadTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("Open http://%s in a browser.\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// site is the partner's site.
type site struct {
	client *iomeeting.Client
	signer *iomeeting.EndSigner
	hosts  []iomeeting.Host
	url    string                       // where the service reaches this site
	end    func(meetingID string) error // of the service in the process, else nil

	mu      sync.Mutex
	books   map[iomeeting.Secret]*booking // by meeting password
	tickets map[string]iomeeting.Link     // by a name that cannot be guessed
}

// booking is a meeting that was started or scheduled here. It has a password of
// its own, by which it is known again in the service's answers.
type booking struct {
	hostEmail        string
	title            string
	password         iomeeting.Secret
	observerPassword iomeeting.Secret // empty if the meeting takes no observers
	operatorID       string           // empty if nobody tells us when it ends
	ended            time.Time        // zero until the service has told us
}

// newSite makes a site that visitors reach at address, and a function that ends
// what it runs.
func newSite(address string, getenv func(string) string) (*site, func(), error) {
	s := &site{url: address, books: make(map[iomeeting.Secret]*booking), tickets: make(map[string]iomeeting.Link)}
	service, key, done := getenv("IOMEETING_SITE"), getenv("PARTNER_KEY"), func() {}
	if service == "" {
		s.hosts = []iomeeting.Host{
			{Email: "alice@example.com", Password: iomeeting.NewSecret(rand.Text())},
			{Email: "bob@example.com", Password: iomeeting.NewSecret(rand.Text())},
		}
		inProcess := iomeetingtest.NewServer(s.hosts...)
		service, key, done, s.end = inProcess.URL, rand.Text()+rand.Text(), inProcess.Close, inProcess.EndMeeting
	} else {
		s.hosts = []iomeeting.Host{{
			Email:    getenv("IOMEETING_HOST_EMAIL"),
			Password: iomeeting.NewSecret(getenv("IOMEETING_HOST_PASSWORD")),
		}}
		s.url = strings.TrimRight(getenv("PARTNER_URL"), "/")
		if s.hosts[0].Email == "" || s.hosts[0].Password.IsZero() || s.url == "" {
			return nil, nil, errors.New("a real site needs IOMEETING_HOST_EMAIL, IOMEETING_HOST_PASSWORD and PARTNER_URL")
		}
	}
	var errClient, errSigner error
	s.client, errClient = iomeeting.NewClient(service)
	s.signer, errSigner = iomeeting.NewEndSigner(iomeeting.NewSecret(key))
	if err := cmp.Or(errClient, errSigner); err != nil {
		done()
		return nil, nil, err
	}
	return s, done, nil
}

func (s *site) routes() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", s.showBoard)
	pages.Handle("GET /assets/", http.FileServerFS(assets))
	pages.HandleFunc("GET /open/{ticket}", s.openMeeting)
	pages.HandleFunc("POST /start", s.startMeeting)
	pages.HandleFunc("POST /schedule", s.scheduleMeeting)
	pages.HandleFunc("POST /join", s.joinMeeting)
	if s.end != nil {
		pages.HandleFunc("POST /end", s.endMeeting)
	}
	all := http.NewServeMux()
	all.Handle("/", http.MaxBytesHandler(http.NewCrossOriginProtection().Handler(pages), 64<<10))
	all.Handle("/meeting-ended", s.signer.Handler(s.meetingEnded)) // the service POSTs here
	return all
}

// card is what the board shows of a host.
type card struct {
	Email     string
	State     string // "available", "meeting" or "unknown"
	MeetingID string
	Title     string
	Observers bool   // the meeting takes observers
	Ended     string // the last meeting whose end we were told
	CanEnd    bool
}

func (s *site) showBoard(w http.ResponseWriter, r *http.Request) {
	cards := make([]card, len(s.hosts))
	var asking sync.WaitGroup
	for i, host := range s.hosts {
		asking.Go(func() { cards[i] = s.cardOf(r.Context(), host) })
	}
	asking.Wait()
	render(w, http.StatusOK, "board.html", cards)
}

func (s *site) cardOf(ctx context.Context, host iomeeting.Host) card {
	c := card{Email: host.Email, State: "available", CanEnd: s.end != nil, Ended: s.lastEnd(host.Email)}
	state, err := s.client.Query(ctx, host)
	switch {
	case err != nil:
		log.Print(err) // no error holds a password
		c.State = "unknown"
	case state.InMeeting():
		b := s.booked(state.MeetingPassword)
		c.State, c.MeetingID, c.Observers = "meeting", state.MeetingID, !b.observerPassword.IsZero()
		c.Title = cmp.Or(b.title, "Meeting "+state.MeetingID)
	}
	return c
}

// booked returns the booking of the meeting with that password, if it is one of
// ours.
func (s *site) booked(password iomeeting.Secret) booking {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.books[password]; b != nil {
		return *b
	}
	return booking{}
}

// lastEnd says when the last meeting of a host ended that the service told us of.
func (s *site) lastEnd(hostEmail string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last booking
	for _, b := range s.books {
		if b.hostEmail == hostEmail && b.ended.After(last.ended) {
			last = *b
		}
	}
	if last.ended.IsZero() {
		return ""
	}
	return fmt.Sprintf("“%s” ended at %s", last.title, last.ended.Format("15:04:05"))
}

// startMeeting sends the host to a new meeting. It has a title and takes
// observers; that it has ended we see only when we ask.
func (s *site) startMeeting(w http.ResponseWriter, r *http.Request) {
	host, err := s.host(r)
	if err != nil {
		s.showError(w, err)
		return
	}
	state, err := s.client.Query(r.Context(), host)
	if err == nil && state.InMeeting() {
		err = iomeeting.ErrInMeeting
	}
	if err != nil {
		s.showError(w, err)
		return
	}
	b := newBooking(host, r.PostFormValue("title"))
	b.observerPassword = iomeeting.NewSecret(rand.Text())
	link, err := s.client.Start(host, &iomeeting.StartOptions{
		MeetingPassword:  b.password,
		ObserverPassword: b.observerPassword,
		Title:            b.title,
	})
	if err != nil {
		s.showError(w, err)
		return
	}
	s.book(b)
	s.send(w, r, link, nil)
}

// scheduleMeeting sends the host to a meeting whose end the service tells us.
// Its title stays with us, and it takes no observers.
func (s *site) scheduleMeeting(w http.ResponseWriter, r *http.Request) {
	host, err := s.host(r)
	if err != nil {
		s.showError(w, err)
		return
	}
	b := newBooking(host, r.PostFormValue("title"))
	b.operatorID = rand.Text()
	meeting, err := s.client.ScheduleIfAvailable(r.Context(), host, &iomeeting.ScheduleOptions{
		MeetingPassword: b.password,
		EndURL:          s.url + "/meeting-ended",
		OperatorID:      s.signer.Sign(b.operatorID),
	})
	if err != nil {
		s.showError(w, err)
		return
	}
	s.book(b)
	link, err := s.client.StartByID(meeting.MeetingID, host.Password)
	s.send(w, r, link, err)
}

// joinMeeting sends a visitor to the meeting that a host is in.
func (s *site) joinMeeting(w http.ResponseWriter, r *http.Request) {
	host, err := s.host(r)
	if err != nil {
		s.showError(w, err)
		return
	}
	state, err := s.client.Query(r.Context(), host)
	if err == nil && !state.InMeeting() {
		err = errNoMeeting
	}
	if err != nil {
		s.showError(w, err)
		return
	}
	opts := &iomeeting.JoinOptions{UserName: r.PostFormValue("name")}
	if r.PostFormValue("role") == "observer" {
		opts.ObserverPassword = s.booked(state.MeetingPassword).observerPassword
		if opts.ObserverPassword.IsZero() {
			s.showError(w, errNoObservers)
			return
		}
	} else {
		opts.MeetingPassword = state.MeetingPassword
	}
	link, err := s.client.JoinByID(state.MeetingID, opts)
	s.send(w, r, link, err)
}

// meetingEnded is what the service tells us, perhaps more than once.
func (s *site) meetingEnded(_ context.Context, operatorID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.books {
		if b.operatorID == operatorID && b.ended.IsZero() {
			b.ended = time.Now()
		}
	}
	return nil
}

// endMeeting ends a meeting of the service in the process, as its host would.
func (s *site) endMeeting(w http.ResponseWriter, r *http.Request) {
	if err := s.end(r.PostFormValue("meeting")); err != nil {
		log.Print(err) // it has ended already
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// host returns the account that a form names.
func (s *site) host(r *http.Request) (iomeeting.Host, error) {
	i := slices.IndexFunc(s.hosts, func(h iomeeting.Host) bool { return h.Email == r.PostFormValue("host") })
	if i < 0 {
		return iomeeting.Host{}, iomeeting.ErrHostNotFound
	}
	return s.hosts[i], nil
}

// newBooking returns a booking with a new password.
func newBooking(host iomeeting.Host, title string) booking {
	return booking{hostEmail: host.Email, title: cmp.Or(title, "Meeting"), password: iomeeting.NewSecret(rand.Text())}
}

// book enters a meeting into the books. A true site has a database for them.
func (s *site) book(b booking) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books[b.password] = &b
}

// send sends the visitor to the page that opens the link. The page holds
// passwords: it has an address that nobody can guess, and opens once, within a
// minute.
func (s *site) send(w http.ResponseWriter, r *http.Request, link iomeeting.Link, err error) {
	if err != nil {
		s.showError(w, err)
		return
	}
	ticket := rand.Text()
	s.mu.Lock()
	s.tickets[ticket] = link
	s.mu.Unlock()
	time.AfterFunc(time.Minute, func() { s.takeTicket(ticket) })
	http.Redirect(w, r, "/open/"+ticket, http.StatusSeeOther)
}

func (s *site) openMeeting(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return // a look at the page does not use it up
	}
	link := s.takeTicket(r.PathValue("ticket"))
	if link == (iomeeting.Link{}) {
		s.showError(w, errUsed)
		return
	}
	link.ServeHTTP(w, r)
}

func (s *site) takeTicket(ticket string) iomeeting.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	link := s.tickets[ticket]
	delete(s.tickets, ticket)
	return link
}

var (
	errNoMeeting   = errors.New("website: the host is in no meeting")
	errNoObservers = errors.New("website: the meeting takes no observers")
	errUsed        = errors.New("website: the page was opened before")
)

// showError tells a visitor what to do.
func (s *site) showError(w http.ResponseWriter, err error) {
	log.Print(err)
	code, text := http.StatusBadGateway, "The meeting service cannot be reached. Please try again later."
	switch {
	case errors.Is(err, iomeeting.ErrOutcomeUnknown):
		text = "The meeting may have been scheduled, or may not. Please look at the board before you try again."
	case errors.Is(err, iomeeting.ErrInMeeting):
		code, text = http.StatusConflict, "This host is in a meeting, which goes on."
	case errors.Is(err, iomeeting.ErrInvalidParameter):
		code, text = http.StatusBadRequest, "The service does not take what you entered."
	case errors.Is(err, iomeeting.ErrHostNotFound), errors.Is(err, iomeeting.ErrWrongPassword):
		code, text = http.StatusNotFound, "This host account is not set up right."
	case errors.Is(err, errNoMeeting):
		code, text = http.StatusConflict, "This host is in no meeting any more."
	case errors.Is(err, errNoObservers):
		code, text = http.StatusConflict, "This meeting takes no observers."
	case errors.Is(err, errUsed):
		code, text = http.StatusGone, "This page opens a meeting once. Please start from the board."
	}
	render(w, code, "message.html", text)
}

func render(w http.ResponseWriter, code int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if err := templates.ExecuteTemplate(w, name, data); err != nil {
		log.Print(err)
	}
}
