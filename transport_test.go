package iomeeting_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
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

// trusting makes clients that bring no transport trust the certificate of s.
// They take what they do not set from http.DefaultTransport.
func trusting(t *testing.T, s *httptest.Server) {
	t.Helper()
	trusted := http.DefaultTransport.(*http.Transport).Clone()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	trusted.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10}
	byDefault(t, trusted)
}

// byDefault makes transport the http.DefaultTransport for the time of the test.
func byDefault(t *testing.T, transport *http.Transport) {
	t.Helper()
	original := http.DefaultTransport
	http.DefaultTransport = transport
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		http.DefaultTransport = original
	})
}

// serve answers both calls with an available host.
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

// clientOf returns a client of the site at url.
func clientOf(t *testing.T, url string, opts ...iomeeting.Option) *iomeeting.Client {
	t.Helper()
	c, err := iomeeting.NewClient(url, opts...)
	require.NoError(t, err)
	return c
}

// TestOwnTransportSpeaksHTTP1 meets a server that would rather speak HTTP/2.
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

	// http.DefaultTransport has offered h2 once it was used.
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

func TestUntrustedCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request arrived")
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			err := call(t.Context(), clientOf(t, s.URL))
			var unknown x509.UnknownAuthorityError
			require.ErrorAs(t, err, &unknown)
			assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		})
	}
}

// connections counts the connections that a server has accepted.
type connections struct{ accepted atomic.Int32 }

func (c *connections) observe(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		c.accepted.Add(1)
	}
}

// countingServer returns a server for handler, and its connections.
func countingServer(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *connections) {
	t.Helper()
	count := new(connections)
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = count.observe
	s.Start()
	t.Cleanup(s.Close)
	return s, count
}

func TestQueriesShareAConnection(t *testing.T) {
	s, count := countingServer(t, serve)
	c := clientOf(t, s.URL)
	for range 50 {
		require.NoError(t, calls["Query"](t.Context(), c))
	}
	assert.EqualValues(t, 1, count.accepted.Load())
}

// TestConnectionsAreKept has more queries at once than net/http would keep
// connections for.
func TestConnectionsAreKept(t *testing.T) {
	const many = 256
	var arrived sync.WaitGroup
	s, count := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait() // all are under way at once
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

func TestFailedQueriesShareAConnection(t *testing.T) {
	s, count := countingServer(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("no ", 1000), http.StatusNotFound)
	})
	c := clientOf(t, s.URL)
	for range 50 {
		require.ErrorIs(t, calls["Query"](t.Context(), c), iomeeting.ErrBadResponse)
	}
	assert.EqualValues(t, 1, count.accepted.Load())
}

func TestWithoutIdleConnections(t *testing.T) {
	s, count := countingServer(t, serve)
	c := clientOf(t, s.URL, iomeeting.WithMaxIdleConns(0))
	for range 5 {
		require.NoError(t, calls["Query"](t.Context(), c))
	}
	assert.EqualValues(t, 5, count.accepted.Load())
}

func TestSchedulesUseFreshConnections(t *testing.T) {
	s, count := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, strings.HasSuffix(r.URL.Path, "schedule"), r.Close, "the connection ends with the call")
		serve(w, r)
	})
	c := clientOf(t, s.URL)
	require.NoError(t, calls["Query"](t.Context(), c))
	for range 50 {
		require.NoError(t, calls["Schedule"](t.Context(), c))
	}
	assert.EqualValues(t, 51, count.accepted.Load())
}

func TestEndlessAnswer(t *testing.T) {
	for name, unknown := range map[string]bool{"Query": false, "Schedule": true} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{})
			s, _ := countingServer(t, func(w http.ResponseWriter, _ *http.Request) {
				defer close(left)
				for {
					if _, err := io.WriteString(w, strings.Repeat("0", 1<<10)); err != nil {
						return
					}
				}
			})
			err := calls[name](t.Context(), clientOf(t, s.URL))
			var bad *iomeeting.ResponseError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, "is longer than 4096 bytes", bad.Reason)
			assert.Equal(t, unknown, errors.Is(err, iomeeting.ErrOutcomeUnknown))
			<-left
		})
	}
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

// breaking returns a server that reads each request whole and then does as
// ends says with the connection, and the number of requests.
func breaking(t *testing.T, end func(*net.TCPConn)) (url string, arrivals *atomic.Int32) {
	t.Helper()
	arrivals = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrivals.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		end(conn.(*net.TCPConn))
		_ = conn.Close()
	}))
	t.Cleanup(s.Close)
	return s.URL, arrivals
}

func TestConnectionThatBreaks(t *testing.T) {
	write := func(s string) func(*net.TCPConn) {
		return func(c *net.TCPConn) { _, _ = io.WriteString(c, s) }
	}
	ends := map[string]func(*net.TCPConn){
		"FIN":                  func(*net.TCPConn) {},
		"RST":                  func(c *net.TCPConn) { _ = c.SetLinger(0) },
		"inside of the header": write("HTTP/1.1 200 OK\r\nContent-Le"),
		"inside of the body":   write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n0,1"),
		"inside of a chunk":    write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0,1"),
		"no HTTP":              write("220 smtp.example ESMTP\r\n"),
		"an echo":              write("hostEmail=test%40abc.com&hostPassword=123456\r\n\r\n"),
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			url, arrivals := breaking(t, end)
			err := calls["Query"](t.Context(), clientOf(t, url))
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "123456")
			assert.EqualValues(t, 3, arrivals.Load())

			arrivals.Store(0)
			err = calls["Schedule"](t.Context(), clientOf(t, url))
			require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			assert.NotContains(t, err.Error(), "123456")
			assert.EqualValues(t, 1, arrivals.Load())
		})
	}
}

func TestNobodyListens(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			err := call(t.Context(), clientOf(t, s.URL))
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			assert.Equal(t, "dial", op.Op)
			assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		})
	}
}

// TestKeptConnectionThatDied answers the first request of a connection and
// drops the connection at the second one.
func TestKeptConnectionThatDied(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var servers sync.WaitGroup
	servers.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(t.Context(), func() { _ = conn.Close() }) // as the test ends
			servers.Go(func() { answerOnce(conn) })
		}
	})
	t.Cleanup(servers.Wait)
	t.Cleanup(func() { _ = l.Close() })

	c := clientOf(t, "http://"+l.Addr().String())
	for range 4 {
		require.NoError(t, calls["Query"](t.Context(), c))
	}
}

func answerOnce(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, req.Body)
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n0,,")
	_, _ = in.ReadByte() // the second request begins
}

func TestCookies(t *testing.T) {
	s, _ := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
		assert.LessOrEqual(t, len(r.Cookies()), 1)
		if c, err := r.Cookie("session"); err == nil && c.Value == "7" {
			serve(w, r)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "7"})
		http.Error(w, "once more", http.StatusServiceUnavailable)
	})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := clientOf(t, s.URL, iomeeting.WithHTTPClient(&http.Client{Jar: jar}))
	for _, name := range []string{"Query", "Query", "Schedule"} {
		require.NoError(t, calls[name](t.Context(), c))
	}
}

// TestThroughAProxy sends both calls through a proxy that connects.
func TestThroughAProxy(t *testing.T) {
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
	c := clientOf(t, s.URL, iomeeting.WithMaxIdleConns(0))

	_, err = c.Query(t.Context(), host)
	require.NoError(t, err)
	_, err = c.Schedule(t.Context(), host, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 2, connects.Load())
}

// tunnel connects the client of w with addr until one of them hangs up.
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
			_, _ = io.Copy(pair[0], pair[1]) // ends where either side has hung up
			_ = pair[0].Close()
		})
	}
	halves.Wait()
}

// TestPlainDefaultTransport replaces http.DefaultTransport by one with a hook
// for proxies and without a dialer.
func TestPlainDefaultTransport(t *testing.T) {
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
			require.EqualError(t, err, "iomeeting: query: the proxy answered CONNECT with HTTP status 407 Proxy Authentication Required")
		} else {
			require.ErrorIs(t, err, want)
		}
	}
}
