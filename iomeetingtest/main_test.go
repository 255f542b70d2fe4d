package iomeetingtest_test

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
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
	queryPath    = "/meetingControl/query"
	schedulePath = "/meetingControl/schedule"
	formType     = "application/x-www-form-urlencoded"
	validForm    = "hostEmail=test%40abc.com&hostPassword=123456&hostPass=123456" // of tess, for calls and pages
)

var (
	tess = iomeeting.Host{Email: "test@abc.com", Password: iomeeting.NewSecret("123456")}
	ann  = iomeeting.Host{Email: "ann@abc.com", Password: iomeeting.NewSecret("333333")}
)

// site is a server under test. Its methods send plain HTTP requests instead of using
// the client, so that no error of the client can hide one of the server. They can be
// called on any goroutine. Parameters are given as they are sent: name=value.
type site struct {
	*iomeetingtest.Server
	t *testing.T
}

func serve(t *testing.T, hosts ...iomeeting.Host) site {
	s := iomeetingtest.NewServer(hosts...)
	t.Cleanup(s.Close)
	return site{s, t}
}

// do sends a request whose body is declared to be a form.
func (s site) do(method, target, body string) (*http.Response, string, error) {
	req, err := http.NewRequest(method, s.URL+target, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", formType)
	res, err := (&http.Client{Timeout: failSafe}).Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

// send sends a request that gets plain text, and returns its status and body, such as
// "200 0,,".
func (s site) send(method, target, body string) string {
	res, text, err := s.do(method, target, body)
	if !assert.NoError(s.t, err) {
		return ""
	}
	assert.Equal(s.t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
	return strconv.Itoa(res.StatusCode) + " " + text
}

func (s site) query(h iomeeting.Host) string {
	return s.send(http.MethodPost, queryPath, form("hostPassword", h))
}

func (s site) schedule(h iomeeting.Host, options ...string) string {
	return s.send(http.MethodPost, schedulePath, form("hostPassword", h, options...))
}

// scheduled schedules a meeting and returns its ID.
func (s site) scheduled(h iomeeting.Host, options ...string) string {
	id, ok := strings.CutPrefix(s.schedule(h, options...), "200 0,")
	assert.True(s.t, ok, "the meeting was not scheduled")
	return id
}

// running schedules a meeting, starts it and returns its ID.
func (s site) running(h iomeeting.Host, options ...string) string {
	id := s.scheduled(h, options...)
	assert.Equal(s.t, 200, s.startByID(id, h).Status, "the meeting was not started")
	return id
}

func (s site) start(h iomeeting.Host, options ...string) view {
	return s.open("/snm.do?" + form("hostPass", h, options...))
}

func (s site) startByID(id string, h iomeeting.Host) view {
	return s.open("/ssm.do?meetingID=" + id + "&hostPass=" + h.Password.Reveal())
}

func (s site) joinByID(id string) view { return s.open("/jm.do?meetingID=" + id) }

// form returns a form with the credentials of h and options.
func form(passwordParam string, h iomeeting.Host, options ...string) string {
	credentials := url.Values{"hostEmail": {h.Email}, passwordParam: {h.Password.Reveal()}}.Encode()
	return strings.Join(append(options, credentials), "&")
}

// states returns the states of all meetings, such as "scheduled, ended".
func (s site) states() string {
	var states []string
	for _, m := range s.Meetings() {
		states = append(states, m.State.String())
	}
	return strings.Join(states, ", ")
}

// received returns the method, path and parameters of each request, such as
// "POST /jm.do?a=1 b=2".
func (s site) received() []string {
	var all []string
	for _, r := range s.Requests() {
		all = append(all, strings.TrimSuffix(r.Method+" "+r.Path+"?"+r.Query.Encode(), "?")+" "+r.PostForm.Encode())
	}
	return all
}

// view is what a person sees on a page.
type view struct {
	Status                               int
	Refusal, Title, Name, Role, ID, Host string
	People                               string // such as "test@abc.com (host), Guest (participant)"
}

// refused is the view of a page that refuses a person.
func refused(status int, reason string) view { return view{Status: status, Refusal: reason} }

var (
	element  = regexp.MustCompile(`(?s)id="(\w+)">(.*?)</(?:h1|p|span|dd|ul)>`)
	password = regexp.MustCompile(`(?:host|meeting|observer)Pass=(\w{6})`)
)

// open GETs a page. No page may be cached, show a password or run what a person entered.
func (s site) open(target string) view { return s.page(http.MethodGet, target, "") }

func (s site) page(method, target, body string) view {
	res, text, err := s.do(method, target, body)
	if !assert.NoError(s.t, err) {
		return view{}
	}
	assert.Equal(s.t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	assert.Equal(s.t, "no-store", res.Header.Get("Cache-Control"))
	assert.NotContains(s.t, text, "<script")
	for _, sent := range password.FindAllStringSubmatch(target+"&"+body, -1) {
		assert.NotContains(s.t, text, sent[1])
	}
	inner := make(map[string]string)
	for _, e := range element.FindAllStringSubmatch(text, -1) {
		inner[e[1]] = html.UnescapeString(e[2])
	}
	people := strings.NewReplacer("</li><li>", ", ", "<li>", "", "</li>", "").Replace(inner["people"])
	return view{
		Status: res.StatusCode, Refusal: inner["refusal"], Title: inner["title"], Name: inner["name"], Role: inner["role"],
		ID: inner["meeting"], Host: inner["host"], People: people,
	}
}

// partner is a website that schedules meetings. It has the end URLs.
type partner struct {
	URL string

	t        *testing.T
	mu       sync.Mutex
	received []string
}

// newPartner returns a partner that records the callbacks it receives and leaves the
// response to next.
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
	assert.Equal(p.t, formType, r.Header.Get("Content-Type"))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received = append(p.received, r.Method+" "+r.RequestURI+" "+string(body))
}

// callbacks returns what arrived, such as "POST /ended operatorId=42".
func (p *partner) callbacks() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.received)
}

// must returns v, a link that the client made.
func must(v iomeeting.Link, err error) iomeeting.Link {
	if err != nil {
		panic(err)
	}
	return v
}

// respond responds with an HTTP status.
func respond(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
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
