package iomeeting

import (
	"fmt"
	"log/slog"
	"net/url"
)

// Link is a page of the service that a person's browser is to open. It is made
// by [Client.Start], [Client.StartByID], [Client.Join] and [Client.JoinByID],
// and to make one sends nothing.
//
// fmt, slog, JSON, XML and templates show a Link as [Link.String] does, with
// REDACTED in place of each password; a browser that is to follow the link must
// be given [Link.URL]. Links are equal under == when they open the same page
// with the same parameters. The zero Link opens nothing: its URL is empty.
//
// E-mail addresses and passwords travel as UTF-8. A link has no way to say so:
// a service that takes them for Latin-1 reads wrongly what is not ASCII. Titles
// and user names are ASCII once encoded. Spec: sections 1 to 4.
type Link struct {
	site   string // without a slash at its end
	path   string
	params any // a struct with url tags, whose passwords are Secrets; nil in the zero Link
}

// URL returns the address that opens the page, passwords included. It is to be
// handled as a password: browsers keep it in their history, and proxies and
// servers in their logs.
//
// Servlet containers refuse an address of more than about 8,000 bytes with HTTP
// status 400; a form POST of [Link.Params] to [Link.Endpoint] has no such
// limit.
func (l Link) URL() string { return l.urlWith(l.Params()) }

// Endpoint returns the address of the page without its parameters, which is the
// action of a form that POSTs them.
func (l Link) Endpoint() string { return l.site + l.path }

// Params returns a copy of the page's parameters, passwords included and in
// clear, which are the fields of a form that POSTs them. Texts are encoded
// already, with a space where [EncodeText] has a +, so that a form sends what
// [Link.URL] holds.
func (l Link) Params() url.Values { return formValues(l.params) }

// String returns the URL with REDACTED in place of each password.
func (l Link) String() string {
	params := l.Params()
	for _, name := range secretParams {
		if params.Has(name) {
			params.Set(name, redacted)
		}
	}
	return l.urlWith(params)
}

// Format writes what String returns, under every verb that takes a string.
func (l Link) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), l.String())
}

// LogValue returns what String returns.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText returns what String returns, and never an error.
func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

func (l Link) urlWith(params url.Values) string {
	if len(params) == 0 {
		return l.Endpoint()
	}
	return l.site + l.path + "?" + params.Encode()
}
