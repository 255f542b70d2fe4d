package iomeetingtest_test

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failSafe ends a test that hangs. No result depends on it.
const failSafe = time.Minute

const (
	formType = "application/x-www-form-urlencoded"
	textType = "text/plain; charset=utf-8"
	pageType = "text/html; charset=utf-8"
)

var (
	tess = iomeeting.Host{Email: "test@abc.com", Password: iomeeting.NewSecret("123456")}
	rene = iomeeting.Host{Email: "renée+1@abc.com", Password: iomeeting.NewSecret(" pässwörd & co, 100% ")}
)

// site is a server under test. Its methods send plain HTTP requests instead of
// using the client, so that no error of the client can hide one of the server.
// They can be called on any goroutine.
type site struct {
	*iomeetingtest.Server
	t *testing.T
}

func serve(t *testing.T, hosts ...iomeeting.Host) site {
	s := iomeetingtest.NewServer(hosts...)
	t.Cleanup(s.Close)
	return site{s, t}
}

// call POSTs a form with these names and values.
func (s site) call(path string, pairs ...string) reply {
	r, err := send(http.MethodPost, s.URL+path, form(pairs...).Encode())
	assert.NoError(s.t, err)
	return r
}

func (s site) query(h iomeeting.Host) reply {
	return s.call("/meetingControl/query", "hostEmail", h.Email, "hostPassword", h.Password.Reveal())
}

func (s site) schedule(h iomeeting.Host, pairs ...string) reply {
	pairs = append(pairs, "hostEmail", h.Email, "hostPassword", h.Password.Reveal())
	return s.call("/meetingControl/schedule", pairs...)
}

// scheduled schedules a meeting and returns its ID.
func (s site) scheduled(h iomeeting.Host, pairs ...string) string {
	id, ok := strings.CutPrefix(s.schedule(h, pairs...).Body, "0,")
	assert.True(s.t, ok, "the meeting was not scheduled")
	return id
}

// open GETs a page with these names and values in its URL.
func (s site) open(path string, pairs ...string) view {
	r, err := send(http.MethodGet, s.URL+path+"?"+form(pairs...).Encode(), "")
	assert.NoError(s.t, err)
	return viewOf(r)
}

func (s site) start(h iomeeting.Host, pairs ...string) view {
	return s.open("/snm.do", append(pairs, "hostEmail", h.Email, "hostPass", h.Password.Reveal())...)
}

// started starts a new meeting and returns its ID.
func (s site) started(h iomeeting.Host, pairs ...string) string {
	v := s.start(h, pairs...)
	assert.Equal(s.t, http.StatusOK, v.Status, "the meeting was not started")
	return v.Meeting
}

func (s site) startByID(id string, h iomeeting.Host) view {
	return s.open("/ssm.do", "meetingID", id, "hostPass", h.Password.Reveal())
}

// running schedules a meeting, starts it and returns its ID.
func (s site) running(h iomeeting.Host, pairs ...string) string {
	id := s.scheduled(h, pairs...)
	assert.Equal(s.t, http.StatusOK, s.startByID(id, h).Status, "the meeting was not started")
	return id
}

func (s site) joinByID(id string) view { return s.open("/jm.do", "meetingID", id) }

// states returns the states of all meetings.
func (s site) states() []iomeetingtest.State {
	var states []iomeetingtest.State
	for _, m := range s.Meetings() {
		states = append(states, m.State)
	}
	return states
}

// form returns a form with these names, each followed by its value.
func form(pairs ...string) url.Values {
	values := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

// reply is a response of the server.
type reply struct {
	Status int
	Type   string
	Body   string
}

// line is the reply to a call that was carried out.
func line(body string) reply { return reply{http.StatusOK, textType, body} }

// send sends a request whose body is declared to be a form.
func send(method, target, body string) (reply, error) {
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", formType)
	return exchange(req)
}

func exchange(req *http.Request) (reply, error) {
	plain := http.Client{
		Timeout:       failSafe,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := plain.Do(req)
	if err != nil {
		return reply{}, err
	}
	return readReply(res)
}

func readReply(res *http.Response) (reply, error) {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header.Get("Content-Type"), string(body)}, err
}

// view is what a person sees on a page.
type view struct {
	Status  int
	Refusal string
	Title   string
	Name    string
	Role    string
	Meeting string
	Host    string
	People  []string
}

// refused is the view of a page that refuses a person.
func refused(status int, reason string) view { return view{Status: status, Refusal: reason} }

var (
	element  = regexp.MustCompile(`(?s)id="(\w+)">(.*?)</(?:h1|p|span|dd|ul)>`)
	listItem = regexp.MustCompile(`(?s)<li>(.*?)</li>`)
)

func viewOf(r reply) view {
	inner := make(map[string]string)
	for _, e := range element.FindAllStringSubmatch(r.Body, -1) {
		inner[e[1]] = e[2]
	}
	text := func(id string) string { return html.UnescapeString(inner[id]) }
	v := view{r.Status, text("refusal"), text("title"), text("name"), text("role"), text("meeting"), text("host"), nil}
	for _, item := range listItem.FindAllStringSubmatch(inner["people"], -1) {
		v.People = append(v.People, html.UnescapeString(item[1]))
	}
	return v
}

// callback is a request that an end URL received.
type callback struct{ Method, URI, Type, Body string }

// postOf is the callback that the server should send.
func postOf(uri, body string) callback { return callback{http.MethodPost, uri, formType, body} }

// partner is a website that schedules meetings. It has the end URLs.
type partner struct {
	URL string

	t        *testing.T
	mu       sync.Mutex
	received []callback
}

// newPartner returns a partner that records the callbacks it receives and leaves
// the response to next.
func newPartner(t *testing.T, next http.HandlerFunc) *partner {
	p := &partner{t: t}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.record(r)
		next(w, r)
	}))
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

func (p *partner) record(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	assert.NoError(p.t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received = append(p.received, callback{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(body)})
}

func (p *partner) callbacks() []callback {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.received)
}

func accept(http.ResponseWriter, *http.Request) {}

// respond responds with an HTTP status.
func respond(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// announce says when a callback arrives. The call that ended the meeting has then
// been carried out.
func announce(arrived chan<- struct{}) http.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) { arrived <- struct{}{} }
}

// hang says when a callback arrives, and does not respond until the server
// disconnects.
func hang(arrived chan<- struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		// The context ends with the connection only after the body has been read.
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}
}

// receive returns the next value from c.
func receive[T any](t *testing.T, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(failSafe):
		t.Fatal("nothing arrived")
	}
	return value
}
