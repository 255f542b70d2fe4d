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

// failSafe ends a test that hangs, and decides nothing else.
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

// site is a service under test. Its methods speak plain HTTP, and not by the
// client, so that nothing of the client can hide a fault of the service. They
// may be called on any goroutine.
type site struct {
	*iomeetingtest.Server
	t *testing.T
}

func serve(t *testing.T, hosts ...iomeeting.Host) site {
	s := iomeetingtest.NewServer(hosts...)
	t.Cleanup(s.Close)
	return site{s, t}
}

// call POSTs a form of these names and values.
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

// open GETs a page with these names and values in the URL.
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

// form returns a form of names, each before its value.
func form(pairs ...string) url.Values {
	values := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

// reply is an answer as it arrives.
type reply struct {
	Status int
	Type   string
	Body   string
}

// line is the reply of a call that went well.
func line(body string) reply { return reply{http.StatusOK, textType, body} }

// send sends a body, which is called a form, and reads the answer.
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

// view is what a person reads on a page.
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

// refused is the view of a page that lets nobody into a meeting.
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

// told is a request to an end URL.
type told struct{ Method, URI, Type, Body string }

// ending is what an end URL is told of a meeting.
func ending(uri, body string) told { return told{http.MethodPost, uri, formType, body} }

// user is the site of somebody who schedules meetings, with their end URLs.
type user struct {
	URL string

	t    *testing.T
	mu   sync.Mutex
	told []told
}

// newUser returns a user whose end URLs record what they are told, and leave
// the answer to next.
func newUser(t *testing.T, next http.HandlerFunc) *user {
	u := &user{t: t}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.record(r)
		next(w, r)
	}))
	t.Cleanup(s.Close)
	u.URL = s.URL
	return u
}

func (u *user) record(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	assert.NoError(u.t, err)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.told = append(u.told, told{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(body)})
}

func (u *user) wasTold() []told {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.told)
}

func accept(http.ResponseWriter, *http.Request) {}

// status answers with that HTTP status.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// signal says when it is asked, and so that a call which ends a meeting is under
// way.
func signal(asked chan<- struct{}) http.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }
}

// silence says when it is asked, and gives no answer while one is waited for.
func silence(asked chan<- struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		// The context ends with the connection only once the body is read.
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-r.Context().Done()
	}
}

// receive returns what arrives on c.
func receive[T any](t *testing.T, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(failSafe):
		t.Fatal("nothing arrived")
	}
	return value
}
