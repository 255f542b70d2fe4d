package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestScheduledMeeting(t *testing.T) {
	p := newPartner(t, alice)
	page := p.post("/start", "title", title, "name", "Harriet")
	board := p.get("/").body
	assert.Contains(t, board, `data-state="waiting"`)
	assert.NotContains(t, board, `name="join" value`)
	assert.Equal(t, http.StatusConflict, p.post("/join", "join", p.id(), "name", "too early").code)

	assert.Contains(t, p.submit(page), `<dd id="meeting">000001</dd>`)
	board = p.get("/").body
	assert.Contains(t, board, `data-state="progress"`)
	assert.Contains(t, board, "<h3>"+title+"</h3>")
	assert.Contains(t, board, "Host: Harriet")
	assert.Contains(t, board, `name="join" value="`+p.id()+`"`)
	assert.NotContains(t, board, `name="observe"`)
	assert.Contains(t, p.submit(p.post("/join", "join", p.id(), "name", "Renée O'Brien")), "Renée O'Brien (participant)")
	observing := p.post("/join", "observe", p.id(), "name", "Olga")
	assert.Equal(t, http.StatusConflict, observing.code)
	assert.Contains(t, observing.body, "Its host did not allow observers.")

	require.NoError(t, p.service.EndMeeting("000001")) // and the service notifies the site
	ended := p.site.books.get(p.id()).ended
	assert.False(t, ended.IsZero())
	signed := p.service.Requests()[1].PostForm.Get("operatorId")
	assert.Equal(t, http.StatusOK, p.post(endPath, "operatorId", signed).code)
	assert.Equal(t, ended, p.site.books.get(p.id()).ended, "it ended once")
	assert.Empty(t, p.leased())
	assert.Contains(t, p.get("/").body, "<li>"+title+` <span class="soft">at `)
	assert.Equal(t, http.StatusConflict, p.post("/join", "join", p.id(), "name", "too late").code)
}

func TestMeetingWithObservers(t *testing.T) {
	p := newPartner(t, alice)
	opened := p.submit(p.post("/start", "title", title, "name", "Harriet", "observers", "yes"))
	assert.Contains(t, opened, `<h1 id="title">`+title+`</h1>`)
	board := p.get("/").body
	assert.Contains(t, board, `data-state="progress"`)
	assert.Contains(t, board, `name="observe" value="`+p.id()+`"`)
	assert.Contains(t, p.submit(p.post("/join", "join", p.id(), "name", "Renée")), "Renée (participant)")
	assert.Contains(t, p.submit(p.post("/join", "observe", p.id(), "name", "Olga")), "Olga (observer)")

	require.NoError(t, p.service.EndMeeting("000001")) // which the service reports to nobody
	assert.Equal(t, []string{alice.Email}, p.leased())
	assert.Contains(t, p.get("/").body, "<li>"+title+` <span class="soft">at `)
	assert.Empty(t, p.leased(), "the account is given back")
	ended := p.site.books.get(p.id()).ended
	assert.False(t, ended.IsZero())
	p.get("/")
	assert.Equal(t, ended, p.site.books.get(p.id()).ended, "it ended once")
}

func TestLostCallback(t *testing.T) {
	p := newPartner(t, alice)
	cfg := p.site.config
	cfg.url = "http://127.0.0.1:1"
	p.configure(cfg)
	p.submit(p.post("/start", "title", title, "name", "Harriet"))
	assert.Contains(t, p.get("/").body, `data-state="progress"`)
	require.Error(t, p.service.EndMeeting("000001"))
	assert.Contains(t, p.get("/").body, "<li>"+title+` <span class="soft">at `)
	assert.Empty(t, p.leased())
}

// TestNextMeeting has one meeting after another on the same account.
func TestNextMeeting(t *testing.T) {
	p := newPartner(t, alice)
	p.submit(p.post("/start", "title", "meeting 1", "name", "Harriet"))
	first := p.id()
	for i := 2; i <= 7; i++ {
		require.NoError(t, p.service.EndMeeting(fmt.Sprintf("%06d", i-1)))
		p.submit(p.post("/start", "title", fmt.Sprint("meeting ", i), "name", "Harriet"))
	}
	assert.Equal(t, http.StatusConflict, p.post("/join", "join", first, "name", "Renée").code)
	board := p.get("/").body
	assert.Contains(t, board, "<h3>meeting 7</h3>")
	ended := regexp.MustCompile("<li>(meeting .) <span").FindAllStringSubmatch(board, -1)
	require.Len(t, ended, 5)
	assert.Equal(t, "meeting 6", ended[0][1])
	assert.Equal(t, "meeting 2", ended[4][1])
}

func TestForgedEnd(t *testing.T) {
	p := newPartner(t, alice)
	p.submit(p.post("/start", "title", title, "name", "Harriet"))
	assert.Equal(t, http.StatusForbidden, p.post(endPath, "operatorId", p.id()).code)
	assert.Contains(t, p.get("/").body, `data-state="progress"`)
}

func TestOutcomeUnknown(t *testing.T) {
	p := newPartner(t, alice)
	p.service.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop()) // the query succeeds, the response to schedule is lost
	page := p.post("/start", "title", title, "name", "Harriet")
	assert.Equal(t, http.StatusBadGateway, page.code)
	assert.Contains(t, page.body, "The meeting was not confirmed")
	assert.Contains(t, p.get("/").body, `data-state="unconfirmed"`)

	require.NoError(t, p.service.EndMeeting("000001")) // it was scheduled after all
	board := p.get("/").body
	assert.Contains(t, board, "<li>"+title+` <span class="soft">at `)
	assert.NotContains(t, board, `data-state="unconfirmed"`)
	assert.Empty(t, p.leased())
}

func TestNoneFree(t *testing.T) {
	p := newPartner(t, alice, bob)
	p.submit(p.post("/start", "title", "first", "name", "Harriet"))
	p.post("/start", "title", "second", "name", "Hugo", "observers", "yes")
	sent := len(p.service.Requests())
	for _, observers := range []string{"", "yes"} {
		page := p.post("/start", "title", "third", "name", "Hanna", "observers", observers)
		assert.Equal(t, http.StatusServiceUnavailable, page.code)
		assert.Contains(t, page.body, "All accounts are in use")
		assert.NotContains(t, page.body, "canary")
	}
	assert.Len(t, p.service.Requests(), sent)
	assert.NotContains(t, p.get("/").body, "third")
}

// TestVisitorLeaves has a visitor leave before an account is leased. Nothing is sent.
func TestVisitorLeaves(t *testing.T) {
	p := newPartner(t, alice)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	p.site.startMeeting(httptest.NewRecorder(), form(t, "/start", "title", title, "name", "Harriet").WithContext(ctx))
	assert.Empty(t, p.service.Requests())
	assert.Empty(t, p.leased())
}

func TestServiceFails(t *testing.T) {
	p := newPartner(t, alice)
	p.submit(p.post("/start", "title", title, "name", "Harriet"))
	p.service.FailNext(iomeetingtest.HTTPStatus(404))
	assert.Contains(t, p.get("/").body, `data-state="unknown"`)
	p.service.FailNext(iomeetingtest.HTTPStatus(404))
	page := p.post("/join", "join", p.id(), "name", "Renée")
	assert.Equal(t, http.StatusBadGateway, page.code)
	assert.Contains(t, page.body, "The meeting cannot be joined now")
	require.NoError(t, p.service.EndMeeting("000001"))
	p.service.Close()
	page = p.post("/start", "title", title, "name", "Harriet")
	assert.Equal(t, http.StatusBadGateway, page.code)
	assert.Contains(t, page.body, "The meeting service is not available")
}

func TestRefusedAccounts(t *testing.T) {
	for _, wrong := range []iomeeting.Host{
		{Email: alice.Email, Password: iomeeting.NewSecret("canary")},
		{Email: "nobody@example.com", Password: alice.Password},
	} {
		p := newPartner(t, alice)
		cfg := p.site.config
		cfg.hosts = []iomeeting.Host{wrong}
		p.configure(cfg)
		page := p.post("/start", "title", title, "name", "Harriet")
		assert.Equal(t, http.StatusServiceUnavailable, page.code)
		assert.Contains(t, page.body, "All accounts are in use")
		assert.Contains(t, p.get("/accounts").body, `data-state="refused"`)
	}
}

func TestBadForms(t *testing.T) {
	p := newPartner(t, alice)
	for _, fields := range [][]string{
		{"title", " ", "name", "Harriet"},
		{"title", title},
		{"title", "\xff", "name", "Harriet"},
		{"title", strings.Repeat("会", 201), "name", "Harriet"},
		{"title", strings.Repeat("t", 64<<10), "name", "Harriet"},
	} {
		page := p.post("/start", fields...)
		assert.Equal(t, http.StatusBadRequest, page.code)
		assert.Contains(t, page.body, "Please enter your name and, to start a meeting, a title.")
	}
	assert.Empty(t, p.service.Requests())
	assert.Equal(t, http.StatusBadRequest, p.post("/join", "join", "x").code)
	assert.Equal(t, http.StatusConflict, p.post("/join", "join", "x", "name", "Renée").code)
	assert.Equal(t, http.StatusOK, p.start(strings.Repeat("会", 200)))
}

// start starts a meeting and does not follow the redirect.
func (p *partner) start(title string) int {
	p.Helper()
	w := httptest.NewRecorder()
	p.site.startMeeting(w, form(p.T, "/start", "title", title, "name", "Harriet"))
	return w.Code
}

func TestEndMeeting(t *testing.T) {
	p := newPartner(t, alice)
	assert.Equal(t, http.StatusNotFound, p.post("/end", "meeting", "000001").code, "a real site has no such button")
	cfg := p.site.config
	cfg.end = p.service.EndMeeting
	p.configure(cfg)
	p.submit(p.post("/start", "title", title, "name", "Harriet"))
	assert.Contains(t, p.get("/").body, `<input type="hidden" name="meeting" value="000001">`)
	for range 2 {
		board := p.post("/end", "meeting", "000001")
		assert.Equal(t, "/", board.path)
		assert.Contains(t, board.body, "<li>"+title+` <span class="soft">at `)
	}
}

func TestAccounts(t *testing.T) {
	p := newPartner(t, alice, bob)
	p.submit(p.post("/start", "title", title, "name", "Harriet"))
	page := p.get("/accounts").body
	assert.Equal(t, 1, strings.Count(page, `data-state="meeting"`))
	assert.Equal(t, 1, strings.Count(page, `data-state="available"`))
	assert.Equal(t, 1, strings.Count(page, `<p class="soft">`+title+`</p>`))
	assert.Contains(t, page, "<p>Not leased</p>")
	leases, err := p.site.pool.Leases(t.Context())
	require.NoError(t, err)
	assert.Contains(t, page, "<code>"+leases[0].ID+"</code>")
	assert.Contains(t, page, "Leased until ")
	assert.NotContains(t, page, "canary")

	require.NoError(t, p.site.pool.Renew(t.Context(), leases[0].String(), 1))
	assert.Contains(t, p.get("/accounts").body, "Lease expired at ")
	p.post("/start", "title", "second", "name", "Hugo")
	assert.Contains(t, p.get("/accounts").body, `<p class="soft">For second</p>`)

	p.service.FailNext(iomeetingtest.HTTPStatus(404))
	assert.Contains(t, p.get("/accounts").body, `data-state="unknown"`)
}

func TestMeetingOfAnotherSite(t *testing.T) {
	p := newPartner(t, alice)
	link, err := p.service.Client().Start(alice, nil)
	require.NoError(t, err)
	res, err := http.PostForm(link.Endpoint(), link.Params())
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Contains(t, p.get("/accounts").body, "It was not started here.")
	assert.Contains(t, p.post("/start", "title", title, "name", "Harriet").body, "All accounts are in use")
	assert.Contains(t, p.get("/").body, "There are no meetings at the moment.")
}
