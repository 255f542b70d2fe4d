package main

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func host(email string) iomeeting.Host {
	return iomeeting.Host{Email: email, Password: iomeeting.NewSecret("canary of " + email)}
}

var alice, bob = host("alice@example.com"), host("bob@example.com")

// partner is the site of this example, on a service that the test can look into.
type partner struct {
	*testing.T
	service *iomeetingtest.Server
	web     *httptest.Server
	site    *site
}

// newPartner returns a site with these accounts. Its pages ask the service each
// time.
func newPartner(t *testing.T, hosts ...iomeeting.Host) *partner {
	t.Helper()
	p := &partner{T: t, service: iomeetingtest.NewServer(hosts...)}
	t.Cleanup(p.service.Close)
	p.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.site.routes().ServeHTTP(w, r)
	}))
	t.Cleanup(p.web.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	p.web.Client().Jar = newJar(t)
	p.configure(config{
		service: p.service.URL,
		hosts:   hosts,
		url:     p.web.URL,
		key:     iomeeting.NewSecret(strings.Repeat("k", 32)),
	})
	return p
}

func newJar(t *testing.T) *cookiejar.Jar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return jar
}

// configure replaces the site.
func (p *partner) configure(cfg config) {
	p.Helper()
	site, err := newSite(cfg)
	require.NoError(p, err)
	site.watch.every = 0
	p.site = site
}

// shown is what a visitor gets.
type shown struct {
	code int
	path string // after redirects
	body string
}

func (p *partner) do(req *http.Request) shown {
	p.Helper()
	res, err := p.web.Client().Do(req)
	require.NoError(p, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(p, err)
	return shown{res.StatusCode, res.Request.URL.Path, html.UnescapeString(string(body))}
}

func (p *partner) get(path string) shown {
	p.Helper()
	req, err := http.NewRequest(http.MethodGet, p.web.URL+path, nil)
	require.NoError(p, err)
	return p.do(req)
}

// post submits a form of the site. The fields are pairs of names and values.
func (p *partner) post(path string, fields ...string) shown {
	p.Helper()
	return p.do(form(p.T, p.web.URL+path, fields...))
}

func form(t *testing.T, address string, fields ...string) *http.Request {
	t.Helper()
	form := make(url.Values)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

var (
	action = regexp.MustCompile(`action="([^"]*)"`)
	field  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// submit submits the form of a page to the service, and returns its page.
func (p *partner) submit(page shown) string {
	p.Helper()
	require.Equal(p, http.StatusOK, page.code)
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

// id returns the ID of the only booking.
func (p *partner) id() string {
	p.Helper()
	bookings := p.site.books.all()
	require.Len(p, bookings, 1)
	return bookings[0].id
}

// leased returns the accounts that are leased.
func (p *partner) leased() []string {
	p.Helper()
	leases, err := p.site.pool.Leases(p.Context())
	require.NoError(p, err)
	emails := []string{}
	for _, lease := range leases {
		emails = append(emails, lease.Host)
	}
	return emails
}

const title = `会议 "Q3_Review" 100% C++`

func TestHeader(t *testing.T) {
	p := newPartner(t, alice)
	for _, path := range []string{"/", "/accounts"} {
		res, err := p.web.Client().Get(p.web.URL + path)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, "default-src 'self'; base-uri 'none'; frame-ancestors 'none'", res.Header.Get("Content-Security-Policy"))
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	}
	assert.Equal(t, http.StatusOK, p.get("/assets/style.css").code)
	assert.Equal(t, http.StatusOK, p.get("/assets/live.js").code)
}

func TestOtherSitesCannotPost(t *testing.T) {
	p := newPartner(t, alice)
	for _, path := range []string{"/start", "/join"} {
		req := form(t, p.web.URL+path, "title", title, "name", "Renée")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		assert.Equal(t, http.StatusForbidden, p.do(req).code)
		assert.Equal(t, http.StatusMethodNotAllowed, p.get(path).code)
	}
	assert.Empty(t, p.service.Requests())
	assert.Empty(t, p.site.books.all())
}

func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, run(ctx, "127.0.0.1:0"))
	require.ErrorContains(t, run(ctx, "nowhere"), "missing port")
}

func TestInProcess(t *testing.T) {
	cfg, err := newConfig("http://127.0.0.1:1", func(string) string { return "" })
	require.NoError(t, err)
	defer cfg.close()
	s, err := newSite(cfg)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	s.routes().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/accounts", nil))
	assert.Equal(t, 4, strings.Count(w.Body.String(), `data-state="available"`))
}

func TestRealSite(t *testing.T) {
	hosts := `[{"Email": "a@example.com", "Password": "canary, \"1\""}, {"email": "b@example.com", "password": "2"}]`
	for _, tt := range []struct{ name, value, want string }{
		{"IOMEETING_SITE", "https://abc.iomeeting.cn", ""},
		{"IOMEETING_SITE", "abc", "iomeeting: invalid parameter: site must start with https:// or http://"},
		{"PARTNER_KEY", "abc", "iomeeting: invalid parameter: key is shorter than 32 bytes"},
		{"PARTNER_URL", "", "a real site needs PARTNER_URL"},
		{"IOMEETING_HOSTS", "canary", `a real site needs IOMEETING_HOSTS, as JSON: [{"Email": "…", "Password": "…"}]`},
		{"IOMEETING_HOSTS", "[]", "iomeeting: invalid parameter: hosts is empty"},
		{"IOMEETING_HOSTS", `[{"Email": "a@example.com", "Pasword": "canary"}]`, "iomeeting: invalid parameter: hosts[0]: hostPassword is empty"},
	} {
		env := map[string]string{
			"IOMEETING_SITE": "https://abc.iomeeting.cn", "IOMEETING_HOSTS": hosts,
			"PARTNER_URL": "https://partner.example/", "PARTNER_KEY": strings.Repeat("k", 32),
		}
		env[tt.name] = tt.value
		cfg, err := newConfig("unused", func(name string) string { return env[name] })
		var s *site
		if err == nil {
			s, err = newSite(cfg)
		}
		if tt.want != "" {
			require.EqualError(t, err, tt.want)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, "https://partner.example", s.url)
		assert.Nil(t, s.end)
		require.Len(t, s.hosts, 2)
		assert.Equal(t, `canary, "1"`, s.hosts[0].Password.Reveal())
		printed, err := json.Marshal(s.hosts)
		require.NoError(t, err)
		assert.NotContains(t, string(printed), "canary")
	}
}
