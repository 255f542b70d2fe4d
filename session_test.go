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
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// resumingServer returns a TLS server of one version, and the number of its
// connections that resumed a session.
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

// TestSchedulesResumeSessions has each Schedule on a connection of its own. All
// but the first resume a session, and one that follows a Query resumes that of
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

// cacheOfNothing is a session cache that keeps nothing.
type cacheOfNothing struct{ asked atomic.Int32 }

func (c *cacheOfNothing) Get(string) (*tls.ClientSessionState, bool) {
	c.asked.Add(1)
	return nil, false
}
func (c *cacheOfNothing) Put(string, *tls.ClientSessionState) {}

func TestSessionCacheOfDefaultTransport(t *testing.T) {
	s, resumed := resumingServer(t, tls.VersionTLS13)
	cache := new(cacheOfNothing)
	http.DefaultTransport.(*http.Transport).TLSClientConfig.ClientSessionCache = cache
	c := clientOf(t, s.URL)
	for range 3 {
		require.NoError(t, calls["Schedule"](t.Context(), c))
	}
	assert.EqualValues(t, 3, cache.asked.Load())
	assert.Zero(t, resumed.Load())
}

// TestHigherFloorOfTLS has a http.DefaultTransport that requires TLS 1.3.
func TestHigherFloorOfTLS(t *testing.T) {
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

// TestDialersOfDefaultTransport has every dialer that a http.Transport knows.
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
			c := clientOf(t, tt.site, iomeeting.WithMaxIdleConns(0))
			require.NoError(t, calls["Query"](t.Context(), c))
			require.NoError(t, calls["Schedule"](t.Context(), c))
			assert.EqualValues(t, 2, dials.Load())
		})
	}
}

// TestOldTLSOfADialer has a DialTLSContext and a DialTLS that would accept TLS
// 1.1, before and after its handshake.
func TestOldTLSOfADialer(t *testing.T) {
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
				//lint:ignore SA1019 a program may still set it
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
					assert.EqualValues(t, 1, dials.Load(), "it is not retried")
					assert.EqualValues(t, 1, closed.Load())
				}
			}
			assert.Zero(t, arrivals.Load())
		})
	}
}

// closeCounter counts in closed that it is closed.
type closeCounter struct {
	net.Conn
	closed *atomic.Int32
}

func (c closeCounter) Close() error { c.closed.Add(1); return c.Conn.Close() }

// TestFailuresOfATLSDialer has a DialTLSContext that fails, and one that leaves
// it to the client to find that the certificate is not trusted.
func TestFailuresOfATLSDialer(t *testing.T) {
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

// TestSilenceBelowATLSDialer has a DialTLSContext that hangs, and one whose
// connection is silent.
func TestSilenceBelowATLSDialer(t *testing.T) {
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

// TestRefusingSOCKSProxy has a proxy that does not accept the credentials, or no
// way to give any. Asking again would not help.
func TestRefusingSOCKSProxy(t *testing.T) {
	for name, answers := range map[string][]string{
		"wrong password":           {"\x05\x02", "\x01\x01"},
		"no acceptable method":     {"\x05\xff"},
		"a method nobody offered":  {"\x05\x01", ""},
		"no answer to credentials": {"\x05\x02", ""},
	} {
		t.Run(name, func(t *testing.T) {
			proxy, dials := socksProxy(t, answers)
			byDefault(t, &http.Transport{Proxy: http.ProxyURL(&url.URL{
				Scheme: "socks5", Host: proxy, User: url.UserPassword("user", canary),
			})})
			want := int32(1)
			if answers[len(answers)-1] == "" { // the proxy did not refuse the credentials
				want = 2
			}
			for _, call := range []string{"Query", "Schedule"} {
				dials.Store(0)
				err := calls[call](t.Context(), clientOf(t, "https://abc.iomeeting.cn", iomeeting.WithRetries(1)))
				requireSilentError(t, err)
				assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
				assert.Equal(t, want, dials.Load(), err)
			}
		})
	}
}

// socksProxy returns the address of a SOCKS proxy that answers each message with
// the next of answers and then hangs up, and the number of its connections.
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

// TestIdleConnectionsEnd has a http.DefaultTransport made by hand, which would
// keep idle connections forever.
func TestIdleConnectionsEnd(t *testing.T) {
	byHand := func(n *network) *http.Transport { return &http.Transport{DialContext: n.dial} }
	for name, tt := range map[string]struct {
		set  time.Duration
		want int32 // dials of a Query, a wait of 80 seconds, a second Query
	}{"none": {0, 1}, "a shorter one": {time.Minute, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := saying(ok + "Content-Length: 3\r\n\r\n0,,")
				transport := byHand(n)
				transport.IdleConnTimeout = tt.set
				byDefault(t, transport)
				c := clientOf(t, "http://127.0.0.1")
				require.NoError(t, calls["Query"](t.Context(), c))
				time.Sleep(80 * time.Second)
				require.NoError(t, calls["Query"](t.Context(), c))
				assert.Equal(t, tt.want, n.dials.Load())
				time.Sleep(time.Hour) // a connection that stays open makes the bubble panic
			})
		})
	}
}

// TestDefaultTransportIsNotChanged has other settings in it than clients have.
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
