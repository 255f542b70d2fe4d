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

// The limits of the client's own connections.
const (
	// connectTimeout is for finding and dialling the site, and once more for
	// the TLS handshake: long enough for a lost packet or two, and a third of
	// defaultTimeout, so that a dead address leaves time for another try.
	connectTimeout = 10 * time.Second

	// answerTimeout bounds the wait for the header of an answer where the user
	// has set no bound to the call: nobody waits forever for a service that is
	// gone.
	answerTimeout = 5 * time.Minute

	// maxHeader is many times what a servlet sends. net/http would read 1 MiB.
	maxHeader = 64 << 10

	// defaultMaxIdleConns spares a busy backend handshakes, which cost many
	// times a query. net/http would keep 2 connections.
	defaultMaxIdleConns = 256
)

// ownTransports returns the transport of Query, which keeps its connections,
// and that of Schedule, which opens one for each call: on a kept connection
// that died unnoticed it could not be known whether the call was carried out.
//
// A http.DefaultTransport that is no [http.Transport], such as a mock, is used
// as it is.
func ownTransports(maxIdleConns int, timeout time.Duration) (pooled, fresh http.RoundTripper) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport, http.DefaultTransport
	}
	keeping, single := limit(base.Clone(), timeout), limit(base.Clone(), timeout)
	keeping.MaxIdleConns = maxIdleConns
	keeping.MaxIdleConnsPerHost = maxIdleConns
	keeping.DisableKeepAlives = maxIdleConns == 0 // net/http takes 0 for no limit
	single.DisableKeepAlives = true
	return keeping, single
}

// limit puts the limits on t, for calls with that time-out, or 0.
func limit(t *http.Transport, timeout time.Duration) *http.Transport {
	// Over HTTP/1.1 a connection carries one request, so that a failure is of that one.
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	t.TLSClientConfig.NextProtos = nil // a clone still offers h2 here
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)

	t.DialContext = dialWithin(connectTimeout, t.DialContext)
	t.TLSHandshakeTimeout = connectTimeout
	if timeout == 0 {
		t.ResponseHeaderTimeout = answerTimeout
	}
	t.MaxResponseHeaderBytes = maxHeader
	t.OnProxyConnectResponse = refuseConnect(t.OnProxyConnectResponse)
	return t
}

// proxyError is a proxy's refusal to connect to the site.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy answered CONNECT with HTTP status %d %s", e.status, http.StatusText(e.status))
}

type connectHook = func(context.Context, *url.URL, *http.Request, *http.Response) error

// refuseConnect calls next, if there is one, and gives a refusal a type.
// net/http would make an error of the proxy's words.
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

// dialWithin bounds the time that dial may take. A nil dial is net.Dialer's.
func dialWithin(d time.Duration, dial dialFunc) dialFunc {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		return dial(ctx, network, addr)
	}
}
