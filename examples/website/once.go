package main

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

// ticketFor is how long a ticket can be used.
const ticketFor = time.Minute

// tickets opens each link of the service once, in the browser of the visitor for
// whom it was made. The page of a link holds passwords, and opening it starts or
// joins the meeting. So its address must not work in another browser, or for a
// bot that previews links.
//
// Serve it at path, over https. Tickets are kept in memory: behind a load
// balancer, the visitor's next request must reach the same server.
type tickets struct {
	path   string       // such as "/open/"
	secure bool         // the site is served over https
	gone   http.Handler // handles requests without a valid ticket

	mu    sync.Mutex
	links map[string]iomeeting.Link // by ticket
}

const ticketCookie = "ticket"

// Send responds to a POST with a redirect to a page that opens the link. The ticket
// is in a cookie for that page alone, so that two tabs do not share a ticket and
// no access log holds one.
func (t *tickets) Send(w http.ResponseWriter, r *http.Request, link iomeeting.Link) {
	page, ticket := t.path+rand.Text(), rand.Text()
	t.mu.Lock()
	if t.links == nil {
		t.links = make(map[string]iomeeting.Link)
	}
	t.links[ticket] = link
	t.mu.Unlock()
	time.AfterFunc(ticketFor, func() { t.link(ticket, true) })
	http.SetCookie(w, &http.Cookie{
		Name: ticketCookie, Value: ticket, Path: page, MaxAge: int(ticketFor.Seconds()),
		Secure: t.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// ServeHTTP opens the link of the visitor's ticket. A HEAD request does not use
// the ticket up.
func (t *tickets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var link iomeeting.Link
	if cookie, err := r.Cookie(ticketCookie); err == nil {
		link = t.link(cookie.Value, r.Method == http.MethodGet)
	}
	if link == (iomeeting.Link{}) {
		t.gone.ServeHTTP(w, r)
		return
	}
	link.ServePage(w, r, "")
}

// link returns the link of a ticket, or the zero Link if there is none.
func (t *tickets) link(ticket string, use bool) iomeeting.Link {
	t.mu.Lock()
	defer t.mu.Unlock()
	link := t.links[ticket]
	if use {
		delete(t.links, ticket)
	}
	return link
}
