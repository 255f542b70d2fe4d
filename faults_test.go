package iomeeting_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
)

// network is what lies behind a client in a synctest bubble: in its memory, and
// with the bubble's clock. It stands in for http.DefaultTransport, from which
// clients make their own transports.
type network struct {
	dials    atomic.Int32
	arrivals atomic.Int32 // requests that arrived whole
	refuse   error        // of every dial
	hang     bool         // every dial, until its context is done
	mute     bool         // connections whose other end says nothing at all
	tls      *tls.Config  // of the service; nil where the site is http
	plain    bool         // the service of an https site speaks plain text
	proxy    string       // what a proxy answers to CONNECT
	serve    func(*line)  // what the service does when a request has arrived
}

// line is the service's end of a connection.
type line struct {
	net.Conn
	reset func() // ends the connection with an RST
	body  string
	nth   int // number of the request on this connection
}

func (l *line) say(s string) { _, _ = io.WriteString(l.Conn, s) }

// resettable is the client's end of a connection.
type resettable struct {
	net.Conn
	gone atomic.Bool
}

func (c *resettable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.gone.Load() {
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return n, err
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.dials.Add(1)
	if n.hang {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	if n.refuse != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: n.refuse}
	}
	here, there := net.Pipe()
	client := &resettable{Conn: here}
	l := &line{Conn: there, reset: func() { client.gone.Store(true); _ = there.Close() }}
	go n.answer(l)
	return client, nil
}

// answer plays the service on one connection.
func (n *network) answer(l *line) {
	defer func() { _ = l.Close() }()
	if n.mute {
		_, _ = io.Copy(io.Discard, l)
		return
	}
	in := bufio.NewReader(l)
	if n.proxy != "" {
		if _, err := http.ReadRequest(in); err == nil {
			l.say(n.proxy)
		}
		return
	}
	if n.plain {
		_, _ = l.Read(make([]byte, 1<<14))
		l.say(status("400 Bad Request"))
		_, _ = io.Copy(io.Discard, l)
		return
	}
	if n.tls != nil {
		l.Conn = tls.Server(l.Conn, n.tls)
		in = bufio.NewReader(l)
	}
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		n.arrivals.Add(1)
		if n.serve == nil {
			return
		}
		l.body = string(body)
		l.nth++
		n.serve(l)
		if l.nth < 0 {
			return
		}
	}
}

// hangUp ends the connection with a FIN.
func (l *line) hangUp() { l.nth = -1 }

// mount puts n in place of http.DefaultTransport until restore is called.
func (n *network) mount() (restore func()) {
	original := http.DefaultTransport
	transport := &http.Transport{DialContext: n.dial, IdleConnTimeout: time.Minute}
	if n.proxy != "" {
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:8080", User: url.UserPassword("user", canary)})
	}
	if n.tls != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS10} // too low
	}
	http.DefaultTransport = transport
	return func() { http.DefaultTransport = original }
}

// want is what a call must make of a fault.
type want struct {
	dials, arrivals int32
	unknown         bool
	// is are errors in the chain; of ErrBadResponse it is also checked that it
	// is there in no other case.
	is []error
}

type fault struct {
	row             int // of the list of faults that this package promises to survive
	name            string
	network         *network
	query, schedule want
}

const ok = "HTTP/1.1 200 OK\r\n"

// saying returns a service that answers with s and keeps the connection.
func saying(s string) *network { return &network{serve: func(l *line) { l.say(s) }} }

// breaking returns a service that answers with s and ends the connection.
func breakingAfter(s string) *network {
	return &network{serve: func(l *line) { l.say(s); l.hangUp() }}
}

// dripping returns a service that answers with s, a byte a second, and then a
// zero a second without end.
func dripping(s string) *network {
	return &network{serve: func(l *line) {
		for i := 0; ; i++ {
			b := "0"
			if i < len(s) {
				b = s[i : i+1]
			}
			if _, err := io.WriteString(l.Conn, b); err != nil {
				l.hangUp()
				return
			}
			time.Sleep(time.Second)
		}
	}}
}

// status returns an answer that has a status and no more.
func status(line string) string { return "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n\r\n" }

// plain returns an answer of status 200.
func plain(body string) string { return ok + "Connection: close\r\n\r\n" + body }

var (
	badResponse = []error{iomeeting.ErrBadResponse}
	deadline    = []error{context.DeadlineExceeded}

	// What most faults must lead to.
	notSent     = want{dials: 3}
	notSentOnce = want{dials: 1}
	tried       = want{dials: 3, arrivals: 3}
	lost        = want{dials: 1, arrivals: 1, unknown: true}
)

func (w want) with(errs ...error) want { w.is = errs; return w }

func faults() []fault {
	rows := []fault{
		{1, "DNS: no such host", &network{refuse: &net.DNSError{Err: "no such host", IsNotFound: true}}, notSentOnce, notSentOnce},
		{1, "DNS: fails for now", &network{refuse: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}, notSent, notSent},
		{2, "connection refused", &network{refuse: syscall.ECONNREFUSED}, notSent.with(syscall.ECONNREFUSED), notSent.with(syscall.ECONNREFUSED)},
		{2, "dial hangs", &network{hang: true}, notSent.with(deadline...), notSent.with(deadline...)},
		{3, "TLS: unknown CA", &network{tls: serverConfig(otherCA, "127.0.0.1", time.Hour)}, notSentOnce, notSentOnce},
		{3, "TLS: expired", &network{tls: serverConfig(testCA, "127.0.0.1", -time.Hour)}, notSentOnce, notSentOnce},
		{3, "TLS: wrong name", &network{tls: serverConfig(testCA, "127.0.0.2", time.Hour)}, notSentOnce, notSentOnce},
		{3, "TLS: too old", &network{tls: oldTLS()}, notSentOnce, notSentOnce},
		{3, "TLS: plain HTTP in its place", &network{tls: &tls.Config{}, plain: true}, notSentOnce, notSentOnce},
		{4, "TLS: handshake hangs", &network{tls: &tls.Config{}, mute: true}, notSent, notSent},
		{7, "FIN for an answer", breakingAfter(""), tried.with(io.EOF), lost.with(io.EOF)},
		{7, "RST for an answer", &network{serve: func(l *line) { l.reset(); l.hangUp() }}, tried.with(syscall.ECONNRESET), lost.with(syscall.ECONNRESET)},
		{9, "silence", &network{serve: func(l *line) { _, _ = io.Copy(io.Discard, l); l.hangUp() }}, tried.with(deadline...), lost.with(deadline...)},
		{10, "cut inside of the header", breakingAfter(ok + "Content-Length: 9"), tried.with(io.ErrUnexpectedEOF), lost.with(io.ErrUnexpectedEOF)},
		{10, "cut inside of the body", breakingAfter(ok + "Content-Length: 9\r\n\r\n0,1"), tried.with(io.ErrUnexpectedEOF), lost.with(io.ErrUnexpectedEOF)},
		{10, "cut inside of a chunk", breakingAfter(ok + "Transfer-Encoding: chunked\r\n\r\n9\r\n0,1"), tried.with(io.ErrUnexpectedEOF), lost.with(io.ErrUnexpectedEOF)},
		{10, "a header that drips without end", dripping(ok + "X: "), tried.with(deadline...), lost.with(deadline...)},
		{10, "a body that drips without end", dripping(ok + "Content-Length: 4000\r\n\r\n0,1"), tried.with(deadline...), lost.with(deadline...)},
		{13, "proxy: 502", &network{proxy: status("502 Bad Gateway"), tls: &tls.Config{}}, notSent, notSent},
		{13, "proxy: 302", &network{proxy: status("302 " + url.QueryEscape(canary)), tls: &tls.Config{}}, notSentOnce, notSentOnce},
		{13, "proxy: 403", &network{proxy: status("403 Forbidden"), tls: &tls.Config{}}, notSentOnce, notSentOnce},
		{13, "proxy: 407", &network{proxy: status("407 " + url.QueryEscape(canary)), tls: &tls.Config{}}, notSentOnce, notSentOnce},
		{19, "408", saying("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"), tried.with(badResponse...), lost.with(badResponse...)},
		{20, "429", saying(status("429 Too Many Requests")), tried.with(badResponse...), want{dials: 1, arrivals: 1, is: badResponse}},
		{20, "503", saying(status("503 Service Unavailable")), tried.with(badResponse...), lost.with(badResponse...)},
		{27, "gzip that nobody asked for", saying(ok + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"), onceBad(false), onceBad(true)},
		{27, "an encoding nobody knows", saying(ok + "Content-Encoding: x\r\nContent-Length: 2\r\n\r\n0,"), onceBad(false), onceBad(true)},
		{26, "a body without end", &network{serve: func(l *line) {
			l.say(ok + "\r\n")
			for _, err := l.Write(make([]byte, 1<<10)); err == nil; {
				_, err = l.Write([]byte(strings.Repeat("0", 1<<10)))
			}
			l.hangUp()
		}}, onceBad(false), onceBad(true)},
		{26, "a body of 1 GiB", &network{serve: func(l *line) {
			l.say(ok + "Content-Length: 1073741824\r\n\r\n" + strings.Repeat("0", 1<<13))
			l.hangUp()
		}}, onceBad(false), onceBad(true)},
		{40, "an error page that echoes", &network{serve: func(l *line) {
			l.say("HTTP/1.1 400 " + l.body + "\r\nX-Form: " + l.body + "\r\nConnection: close\r\n\r\n<pre>" + l.body)
			l.hangUp()
		}}, onceBad(false), onceBad(false)},
		{40, "an echo in place of HTTP", &network{serve: func(l *line) { l.say(l.body + "\r\n\r\n"); l.hangUp() }}, tried, lost},
		{40, "an echo in the header", &network{serve: func(l *line) { l.say(ok + l.body + "\r\n\r\n"); l.hangUp() }}, tried, lost},
	}
	for _, spelling := range []string{
		strings.ToLower(url.QueryEscape(canary)), url.PathEscape(canary), strings.ReplaceAll(url.QueryEscape(canary), "+", "%20"),
		"c4n" + strings.Repeat("x", 9), canary[:len(canary)-1],
	} {
		rows = append(rows, fault{40, "an echo in another spelling: " + spelling, breakingAfter(ok + "bad key hostPassword=" + spelling + " : x\r\n\r\n"), tried, lost})
	}
	for _, s := range []string{"301 Moved", "302 Found", "303 See Other"} {
		rows = append(rows, redirect(16, s, "https://elsewhere.example/?a="+url.QueryEscape(canary)))
	}
	for _, s := range []string{"307 Temporary Redirect", "308 Permanent Redirect"} {
		rows = append(rows, redirect(17, s, "https://elsewhere.example/"), redirect(17, s, "http://127.0.0.1/"), redirect(17, s, "https://%zz"))
	}
	for _, s := range []string{"400 a", "401 a", "403 a", "404 a", "405 a", "410 a", "413 a", "501 a"} {
		rows = append(rows, fault{18, s, saying(status(s)), onceBad(false), onceBad(false)})
	}
	rows = append(rows, fault{18, "400 that is cut short", breakingAfter("HTTP/1.1 400 a\r\nContent-Length: 9\r\n\r\n0,1"), onceBad(false), onceBad(false)})
	for _, s := range []string{"500 a", "502 a", "504 a"} {
		rows = append(rows, fault{21, s, saying(status(s)), tried.with(badResponse...), onceBad(true)})
	}
	for _, s := range []string{"206 a", "299 a"} {
		rows = append(rows, fault{22, s, saying("HTTP/1.1 " + s + "\r\nContent-Length: 3\r\n\r\n0,1"), onceBad(false), onceBad(true)})
	}
	rows = append(rows, fault{22, "204", saying("HTTP/1.1 204 No Content\r\n\r\n"), onceBad(false), onceBad(true)})
	for _, body := range []string{"<!DOCTYPE html><title>Log in</title>", `{"status":0}`, "Welcome to the hotel"} {
		rows = append(rows, fault{23, body, breakingAfter(plain(body)), onceBad(false), onceBad(true)})
	}
	for _, body := range []string{"", "\r\n \t\r\n", "\ufeff", ",", "4,1", "3", "0,1\n0,1", "0,1,2,3"} {
		rows = append(rows, fault{24, body, breakingAfter(plain(body)), onceBad(false), onceBad(true)})
	}
	for _, body := range []string{"3,1\x00,", "3,1,\x1b[2J", "3,1,\xff", "3,1,a\tb"} {
		rows = append(rows, fault{25, body, breakingAfter(plain(body)), onceBad(false), onceBad(true)})
	}
	return rows
}

// onceBad is a bad response that is definite for Query.
func onceBad(unknown bool) want {
	return want{dials: 1, arrivals: 1, unknown: unknown, is: badResponse}
}

func redirect(row int, status, location string) fault {
	answer := "HTTP/1.1 " + status + "\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n"
	return fault{row, status + " to " + location, saying(answer), onceBad(false), onceBad(false)}
}

// secretHost has a password whose every trace can be found.
var secretHost = iomeeting.Host{Email: "test@abc.com", Password: iomeeting.NewSecret(canary)}

// TestFaults lets every fault befall both calls. The service's count decides.
func TestFaults(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			retried := f.query.dials > 1 // Retryable agrees with what Query does
			f.try(t, f.query, retried, func(ctx context.Context, c *iomeeting.Client) error {
				got, err := c.Query(ctx, secretHost)
				assert.Equal(t, iomeeting.QueryResult{Status: -1}, got)
				assert.False(t, got.Available())
				return err
			})
			f.try(t, f.schedule, retried && !f.schedule.unknown, func(ctx context.Context, c *iomeeting.Client) error {
				got, err := c.Schedule(ctx, secretHost, &iomeeting.ScheduleOptions{MeetingPassword: secretHost.Password})
				assert.Zero(t, got)
				return err
			})
		})
	}
}

func (f fault) try(t *testing.T, want want, retryable bool, call func(context.Context, *iomeeting.Client) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer f.network.mount()()
		f.network.dials.Store(0)
		f.network.arrivals.Store(0)
		site := "http://127.0.0.1"
		if f.network.tls != nil {
			site = "https://127.0.0.1"
		}
		start := time.Now()
		err := call(t.Context(), clientOf(t, site))
		assert.LessOrEqual(t, time.Since(start), 30*time.Second)
		requireSilentError(t, err)
		assert.Equal(t, want.arrivals, f.network.arrivals.Load(), "arrivals")
		assert.Equal(t, want.dials, f.network.dials.Load(), "dials")
		assert.Equal(t, want.unknown, errors.Is(err, iomeeting.ErrOutcomeUnknown), err)
		assert.Equal(t, retryable, iomeeting.Retryable(err), err)
		for _, is := range want.is {
			assert.ErrorIs(t, err, is)
		}
		assert.Equal(t, len(want.is) > 0 && want.is[0] == iomeeting.ErrBadResponse, errors.Is(err, iomeeting.ErrBadResponse), err)
		time.Sleep(time.Hour) // dials and idle connections time out, or the bubble reports them
	})
}

// certificates

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

var (
	testCA  = newAuthority()
	otherCA = newAuthority()
	trusted = testCA.pool()

	// bubbleTime is when the clock of a synctest bubble starts.
	bubbleTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
)

func newAuthority() authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: bubbleTime.Add(-24 * time.Hour), NotAfter: bubbleTime.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return authority{certificate, key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// serverConfig is that of a server whose certificate is for ip, and ends at a
// time from the start of a bubble on.
func serverConfig(ca authority, ip string, ends time.Duration) *tls.Config {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.ParseIP(ip)},
		NotBefore: bubbleTime.Add(-2 * time.Hour), NotAfter: bubbleTime.Add(ends),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, ca.key.Public(), ca.key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: ca.key}},
		SessionTicketsDisabled: true, // a pipe has no buffer in which they could wait
	}
}

// oldTLS is a server that speaks nothing newer than TLS 1.1.
func oldTLS() *tls.Config {
	config := serverConfig(testCA, "127.0.0.1", time.Hour)
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	return config
}

// TestContextEnds is row 5, while dialling, and row 6, while the answer is
// awaited.
func TestContextEnds(t *testing.T) {
	hanging := &network{hang: true}
	silent := &network{}
	silent.serve = func(l *line) { _, _ = io.Copy(io.Discard, l); l.hangUp() }
	for _, tt := range []struct {
		name     string
		network  *network
		arrivals int32
		unknown  bool
	}{
		{"while dialling", hanging, 0, false},
		{"while the answer is awaited", silent, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"Query", "Schedule"} {
				synctest.Test(t, func(t *testing.T) {
					defer tt.network.mount()()
					tt.network.dials.Store(0)
					tt.network.arrivals.Store(0)
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(time.Second, cancel)
					start := time.Now()
					err := calls[name](ctx, clientOf(t, "http://127.0.0.1"))
					assert.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, name == "Schedule" && tt.unknown, errors.Is(err, iomeeting.ErrOutcomeUnknown))
					assert.Equal(t, time.Second, time.Since(start))
					assert.EqualValues(t, 1, tt.network.dials.Load())
					assert.Equal(t, tt.arrivals, tt.network.arrivals.Load())
					time.Sleep(time.Hour)
				})
			}
		})
	}
}

// TestKeptConnectionIsDead is row 8: a connection answers once, and takes the
// second request without a word.
func TestKeptConnectionIsDead(t *testing.T) {
	dying := func() *network {
		return &network{serve: func(l *line) {
			if l.nth == 1 {
				l.say(ok + "Content-Length: 3\r\n\r\n0,,")
				return
			}
			l.hangUp()
		}}
	}
	t.Run("own transport", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := dying()
			defer n.mount()()
			c := clientOf(t, "http://127.0.0.1")
			for range 3 {
				assert.NoError(t, calls["Query"](t.Context(), c))
			}
			assert.EqualValues(t, 4, n.arrivals.Load(), "the second one met a dead connection")
			err := calls["Schedule"](t.Context(), c)
			assert.ErrorIs(t, err, iomeeting.ErrBadResponse, "the answer is that of a query")
			assert.EqualValues(t, 5, n.arrivals.Load(), "a fresh connection is alive")
			time.Sleep(time.Hour)
		})
	})
	t.Run("a pool of them", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := dying()
			answer := n.serve
			n.serve = func(l *line) {
				time.Sleep(time.Second) // so that four queries need four connections
				answer(l)
			}
			defer n.mount()()
			c := clientOf(t, "http://127.0.0.1")
			var queries sync.WaitGroup
			for range 4 {
				queries.Go(func() { assert.NoError(t, calls["Query"](t.Context(), c)) })
			}
			queries.Wait()
			assert.EqualValues(t, 4, n.dials.Load())
			assert.NoError(t, calls["Query"](t.Context(), c))
			assert.EqualValues(t, 6, n.arrivals.Load())
			time.Sleep(time.Hour)
		})
	})
	t.Run("injected transport", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := dying()
			c := clientOf(t, "http://127.0.0.1", over(&http.Transport{DialContext: n.dial, IdleConnTimeout: time.Minute}))
			assert.NoError(t, calls["Query"](t.Context(), c))
			err := calls["Schedule"](t.Context(), c)
			assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			assert.EqualValues(t, 2, n.arrivals.Load(), "never twice")
			time.Sleep(time.Hour)
		})
	})
}

// TestSlowAnswer is the good side of row 10: an answer may come a byte at a
// time, as long as it comes.
func TestSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.serve = func(l *line) {
			l.say(ok + "Content-Length: 8\r\n\r\n")
			for _, b := range []byte("0,000042") {
				time.Sleep(time.Second)
				_, _ = l.Write([]byte{b})
			}
			l.hangUp()
		}
		defer n.mount()()
		got, err := clientOf(t, "http://127.0.0.1").Schedule(t.Context(), host, nil)
		assert.NoError(t, err)
		assert.Equal(t, "000042", got.MeetingID)
		time.Sleep(time.Hour)
	})
}

// FuzzCalls is row 30: what a servlet decodes is what was handed in.
func FuzzCalls(f *testing.F) {
	f.Add("test@abc.com", "123456", "", "7")
	f.Add("& = % + # ? ;", "a b", "🙂", "_41")
	f.Add("ä", "%00", "+", "\r\n")
	f.Fuzz(func(t *testing.T, email, password, meetingPassword, operatorID string) {
		var got url.Values
		service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
			if err := req.ParseForm(); err != nil {
				return nil, err
			}
			got = req.PostForm
			return respond(200, "0,1"), nil
		}}}
		_, err := newClient(t, over(service)).Schedule(t.Context(),
			iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)},
			&iomeeting.ScheduleOptions{
				MeetingPassword: iomeeting.NewSecret(meetingPassword),
				EndURL:          "https://partner.example/ended",
				OperatorID:      operatorID,
			})
		if err != nil {
			assert.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
			assert.Empty(t, service.times)
			return
		}
		assert.Equal(t, url.Values{
			"hostEmail": {email}, "hostPassword": {password}, "meetingPassword": {meetingPassword},
			"meetingEndUrl": {"https://partner.example/ended"}, "operatorId": {operatorID},
		}, got)
	})
}

// TestLimitsWithoutTimeout are the limits of the client's own connections,
// which hold where the user has set none.
func TestLimitsWithoutTimeout(t *testing.T) {
	silent := &network{}
	silent.serve = func(l *line) { _, _ = io.Copy(io.Discard, l); l.hangUp() }
	hung := saying("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n")
	for _, tt := range []struct {
		name    string
		network *network
		opts    []iomeeting.Option
		want    time.Duration
	}{
		{"dial", &network{hang: true}, []iomeeting.Option{iomeeting.WithTimeout(0)}, 10 * time.Second},
		{"TLS handshake", &network{tls: &tls.Config{}, mute: true}, []iomeeting.Option{iomeeting.WithTimeout(0)}, 10 * time.Second},
		{"answer", silent, []iomeeting.Option{iomeeting.WithTimeout(0)}, 5 * time.Minute},
		{"answer, with a longer time-out", silent, []iomeeting.Option{iomeeting.WithTimeout(time.Hour)}, time.Hour},
		{"error page", hung, []iomeeting.Option{iomeeting.WithTimeout(0)}, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"Query", "Schedule"} {
				synctest.Test(t, func(t *testing.T) {
					defer tt.network.mount()()
					site := "http://127.0.0.1"
					if tt.network.tls != nil {
						site = "https://127.0.0.1"
					}
					start := time.Now()
					err := calls[name](t.Context(), clientOf(t, site, append(tt.opts, iomeeting.WithRetries(0))...))
					assert.Error(t, err)
					assert.Equal(t, tt.want, time.Since(start))
					time.Sleep(2 * time.Hour)
				})
			}
		})
	}
}

func TestLongestWaitWithoutADeadline(t *testing.T) {
	for header, tries := range map[string]int{"60": 2, "61": 1} {
		synctest.Test(t, func(t *testing.T) {
			service := &script{steps: []step{answer(503, "", "Retry-After", header)}}
			_, err := newClient(t, over(service), iomeeting.WithTimeout(0), iomeeting.WithRetries(1)).Query(t.Context(), host)
			assert.ErrorIs(t, err, iomeeting.ErrBadResponse)
			assert.Len(t, service.times, tries)
		})
	}
}

// TestManyRetriesLeaveTimeForEach has a service that takes some time, which a
// share of the call's time must cover however many tries there may be.
func TestManyRetriesLeaveTimeForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
			select {
			case <-time.After(9 * time.Second):
				return respond(200, "0,,"), nil
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		}}}
		for _, retries := range []int{0, 2, 200, math.MaxInt} {
			_, err := newClient(t, over(service), iomeeting.WithRetries(retries)).Query(t.Context(), host)
			assert.NoError(t, err, retries)
		}
		assert.Len(t, service.times, 4)
	})
}

// TestBodiesAreClosed counts them: an open one holds its connection.
func TestBodiesAreClosed(t *testing.T) {
	for _, status := range []int{200, 302, 404, 503} {
		body := &countingBody{Reader: strings.NewReader(strings.Repeat("0", 9000))}
		service := &script{steps: []step{func(*http.Request) (*http.Response, error) {
			res := respond(status, "")
			res.Body = body
			return res, nil
		}}}
		_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), host)
		assert.ErrorIs(t, err, iomeeting.ErrBadResponse)
		assert.Equal(t, 1, body.closed)
		assert.Equal(t, 4097, body.read, "one byte more tells that an answer is too long")
	}
}

type countingBody struct {
	io.Reader
	read, closed int
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += n
	return n, err
}

func (b *countingBody) Close() error { b.closed++; return nil }

func TestResponseWithoutABody(t *testing.T) {
	service := &script{steps: []step{func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200}, nil
	}}}
	_, err := newClient(t, over(service)).Query(t.Context(), host)
	assert.ErrorIs(t, err, iomeeting.ErrBadResponse)
}

// TestContextErrorBelowAURLError has a RoundTripper that is an http.Client.
func TestContextErrorBelowAURLError(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, req.Body)
		cancel(errors.New("gone"))
		return nil, &url.Error{Op: "Post", URL: site, Err: context.Cause(ctx)}
	}}}
	_, err := newClient(t, over(service)).Schedule(ctx, host, nil)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	assert.Len(t, service.times, 1)
}

// TestWordsOfErrors shows what is kept of the words of a failure.
func TestWordsOfErrors(t *testing.T) {
	secret := iomeeting.Host{Email: "a@b.c", Password: iomeeting.NewSecret(`tcp`)}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{errRefused, "dial tcp: connection refused"},
		{&url.Error{Op: "Post", URL: site}, "the request failed"},
		{errors.New("no tcp"), "a network error whose text is withheld"},
		{errors.New(`a line "a \"b\" c" of it`), `a line "..." of it`},
		{errors.New("malformed MIME header line: a: b\nc"), "malformed response"},
		{errors.New("get http://user:word@proxy.example/: no"), "get http://REDACTED@proxy.example/: no"},
		{errors.New("Proxy Authentication Required"), "Proxy Authentication Required"},
	} {
		service := &script{steps: []step{failBeforeSending(tt.err)}}
		_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), secret)
		assert.EqualError(t, err, "iomeeting: query: "+tt.want)
	}
}

// TestFixedTexts has passwords that are the texts of well-known errors.
func TestFixedTexts(t *testing.T) {
	for _, fixed := range []error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe,
		net.ErrClosed, os.ErrDeadlineExceeded, http.ErrSchemeMismatch, syscall.ECONNRESET,
	} {
		service := &script{steps: []step{failBeforeSending(fixed)}}
		_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), iomeeting.Host{
			Email: host.Email, Password: iomeeting.NewSecret(fixed.Error()),
		})
		assert.EqualError(t, err, "iomeeting: query: "+fixed.Error())
		assert.ErrorIs(t, err, fixed)
	}
}
