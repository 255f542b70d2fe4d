package iomeeting

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	defaultTimeout   = 30 * time.Second
	defaultRetries   = 2
	defaultUserAgent = "iomeeting-go"
)

// Client makes links to the pages of one IOMeeting site and sends calls to it.
// Create it with [NewClient]. It is immutable and safe for concurrent use. One
// Client for each site is enough: its calls share connections. A Client does not
// need to be closed; idle connections are closed after 90 seconds, or as
// [http.DefaultTransport] says.
type Client struct {
	site       string // without a slash at its end
	pooled     http.RoundTripper
	fresh      http.RoundTripper
	jar        http.CookieJar
	timeout    time.Duration
	tryTimeout time.Duration
	retries    int
	logger     *slog.Logger
	header     http.Header // of each request; never changed
}

// NewClient returns a client for the site, such as "https://abc.iomeeting.cn".
// A path prefix is kept. The scheme is https; http is taken for a loopback
// address, and for others under [WithInsecureHTTP].
//
// If the site is not such a URL, or has a host name that is not ASCII, a user
// name, a query, a fragment, or a . or .. in its path, NewClient returns a
// [*ParameterError]. It does so too if an option is nil or its value cannot be
// used, and if [http.DefaultTransport] is nil but needed. Nothing is sent.
func NewClient(site string, opts ...Option) (*Client, error) {
	s := settings{
		httpClient:   new(http.Client),
		timeout:      defaultTimeout,
		retries:      defaultRetries,
		maxIdleConns: defaultMaxIdleConns,
		logger:       slog.New(slog.DiscardHandler),
		userAgent:    defaultUserAgent,
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, &ParameterError{"option", "is nil"}
		}
		if err := opt(&s); err != nil {
			return nil, err
		}
	}
	site, err := parseSite(site, s.insecureHTTP)
	if err != nil {
		return nil, err
	}
	c := &Client{
		site:       site,
		pooled:     s.httpClient.Transport,
		fresh:      s.httpClient.Transport,
		jar:        s.httpClient.Jar,
		timeout:    s.timeout,
		tryTimeout: s.httpClient.Timeout,
		retries:    s.retries,
		logger:     s.logger,
		header: http.Header{
			"Content-Type":    {"application/x-www-form-urlencoded; charset=utf-8"},
			"Accept-Encoding": {"identity"},
			"User-Agent":      {s.userAgent},
		},
	}
	if s.httpClient.Transport == nil {
		if c.pooled, c.fresh, err = ownTransports(s.maxIdleConns, s.timeout); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// settings are what the options of a client set.
type settings struct {
	httpClient   *http.Client
	timeout      time.Duration
	retries      int
	maxIdleConns int
	logger       *slog.Logger
	userAgent    string
	insecureHTTP bool
}

// Option is a setting of a [Client]. Where an option is given twice, the last
// one counts.
type Option func(*settings) error

// WithHTTPClient makes the client use the Transport, the Jar and the Timeout of
// hc, which it does not modify. Timeout limits each attempt of a call;
// [WithTimeout] limits the whole call. CheckRedirect is not used, because no
// redirect is followed. Default: a client without a Jar or a Timeout, and the
// package's own transports.
//
// Your own Transport is used as it is, with its own limits and connection pool.
// If it sends requests again by itself, [Client.Schedule] no longer arrives at
// most once. A request counts as sent once the Transport has begun to read its
// body, so a mock that fails after sending must read it. [errors.Is] finds the
// errors of your Transport; [errors.As] finds those that the package comment
// lists.
//
// If Transport is nil, the client makes its own transports when it is created,
// from [http.DefaultTransport]. They keep its proxy, its dialers and its TLS
// configuration, but speak HTTP/1.1 only, require TLS 1.2, and give a dialer 10
// seconds. The deprecated Dial and DialTLS cannot be stopped after that time. If
// DialTLSContext or DialTLS returns a connection other than a [*tls.Conn], its
// version of TLS is not checked. TLS sessions are resumed: to check certificates
// on resumed connections too, use VerifyConnection, not VerifyPeerCertificate.
//
// If hc is nil, [NewClient] returns a [*ParameterError].
func WithHTTPClient(hc *http.Client) Option {
	return func(s *settings) error {
		if hc == nil {
			return &ParameterError{"httpClient", "is nil"}
		}
		s.httpClient = hc
		return nil
	}
}

// WithTimeout bounds a whole call, its waits and further tries included; 0 sets
// no bound, but that the package's own transports give an answer 5 minutes to
// begin. A deadline of the call's context counts as well. Default: 30 seconds.
//
// A try of [Client.Query] that others may follow gets an equal share of the time
// that is left, so that a silent service cannot use up the call: by default the
// first one gets 10 seconds. [Client.Schedule] gets all the time.
//
// A negative d is a [*ParameterError].
func WithTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d < 0 {
			return &ParameterError{"timeout", "is negative"}
		}
		s.timeout = d
		return nil
	}
}

// WithRetries sets how many further tries may follow the first one of a call; 0
// allows none. Default: 2.
//
// [Client.Query] is tried again after a failure of the network, unless that is
// definite (no such host, no valid certificate), and after HTTP status 408, 429,
// 500, 502, 503 or 504. The wait before it grows from 0.2 to 5 seconds at the
// most, and is drawn at random below that. A Retry-After header of a 429 or 503
// is obeyed; where it does not fit the time that is left, the call fails at
// once. [Client.Schedule] is tried again only where nothing was sent.
//
// A negative n is a [*ParameterError].
func WithRetries(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return &ParameterError{"retries", "is negative"}
		}
		s.retries = n
		return nil
	}
}

// WithMaxIdleConns sets how many idle connections the client keeps to the site;
// 0 keeps none. Default: 256. It has no effect on a Transport that comes with
// [WithHTTPClient], which has a setting of its own.
//
// A negative n is a [*ParameterError].
func WithMaxIdleConns(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return &ParameterError{"maxIdleConns", "is negative"}
		}
		s.maxIdleConns = n
		return nil
	}
}

// WithLogger makes the client log one record, "iomeeting call", for each try of
// a call: at level Debug, and at level Warn where the call has failed for good.
// A refusal by the service ([*StatusError]) is an answer, and no such failure. A
// call that ends before a try, or between two, is logged as a try without an
// answer. A record comes with the context of the call, from which a handler may
// take what tells one call from another.
//
// The attributes are op ("query" or "schedule"), try (from 1), status (the
// answer's HTTP status, 0 without an answer), duration, again (whether another
// try follows) and, after a failure, error. No attribute holds a secret.
// Default: no log.
//
// A nil l is a [*ParameterError].
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
//
// An empty ua, or one with a control character or invalid UTF-8, is a
// [*ParameterError].
func WithUserAgent(ua string) Option {
	return func(s *settings) error {
		s.userAgent = ua
		return required("userAgent", ua)
	}
}

// WithInsecureHTTP allows a site whose URL starts with http:// and that is not
// on a loopback address. Every password then crosses the network in clear.
func WithInsecureHTTP() Option {
	return func(s *settings) error {
		s.insecureHTTP = true
		return nil
	}
}

// link returns the link to a page of the site.
func (c *Client) link(path string, params any) (Link, error) {
	if err := c.checkMade(); err != nil {
		return Link{}, err
	}
	return Link{c.site, path, params}, nil
}

// checkMade refuses a Client that NewClient did not make: it has no site.
func (c *Client) checkMade() error {
	if c.site == "" {
		return &ParameterError{"site", "is missing: the Client was not made by NewClient"}
	}
	return nil
}
