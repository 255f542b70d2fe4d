package main

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

var alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("canary-of-alice")}

// partner is the site of this example on a service that the test can look into.
type partner struct {
	*testing.T
	service *iomeetingtest.Server
	web     *httptest.Server
	site    *site
}

func newPartner(t *testing.T) partner {
	t.Helper()
	p := partner{T: t, service: iomeetingtest.NewServer(alice)}
	t.Cleanup(p.service.Close)
	p.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.site.routes().ServeHTTP(w, r)
	}))
	t.Cleanup(p.web.Close)
	env := map[string]string{
		"IOMEETING_SITE":          p.service.URL,
		"IOMEETING_HOST_EMAIL":    alice.Email,
		"IOMEETING_HOST_PASSWORD": alice.Password.Reveal(),
		"PARTNER_URL":             p.web.URL + "/",
		"PARTNER_KEY":             strings.Repeat("k", 32),
	}
	site, done, err := newSite("unused", func(name string) string { return env[name] })
	require.NoError(t, err)
	t.Cleanup(done)
	p.site = site
	return p
}

// answer is what a visitor gets.
type answer struct {
	code int
	path string // after redirects
	body string
}

func (p partner) do(req *http.Request) answer {
	p.Helper()
	res, err := p.web.Client().Do(req)
	require.NoError(p, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(p, err)
	return answer{res.StatusCode, res.Request.URL.Path, html.UnescapeString(string(body))}
}

func (p partner) get(path string) answer {
	p.Helper()
	req, err := http.NewRequest(http.MethodGet, p.web.URL+path, nil)
	require.NoError(p, err)
	return p.do(req)
}

// post submits a form of the site.
func (p partner) post(path string, fields ...string) answer {
	p.Helper()
	form := make(url.Values)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	req, err := http.NewRequest(http.MethodPost, p.web.URL+path, strings.NewReader(form.Encode()))
	require.NoError(p, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.do(req)
}

var (
	action = regexp.MustCompile(`action="([^"]*)"`)
	field  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// submit submits the form of a page to the service, and returns its page.
func (p partner) submit(page answer) string {
	p.Helper()
	require.Equal(p, http.StatusOK, page.code)
	require.True(p, strings.HasPrefix(page.path, "/open/"), page.path)
	form := make(url.Values)
	for _, m := range field.FindAllStringSubmatch(page.body, -1) {
		form.Set(m[1], m[2])
	}
	res, err := http.PostForm(action.FindStringSubmatch(page.body)[1], form)
	require.NoError(p, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(p, err)
	return html.UnescapeString(string(body))
}

const title = `会议 "Q3_Review" 100% C++`

func TestMeetingThatIsStarted(t *testing.T) {
	p := newPartner(t)
	assert.Contains(t, p.get("/").body, `data-state="available"`)

	opened := p.submit(p.post("/start", "host", alice.Email, "title", title))
	assert.Contains(t, opened, `<h1 id="title">`+title+`</h1>`)
	board := p.get("/").body
	assert.Contains(t, board, `data-state="meeting" data-observers="true"`)
	assert.Contains(t, board, title)

	opened = p.submit(p.post("/join", "host", alice.Email, "name", "Renée O'Brien", "role", "participant"))
	assert.Contains(t, opened, "Renée O'Brien (participant)")
	opened = p.submit(p.post("/join", "host", alice.Email, "name", "Olga", "role", "observer"))
	assert.Contains(t, opened, "Olga (observer)")

	second := p.post("/start", "host", alice.Email, "title", "second")
	assert.Equal(t, http.StatusConflict, second.code)
	assert.Contains(t, second.body, "This host is in a meeting, which goes on.")

	require.NoError(t, p.service.EndMeeting("000001"))
	assert.Contains(t, p.get("/").body, `data-state="available"`)
	assert.Equal(t, http.StatusConflict, p.post("/join", "host", alice.Email, "name", "late").code)
}

func TestMeetingThatIsScheduled(t *testing.T) {
	p := newPartner(t)
	opened := p.submit(p.post("/schedule", "host", alice.Email, "title", title))
	assert.Contains(t, opened, `<dd id="meeting">000001</dd>`)
	board := p.get("/").body
	assert.Contains(t, board, `data-state="meeting" data-observers="false"`)
	assert.Contains(t, board, title)
	assert.Contains(t, p.submit(p.post("/join", "host", alice.Email, "name", "Renée", "role", "participant")), "Renée (participant)")
	assert.Contains(t, p.post("/join", "host", alice.Email, "name", "Olga", "role", "observer").body, "This meeting takes no observers.")
	assert.Equal(t, http.StatusConflict, p.post("/schedule", "host", alice.Email, "title", "second").code)

	require.NoError(t, p.service.EndMeeting("000001"))
	assert.Contains(t, p.get("/").body, "“"+title+"” ended at ")
}

func TestForgedEnd(t *testing.T) {
	p := newPartner(t)
	p.submit(p.post("/schedule", "host", alice.Email, "title", title))
	assert.Equal(t, http.StatusForbidden, p.post("/meeting-ended", "operatorId", "000001").code)
	assert.NotContains(t, p.get("/").body, "ended at")
}

func TestTicketEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
		require.NoError(t, err)
		link, err := client.JoinByID("000042", nil)
		require.NoError(t, err)
		s := &site{tickets: make(map[string]iomeeting.Link)}
		open := func(method string, after time.Duration) int {
			w := httptest.NewRecorder()
			s.send(w, httptest.NewRequest(http.MethodPost, "/join", nil), link, nil)
			time.Sleep(after)
			r := httptest.NewRequest(method, w.Header().Get("Location"), nil)
			r.SetPathValue("ticket", strings.TrimPrefix(w.Header().Get("Location"), "/open/"))
			if method == http.MethodHead {
				s.openMeeting(httptest.NewRecorder(), r) // uses nothing up
				r.Method = http.MethodGet
			}
			w = httptest.NewRecorder()
			s.openMeeting(w, r)
			return w.Code
		}
		assert.Equal(t, http.StatusOK, open(http.MethodGet, 59*time.Second))
		assert.Equal(t, http.StatusOK, open(http.MethodHead, 0))
		assert.Equal(t, http.StatusGone, open(http.MethodGet, 61*time.Second))
		time.Sleep(time.Hour)
		assert.Empty(t, s.tickets)
	})
}

func TestHeader(t *testing.T) {
	p := newPartner(t)
	res, err := p.web.Client().Get(p.web.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, "default-src 'self'; base-uri 'none'; frame-ancestors 'none'", res.Header.Get("Content-Security-Policy"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
}

func TestPageOpensOnce(t *testing.T) {
	p := newPartner(t)
	page := p.post("/start", "host", alice.Email, "title", title)
	assert.Contains(t, page.body, alice.Password.Reveal())
	again := p.get(page.path)
	assert.Equal(t, http.StatusGone, again.code)
	assert.NotContains(t, again.body, alice.Password.Reveal())
}

func TestOtherSitesCannotPost(t *testing.T) {
	p := newPartner(t)
	for _, path := range []string{"/start", "/schedule", "/join"} {
		req, err := http.NewRequest(http.MethodPost, p.web.URL+path, strings.NewReader("host="+url.QueryEscape(alice.Email)))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		assert.Equal(t, http.StatusForbidden, p.do(req).code)
		assert.Equal(t, http.StatusMethodNotAllowed, p.get(path).code)
	}
	assert.Empty(t, p.service.Requests())
}

func TestMistakes(t *testing.T) {
	p := newPartner(t)
	assert.Equal(t, http.StatusNotFound, p.post("/start", "host", "nobody@example.com").code)
	assert.Equal(t, http.StatusBadRequest, p.post("/start", "host", alice.Email, "title", "\xff").code)
	p.service.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop())
	assert.Contains(t, p.post("/schedule", "host", alice.Email).body, "The meeting may have been scheduled, or may not.")
	p.service.FailNext(iomeetingtest.HTTPStatus(404))
	assert.Contains(t, p.get("/").body, `data-state="unknown"`)
}

func TestServiceInTheProcess(t *testing.T) {
	s, done, err := newSite("http://127.0.0.1:0", func(string) string { return "" })
	require.NoError(t, err)
	defer done()
	assert.Len(t, s.hosts, 2)
	assert.NotNil(t, s.end)
}

func TestBadEnvironment(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"IOMEETING_SITE", "abc", "iomeeting: invalid parameter: site must start with https://"},
		{"PARTNER_KEY", "abc", "iomeeting: invalid parameter: key is shorter than 32 bytes"},
		{"PARTNER_URL", "", "a real site needs IOMEETING_HOST_EMAIL, IOMEETING_HOST_PASSWORD and PARTNER_URL"},
	} {
		env := map[string]string{
			"IOMEETING_SITE": "https://abc.iomeeting.cn", "IOMEETING_HOST_EMAIL": "a", "IOMEETING_HOST_PASSWORD": "b",
			"PARTNER_URL": "https://partner.example", "PARTNER_KEY": strings.Repeat("k", 32),
		}
		env[tt.name] = tt.value
		_, _, err := newSite("unused", func(name string) string { return env[name] })
		require.EqualError(t, err, tt.want)
	}
}
