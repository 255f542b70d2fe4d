package iomeeting_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// resumingServer returns a server for one version of TLS, and the number of requests
// on resumed sessions.
func resumingServer(t *testing.T, version uint16) (s *httptest.Server, resumed *atomic.Int32) {
	t.Helper()
	resumed = new(atomic.Int32)
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.DidResume {
			resumed.Add(1)
		}
		assert.Equal(t, version, r.TLS.Version)
		serve(w, r)
	}))
	s.TLS = &tls.Config{MinVersion: version, MaxVersion: version}
	s.StartTLS()
	t.Cleanup(s.Close)
	trusting(t, s)
	return s, resumed
}

// TestSchedulesResumeSessions checks that each Schedule but the first, on its own
// connection, resumes a session, and that one after a Query resumes the session of
// the Query.
func TestSchedulesResumeSessions(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			s, resumed := resumingServer(t, version)
			c := clientOf(t, s.URL)
			for range 100 {
				require.NoError(t, calls["Schedule"](t.Context(), c))
			}
			assert.EqualValues(t, 99, resumed.Load())

			resumed.Store(0)
			c = clientOf(t, s.URL)
			require.NoError(t, calls["Query"](t.Context(), c))
			require.NoError(t, calls["Schedule"](t.Context(), c))
			assert.EqualValues(t, 1, resumed.Load())
		})
	}
}

// emptyCache is a session cache that stores nothing.
type emptyCache struct{ asked atomic.Int32 }

func (c *emptyCache) Get(string) (*tls.ClientSessionState, bool) {
	c.asked.Add(1)
	return nil, false
}
func (c *emptyCache) Put(string, *tls.ClientSessionState) {}

func TestSessionCacheOfDefaultTransport(t *testing.T) {
	s, resumed := resumingServer(t, tls.VersionTLS13)
	cache := new(emptyCache)
	http.DefaultTransport.(*http.Transport).TLSClientConfig.ClientSessionCache = cache
	c := clientOf(t, s.URL)
	for range 3 {
		require.NoError(t, calls["Schedule"](t.Context(), c))
	}
	assert.EqualValues(t, 3, cache.asked.Load())
	assert.Zero(t, resumed.Load())
}

// TestMinimumTLSVersion uses an http.DefaultTransport that requires TLS 1.3.
func TestMinimumTLSVersion(t *testing.T) {
	for version, accepted := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			s, _ := resumingServer(t, version)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			http.DefaultTransport.(*http.Transport).TLSClientConfig.MinVersion = tls.VersionTLS13
			for name, call := range calls {
				err := call(t.Context(), clientOf(t, s.URL))
				if accepted {
					require.NoError(t, err, name)
				} else {
					require.ErrorContains(t, err, "tls: protocol version not supported", name)
				}
			}
		})
	}
}

// TestDialersOfDefaultTransport covers each kind of dialer that an http.Transport can
// have.
func TestDialersOfDefaultTransport(t *testing.T) {
	plain, _ := countingServer(t, serve)
	secure := httptest.NewTLSServer(http.HandlerFunc(serve))
	t.Cleanup(secure.Close)
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	dialTLS := func(network, addr string) (net.Conn, error) {
		return tls.Dial(network, addr, &tls.Config{RootCAs: pool})
	}
	for name, tt := range map[string]struct {
		site string
		set  func(t *http.Transport, dialed func())
	}{
		"DialContext": {plain.URL, func(t *http.Transport, dialed func()) {
			t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dialed()
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
		}},
		"DialContext before Dial": {plain.URL, func(t *http.Transport, dialed func()) {
			t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dialed()
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			//lint:ignore SA1019 a program may still set it
			t.Dial = func(string, string) (net.Conn, error) { return nil, errRefused }
		}},
		"Dial": {plain.URL, func(t *http.Transport, dialed func()) {
			//lint:ignore SA1019 a program may still set it
			t.Dial = func(network, addr string) (net.Conn, error) { dialed(); return net.Dial(network, addr) }
		}},
		"DialTLSContext": {secure.URL, func(t *http.Transport, dialed func()) {
			t.DialTLSContext = func(_ context.Context, network, addr string) (net.Conn, error) {
				dialed()
				return dialTLS(network, addr)
			}
		}},
		"DialTLSContext before DialTLS": {secure.URL, func(t *http.Transport, dialed func()) {
			t.DialTLSContext = func(_ context.Context, network, addr string) (net.Conn, error) {
				dialed()
				return dialTLS(network, addr)
			}
			//lint:ignore SA1019 a program may still set it
			t.DialTLS = func(string, string) (net.Conn, error) { return nil, errRefused }
		}},
		"DialTLSContext, TLS 1.2, before its handshake": {secure.URL, func(t *http.Transport, dialed func()) {
			t.DialTLSContext = func(_ context.Context, network, addr string) (net.Conn, error) {
				dialed()
				conn, err := net.Dial(network, addr)
				return tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "example.com", MaxVersion: tls.VersionTLS12}), err
			}
		}},
		"DialTLS": {secure.URL, func(t *http.Transport, dialed func()) {
			//lint:ignore SA1019 a program may still set it
			t.DialTLS = func(network, addr string) (net.Conn, error) { dialed(); return dialTLS(network, addr) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var dials atomic.Int32
			transport := new(http.Transport)
			tt.set(transport, func() { dials.Add(1) })
			byDefault(t, transport)
			c := clientOf(t, tt.site)
			require.NoError(t, calls["Query"](t.Context(), c))
			require.NoError(t, calls["Schedule"](t.Context(), c))
			assert.EqualValues(t, 2, dials.Load())
		})
	}
}

// TestOldTLSOfDialer uses a DialTLSContext and a DialTLS that accept TLS 1.1, and
// return the connection before or after its handshake.
func TestOldTLSOfDialer(t *testing.T) {
	var arrivals atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrivals.Add(1) }))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	config := &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS10}
	for name, handshake := range map[string]func(*tls.Conn) error{
		"before": func(*tls.Conn) error { return nil },
		"after":  (*tls.Conn).Handshake,
	} {
		t.Run(name, func(t *testing.T) {
			var dials, closed atomic.Int32
			dial := func(network, addr string) (net.Conn, error) {
				dials.Add(1)
				conn, err := net.Dial(network, addr)
				client := tls.Client(closeCounter{conn, &closed}, config)
				return client, cmp.Or(err, handshake(client))
			}
			for _, transport := range []*http.Transport{
				{DialTLSContext: func(_ context.Context, network, addr string) (net.Conn, error) { return dial(network, addr) }},
				{DialTLS: dial},
			} {
				byDefault(t, transport)
				for _, call := range []string{"Query", "Schedule"} {
					dials.Store(0)
					closed.Store(0)
					err := calls[call](t.Context(), clientOf(t, s.URL))
					var alert tls.AlertError
					require.ErrorAs(t, err, &alert)
					assert.ErrorContains(t, err, "tls: protocol version not supported")
					assert.EqualValues(t, 1, dials.Load(), "the call is not retried")
					assert.EqualValues(t, 1, closed.Load())
				}
			}
			assert.Zero(t, arrivals.Load())
		})
	}
}

// closeCounter is a connection that counts how often it is closed.
type closeCounter struct {
	net.Conn
	closed *atomic.Int32
}

func (c closeCounter) Close() error { c.closed.Add(1); return c.Conn.Close() }

// TestFailingTLSDialer uses a DialTLSContext that fails, and one whose connection
// fails in the handshake.
func TestFailingTLSDialer(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	for name, tt := range map[string]struct {
		dial func(network, addr string) (net.Conn, error)
		as   any
	}{
		"dial": {func(string, string) (net.Conn, error) { return nil, errRefused }, new(*net.OpError)},
		"handshake": {func(network, addr string) (net.Conn, error) {
			conn, err := net.Dial(network, addr)
			return tls.Client(conn, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com"}), err
		}, new(x509.UnknownAuthorityError)},
	} {
		t.Run(name, func(t *testing.T) {
			byDefault(t, &http.Transport{DialTLSContext: func(_ context.Context, network, addr string) (net.Conn, error) {
				return tt.dial(network, addr)
			}})
			for _, call := range []string{"Query", "Schedule"} {
				err := calls[call](t.Context(), clientOf(t, s.URL, iomeeting.WithRetries(0)))
				require.ErrorAs(t, err, tt.as)
				assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			}
		})
	}
}

// TestHangingTLSDialer uses a DialTLSContext that hangs, and one whose connection
// hangs in the handshake.
func TestHangingTLSDialer(t *testing.T) {
	for name, n := range map[string]*network{"dial": {hang: true}, "handshake": {mute: true}} {
		for _, call := range []string{"Query", "Schedule"} {
			t.Run(name+", "+call, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					byDefault(t, &http.Transport{DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
						conn, err := n.dial(ctx, network, addr)
						return tls.Client(conn, &tls.Config{ServerName: "127.0.0.1"}), err
					}})
					start := time.Now()
					c := clientOf(t, "https://127.0.0.1", iomeeting.WithTimeout(0), iomeeting.WithRetries(0))
					assert.ErrorIs(t, calls[call](t.Context(), c), context.DeadlineExceeded)
					assert.Equal(t, 10*time.Second, time.Since(start))
				})
			})
		}
	}
}

// TestSOCKSProxyRefuses uses a proxy that rejects the credentials or every method of
// authentication, which is not retried, and one that fails before it has done so.
func TestSOCKSProxyRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		password string
		answers  []string
		dials    int32
	}{
		"wrong password":               {canary, []string{"\x05\x02", "\x01\x01"}, 1},
		"password that is too long":    {strings.Repeat(canary, 16), []string{"\x05\x02"}, 1},
		"no acceptable method":         {canary, []string{"\x05\xff"}, 1},
		"method that was not offered":  {canary, []string{"\x05\x01", ""}, 2},
		"no answer to the credentials": {canary, []string{"\x05\x02", ""}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			proxy, dials := socksProxy(t, tt.answers)
			byDefault(t, &http.Transport{Proxy: http.ProxyURL(&url.URL{
				Scheme: "socks5", Host: proxy, User: url.UserPassword("user", tt.password),
			})})
			for _, call := range []string{"Query", "Schedule"} {
				dials.Store(0)
				err := calls[call](t.Context(), clientOf(t, "https://abc.iomeeting.cn", iomeeting.WithRetries(1)))
				requireSilentError(t, err)
				assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
				assert.Equal(t, tt.dials, dials.Load(), err)
			}
		})
	}
}

// socksProxy returns the address of a SOCKS proxy, and the number of its connections.
// It answers each message of a connection with the next of answers, and then hangs
// up.
func socksProxy(t *testing.T, answers []string) (addr string, dials *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dials = new(atomic.Int32)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			dials.Add(1)
			for _, answer := range answers {
				_, _ = conn.Read(make([]byte, 1<<10))
				_, _ = io.WriteString(conn, answer)
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	return listener.Addr().String(), dials
}

// TestIdleConnectionsEnd uses an http.DefaultTransport without IdleConnTimeout, and
// one with a shorter timeout than the default.
func TestIdleConnectionsEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		set  time.Duration
		want int32 // dials for two queries, 80 seconds apart
	}{"none": {0, 1}, "shorter": {time.Minute, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := saying(ok + "Content-Length: 3\r\n\r\n0,,")
				byDefault(t, &http.Transport{DialContext: n.dial, IdleConnTimeout: tt.set})
				c := clientOf(t, "http://127.0.0.1")
				require.NoError(t, calls["Query"](t.Context(), c))
				time.Sleep(80 * time.Second)
				require.NoError(t, calls["Query"](t.Context(), c))
				assert.Equal(t, tt.want, n.dials.Load())
				time.Sleep(time.Hour) // a connection that is still open makes the bubble fail
			})
		})
	}
}

// TestDefaultTransportIsNotChanged uses an http.DefaultTransport whose settings differ
// from those of clients.
func TestDefaultTransportIsNotChanged(t *testing.T) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS10}, MaxIdleConns: 7}
	byDefault(t, transport)
	_ = clientOf(t, site)
	assert.EqualValues(t, tls.VersionTLS10, transport.TLSClientConfig.MinVersion)
	assert.Nil(t, transport.TLSClientConfig.ClientSessionCache)
	assert.Nil(t, transport.DialContext)
	assert.Nil(t, transport.OnProxyConnectResponse)
	assert.Equal(t, 7, transport.MaxIdleConns)
	assert.False(t, transport.DisableKeepAlives)
	assert.Zero(t, transport.IdleConnTimeout)
	assert.Zero(t, transport.MaxResponseHeaderBytes)
}

func TestNilDefaultTransport(t *testing.T) {
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	for _, transport := range []http.RoundTripper{nil, (*http.Transport)(nil)} {
		http.DefaultTransport = transport
		c, err := iomeeting.NewClient(site)
		assert.Nil(t, c)
		requireParameterError(t, err, "http.DefaultTransport", "is nil")
	}
	_, err := iomeeting.NewClient(site, over(http.NewFileTransport(nil)))
	require.NoError(t, err)
}
