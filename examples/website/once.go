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

// tickets opens links of the service once each, in the browser of the visitor
// for whom they were made. The page of a link holds passwords and starts or
// joins the meeting of whoever opens it, so its address must not work for
// others: not in another browser, and not for a bot that previews links.
//
// Mount it at path, behind https. The tickets are in the memory of this server:
// behind a load balancer, a visitor must come back to the same server.
type tickets struct {
	path   string       // such as "/open/"
	secure bool         // the site is served over https
	gone   http.Handler // answers where there is nothing to open

	mu    sync.Mutex
	links map[string]iomeeting.Link // by ticket
}

const ticketCookie = "ticket"

// Send redirects a visitor whose form was POSTed to a page that opens the link.
// The ticket is in a cookie for that page alone, so two tabs do not get into
// each other's way, and no log of addresses holds a ticket.
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

// ServeHTTP opens the link of the visitor's ticket. A HEAD does not use it up.
func (t *tickets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var link iomeeting.Link
	if cookie, err := r.Cookie(ticketCookie); err == nil {
		link = t.link(cookie.Value, r.Method == http.MethodGet)
	}
	if link == (iomeeting.Link{}) {
		t.gone.ServeHTTP(w, r)
		return
	}
	link.ServeHTTP(w, r)
}

// link returns the link of a ticket, or the zero Link. It may use the ticket up.
func (t *tickets) link(ticket string, use bool) iomeeting.Link {
	t.mu.Lock()
	defer t.mu.Unlock()
	link := t.links[ticket]
	if use {
		delete(t.links, ticket)
	}
	return link
}
