package iomeeting

import (
	"cmp"
	"crypto/rand"
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Link is a page of the service where a person starts or joins a meeting. The methods of
// [Client] make links without sending anything.
//
// fmt, slog, JSON, XML and templates show a Link as [Link.String] does, with REDACTED
// instead of each password. To open the page, use [Link.ServePage], or [Link.URL].
// Links can be compared with ==. The zero Link opens nothing. Choose ASCII passwords:
// a link is sent as UTF-8, but cannot say so.
type Link struct {
	endpoint string
	shown    string // the URL with each password as REDACTED
	query    Secret // the encoded parameters
}

// newLink returns the link to the page at endpoint. params is a struct with url tags,
// whose passwords are Secrets.
func newLink(endpoint string, params any) Link {
	form := formValues(params)
	shown := maps.Clone(form)
	for name := range secretsOf(params) {
		if shown.Has(name) {
			shown.Set(name, redacted)
		}
	}
	return Link{endpoint, endpoint + "?" + shown.Encode(), NewSecret(form.Encode())}
}

// URL returns the address that opens the page by GET, with its passwords in plain
// text. Treat it as a password: browsers keep it in their history, proxies and
// servers in their logs, and a chat or mail program that previews links opens it.
//
// Servlet containers reject an address of more than about 8,000 bytes with HTTP
// status 400. A form POST has no such limit.
func (l Link) URL() string {
	if l.query.IsZero() {
		return l.endpoint
	}
	return l.endpoint + "?" + l.query.Reveal()
}

// Endpoint returns the address of the page without its parameters: a form's action.
func (l Link) Endpoint() string { return l.endpoint }

// Params returns a copy of the page's parameters, with its passwords in plain text:
// the fields of a form that POSTs them. Titles and user names are encoded already.
func (l Link) Params() url.Values {
	params, err := url.ParseQuery(l.query.Reveal())
	if err != nil {
		panic(err) // Encode made it
	}
	return params
}

// String returns the URL with REDACTED instead of each password.
func (l Link) String() string { return l.shown }

func (l Link) MarshalText() ([]byte, error) { return []byte(l.shown), nil }

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// page is the data of page.html.
type page struct {
	Link   Link
	Label  string
	Lang   string
	Nonce  string // of this one response
	Policy string // of a file, which has no headers
}

// Site returns the host name of the service.
func (p page) Site() string {
	u, _ := url.Parse(p.Link.endpoint) // NewClient has parsed it
	return u.Host
}

const defaultLabel = "Open the meeting"

// ServePage responds to GET, HEAD and POST with a page that POSTs the link's
// parameters to the service at once or, without JavaScript, when a button is pressed.
// No password appears in a URL, in the browser's history or in the log of a proxy.
// label, in the language of your site, is the title and the button; "" is "Open the
// meeting".
//
// The page contains the passwords, and visiting it starts or joins the meeting. Open
// it by a POST from a page of yours, behind [http.CrossOriginProtection], over https,
// and only for the person it is meant for.
func (l Link) ServePage(w http.ResponseWriter, r *http.Request, label string) {
	if r.Method != http.MethodPost && !isGet(r) {
		refuseMethod(w, "GET, HEAD, POST")
		return
	}
	if l == (Link{}) {
		http.Error(w, "the link is empty", http.StatusInternalServerError)
		return
	}
	p := page{Link: l, Label: label, Nonce: rand.Text()}
	if label == "" {
		p.Label, p.Lang = defaultLabel, "en"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	ProtectPage(h)
	// There is no form-action directive: it would also block a redirect by the
	// service after the form has arrived.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+p.Nonce+"'; style-src 'nonce-"+p.Nonce+"'; "+
		"base-uri 'none'; frame-ancestors 'none'")
	_ = pageTemplate.Execute(w, p) // an error means that the browser has gone
}

func isGet(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func refuseMethod(w http.ResponseWriter, allowed string) {
	w.Header().Set("Allow", allowed)
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
}

// ProtectPage sets the headers of a page that contains passwords, such as one with a
// [Link.Form]: caches do not store it, other sites do not learn its address and cannot
// show it in a frame, and browsers do not guess its type, which is HTML unless you have
// set another. Call it before you write the page.
func ProtectPage(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Content-Type") == "" { // net/http may take a form for plain text
		h.Set("Content-Type", "text/html; charset=utf-8")
	}
}

// Form returns an HTML form that POSTs the link's parameters to the service, with a
// submit button labeled label. Place it in your own page, outside other forms: in a
// template, {{.Link.Form "Start"}}. It contains the passwords, so call [ProtectPage]
// for the page. It needs no script. The form of the zero Link is empty.
//
// If your page's Content-Security-Policy has a form-action directive, it must allow
// the service, and every site to which the service redirects.
func (l Link) Form(label string) template.HTML {
	if l == (Link{}) {
		return ""
	}
	return template.HTML(execute("form", page{Link: l, Label: cmp.Or(label, defaultLabel)}))
}

func execute(name string, p page) string {
	var b strings.Builder
	if err := pageTemplate.ExecuteTemplate(&b, name, p); err != nil {
		panic(err) // no string makes the template fail
	}
	return b.String()
}
