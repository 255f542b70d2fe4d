package main

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const title = `会议 "Q3_Review" 100% C++`

var (
	alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("canary of alice")}
	bob   = iomeeting.Host{Email: "bob@example.com", Password: iomeeting.NewSecret("canary of bob")}
)

// partner is the site of this example, on a service that the test can look into.
type partner struct {
	*testing.T
	*site
	url string
}

// newPartner returns a site with these accounts. Its pages ask the service each time.
func newPartner(t *testing.T, hosts ...iomeeting.Host) *partner {
	t.Helper()
	service := iomeetingtest.NewServer(hosts...)
	t.Cleanup(service.Close)
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	site, err := newSite(service, hosts, web.URL)
	require.NoError(t, err)
	site.checkEvery = 0
	mux.Handle("/", site.routes())
	return &partner{t, site, web.URL}
}

// person is a visitor with a browser.
type person struct {
	*partner
	browser *http.Client
}

func (p *partner) visitor() person {
	p.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(p, err)
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	return person{p, browser}
}

// page is what a visitor sees.
type page struct {
	status     int
	path, body string // the path is that after redirects
}

func (p person) do(req *http.Request) page {
	p.Helper()
	res, err := p.browser.Do(req)
	require.NoError(p, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(p, err)
	return page{res.StatusCode, res.Request.URL.Path, string(body)}
}

// get returns a page of the site, which must contain no password.
func (p person) get(path string) page {
	p.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	require.NoError(p, err)
	shown := p.do(req)
	p.requireNoPassword(shown)
	return shown
}

// requireNoPassword checks that a page contains no password of an account or a meeting.
func (p *partner) requireNoPassword(shown page) {
	p.Helper()
	secrets := []string{"canary"}
	for _, b := range append(p.booked, p.past...) {
		secrets = append(secrets, b.Meeting.Password.Reveal(), b.Host)
		if !b.ObserverPassword.IsZero() {
			secrets = append(secrets, b.ObserverPassword.Reveal())
		}
	}
	for _, secret := range secrets {
		require.NotContains(p, html.UnescapeString(shown.body), secret)
	}
}

// post submits a form of the site. The fields are pairs of names and values.
func (p person) post(path string, fields ...string) page {
	p.Helper()
	return p.do(p.form(path, fields...))
}

func (p *partner) form(path string, fields ...string) *http.Request {
	p.Helper()
	form := make(url.Values)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	req, err := http.NewRequest(http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
	require.NoError(p, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

// book books a meeting, and returns its path. More are fields of the form.
func (p person) book(title string, more ...string) string {
	p.Helper()
	require.Equal(p, "/", p.post("/meetings", append(more, "title", title)...).path)
	return "/meetings/" + p.booked[0].ID
}

// enter presses a button of the list, and returns the error of the service, if it
// refuses the visitor.
func (p person) enter(path, name string) error {
	p.Helper()
	shown := p.post(path, "name", name)
	require.Equal(p, http.StatusOK, shown.status, shown.body)
	return p.service.Submit(strings.NewReader(shown.body))
}

// refused presses a button of the list, and returns the title of the page that tells
// why the visitor cannot enter.
func (p person) refused(path, name string) string {
	p.Helper()
	shown := p.post(path, "name", name)
	p.requireNoPassword(shown)
	require.GreaterOrEqual(p, shown.status, 400)
	return heading(shown)
}

func heading(shown page) string {
	return html.UnescapeString(regexp.MustCompile("<h1>(.*)</h1>").FindStringSubmatch(shown.body)[1])
}

// list returns what the visitor reads in the list of meetings, and its buttons.
func (p person) list() string {
	p.Helper()
	_, list, _ := strings.Cut(p.get("/").body, "data-live>")
	list, _, _ = strings.Cut(list, "</section>")
	list = regexp.MustCompile(`<time.*?</time>`).ReplaceAllString(list, "TIME")
	list = regexp.MustCompile(`\s*<[^>]*>\s*`).ReplaceAllString(list, "|")
	return html.UnescapeString(strings.Trim(regexp.MustCompile(`\|+`).ReplaceAllString(list, " | "), " |"))
}

func (p *partner) leases() []hostpool.Lease {
	p.Helper()
	leases, err := p.pool.Leases(p.Context())
	require.NoError(p, err)
	return leases
}

func TestScheduledMeeting(t *testing.T) {
	p := newPartner(t, alice, bob)
	harriet, renee := p.visitor(), p.visitor()
	assert.Equal(t, "There are no meetings at the moment.", renee.list())
	meeting := harriet.book(title)
	assert.Equal(t, title+" | Waiting for its host | until TIME | Start", harriet.list())
	assert.Equal(t, title+" | Waiting for its host | until TIME", renee.list())
	assert.Equal(t, "Only the host can start it", renee.refused(meeting+"/start", ""))
	assert.Equal(t, "The meeting has not started", renee.refused(meeting+"/join", "Renée"))

	require.NoError(t, harriet.enter(meeting+"/start", ""))
	assert.Equal(t, title+" | In progress | Join | Host | End", harriet.list())
	assert.Equal(t, title+" | In progress | Join", renee.list())
	require.NoError(t, renee.enter(meeting+"/join", "Renée O'Brien"))
	require.NoError(t, harriet.enter(meeting+"/start", ""), "the host comes back")
	assert.Equal(t, "Something is missing", renee.refused(meeting+"/join", " "))
	require.ErrorContains(t, renee.enter(meeting+"/observe", "Olga"), "403", "there are no observers")
	assert.Equal(t, "Ren_C3_A9e O_27Brien", p.formsAt("/jm.do")[0].Get("userName"))

	renee.post(meeting + "/end")
	assert.Contains(t, renee.list(), "In progress", "only the host has the button")
	p.checkEvery = time.Hour
	require.NoError(t, p.service.EndMeeting("000001")) // and the service reports it
	assert.Empty(t, p.leases())
	assert.Equal(t, "There are no meetings at the moment. | Earlier | "+title+" | until TIME", renee.list())
	assert.Equal(t, "The meeting is over", renee.refused(meeting+"/join", "Renée"))
	reported := p.formsAt("/meetingControl/schedule")[0].Get("operatorId")
	assert.Equal(t, http.StatusOK, renee.post("/meeting-ended", "operatorId", reported).status, "a second report")
	assert.Equal(t, http.StatusForbidden, renee.post("/meeting-ended", "operatorId", "forged").status)
	assert.Equal(t, "There are no meetings at the moment. | Earlier | "+title+" | until TIME", renee.list())
}

// formsAt returns the forms that the service got at a path.
func (p *partner) formsAt(path string) (forms []url.Values) {
	for _, r := range p.service.Requests() {
		if r.Path == path {
			forms = append(forms, r.PostForm)
		}
	}
	return forms
}

func TestMeetingWithObservers(t *testing.T) {
	p := newPartner(t, alice)
	harriet, olga := p.visitor(), p.visitor()
	meeting := harriet.book(title, "observers", "yes")
	assert.Equal(t, title+" | Waiting for its host | until TIME | Start", harriet.list())
	require.NoError(t, p.pool.Renew(t.Context(), p.leases()[0].String(), time.Minute))
	require.NoError(t, harriet.enter(meeting+"/start", ""))
	assert.Greater(t, p.leases()[0].Left, startWithin-time.Minute, "the lease is renewed")
	assert.Equal(t, title, p.service.Meetings()[0].Title)
	assert.Equal(t, title+" | In progress | Join | Observe | End", harriet.list())
	assert.Equal(t, title+" | In progress | Join | Observe", olga.list())
	require.NoError(t, olga.enter(meeting+"/join", "Renée"))
	require.NoError(t, olga.enter(meeting+"/observe", "Olga"))
	assert.Equal(t, "The meeting has already started", harriet.refused(meeting+"/start", ""))

	p.checkEvery = time.Hour                           // clicks do not rely on what the list shows
	require.NoError(t, p.service.EndMeeting("000001")) // which the service reports to nobody
	assert.Contains(t, olga.list(), "In progress")
	assert.Equal(t, "The meeting is over", harriet.refused(meeting+"/start", ""))
	assert.Equal(t, "The meeting is over", olga.refused(meeting+"/join", "Olga"))
	assert.Len(t, p.leases(), 1)
	p.checkEvery = 0
	assert.Equal(t, "There are no meetings at the moment. | Earlier | "+title+" | until TIME", olga.list())
	assert.Empty(t, p.leases(), "the account is given back")
}

// TestLostCallback has a meeting whose end the service cannot report.
func TestLostCallback(t *testing.T) {
	p := newPartner(t, alice)
	harriet := p.visitor()
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("k", 32)))
	require.NoError(t, err)
	p.pool, err = hostpool.New(p.client, hostpool.NewMemoryStore(), p.hosts, hostpool.WithEnd("http://127.0.0.1:1", signer))
	require.NoError(t, err)
	meeting := harriet.book(title)
	require.NoError(t, harriet.enter(meeting+"/start", ""))
	assert.Contains(t, harriet.list(), "In progress")
	p.checkEvery = time.Hour
	p.service.FailNext(iomeetingtest.HTTPStatus(404)) // for the first check after the end
	assert.Contains(t, harriet.post(meeting+"/end").body, "State not known")
	p.checkEvery = 0
	assert.Equal(t, "There are no meetings at the moment. | Earlier | "+title+" | until TIME", harriet.list())
	assert.Empty(t, p.leases())
}

// TestMemory books one meeting after the other, and starts none.
func TestMemory(t *testing.T) {
	p := newPartner(t, alice)
	harriet := p.visitor()
	harriet.get("/")
	p.checkEvery = time.Hour // nobody looks
	for i := range 20 {
		harriet.post("/meetings", "title", fmt.Sprint("meeting ", i), "observers", []string{"", "yes"}[i%2])
		require.NoError(t, p.pool.Renew(t.Context(), p.leases()[0].String(), time.Nanosecond)) // it expires
		assert.Len(t, p.booked, 1)
		assert.LessOrEqual(t, len(p.past), maxPast)
	}
	assert.Equal(t, "meeting 19", p.booked[0].Title)
	last := "/meetings/" + p.booked[0].ID + "/start"
	p.checkEvery = 0
	assert.Equal(t, "The meeting is over", harriet.refused(last, ""), "nobody started it in time")
	assert.Equal(t, "There are no meetings at the moment. | Earlier | meeting 19 | until TIME | meeting 18 | until TIME"+
		" | meeting 17 | until TIME | meeting 16 | until TIME | meeting 15 | until TIME", harriet.list())
}

func TestProblems(t *testing.T) {
	none, taken := newPartner(t, alice), newPartner(t, alice)
	taken.visitor().book("first")
	busy := newPartner(t, alice) // in a meeting that was not booked here
	link, err := busy.client.Start(alice, nil)
	require.NoError(t, err)
	require.NoError(t, busy.service.Open(link))
	silent, refusing := newPartner(t, alice), newPartner(t, alice)
	silent.service.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop()) // the response to schedule is lost
	refusing.service.FailNext(iomeetingtest.HTTPStatus(404))
	for _, tt := range []struct {
		name    string
		partner *partner
		title   string
		status  int
		heading string
	}{
		{name: "no title", partner: none, status: 400, heading: "Something is missing"},
		{name: "long title", partner: none, title: strings.Repeat("会", 201), status: 400, heading: "Something is missing"},
		{name: "not UTF-8", partner: none, title: "\xff", status: 400, heading: "Something is missing"},
		{name: "large request", partner: none, title: title + strings.Repeat(" ", 20_000), status: 400, heading: "Something is missing"},
		{name: "longest title", partner: none, title: strings.Repeat("会", 200), status: 200, heading: "Meetings"},
		{name: "booked", partner: taken, title: title, status: 429, heading: "All accounts are in use"},
		{name: "in a meeting", partner: busy, title: title, status: 429, heading: "All accounts are in use"},
		{name: "outcome unknown", partner: silent, title: title, status: 502, heading: "The booking was not confirmed"},
		{name: "refused", partner: refusing, title: title, status: 502, heading: "The meeting service is not available"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.partner.visitor()
			shown := p.post("/meetings", "title", tt.title)
			p.requireNoPassword(shown)
			assert.Equal(t, tt.status, shown.status)
			assert.Equal(t, tt.heading, heading(shown))
		})
	}
	assert.Contains(t, busy.visitor().get("/accounts").body, "No booking")
}

func TestOtherSitesCannotPost(t *testing.T) {
	p := newPartner(t, alice)
	harriet := p.visitor()
	meeting := harriet.book(title)
	before := len(p.service.Requests())
	for _, path := range []string{"/meetings", meeting + "/start", meeting + "/join", meeting + "/end"} {
		req := p.form(path, "title", "theirs", "name", "Renée")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		assert.Equal(t, http.StatusForbidden, harriet.do(req).status, path)
		assert.Equal(t, http.StatusMethodNotAllowed, harriet.get(path).status, path)
	}
	assert.Len(t, p.service.Requests(), before)
	assert.Len(t, p.booked, 1)
}

func TestAccounts(t *testing.T) {
	p := newPartner(t, alice, bob)
	harriet := p.visitor()
	require.NoError(t, harriet.enter(harriet.book(title)+"/start", ""))
	shown := harriet.get("/accounts").body
	lease := p.leases()[0]
	assert.Less(t, strings.Index(shown, alice.Email), strings.Index(shown, bob.Email))
	for _, text := range []string{"In a meeting", html.EscapeString(title), "Free", "No lease", "Leased until", lease.ID} {
		assert.Contains(t, html.UnescapeString(shown), html.UnescapeString(text))
	}
	require.NoError(t, p.pool.Renew(t.Context(), lease.String(), time.Nanosecond))
	assert.Contains(t, harriet.get("/accounts").body, "Lease expired at")
}

// TestVisitorsShareACheck has many visitors look at the pages at the same time.
func TestVisitorsShareACheck(t *testing.T) {
	p := newPartner(t, alice)
	p.visitor().book(title)
	p.checkEvery, p.checked = time.Hour, time.Time{}
	before := len(p.service.Requests())
	var visitors sync.WaitGroup
	for range 20 {
		visitors.Go(func() { p.visitor().get("/") })
	}
	visitors.Wait()
	assert.Len(t, p.service.Requests(), before+1)
}
