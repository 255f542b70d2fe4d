package iomeeting

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	// connectTimeout limits the dialing of the site, and then the TLS handshake. It
	// is a third of the default timeout, so that a dead address leaves time for a
	// retry.
	connectTimeout = 10 * time.Second

	// answerTimeout limits the wait for a response to begin if the user has set no
	// limit for the call.
	answerTimeout = 5 * time.Minute

	// maxIdleConns saves a busy backend handshakes, which cost many times as much as
	// a query. net/http would keep 2 connections.
	maxIdleConns = 256
)

// transports returns the transport of Query, which keeps its connections, and that
// of Schedule, which opens one for each call: if an idle connection has died
// unnoticed, nobody can tell whether the call was carried out.
//
// base is the user's, or nil for http.DefaultTransport. If it is not an
// [http.Transport], such as a mock, it is used as it is.
func transports(base http.RoundTripper, timeout time.Duration) (pooled, fresh http.RoundTripper) {
	isOwn := base == nil
	if isOwn {
		base = http.DefaultTransport
	}
	t, ok := base.(*http.Transport)
	if !ok {
		return base, base
	}
	single := t.Clone()
	limit(single)
	if isOwn {
		single.TLSClientConfig.MinVersion = max(single.TLSClientConfig.MinVersion, tls.VersionTLS12)
		if timeout == 0 {
			single.ResponseHeaderTimeout = answerTimeout
		}
		t = single.Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost = maxIdleConns, maxIdleConns
	}
	single.DisableKeepAlives = true
	dial := single.DialContext
	single.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok && err == nil {
			conn = &deliveryConn{conn, d}
		}
		return conn, err
	}
	return t, single
}

// limit limits what t negotiates, and the time that connecting may take.
func limit(t *http.Transport) {
	// An HTTP/1.1 connection carries one request at a time, so a failure belongs to it.
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.DisableCompression = true
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	t.TLSClientConfig.NextProtos = nil // a clone still offers h2 here
	// VerifyPeerCertificate would not see the certificate of a resumed session.
	if t.TLSClientConfig.ClientSessionCache == nil && t.TLSClientConfig.VerifyPeerCertificate == nil {
		t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	t.TLSHandshakeTimeout = cmp.Or(t.TLSHandshakeTimeout, connectTimeout)
	//lint:ignore SA1019 programs set it, to the Dial of a SOCKS proxy for example
	dial, old := t.DialContext, t.Dial
	switch {
	case dial == nil && old != nil:
		dial = func(_ context.Context, network, addr string) (net.Conn, error) { return old(network, addr) }
	case dial == nil:
		dial = new(net.Dialer).DialContext
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		return dial(ctx, network, addr)
	}
	next := t.OnProxyConnectResponse
	t.OnProxyConnectResponse = func(ctx context.Context, proxy *url.URL, req *http.Request, res *http.Response) error {
		if next != nil {
			if err := next(ctx, proxy, req, res); err != nil {
				return err
			}
		}
		if res.StatusCode != http.StatusOK {
			return &proxyError{res.StatusCode} // net/http would quote the proxy
		}
		return nil
	}
}

// delivery is a request that must arrive at most once. It is the body of the request:
// before its first Read, nothing was sent; after it, all of it may have been.
type delivery struct {
	ctx      context.Context // of the attempt
	body     io.Reader
	state    atomic.Int32
	answered atomic.Bool // the response has begun
}

const (
	bodyUnread int32 = iota
	bodyRead
	bodySealed
)

type deliveryKey struct{}

func (d *delivery) context() context.Context {
	ctx := httptrace.WithClientTrace(d.ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { d.answered.Store(true) },
	})
	return context.WithValue(ctx, deliveryKey{}, d)
}

// Read reads the body, unless it is sealed or the time is over, which a process that
// was stopped while connecting may not have noticed. net/http has sent the header by then.
func (d *delivery) Read(p []byte) (int, error) {
	if deadline, ok := d.ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return 0, context.DeadlineExceeded
	}
	if !d.state.CompareAndSwap(bodyUnread, bodyRead) && d.state.Load() == bodySealed {
		return 0, errors.New("the call is over")
	}
	return d.body.Read(p)
}

// seal reports whether the body was read. If not, it can no longer be: a transport
// may give up on a request before it gives up on the connection.
func (d *delivery) seal() (sent bool) {
	return !d.state.CompareAndSwap(bodyUnread, bodySealed)
}

type deliveryConn struct {
	net.Conn
	delivery *delivery
}

// Close closes the connection. If the call was given up, the kernel would still
// deliver the request when the network recovers, a minute later; SO_LINGER makes it
// forget the request.
func (c *deliveryConn) Close() error {
	if l, ok := c.Conn.(interface{ SetLinger(sec int) error }); ok && !c.delivery.answered.Load() {
		_ = l.SetLinger(0) // closing matters more
	}
	return c.Conn.Close()
}
