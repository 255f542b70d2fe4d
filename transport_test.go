package iomeeting_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// trusting makes http.DefaultTransport trust the certificate of s.
func trusting(t *testing.T, s *httptest.Server) {
	t.Helper()
	trusted := http.DefaultTransport.(*http.Transport).Clone()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	trusted.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10}
	byDefault(t, trusted)
}

// byDefault makes transport the http.DefaultTransport until the end of the test.
func byDefault(t *testing.T, transport *http.Transport) {
	t.Helper()
	original := http.DefaultTransport
	http.DefaultTransport = transport
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		http.DefaultTransport = original
	})
}

// serve answers both calls, as for an available host.
func serve(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("hostPassword") != "123456" {
		http.Error(w, "wrong form", http.StatusBadRequest)
		return
	}
	if strings.HasSuffix(r.URL.Path, "schedule") {
		_, _ = io.WriteString(w, "0,123456")
		return
	}
	_, _ = io.WriteString(w, "0,,")
}

// clientOf returns a client for the site at url.
func clientOf(t *testing.T, url string, opts ...iomeeting.Option) *iomeeting.Client {
	t.Helper()
	c, err := iomeeting.NewClient(url, opts...)
	require.NoError(t, err)
	return c
}

// TestOwnTransportSpeaksHTTP1 uses a server that prefers HTTP/2.
func TestOwnTransportSpeaksHTTP1(t *testing.T) {
	var protocols sync.Map
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocols.Store(r.Proto, true)
		assert.GreaterOrEqual(t, r.TLS.Version, uint16(tls.VersionTLS12))
		serve(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	trusting(t, s)

	// Once it was used, http.DefaultTransport offers h2.
	res, err := (&http.Client{}).PostForm(s.URL, map[string][]string{"hostPassword": {"123456"}})
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())

	for _, opts := range [][]iomeeting.Option{nil, {iomeeting.WithHTTPClient(&http.Client{})}} {
		protocols.Clear()
		c := clientOf(t, s.URL, opts...)
		for _, call := range calls {
			require.NoError(t, call(t.Context(), c))
		}
		_, one := protocols.Load("HTTP/1.1")
		assert.True(t, one)
		_, two := protocols.Load("HTTP/2.0")
		assert.False(t, two)
	}
}

func TestInjectedTransportMaySpeakHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "HTTP/2.0", r.Proto)
		serve(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	hc := s.Client()
	c := clientOf(t, s.URL, iomeeting.WithHTTPClient(hc))
	for _, call := range calls {
		require.NoError(t, call(t.Context(), c))
	}
	assert.Equal(t, s.Client(), hc)
}

// connections counts the connections that a server accepts.
type connections struct{ accepted atomic.Int32 }

func (c *connections) observe(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		c.accepted.Add(1)
	}
}

// countingServer returns a server for handler, and the count of its connections.
func countingServer(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *connections) {
	t.Helper()
	count := new(connections)
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = count.observe
	s.Start()
	t.Cleanup(s.Close)
	return s, count
}

// TestQueriesShareConnection covers queries that succeed, and queries that fail.
func TestQueriesShareConnection(t *testing.T) {
	notFound := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("no ", 1000), http.StatusNotFound)
	}
	for want, handler := range map[error]http.HandlerFunc{nil: serve, iomeeting.ErrBadResponse: notFound} {
		s, count := countingServer(t, handler)
		c := clientOf(t, s.URL)
		for range 50 {
			require.ErrorIs(t, calls["Query"](t.Context(), c), want)
		}
		assert.EqualValues(t, 1, count.accepted.Load())
	}
}

// TestConnectionsAreKept makes more concurrent queries than net/http keeps idle
// connections by default.
func TestConnectionsAreKept(t *testing.T) {
	const many = 256
	var arrived sync.WaitGroup
	s, count := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait() // all queries are in progress
		serve(w, r)
	})
	c := clientOf(t, s.URL)
	for range 3 {
		arrived.Add(many)
		var queries sync.WaitGroup
		for range many {
			queries.Go(func() { assert.NoError(t, calls["Query"](t.Context(), c)) })
		}
		queries.Wait()
	}
	assert.EqualValues(t, many, count.accepted.Load())
}

func TestSchedulesUseFreshConnections(t *testing.T) {
	s, count := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, strings.HasSuffix(r.URL.Path, "schedule"), r.Close, "Connection: close")
		serve(w, r)
	})
	c := clientOf(t, s.URL)
	require.NoError(t, calls["Query"](t.Context(), c))
	for range 50 {
		require.NoError(t, calls["Schedule"](t.Context(), c))
	}
	assert.EqualValues(t, 51, count.accepted.Load())
}

func TestLongHeader(t *testing.T) {
	length := 0
	s, _ := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", strings.Repeat("x", length))
		serve(w, r)
	})
	c := clientOf(t, s.URL, iomeeting.WithRetries(0))
	for _, name := range []string{"Query", "Schedule"} {
		length = 60 << 10
		require.NoError(t, calls[name](t.Context(), c))
		length = 70 << 10
		err := calls[name](t.Context(), c)
		require.Error(t, err)
		assert.Equal(t, name == "Schedule", errors.Is(err, iomeeting.ErrOutcomeUnknown))
	}
}

func TestCookies(t *testing.T) {
	s, _ := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		assert.LessOrEqual(t, len(r.Cookies()), 1)
		if c, err := r.Cookie("session"); err == nil && c.Value == "7" {
			serve(w, r)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "7"})
		http.Error(w, "try again", http.StatusServiceUnavailable)
	})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := clientOf(t, s.URL, iomeeting.WithHTTPClient(&http.Client{Jar: jar}))
	for _, name := range []string{"Query", "Query", "Schedule"} {
		require.NoError(t, calls[name](t.Context(), c))
	}
}

// TestProxy sends both calls through a proxy.
func TestProxy(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(serve))
	t.Cleanup(s.Close)
	var connects atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connects.Add(1)
		assert.Equal(t, "CONNECT "+s.Listener.Addr().String(), r.Method+" "+r.Host)
		tunnel(t, w, r.Host)
	}))
	t.Cleanup(proxy.Close)
	trusting(t, s)
	proxyURL, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	http.DefaultTransport.(*http.Transport).Proxy = http.ProxyURL(proxyURL)

	c := clientOf(t, s.URL)
	_, err = c.Query(t.Context(), host)
	require.NoError(t, err)
	_, err = c.Schedule(t.Context(), host, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 2, connects.Load())
}

// tunnel connects the client of w to addr until one of them hangs up.
func tunnel(t *testing.T, w http.ResponseWriter, addr string) {
	site, err := net.Dial("tcp", addr)
	if !assert.NoError(t, err) {
		return
	}
	client, _, err := http.NewResponseController(w).Hijack()
	if !assert.NoError(t, err) {
		return
	}
	_, err = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	assert.NoError(t, err)
	var halves sync.WaitGroup
	for _, pair := range [][2]net.Conn{{site, client}, {client, site}} {
		halves.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // until either side hangs up
			_ = pair[0].Close()
		})
	}
	halves.Wait()
}

// TestProxyHook uses an http.DefaultTransport with its own OnProxyConnectResponse, and
// without a dialer.
func TestProxyHook(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	proxyURL, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	refused := errors.New("refused by the hook")
	for _, want := range []error{nil, refused} {
		var seen atomic.Int32
		byDefault(t, &http.Transport{
			Proxy: http.ProxyURL(proxyURL),
			OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
				seen.Add(1)
				assert.Equal(t, http.StatusProxyAuthRequired, res.StatusCode)
				return want
			},
		})
		c := clientOf(t, "https://abc.iomeeting.cn", iomeeting.WithRetries(0))
		_, err = c.Query(t.Context(), host)
		assert.EqualValues(t, 1, seen.Load())
		if want == nil {
			require.EqualError(t, err, "iomeeting: query: the proxy responded to CONNECT with HTTP status 407 Proxy Authentication Required")
		} else {
			require.ErrorIs(t, err, want)
		}
	}
}
