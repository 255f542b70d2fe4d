package iomeeting

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Client makes links to the pages of one IOMeeting site and sends calls to it.
// Create one for each site with [NewClient] and keep it, so that queries can reuse
// its connections. A Client is immutable, safe for concurrent use, and does not need
// to be closed.
type Client struct {
	settings
	site   string            // without a trailing slash
	base   http.RoundTripper // that of pooled, without the user's wrapper
	pooled http.RoundTripper
	fresh  http.RoundTripper
	header http.Header // of every request; never changed
}

// NewClient returns a client for the site, such as "https://abc.iomeeting.cn". The
// site may have a path prefix. Its scheme must be https, except for loopback
// addresses and with [WithInsecureHTTP]. NewClient sends nothing. It returns a
// [*ParameterError] if the site or an option is invalid.
func NewClient(site string, opts ...Option) (*Client, error) {
	s := settings{
		timeout:   30 * time.Second,
		retries:   2,
		logger:    slog.New(slog.DiscardHandler),
		userAgent: "iomeeting-go",
	}
	for _, opt := range opts {
		if err := opt(&s); err != nil {
			return nil, err
		}
	}
	site, err := parseSite(site, s.insecureHTTP)
	if err != nil {
		return nil, err
	}
	c := &Client{settings: s, site: site, header: http.Header{
		"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
		"User-Agent":   {s.userAgent},
	}}
	c.base, c.fresh = transports(s.httpClient.Transport, s.timeout)
	c.pooled = c.base
	if s.wrap != nil {
		c.pooled, c.fresh = s.wrap(c.pooled), s.wrap(c.fresh)
	}
	if c.pooled == nil || c.fresh == nil {
		return nil, &ParameterError{"transportWrapper", "returned nil"}
	}
	return c, nil
}

// CloseIdleConnections closes the connections that the client keeps for further
// queries, also those of a Transport that you share with it by [WithHTTPClient].
func (c *Client) CloseIdleConnections() {
	if t, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

type settings struct {
	httpClient   http.Client
	wrap         func(http.RoundTripper) http.RoundTripper
	timeout      time.Duration
	retries      int
	logger       *slog.Logger
	userAgent    string
	insecureHTTP bool
}

// Option is a setting of a [Client]. The last one of a kind wins.
type Option func(*settings) error

// WithHTTPClient makes the client use the Transport, the Jar and the Timeout of hc.
// Timeout limits each attempt of a call. Redirects are never followed. Default: no
// Jar, no Timeout, and transports derived from [http.DefaultTransport], which speak
// HTTP/1.1.
//
// If your Transport is an [*http.Transport], set its MaxIdleConnsPerHost to the number
// of concurrent queries; [Client.Schedule] still opens a connection for each call, by a
// clone of it that speaks HTTP/1.1, as its DialTLSContext must. Any other RoundTripper
// is used as it is. It must send each request once: if it retries, a Schedule may arrive
// twice. The client takes a request for sent once its body was read: a mock of a failure
// after sending must read it.
func WithHTTPClient(hc *http.Client) Option {
	return func(s *settings) error {
		if hc == nil {
			return &ParameterError{"httpClient", "is nil"}
		}
		s.httpClient = *hc
		return nil
	}
}

// WithTransportWrapper makes the client send its requests through what wrap returns,
// for tracing, metrics or headers. wrap is called for each transport that the client
// uses. What it returns must send each request once; if it reads the body itself, a
// Schedule counts as sent.
func WithTransportWrapper(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(s *settings) error {
		if wrap == nil {
			return &ParameterError{"transportWrapper", "is nil"}
		}
		s.wrap = wrap
		return nil
	}
}

// WithTimeout limits the time of a whole call, including retries and the waits
// between them. The deadline of the call's context applies as well. An attempt of
// [Client.Query] that may be retried gets a share of the time. 0 means no limit;
// transports derived from [http.DefaultTransport] then wait 5 minutes for a response
// to begin. Default: 30 seconds.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d < 0 {
			return &ParameterError{"timeout", "is negative"}
		}
		s.timeout = d
		return nil
	}
}

// WithRetries sets the maximum number of retries of a call. 0 means none. Default: 2.
//
// [Client.Query] is retried after temporary failures, as [Retryable] describes them.
// The wait before a retry is random, up to a limit that grows from 0.2 to 5 seconds,
// and honors the Retry-After header of a 429 or 503 response: if that does not fit
// into the remaining time, or is longer than a minute in a call without a time limit,
// the call fails at once. [Client.Schedule] is retried only if nothing was sent.
func WithRetries(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return &ParameterError{"retries", "is negative"}
		}
		s.retries = n
		return nil
	}
}

// WithLogger makes the client log one record, "iomeeting call", for each attempt of a
// call: at level Warn if the call has failed, otherwise at level Debug. The attributes
// are op ("query" or "schedule"), attempt (from 1), status (of HTTP; 0 without a
// response), duration, retry (whether one follows) and, after a failure, error. None
// contains a password. A [*StatusError] does not count as a failure. Your slog.Handler
// gets the context of the call. Default: no logging.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		if l == nil {
			return &ParameterError{"logger", "is nil"}
		}
		s.logger = l
		return nil
	}
}

// WithUserAgent sets the User-Agent header of calls. Default: "iomeeting-go".
func WithUserAgent(ua string) Option {
	return func(s *settings) error {
		s.userAgent = ua
		return checkRequired("userAgent", ua)
	}
}

// WithInsecureHTTP allows a site whose URL starts with http:// and is not a loopback
// address. All passwords then cross the network in plain text.
func WithInsecureHTTP() Option {
	return func(s *settings) error {
		s.insecureHTTP = true
		return nil
	}
}

// parseSite checks the address of a site, and returns it without a trailing slash,
// so that the path of an endpoint can be appended.
func parseSite(site string, insecureHTTP bool) (string, error) {
	u, reason := parseURL(site)
	switch {
	case reason != "":
	case u.User != nil:
		reason = "must not contain a user name or password"
	case strings.ContainsAny(site, "?#"):
		reason = "must not contain a query or a fragment"
	case slices.Contains(strings.Split(u.Path, "/"), ".."):
		reason = "must not contain .. in its path"
	case u.Scheme != "https" && !insecureHTTP && !isLoopback(u.Hostname()):
		reason = "must start with https://, because http sends passwords in plain text; WithInsecureHTTP allows it"
	}
	if reason != "" {
		return "", &ParameterError{"site", reason}
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// parseURL parses an absolute http or https URL, or returns what is wrong with it.
func parseURL(s string) (u *url.URL, reason string) {
	if s == "" {
		return nil, "is empty"
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || strings.ContainsFunc(s, isForbiddenInURL):
		return nil, "is not a URL"
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "must start with https:// or http://"
	case u.Hostname() == "":
		return nil, "has no host name"
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }):
		return nil, "has a host name that is not ASCII; use its Punycode form, such as xn--bcher-kva.example"
	}
	if port, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || port < 1 || port > 65535) {
		return nil, "has a port outside the range 1 to 65535"
	}
	return u, ""
}

// isForbiddenInURL finds what browsers and servers interpret differently.
func isForbiddenInURL(r rune) bool {
	return r == '\\' || r == unicode.ReplacementChar || unicode.IsSpace(r) || unicode.IsControl(r)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
