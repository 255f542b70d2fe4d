package iomeeting

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Limits of the client's own connections.
const (
	// connectTimeout limits the lookup and dialing of the site, and then the TLS
	// handshake. It allows for a lost packet or two, and is a third of
	// defaultTimeout, so that a dead address leaves time for a retry.
	connectTimeout = 10 * time.Second

	// answerTimeout limits the wait for the header of a response if the user has
	// set no limit for the call, so that no call waits forever.
	answerTimeout = 5 * time.Minute

	// maxHeader is many times what a servlet sends. net/http would accept 1 MiB.
	maxHeader = 64 << 10

	// defaultMaxIdleConns saves a busy backend handshakes, which cost many times
	// as much as a query. net/http would keep 2 connections.
	defaultMaxIdleConns = 256

	// alertProtocolVersion is the TLS alert protocol_version.
	alertProtocolVersion = 70

	// defaultIdleTimeout is that of http.DefaultTransport.
	defaultIdleTimeout = 90 * time.Second
)

// ownTransports returns the transport of Query, which keeps its connections, and
// that of Schedule, which opens one for each call: if an idle connection has died
// unnoticed, nobody can tell whether the call was carried out. They share TLS
// sessions, so that a fresh connection needs no full handshake.
//
// If http.DefaultTransport is not an [http.Transport], such as a mock, it is used as
// it is.
func ownTransports(maxIdleConns int, timeout time.Duration) (pooled, fresh http.RoundTripper, err error) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if http.DefaultTransport == nil || ok && base == nil {
		return nil, nil, &ParameterError{"http.DefaultTransport", "is nil"}
	}
	if !ok {
		return http.DefaultTransport, http.DefaultTransport, nil
	}
	keeping, single := limit(base.Clone(), timeout), limit(base.Clone(), timeout)
	keeping.MaxIdleConns = maxIdleConns
	keeping.MaxIdleConnsPerHost = maxIdleConns
	keeping.DisableKeepAlives = maxIdleConns == 0 // net/http takes 0 for no limit
	single.DisableKeepAlives = true
	if keeping.TLSClientConfig.ClientSessionCache == nil {
		sessions := tls.NewLRUClientSessionCache(0)
		keeping.TLSClientConfig.ClientSessionCache = sessions
		single.TLSClientConfig.ClientSessionCache = sessions
	}
	return keeping, single, nil
}

// limit sets the limits of t, for calls with that timeout, or 0 for none.
func limit(t *http.Transport, timeout time.Duration) *http.Transport {
	// An HTTP/1.1 connection carries one request at a time, so a failure belongs to it.
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	t.TLSClientConfig.NextProtos = nil // a clone still offers h2 here
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)

	setDialers(t)
	t.DialContext = dialWithin(connectTimeout, t.DialContext)
	if t.DialTLSContext != nil {
		t.DialTLSContext = dialWithin(connectTimeout, withModernTLS(t.DialTLSContext))
	}
	t.TLSHandshakeTimeout = connectTimeout
	if timeout == 0 {
		t.ResponseHeaderTimeout = answerTimeout
	}
	if t.IdleConnTimeout == 0 {
		t.IdleConnTimeout = defaultIdleTimeout
	}
	t.MaxResponseHeaderBytes = maxHeader
	t.OnProxyConnectResponse = refuseConnect(t.OnProxyConnectResponse)
	return t
}

// proxyError is a proxy's refusal to connect to the site.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy responded to CONNECT with HTTP status %d %s", e.status, http.StatusText(e.status))
}

type connectHook = func(context.Context, *url.URL, *http.Request, *http.Response) error

// refuseConnect calls next, if any, and returns a refusal as a *proxyError. The
// error of net/http would quote the proxy.
func refuseConnect(next connectHook) connectHook {
	return func(ctx context.Context, proxy *url.URL, req *http.Request, res *http.Response) error {
		if next != nil {
			if err := next(ctx, proxy, req, res); err != nil {
				return err
			}
		}
		if res.StatusCode != http.StatusOK {
			return &proxyError{res.StatusCode}
		}
		return nil
	}
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// setDialers replaces deprecated dialers by those that accept a context.
func setDialers(t *http.Transport) {
	//lint:ignore SA1019 a program may still set them
	dial, dialTLS := t.Dial, t.DialTLS
	switch {
	case t.DialContext != nil:
	case dial != nil:
		t.DialContext = withoutContext(dial)
	default:
		t.DialContext = new(net.Dialer).DialContext
	}
	if t.DialTLSContext == nil && dialTLS != nil {
		t.DialTLSContext = withoutContext(dialTLS)
	}
}

// withoutContext turns a deprecated dialer into a dialFunc.
func withoutContext(dial func(network, addr string) (net.Conn, error)) dialFunc {
	return func(_ context.Context, network, addr string) (net.Conn, error) { return dial(network, addr) }
}

// dialWithin limits the time that dial may take.
func dialWithin(d time.Duration, dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		return dial(ctx, network, addr)
	}
}

// withModernTLS makes dial refuse TLS versions before 1.2. The version of a
// connection that is not a [tls.Conn] is unknown.
func withModernTLS(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if c, ok := conn.(*tls.Conn); ok {
			if err := checkTLS(ctx, c); err != nil {
				_ = conn.Close()
				return nil, err
			}
		}
		return conn, nil
	}
}

// checkTLS completes the handshake, and refuses an old version of TLS with the same
// error as package tls.
func checkTLS(ctx context.Context, c *tls.Conn) error {
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	if c.ConnectionState().Version < tls.VersionTLS12 {
		return &net.OpError{Op: "local error", Err: tls.AlertError(alertProtocolVersion)}
	}
	return nil
}
