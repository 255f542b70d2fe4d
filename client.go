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
// Create one for each site with [NewClient] and keep it, so that queries can reuse
// its connections; each Schedule uses a connection of its own. A Client is immutable
// and safe for concurrent use. It does not need to be closed; idle connections are
// closed after the IdleConnTimeout of [http.DefaultTransport], 90 seconds by
// default.
type Client struct {
	site           string // without a trailing slash
	pooled         http.RoundTripper
	fresh          http.RoundTripper
	jar            http.CookieJar
	timeout        time.Duration
	attemptTimeout time.Duration
	retries        int
	logger         *slog.Logger
	header         http.Header // of every request; never changed
}

// NewClient returns a client for the site, such as "https://abc.iomeeting.cn".
// The site may have a path prefix. Its scheme must be https, except for loopback
// addresses and with [WithInsecureHTTP]. NewClient sends nothing.
//
// NewClient returns a [*ParameterError] if the site is not such a URL, or if it
// has a host name that is not ASCII, a user name, a query, a fragment, or a . or ..
// segment in its path. It returns one too if an option is nil or has an invalid
// value, and if [http.DefaultTransport] is needed but nil.
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
		site:           site,
		pooled:         s.httpClient.Transport,
		fresh:          s.httpClient.Transport,
		jar:            s.httpClient.Jar,
		timeout:        s.timeout,
		attemptTimeout: s.httpClient.Timeout,
		retries:        s.retries,
		logger:         s.logger,
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

// Option is a setting of a [Client]. If an option is given twice, the last one
// wins.
type Option func(*settings) error

// WithHTTPClient makes the client use the Transport, the Jar and the Timeout of
// hc, which it does not modify. Timeout limits each attempt of a call;
// [WithTimeout] limits the whole call. CheckRedirect is not used, because the
// client follows no redirects. Default: no Jar, no Timeout, and the package's own
// transports.
//
// Your own Transport is used as it is, with its own limits and connection pool. It
// must send each request once: if it retries, [Client.Schedule] may arrive more than
// once. A request counts as sent as soon as the Transport starts to read its body,
// so a mock that fails after sending must read it. [errors.Is] finds the errors of
// your Transport; [errors.As] finds only the types that the package comment lists.
//
// If Transport is nil, the client derives its own transports from
// [http.DefaultTransport] when it is created. They keep its proxy, dialers and TLS
// configuration, but use HTTP/1.1 only, require TLS 1.2 or later, and limit dialing
// to 10 seconds. The deprecated Dial and DialTLS cannot be stopped after that time. If
// DialTLSContext or DialTLS returns a connection other than a [*tls.Conn], its
// TLS version is not checked. TLS sessions are resumed: to check certificates on
// resumed connections too, use VerifyConnection, not VerifyPeerCertificate. If
// http.DefaultTransport is not an [*http.Transport], it is used as it is, like your
// own Transport.
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

// WithTimeout limits the time of a whole call, including retries and the waits
// between them. The deadline of the call's context applies as well. 0 means no
// limit, except that the package's own transports wait at most 5 minutes for a
// response to begin. Default: 30 seconds.
//
// Each attempt of [Client.Query] but the last gets an equal share of the remaining
// time, or a third if more than two retries may follow, so that a service that does
// not respond cannot use up the whole call. By default the first attempt gets 10
// seconds. [Client.Schedule] gets all the time.
//
// If d is negative, [NewClient] returns a [*ParameterError].
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
// [Client.Query] is retried after network failures, except permanent ones such as
// an unknown host or an invalid certificate, and after HTTP status 408, 429, 500,
// 502, 503 or 504. The wait before a retry is random, up to a limit that grows
// from 0.2 to 5 seconds. The client honors the Retry-After header of a 429 or 503
// response; if it does not fit into the remaining time, or is longer than a minute
// in a call without a time limit, the call fails at once. [Client.Schedule] is
// retried only if nothing was sent.
//
// If n is negative, [NewClient] returns a [*ParameterError].
func WithRetries(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return &ParameterError{"retries", "is negative"}
		}
		s.retries = n
		return nil
	}
}

// WithMaxIdleConns sets how many idle connections to the site the client keeps. 0
// means none. Default: 256. It does not apply to a Transport set by
// [WithHTTPClient].
//
// If n is negative, [NewClient] returns a [*ParameterError].
func WithMaxIdleConns(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return &ParameterError{"maxIdleConns", "is negative"}
		}
		s.maxIdleConns = n
		return nil
	}
}

// WithLogger makes the client log one record, "iomeeting call", for each attempt
// of a call: at level Warn if the call has failed, and otherwise at level Debug. A
// [*StatusError] does not count as a failure, because the service answered. If the
// context is done before the first attempt or during the wait for a retry, a record
// with status 0 says so. Records do not name the host; your slog.Handler gets the
// context of the call, and can add what you have put into it.
//
// The attributes are op ("query" or "schedule"), attempt (from 1), status (the
// HTTP status of the response, 0 if there was none), duration, retry (whether a
// retry follows) and, after a failure, error. No attribute contains a password.
// Default: no logging.
//
// If l is nil, [NewClient] returns a [*ParameterError].
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
// If ua is empty, or contains a control character or invalid UTF-8, [NewClient]
// returns a [*ParameterError].
func WithUserAgent(ua string) Option {
	return func(s *settings) error {
		s.userAgent = ua
		return required("userAgent", ua)
	}
}

// WithInsecureHTTP allows a site whose URL starts with http:// and is not a
// loopback address. All passwords then cross the network in plain text.
func WithInsecureHTTP() Option {
	return func(s *settings) error {
		s.insecureHTTP = true
		return nil
	}
}

// checkMade refuses a Client that NewClient did not make, which has no site.
func (c *Client) checkMade() error {
	if c.site == "" {
		return &ParameterError{"site", "is missing: the Client was not made by NewClient"}
	}
	return nil
}
