package iomeeting

import (
	"cmp"
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

// page is the data of page.html.
type page struct {
	Nonce    string // of this one response
	Site     string // host name
	Endpoint string
	Params   url.Values
	Label    string
}

// ServePage responds to GET and HEAD with a page that POSTs the link's parameters
// to the service at once, or at the press of a button if the browser has no
// JavaScript. No password appears in a URL, in the browser's history, in a Referer
// header or in the log of a proxy.
//
// The page contains the passwords. Serve it over https, and only to the person it
// is meant for: a Link that is mounted in a mux gives its passwords to every
// visitor. Its headers are those of [ProtectPage], with a Content-Security-Policy
// that lets no other script run. They replace headers that were set before. The
// page is in English; for other languages, see [Link.Form].
//
// Visiting the page starts or joins the meeting, so make sure that other sites
// cannot send a browser to it, and that programs that preview links cannot visit it:
// let your own page POST a form, and redirect with status 303 to an address that
// opens the page once. Methods other than GET and HEAD get status 405. The zero Link
// responds to GET and HEAD with status 500.
//
// Spec: "About IOMeeting API", HTTP-Post by an HTML form.
func (l Link) ServePage(w http.ResponseWriter, r *http.Request, label string) {
	if !allowGet(w, r) {
		return
	}
	endpoint, err := url.Parse(l.Endpoint())
	if err != nil || l == (Link{}) {
		http.Error(w, "the link is empty", http.StatusInternalServerError)
		return
	}
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	ProtectPage(h)
	// There is no form-action directive: it would also block a redirect by the
	// service after the form has arrived.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+"'; "+
		"base-uri 'none'; frame-ancestors 'none'")
	// An error here means that the browser has gone.
	_ = pageTemplate.Execute(w, page{nonce, endpoint.Host, l.Endpoint(), l.Params(), cmp.Or(label, "Open the meeting")})
}

// allowGet reports whether the method of r is GET or HEAD. It responds to any
// other.
func allowGet(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	return false
}

// ProtectPage sets the headers of a page that contains passwords, such as one with a
// [Link.Form]. Caches do not store the page (Cache-Control: no-store), other sites
// do not learn its address (Referrer-Policy: no-referrer) and cannot show it in a
// frame (X-Frame-Options: DENY), and browsers do not guess its type
// (X-Content-Type-Options: nosniff). Call ProtectPage before you write the page.
func ProtectPage(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
}

// Form returns an HTML form that POSTs the link's parameters to the service, with
// a submit button labeled label. Place it in your own page, outside other forms:
// in a template, {{.Link.Form "Start"}}. It contains the passwords, so call
// [ProtectPage] for the page. It needs no script, and everything in it is escaped.
// The form of the zero Link is empty.
//
// If your page's Content-Security-Policy has a form-action directive, it must
// allow the service, and every site to which the service redirects.
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
