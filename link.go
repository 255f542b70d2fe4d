package iomeeting

import (
	"fmt"
	"log/slog"
	"net/url"
)

// Link is the address of a page of the service, with its parameters, to be opened
// in a person's browser. [Client.Start], [Client.StartByID], [Client.Join] and
// [Client.JoinByID] return one, without sending anything.
//
// fmt, slog, JSON, XML and templates show a Link as [Link.String] does, with
// REDACTED instead of each password. To open the page, use [Link.URL] or
// [Link.ServeHTTP]. Links can be compared with ==, which compares the page and its
// parameters. The zero Link opens nothing, and its URL is empty.
//
// Email addresses and passwords are sent as UTF-8, but a link has no way to say
// so. If the service expects Latin-1, only ASCII arrives correctly. Titles and
// user names are encoded as ASCII. Spec: sections 1 to 4.
type Link struct {
	site   string // without a trailing slash
	path   string
	params any // a struct with url tags, whose passwords are Secrets; nil in the zero Link
}

// URL returns the address that opens the page by GET, with its passwords in plain
// text. Treat it as a password: browsers keep it in their history, proxies and
// servers in their logs, and a chat or mail program that previews links opens it.
//
// Servlet containers reject an address of more than about 8,000 bytes with HTTP
// status 400. A form POST of [Link.Params] to [Link.Endpoint] has no such limit.
func (l Link) URL() string { return l.urlWith(l.Params()) }

// Endpoint returns the address of the page without its parameters: the action of a
// form that POSTs them.
func (l Link) Endpoint() string { return l.site + l.path }

// Params returns a copy of the page's parameters, with its passwords in plain
// text: the fields of a form that POSTs them. Titles and user names are encoded
// already, with a space where [EncodeText] writes a +, so that a form sends what
// [Link.URL] contains.
func (l Link) Params() url.Values { return formValues(l.params) }

// String returns the URL with REDACTED instead of each password.
func (l Link) String() string {
	params := l.Params()
	for _, name := range secretParams {
		if params.Has(name) {
			params.Set(name, redacted)
		}
	}
	return l.urlWith(params)
}

// Format writes what String returns, formatted as a string by the verb.
func (l Link) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), l.String())
}

// LogValue returns what String returns.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText returns what String returns. It never returns an error.
func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

func (l Link) urlWith(params url.Values) string {
	if len(params) == 0 {
		return l.Endpoint()
	}
	return l.site + l.path + "?" + params.Encode()
}
