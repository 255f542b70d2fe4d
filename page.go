package iomeeting

import (
	"crypto/rand"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// page is what page.html shows.
type page struct {
	Nonce    string // of this one response
	Site     string // host name
	Endpoint string
	Params   url.Values
	Label    string
}

// ServeHTTP answers GET and HEAD with a page that POSTs the link's parameters
// to the service at once, or at the press of its button where there is no
// JavaScript. No password then stands in a URL, a browser's history, a Referer
// or a proxy's log.
//
// The page itself holds the passwords. It must be served over https, and to
// nobody but the person for whom the link was made: a link that is mounted in a
// mux gives its passwords to every visitor. It is sent with no-store,
// no-referrer, nosniff and a Content-Security-Policy that lets nothing else run
// and forbids frames, in place of what the header held before. Its words are
// English; for others, see [Link.Form].
//
// Who visits the page starts or joins the meeting, so see to it that other sites
// cannot send a browser there. Methods other than GET and HEAD are answered with
// 405: a handler of a POST must redirect, with status 303, to a page of its own
// that a GET opens. The zero Link answers GET and HEAD with 500.
//
// Spec: "About IOMeeting API", HTTP-Post by an HTML form.
func (l Link) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	endpoint, err := url.Parse(l.Endpoint())
	if err != nil || l == (Link{}) {
		http.Error(w, "this link opens nothing", http.StatusInternalServerError)
		return
	}
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	// There is no form-action: it would also govern where the service may send
	// the browser on, and stop it after the form has arrived.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+"'; "+
		"base-uri 'none'; frame-ancestors 'none'")
	// An error here means that the browser is gone.
	_ = pageTemplate.Execute(w, page{nonce, endpoint.Host, l.Endpoint(), l.Params(), "Open the meeting"})
}

// Form returns an HTML form that POSTs the link's parameters to the service,
// with a submit button that shows label, to be placed in a page of one's own,
// outside of other forms. It holds the passwords, needs no script, and
// everything in it is escaped. In a template it is {{.Link.Form "Start"}}. The
// form of the zero Link is empty.
//
// The page needs what [Link.ServeHTTP] sends: no-store, no-referrer and no
// frames.
//
// A page whose Content-Security-Policy has a form-action directive must allow
// the service there, and every site to which the service sends the browser on.
//
// Spec: "About IOMeeting API", HTTP-Post by an HTML form.
func (l Link) Form(label string) template.HTML {
	if l == (Link{}) {
		return ""
	}
	var b strings.Builder
	err := pageTemplate.ExecuteTemplate(&b, "form", page{Endpoint: l.Endpoint(), Params: l.Params(), Label: label})
	if err != nil {
		panic(err) // no string makes the template fail
	}
	return template.HTML(b.String())
}
