package iomeeting

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// The limits of the client's own connections.
const (
	// connectTimeout is for finding and dialling the site, and once more for
	// the TLS handshake: long enough for a lost packet or two, and a third of
	// defaultTimeout, so that a dead address leaves time for another try.
	connectTimeout = 10 * time.Second

	// answerTimeout ends a wait to which the user has set no end. It is longer
	// than defaultTimeout, and so does not cut that short.
	answerTimeout = time.Minute

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
func ownTransports(maxIdleConns int) (pooled, fresh http.RoundTripper) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport, http.DefaultTransport
	}
	keeping, single := limit(base.Clone()), limit(base.Clone())
	keeping.MaxIdleConns = maxIdleConns
	keeping.MaxIdleConnsPerHost = maxIdleConns
	keeping.DisableKeepAlives = maxIdleConns == 0 // net/http takes 0 for no limit
	single.DisableKeepAlives = true
	return keeping, single
}

// limit puts the limits on t.
func limit(t *http.Transport) *http.Transport {
	// HTTP/1.1 is faster here, and its failures say more about what was sent.
	t.ForceAttemptHTTP2 = false
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	t.TLSClientConfig.NextProtos = nil // a clone still offers h2 here
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)

	t.DialContext = dialWithin(connectTimeout, t.DialContext)
	t.TLSHandshakeTimeout = connectTimeout
	t.ResponseHeaderTimeout = answerTimeout
	t.MaxResponseHeaderBytes = maxHeader
	t.DisableCompression = true
	return t
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
