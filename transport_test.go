package iomeeting_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

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

// server counts what a service sees.
type server struct {
	*httptest.Server
	opened    atomic.Int32 // connections
	resumed   atomic.Int32 // requests on resumed TLS sessions
	protocols sync.Map     // of requests, by path
}

// serverOf returns a server for handler, with HTTP/2 if tlsVersion is not 0.
func serverOf(t *testing.T, handler http.HandlerFunc, tlsVersion uint16) *server {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.protocols.Store(r.URL.Path, r.Proto)
		if r.TLS != nil && r.TLS.DidResume {
			s.resumed.Add(1)
		}
		handler(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}
	if tlsVersion == 0 {
		s.Start()
	} else {
		s.EnableHTTP2 = true
		s.TLS = &tls.Config{MinVersion: tlsVersion, MaxVersion: tlsVersion}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s
}

// trusting returns a transport of a user that trusts the certificate of s.
func trusting(t *testing.T, s *server) *http.Transport {
	t.Helper()
	pool := x509.NewCertPool()
	if s.Certificate() != nil {
		pool.AddCert(s.Certificate())
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// marking is a RoundTripper that counts and marks requests.
type marking struct {
	http.RoundTripper
	requests atomic.Int32
}

func (m *marking) RoundTrip(req *http.Request) (*http.Response, error) {
	m.requests.Add(1)
	req = req.Clone(req.Context())
	req.Header.Set("Marked", "yes")
	return m.RoundTripper.RoundTrip(req)
}

// wrap is an option of clients whose requests are marked.
var wrap = iomeeting.WithTransportWrapper(func(rt http.RoundTripper) http.RoundTripper { return &marking{RoundTripper: rt} })

// clients are the options of each kind of client, for a transport that is also the
// http.DefaultTransport.
var clients = map[string]func(*http.Transport) []iomeeting.Option{
	"own":                  func(*http.Transport) []iomeeting.Option { return nil },
	"own, wrapped":         func(*http.Transport) []iomeeting.Option { return []iomeeting.Option{wrap} },
	"the user's":           func(t *http.Transport) []iomeeting.Option { return []iomeeting.Option{over(t)} },
	"the user's, wrapped":  func(t *http.Transport) []iomeeting.Option { return []iomeeting.Option{over(t), wrap} },
	"another RoundTripper": func(t *http.Transport) []iomeeting.Option { return []iomeeting.Option{over(&marking{RoundTripper: t})} },
}

// TestConnections makes three queries, and then three Schedules, of a service that
// prefers HTTP/2. Each Schedule has a connection of its own, and resumes a session.
func TestConnections(t *testing.T) {
	const one, two = "HTTP/1.1", "HTTP/2.0"
	for _, tt := range []struct {
		client                  string
		wantQuery, wantSchedule string // protocols
		wantOpened, wantResumed int32  // connections; requests on resumed sessions
	}{
		{client: "own", wantQuery: one, wantSchedule: one, wantOpened: 1 + 3, wantResumed: 3},
		{client: "own, wrapped", wantQuery: one, wantSchedule: one, wantOpened: 1 + 3, wantResumed: 3},
		{client: "the user's", wantQuery: two, wantSchedule: one, wantOpened: 1 + 3, wantResumed: 2},
		{client: "the user's, wrapped", wantQuery: two, wantSchedule: one, wantOpened: 1 + 3, wantResumed: 2},
		{client: "another RoundTripper", wantQuery: two, wantSchedule: two, wantOpened: 1},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tt.client+", "+tls.VersionName(version), func(t *testing.T) {
				s := serverOf(t, serve, version)
				transport := trusting(t, s)
				byDefault(t, transport)
				// Once it was used, a transport offers h2.
				res, err := (&http.Client{Transport: transport}).PostForm(s.URL, url.Values{"hostPassword": {"123456"}})
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				transport.CloseIdleConnections()
				s.opened.Store(0)

				c := clientOf(t, s.URL, clients[tt.client](transport)...)
				for _, name := range []string{"Query", "Schedule"} {
					for range 3 {
						require.NoError(t, calls[name](t.Context(), c))
					}
				}
				query, _ := s.protocols.Load("/meetingControl/query")
				assert.Equal(t, tt.wantQuery, query)
				schedule, _ := s.protocols.Load("/meetingControl/schedule")
				assert.Equal(t, tt.wantSchedule, schedule)
				assert.Equal(t, tt.wantOpened, s.opened.Load())
				assert.Equal(t, tt.wantResumed, s.resumed.Load())
			})
		}
	}
}

// TestFiftyCalls makes fifty calls in a row. Those of Query share a connection, also
// if they fail.
func TestFiftyCalls(t *testing.T) {
	notFound := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("no ", 1000), http.StatusNotFound)
	}
	for _, tt := range []struct {
		name, call string
		handler    http.HandlerFunc
		is         error
		wantOpened int32
	}{
		{name: "queries", call: "Query", handler: serve, wantOpened: 1},
		{name: "failing queries", call: "Query", handler: notFound, is: iomeeting.ErrBadResponse, wantOpened: 1},
		{name: "schedules", call: "Schedule", handler: serve, wantOpened: 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serverOf(t, tt.handler, 0)
			c := clientOf(t, s.URL)
			for range 50 {
				require.ErrorIs(t, calls[tt.call](t.Context(), c), tt.is)
			}
			assert.Equal(t, tt.wantOpened, s.opened.Load())
		})
	}
}

// TestConnectionsAreKept makes more concurrent queries than net/http keeps idle
// connections by default.
func TestConnectionsAreKept(t *testing.T) {
	const many = 256
	var arrived sync.WaitGroup
	s := serverOf(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait() // all queries are in progress
		serve(w, r)
	}, 0)
	c := clientOf(t, s.URL)
	for range 3 {
		arrived.Add(many)
		var queries sync.WaitGroup
		for range many {
			queries.Go(func() { assert.NoError(t, calls["Query"](t.Context(), c)) })
		}
		queries.Wait()
	}
	assert.EqualValues(t, many, s.opened.Load())
}

func TestCloseIdleConnections(t *testing.T) {
	for name, opts := range clients {
		t.Run(name, func(t *testing.T) {
			s := serverOf(t, serve, 0)
			transport := trusting(t, s)
			byDefault(t, transport)
			c := clientOf(t, s.URL, opts(transport)...)
			for range 3 {
				require.NoError(t, calls["Query"](t.Context(), c))
				c.CloseIdleConnections()
			}
			want := int32(3)
			if name == "another RoundTripper" {
				want = 1 // it has no such method
			}
			assert.Equal(t, want, s.opened.Load())
		})
	}
}

// TestWrapper checks that both transports are wrapped, and that each attempt passes
// through one of the wrappers.
func TestWrapper(t *testing.T) {
	for _, name := range []string{"own", "the user's", "another RoundTripper"} {
		t.Run(name, func(t *testing.T) {
			arrived := 0
			s := serverOf(t, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "yes", r.Header.Get("Marked"))
				if arrived++; arrived == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				serve(w, r)
			}, 0)
			transport := trusting(t, s)
			byDefault(t, transport)
			var wrapped []*marking
			c := clientOf(t, s.URL, append(clients[name](transport), iomeeting.WithTransportWrapper(func(rt http.RoundTripper) http.RoundTripper {
				wrapped = append(wrapped, &marking{RoundTripper: rt})
				return wrapped[len(wrapped)-1]
			}))...)
			require.NoError(t, calls["ScheduleIfAvailable"](t.Context(), c))
			require.Len(t, wrapped, 2)
			assert.EqualValues(t, 1, wrapped[0].requests.Load(), "Query")
			assert.EqualValues(t, 2, wrapped[1].requests.Load(), "its retry, and Schedule")
			c.CloseIdleConnections()
		})
	}
}

// TestTransportsAreNotModified compares transports with copies that no client has used.
func TestTransportsAreNotModified(t *testing.T) {
	unused := func() *http.Transport {
		return &http.Transport{
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS10, NextProtos: []string{"h2", "http/1.1"}},
			TLSNextProto:    map[string]func(string, *tls.Conn) http.RoundTripper{}, // net/http would set it
			MaxIdleConns:    7,
		}
	}
	transport := unused()
	byDefault(t, transport)
	s := serverOf(t, serve, 0)
	for _, opts := range [][]iomeeting.Option{nil, {over(transport)}} {
		require.NoError(t, calls["ScheduleIfAvailable"](t.Context(), clientOf(t, s.URL, opts...)))
		want, got := reflect.ValueOf(unused()).Elem(), reflect.ValueOf(transport).Elem()
		for i := range want.NumField() {
			if field := want.Type().Field(i); field.IsExported() {
				assert.True(t, reflect.DeepEqual(want.Field(i).Interface(), got.Field(i).Interface()), field.Name)
			}
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	}
}

// TestClientIsImmutable changes an http.Client that a client was made from.
func TestClientIsImmutable(t *testing.T) {
	s := serverOf(t, serve, 0)
	hc := new(http.Client)
	c := clientOf(t, s.URL, iomeeting.WithHTTPClient(hc))
	hc.Timeout = 1
	require.NoError(t, calls["Query"](t.Context(), c))
}

// TestOldDial uses a transport with the deprecated Dial, such as that of a SOCKS proxy.
func TestOldDial(t *testing.T) {
	s := serverOf(t, serve, 0)
	var dials atomic.Int32
	transport := new(http.Transport)
	//lint:ignore SA1019 it is what the test is about
	transport.Dial = func(network, _ string) (net.Conn, error) {
		dials.Add(1)
		return net.Dial(network, s.Listener.Addr().String())
	}
	c, err := iomeeting.NewClient("http://service.invalid", iomeeting.WithInsecureHTTP(), over(transport))
	require.NoError(t, err)
	defer c.CloseIdleConnections()
	require.NoError(t, calls["ScheduleIfAvailable"](t.Context(), c))
	assert.EqualValues(t, 2, dials.Load())
}

// forgetful is a session cache that stores nothing.
type forgetful struct{}

func (forgetful) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (forgetful) Put(string, *tls.ClientSessionState)        {}

// TestTLSSettings checks that both calls keep the TLS settings of the transport.
func TestTLSSettings(t *testing.T) {
	var verified int
	for _, tt := range []struct {
		name         string
		set          func(*tls.Config)
		wantVerified int
		wantText     string // of the error
	}{
		{name: "VerifyPeerCertificate", wantVerified: 4, set: func(c *tls.Config) { // resumption would skip it
			c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { verified++; return nil }
		}},
		{name: "ClientSessionCache", set: func(c *tls.Config) { c.ClientSessionCache = forgetful{} }},
		{name: "MinVersion", set: func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }, wantText: "tls: protocol version not supported"},
		{name: "RootCAs", set: func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, wantText: "x509: certificate signed by unknown authority"},
	} {
		for _, own := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, own %t", tt.name, own), func(t *testing.T) {
				verified = 0
				s := serverOf(t, serve, tls.VersionTLS12)
				transport := trusting(t, s)
				tt.set(transport.TLSClientConfig)
				byDefault(t, transport)
				var opts []iomeeting.Option
				if !own {
					opts = append(opts, over(transport))
				}
				c := clientOf(t, s.URL, opts...)
				for _, name := range []string{"Query", "Schedule", "Schedule", "Schedule"} {
					err := calls[name](t.Context(), c)
					if tt.wantText == "" {
						require.NoError(t, err)
					} else {
						require.ErrorContains(t, err, tt.wantText)
					}
				}
				assert.Equal(t, tt.wantVerified, verified)
				assert.Zero(t, s.resumed.Load())
			})
		}
	}
}

func TestCookies(t *testing.T) {
	s := serverOf(t, func(w http.ResponseWriter, r *http.Request) {
		assert.LessOrEqual(t, len(r.Cookies()), 1)
		if c, err := r.Cookie("session"); err == nil && c.Value == "7" {
			serve(w, r)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "7"})
		http.Error(w, "try again", http.StatusServiceUnavailable)
	}, 0)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := clientOf(t, s.URL, iomeeting.WithHTTPClient(&http.Client{Jar: jar}))
	require.NoError(t, calls["ScheduleIfAvailable"](t.Context(), c))
}

// TestProxy uses a proxy that lets the calls through or refuses.
func TestProxy(t *testing.T) {
	errHook := errors.New("refused by the hook")
	for _, tt := range []struct {
		name      string
		proxy     string // its response
		hook      error  // of the transport's own OnProxyConnectResponse
		user      bool   // the transport is the user's
		wantDials int32
		want      string // in the error
	}{
		{name: "own", proxy: "200 a", wantDials: 1},
		{name: "own, refused", proxy: "407 a", wantDials: 1, want: "the proxy responded to CONNECT with HTTP status 407 Proxy Authentication Required"},
		{name: "own, refused by the hook", proxy: "200 a", hook: errHook, wantDials: 3, want: errHook.Error()},
		{name: "the user's", proxy: "200 a", user: true, wantDials: 1},
		{name: "the user's, refused", proxy: "407 Proxy Authentication Required", user: true, wantDials: 1, want: "Proxy Authentication Required"},
		{name: "the user's, refused by the hook", proxy: "200 a", user: true, hook: errHook, wantDials: 3, want: errHook.Error()},
	} {
		for name, answer := range map[string]string{"Query": "0,,", "Schedule": "0,1"} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &network{proxy: status(tt.proxy), tls: serverConfig(testCA, "127.0.0.1", time.Hour)}
					n.serve = func(l *line) {
						assert.Regexp(t, "^CONNECT 127.0.0.1:443 HTTP/1.1\r\n", l.wire.String())
						l.say(ok + "\r\n" + answer)
						l.hangUp()
					}
					n.mount(t)
					transport := http.DefaultTransport.(*http.Transport)
					transport.OnProxyConnectResponse = func(context.Context, *url.URL, *http.Request, *http.Response) error { return tt.hook }
					var opts []iomeeting.Option
					if tt.user {
						opts = append(opts, over(transport))
					}
					err := calls[name](t.Context(), clientOf(t, n.site(), opts...))
					if tt.want == "" {
						assert.NoError(t, err)
					} else {
						assert.ErrorContains(t, err, tt.want)
					}
					assert.Equal(t, tt.wantDials, n.dials.Load())
					time.Sleep(time.Hour)
				})
			})
		}
	}
}

// TestHowConnectionsEnd observes on the service's side how a connection of Schedule
// ends. After a response, that is a FIN. A call that was given up ends with a reset:
// after a FIN, the kernel would still deliver the request, perhaps a minute later.
func TestHowConnectionsEnd(t *testing.T) {
	for _, tt := range []struct {
		name          string
		response      string        // without one, the call is canceled
		headerTimeout time.Duration // of the transport; it starts when the request is sent
		want          error         // of the service's Read; nil after a FIN
		wantUnknown   bool
	}{
		{name: "canceled", want: syscall.ECONNRESET, wantUnknown: true},
		{name: "too slow", headerTimeout: 1, want: syscall.ECONNRESET, wantUnknown: true},
		{name: "success", response: ok + "Content-Length: 3\r\n\r\n0,1"},
		{name: "response without body", response: "HTTP/1.1 204 a\r\n\r\n", wantUnknown: true},
		{name: "refusal", response: status("403 a")},
	} {
		for _, name := range []string{"own", "own, wrapped", "the user's", "the user's, wrapped"} {
			for _, version := range []uint16{0, tls.VersionTLS13} {
				t.Run(fmt.Sprintf("%s, %s, TLS %x", tt.name, name, version), func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					end := make(chan error, 1)
					s := serverOf(t, func(w http.ResponseWriter, _ *http.Request) {
						conn, _, err := http.NewResponseController(w).Hijack()
						if !assert.NoError(t, err) {
							return
						}
						defer conn.Close()
						if tt.response != "" {
							_, _ = io.WriteString(conn, tt.response)
						} else if tt.headerTimeout == 0 {
							cancel()
						}
						if secure, ok := conn.(*tls.Conn); ok {
							conn = secure.NetConn() // its bytes do not matter
						}
						_, err = io.Copy(io.Discard, conn)
						end <- err
					}, version)
					transport := trusting(t, s)
					transport.ResponseHeaderTimeout = tt.headerTimeout
					byDefault(t, transport)
					err := calls["Schedule"](ctx, clientOf(t, s.URL, clients[name](transport)...))
					assert.Equal(t, tt.wantUnknown, errors.Is(err, iomeeting.ErrOutcomeUnknown), err)
					assert.ErrorIs(t, <-end, tt.want)
				})
			}
		}
	}
}
