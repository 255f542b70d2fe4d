package main

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

func newTickets(secure bool) *tickets {
	return &tickets{path: "/open/", secure: secure, gone: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusGone)
	})}
}

// send returns the response that sends a visitor to a page with a password.
func send(t *testing.T, tickets *tickets) *http.Response {
	t.Helper()
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	require.NoError(t, err)
	link, err := client.StartByID("000042", iomeeting.NewSecret("canary"))
	require.NoError(t, err)
	w := httptest.NewRecorder()
	tickets.Send(w, httptest.NewRequest(http.MethodPost, "/start", nil), link)
	return w.Result()
}

// open follows a redirect, with the cookies that came with it.
func open(tickets *tickets, method string, sent *http.Response, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, sent.Header.Get("Location"), nil)
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	tickets.ServeHTTP(w, r)
	return w
}

func TestTicketOpensOnce(t *testing.T) {
	tickets := newTickets(true)
	sent := send(t, tickets)
	assert.Equal(t, http.StatusSeeOther, sent.StatusCode)
	page := sent.Header.Get("Location")
	assert.Regexp(t, `^/open/[A-Z2-7]{26}$`, page)
	require.Len(t, sent.Cookies(), 1)
	cookie := sent.Cookies()[0]
	assert.Equal(t, []any{page, 60, true, true, http.SameSiteStrictMode},
		[]any{cookie.Path, cookie.MaxAge, cookie.Secure, cookie.HttpOnly, cookie.SameSite})
	assert.NotContains(t, page, cookie.Value)

	assert.Equal(t, http.StatusGone, open(tickets, http.MethodGet, sent).Code, "another browser")
	assert.Equal(t, http.StatusGone, open(tickets, http.MethodGet, sent, &http.Cookie{Name: "ticket", Value: "guessed"}).Code)
	assert.Equal(t, http.StatusOK, open(tickets, http.MethodHead, sent, cookie).Code)
	opened := open(tickets, http.MethodGet, sent, cookie)
	assert.Equal(t, http.StatusOK, opened.Code)
	assert.Contains(t, opened.Body.String(), "canary")
	again := open(tickets, http.MethodGet, sent, cookie)
	assert.Equal(t, http.StatusGone, again.Code)
	assert.NotContains(t, again.Body.String(), "canary")
}

func TestTicketExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tickets := newTickets(false)
		sent := send(t, tickets)
		assert.False(t, sent.Cookies()[0].Secure)
		time.Sleep(ticketFor - 1)
		assert.Equal(t, http.StatusOK, open(tickets, http.MethodGet, sent, sent.Cookies()...).Code)
		sent = send(t, tickets)
		time.Sleep(ticketFor)
		synctest.Wait()
		assert.Equal(t, http.StatusGone, open(tickets, http.MethodGet, sent, sent.Cookies()...).Code)
		assert.Empty(t, tickets.links)
	})
}

func TestTicketOpensOnceAmongMany(t *testing.T) {
	tickets := newTickets(false)
	sent := send(t, tickets)
	var opened atomic.Int32
	var visitors sync.WaitGroup
	for range 50 {
		visitors.Go(func() {
			if open(tickets, http.MethodGet, sent, sent.Cookies()...).Code == http.StatusOK {
				opened.Add(1)
			}
		})
	}
	visitors.Wait()
	assert.EqualValues(t, 1, opened.Load())
}

// TestTicketOfTheSite shows that the pages of the site use tickets: a visitor
// gets one, another browser cannot use it, and it is used up.
func TestTicketOfTheSite(t *testing.T) {
	p := newPartner(t, alice)
	w := httptest.NewRecorder()
	p.site.startMeeting(w, form(t, "/start", "title", title, "name", "Harriet"))
	page := w.Header().Get("Location")
	other := p.get(page)
	assert.Equal(t, http.StatusGone, other.code)
	assert.Contains(t, other.body, "This page opens only once")

	req, err := http.NewRequest(http.MethodGet, p.web.URL+page, nil)
	require.NoError(t, err)
	req.AddCookie(w.Result().Cookies()[0])
	opened := p.do(req)
	assert.Contains(t, opened.body, alice.Password.Reveal())
	assert.Equal(t, http.StatusGone, p.do(req).code)
}
