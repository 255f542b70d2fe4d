package iomeeting_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
)

// fault is a fault of the network or the service, and what the calls make of it.
type fault struct {
	name                    string
	network                 *network
	is                      error  // in the chain
	reason                  string // of the ResponseError; empty if there is none
	wantQuery, wantSchedule want
}

// want is what a call makes of a fault.
type want struct {
	dials, arrivals int32
	unknown         bool // ErrOutcomeUnknown
	retryable       bool
}

var (
	unsent     = want{dials: 3, retryable: true}
	unsentOnce = want{dials: 1}
	sentThrice = want{dials: 3, arrivals: 3, retryable: true}
	unknown    = want{dials: 1, arrivals: 1, unknown: true}
	refused    = want{dials: 1, arrivals: 1}
	tooMany    = want{dials: 1, arrivals: 1, retryable: true}
)

// notSent are faults before the request.
var notSent = []fault{
	{name: "DNS: no such host", network: &network{refuse: &net.DNSError{Err: "no such host", IsNotFound: true}}, wantQuery: unsentOnce, wantSchedule: unsentOnce},
	{name: "DNS: temporary failure", network: &network{refuse: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}, wantQuery: unsent, wantSchedule: unsent},
	{name: "connection refused", network: &network{refuse: syscall.ECONNREFUSED}, is: syscall.ECONNREFUSED, wantQuery: unsent, wantSchedule: unsent},
	{name: "dial hangs", network: &network{hang: true}, is: context.DeadlineExceeded, wantQuery: unsent, wantSchedule: unsent},
	{name: "TLS: unknown CA", network: &network{tls: serverConfig(otherCA, "127.0.0.1", time.Hour)}, wantQuery: unsentOnce, wantSchedule: unsentOnce},
	{name: "TLS: expired", network: &network{tls: serverConfig(testCA, "127.0.0.1", -time.Hour)}, wantQuery: unsentOnce, wantSchedule: unsentOnce},
	{name: "TLS: wrong name", network: &network{tls: serverConfig(testCA, "127.0.0.2", time.Hour)}, wantQuery: unsentOnce, wantSchedule: unsentOnce},
	{name: "TLS: too old", network: &network{tls: oldTLS()}, wantQuery: unsentOnce, wantSchedule: unsentOnce},
	{name: "TLS: plain HTTP instead", network: &network{tls: &tls.Config{}, plain: true}, wantQuery: unsentOnce, wantSchedule: unsentOnce},
	{name: "TLS: handshake hangs", network: &network{tls: &tls.Config{}, mute: true}, wantQuery: unsent, wantSchedule: unsent},
	{name: "proxy: 502", network: &network{proxy: status("502 Bad Gateway"), tls: &tls.Config{}}, wantQuery: unsent, wantSchedule: unsent},
	{name: "proxy: 302", network: &network{proxy: status("302 " + url.QueryEscape(canary)), tls: &tls.Config{}}, wantQuery: unsentOnce, wantSchedule: unsentOnce},
	{name: "proxy: 407", network: &network{proxy: status("407 " + url.QueryEscape(canary)), tls: &tls.Config{}}, wantQuery: unsentOnce, wantSchedule: unsentOnce},
}

// noResponse are faults after the request, without a complete response.
var noResponse = []fault{
	{name: "FIN instead of a response", network: breakingAfter(""), is: io.EOF},
	{name: "RST instead of a response", network: &network{serve: func(l *line) { l.reset(); l.hangUp() }}, is: syscall.ECONNRESET},
	{name: "silence", network: silent(), is: context.DeadlineExceeded},
	{name: "cut within the header", network: breakingAfter(ok + "Content-Length: 9"), is: io.ErrUnexpectedEOF},
	{name: "cut within the body", network: breakingAfter(ok + "Content-Length: 9\r\n\r\n0,1"), is: io.ErrUnexpectedEOF},
	{name: "cut within a chunk", network: breakingAfter(ok + "Transfer-Encoding: chunked\r\n\r\n9\r\n0,1"), is: io.ErrUnexpectedEOF},
	{name: "endless slow header", network: dripping(ok + "X: "), is: context.DeadlineExceeded},
	{name: "endless slow body", network: dripping(ok + "Content-Length: 4000\r\n\r\n0,1"), is: context.DeadlineExceeded},
	{name: "another protocol", network: breakingAfter("220 smtp.example ESMTP\r\n")},
}

// noAnswer are responses other than the service's answer.
var noAnswer = []fault{
	{name: "login page", network: breakingAfter(ok + "\r\n<!DOCTYPE html><title>Log in</title>"), reason: "does not start with a status of the spec"},
	{name: "empty", network: saying(ok + "Content-Length: 0\r\n\r\n"), reason: "is empty"},
	{name: "compressed", network: saying(ok + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"), reason: "is not valid UTF-8"},
	{name: "endless body", network: &network{serve: func(l *line) {
		l.say(ok + "\r\n")
		for _, err := l.Write(make([]byte, 1<<10)); err == nil; {
			_, err = l.Write([]byte(strings.Repeat("0", 1<<10)))
		}
		l.hangUp()
	}}, reason: "is longer than 4096 bytes"},
	{name: "body of 1 GiB", network: breakingAfter(ok + "Content-Length: 1073741824\r\n\r\n" + strings.Repeat("0", 1<<13)), reason: "is longer than 4096 bytes"},
	{name: "switching protocols", network: &network{serve: func(l *line) {
		l.say("HTTP/1.1 101 a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n") // net/http no longer watches the context
		l.waitForClient()
	}}, reason: "has HTTP status 101 Switching Protocols"},
}

// statuses are the HTTP statuses, by what the calls make of them.
var statuses = []struct {
	statuses                []int
	wantQuery, wantSchedule want
}{
	{statuses: []int{204, 206, 299, 505, 599}, wantQuery: refused, wantSchedule: unknown},
	{statuses: []int{300, 301, 302, 303, 304, 305, 306, 399}, wantQuery: refused, wantSchedule: unknown},
	{statuses: []int{307, 308}, wantQuery: refused, wantSchedule: refused},
	{statuses: []int{400, 401, 403, 404, 405, 410, 413, 499, 501}, wantQuery: refused, wantSchedule: refused},
	{statuses: []int{429}, wantQuery: sentThrice, wantSchedule: tooMany},
	{statuses: []int{408, 500, 502, 503, 504}, wantQuery: sentThrice, wantSchedule: unknown},
}

func faults() []fault {
	rows := notSent
	for _, f := range noResponse {
		f.wantQuery, f.wantSchedule = sentThrice, unknown
		rows = append(rows, f)
	}
	for _, f := range noAnswer {
		f.wantQuery, f.wantSchedule = refused, unknown
		rows = append(rows, f)
	}
	for _, tt := range statuses {
		for _, s := range tt.statuses {
			reason, headers := strings.TrimSpace(fmt.Sprintf("has HTTP status %d %s", s, http.StatusText(s))), []string{"Retry-After: 0"}
			if 300 <= s && s <= 399 {
				reason = fmt.Sprintf("is a redirect with HTTP status %d, which the client does not follow", s)
				headers = []string{"Location: https://elsewhere.example/?a=" + url.QueryEscape(canary), "Location: http://127.0.0.1/", "Location: https://%zz", "X: y"}
			}
			for _, header := range headers {
				rows = append(rows, fault{
					name: fmt.Sprint(s, " ", header), reason: reason, wantQuery: tt.wantQuery, wantSchedule: tt.wantSchedule,
					network: &network{serve: func(l *line) { // repeats the request
						l.say(fmt.Sprintf("HTTP/1.1 %d %s\r\n%s\r\nX-Form: %s\r\nConnection: close\r\n\r\n", s, l.body, header, l.body))
						l.say("0," + l.body)
						l.hangUp()
					}},
				})
			}
		}
	}
	return rows
}

// secretHost has a password that requireSilentError looks for.
var secretHost = iomeeting.Host{Email: "test@abc.com", Password: iomeeting.NewSecret(canary)}

// TestFaults makes both calls with each fault. The simulated network counts dials and
// requests.
func TestFaults(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			f.test(t, "query", f.wantQuery, func(ctx context.Context, c *iomeeting.Client) error {
				got, err := c.Query(ctx, secretHost)
				assert.Zero(t, got)
				return err
			})
			f.test(t, "schedule", f.wantSchedule, func(ctx context.Context, c *iomeeting.Client) error {
				got, err := c.Schedule(ctx, secretHost, &iomeeting.ScheduleOptions{MeetingPassword: secretHost.Password})
				assert.Zero(t, got)
				return err
			})
		})
	}
}

func (f fault) test(t *testing.T, op string, wanted want, call func(context.Context, *iomeeting.Client) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f.network.mount(t)
		start := time.Now()
		err := call(t.Context(), clientOf(t, f.network.site()))
		assert.LessOrEqual(t, time.Since(start), 30*time.Second)
		requireSilentError(t, err)
		assert.Equal(t, wanted, want{
			dials: f.network.dials.Load(), arrivals: f.network.arrivals.Load(),
			unknown: errors.Is(err, iomeeting.ErrOutcomeUnknown), retryable: iomeeting.Retryable(err),
		}, err)
		if f.is != nil {
			assert.ErrorIs(t, err, f.is)
		}
		assert.Equal(t, f.reason != "", errors.Is(err, iomeeting.ErrBadResponse), err)
		if f.reason != "" {
			text := "iomeeting: " + op + ": bad response: the response " + f.reason
			if wanted.unknown {
				text += "; the outcome is unknown"
			}
			assert.EqualError(t, err, text)
		}
		time.Sleep(time.Hour) // a connection that is still open makes the bubble fail
	})
}

// TestKeptConnectionIsDead uses connections that answer one request, and end at the
// second one.
func TestKeptConnectionIsDead(t *testing.T) {
	type transport func(*http.Transport) iomeeting.Option
	for _, tt := range []struct {
		name         string
		transport    transport
		kept         int   // connections
		wantArrivals int32 // of kept queries, then one of Query, and one of Schedule
		wantUnknown  bool  // of Schedule
	}{
		{name: "own transport", kept: 4, wantArrivals: 4 + 2 + 1},
		{name: "the user's", transport: func(t *http.Transport) iomeeting.Option { return over(t) }, kept: 4, wantArrivals: 4 + 2 + 1},
		{name: "another RoundTripper", transport: func(t *http.Transport) iomeeting.Option {
			return over(struct{ http.RoundTripper }{t})
		}, kept: 1, wantArrivals: 1 + 2 + 1, wantUnknown: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{serve: func(l *line) {
					time.Sleep(time.Second) // concurrent queries need several connections
					switch {
					case l.nth > 1:
						l.hangUp()
					case strings.Contains(l.body, "operatorId"):
						l.say(ok + "Content-Length: 3\r\n\r\n0,1")
					default:
						l.say(ok + "Content-Length: 3\r\n\r\n0,,")
					}
				}}
				n.mount(t)
				var opts []iomeeting.Option
				if tt.transport != nil {
					opts = append(opts, tt.transport(http.DefaultTransport.(*http.Transport)))
				}
				c := clientOf(t, "http://127.0.0.1", opts...)
				var queries sync.WaitGroup
				for range tt.kept {
					queries.Go(func() { assert.NoError(t, calls["Query"](t.Context(), c)) })
				}
				queries.Wait()
				assert.NoError(t, calls["Query"](t.Context(), c), "its retry has a new connection")
				err := calls["Schedule"](t.Context(), c)
				assert.Equal(t, tt.wantUnknown, err != nil, err)
				assert.Equal(t, tt.wantUnknown, errors.Is(err, iomeeting.ErrOutcomeUnknown), err)
				assert.Equal(t, tt.wantArrivals, n.arrivals.Load())
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestSlowResponse uses a response that arrives byte by byte.
func TestSlowResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dripping(ok + "Content-Length: 8\r\n\r\n0,000042")
		n.mount(t)
		got, err := clientOf(t, n.site(), iomeeting.WithTimeout(0)).Schedule(t.Context(), host, nil)
		assert.NoError(t, err)
		assert.Equal(t, "000042", got.MeetingID)
		time.Sleep(time.Hour)
	})
}
