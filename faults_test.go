package iomeeting_test

import (
	"context"
	"crypto/tls"
	"errors"
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
	name            string
	network         *network
	query, schedule want
}

// want is the expected result of a call.
type want struct {
	dials, arrivals int32
	unknown         bool    // ErrOutcomeUnknown
	is              []error // in the chain; if ErrBadResponse is not listed, it must not be there
}

func (w want) with(errs ...error) want { w.is = errs; return w }

// badOnce is a bad response that Query does not retry.
func badOnce(unknown bool) want {
	return want{dials: 1, arrivals: 1, unknown: unknown, is: badResponse}
}

var (
	badResponse = []error{iomeeting.ErrBadResponse}
	deadline    = []error{context.DeadlineExceeded}

	unsent     = want{dials: 3}
	unsentOnce = want{dials: 1}
	sentThrice = want{dials: 3, arrivals: 3}
	sentOnce   = want{dials: 1, arrivals: 1, unknown: true}
)

func faults() []fault {
	rows := []fault{
		{"DNS: no such host", &network{refuse: &net.DNSError{Err: "no such host", IsNotFound: true}}, unsentOnce, unsentOnce},
		{"DNS: temporary failure", &network{refuse: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}, unsent, unsent},
		{"connection refused", &network{refuse: syscall.ECONNREFUSED}, unsent.with(syscall.ECONNREFUSED), unsent.with(syscall.ECONNREFUSED)},
		{"dial hangs", &network{hang: true}, unsent.with(deadline...), unsent.with(deadline...)},
		{"TLS: unknown CA", &network{tls: serverConfig(otherCA, "127.0.0.1", time.Hour)}, unsentOnce, unsentOnce},
		{"TLS: expired", &network{tls: serverConfig(testCA, "127.0.0.1", -time.Hour)}, unsentOnce, unsentOnce},
		{"TLS: wrong name", &network{tls: serverConfig(testCA, "127.0.0.2", time.Hour)}, unsentOnce, unsentOnce},
		{"TLS: too old", &network{tls: oldTLS()}, unsentOnce, unsentOnce},
		{"TLS: plain HTTP instead", &network{tls: &tls.Config{}, plain: true}, unsentOnce, unsentOnce},
		{"TLS: handshake hangs", &network{tls: &tls.Config{}, mute: true}, unsent, unsent},
		{"FIN instead of a response", breakingAfter(""), sentThrice.with(io.EOF), sentOnce.with(io.EOF)},
		{"RST instead of a response", &network{serve: func(l *line) { l.reset(); l.hangUp() }}, sentThrice.with(syscall.ECONNRESET), sentOnce.with(syscall.ECONNRESET)},
		{"silence", silent(), sentThrice.with(deadline...), sentOnce.with(deadline...)},
		{"cut within the header", breakingAfter(ok + "Content-Length: 9"), sentThrice.with(io.ErrUnexpectedEOF), sentOnce.with(io.ErrUnexpectedEOF)},
		{"cut within the body", breakingAfter(ok + "Content-Length: 9\r\n\r\n0,1"), sentThrice.with(io.ErrUnexpectedEOF), sentOnce.with(io.ErrUnexpectedEOF)},
		{"cut within a chunk", breakingAfter(ok + "Transfer-Encoding: chunked\r\n\r\n9\r\n0,1"), sentThrice.with(io.ErrUnexpectedEOF), sentOnce.with(io.ErrUnexpectedEOF)},
		{"endless slow header", dripping(ok + "X: "), sentThrice.with(deadline...), sentOnce.with(deadline...)},
		{"endless slow body", dripping(ok + "Content-Length: 4000\r\n\r\n0,1"), sentThrice.with(deadline...), sentOnce.with(deadline...)},
		{"another protocol", breakingAfter("220 smtp.example ESMTP\r\n"), sentThrice, sentOnce},
		{"proxy: 502", &network{proxy: status("502 Bad Gateway"), tls: &tls.Config{}}, unsent, unsent},
		{"proxy: 302", &network{proxy: status("302 " + url.QueryEscape(canary)), tls: &tls.Config{}}, unsentOnce, unsentOnce},
		{"proxy: 403", &network{proxy: status("403 Forbidden"), tls: &tls.Config{}}, unsentOnce, unsentOnce},
		{"proxy: 407", &network{proxy: status("407 " + url.QueryEscape(canary)), tls: &tls.Config{}}, unsentOnce, unsentOnce},
		{"408", saying("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"), sentThrice.with(badResponse...), badOnce(true)},
		{"429", saying(status("429 a\r\nRetry-After: 0")), sentThrice.with(badResponse...), badOnce(false)},
		{"503", saying(status("503 a\r\nRetry-After: 0")), sentThrice.with(badResponse...), badOnce(true)},
		{"204", saying("HTTP/1.1 204 No Content\r\n\r\n"), badOnce(false), badOnce(true)},
		{"400, cut short", breakingAfter("HTTP/1.1 400 a\r\nContent-Length: 9\r\n\r\n0,1"), badOnce(false), badOnce(false)},
		{"login page", breakingAfter(ok + "\r\n<!DOCTYPE html><title>Log in</title>"), badOnce(false), badOnce(true)},
		{"empty", saying(ok + "Content-Length: 0\r\n\r\n"), badOnce(false), badOnce(true)},
		{"gzip", saying(ok + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"), badOnce(false), badOnce(true)},
		{"unknown encoding", saying(ok + "Content-Encoding: x\r\nContent-Length: 2\r\n\r\n0,"), badOnce(false), badOnce(true)},
		{"endless body", &network{serve: func(l *line) {
			l.say(ok + "\r\n")
			for _, err := l.Write(make([]byte, 1<<10)); err == nil; {
				_, err = l.Write([]byte(strings.Repeat("0", 1<<10)))
			}
			l.hangUp()
		}}, badOnce(false), badOnce(true)},
		{"body of 1 GiB", breakingAfter(ok + "Content-Length: 1073741824\r\n\r\n" + strings.Repeat("0", 1<<13)), badOnce(false), badOnce(true)},
		{"error page that repeats the request", &network{serve: func(l *line) {
			l.say("HTTP/1.1 400 " + l.body + "\r\nX-Form: " + l.body + "\r\nConnection: close\r\n\r\n<pre>" + l.body)
			l.hangUp()
		}}, badOnce(false), badOnce(false)},
		{"request instead of a response", &network{serve: func(l *line) { l.say(l.body + "\r\n\r\n"); l.hangUp() }}, sentThrice, sentOnce},
		{"request in the header", &network{serve: func(l *line) { l.say(ok + l.body + "\r\n\r\n"); l.hangUp() }}, sentThrice, sentOnce},
	}
	for _, spelling := range []string{
		strings.ToLower(url.QueryEscape(canary)), url.PathEscape(canary), strings.ReplaceAll(url.QueryEscape(canary), "+", "%20"),
		"c4n" + strings.Repeat("x", 9), canary[:len(canary)-1],
	} {
		rows = append(rows, fault{"password in the header as " + spelling, breakingAfter(ok + "bad key hostPassword=" + spelling + " : x\r\n\r\n"), sentThrice, sentOnce})
	}
	for _, s := range []string{"301", "302", "303", "307", "308"} {
		for _, location := range []string{"https://elsewhere.example/?a=" + url.QueryEscape(canary), "http://127.0.0.1/", "https://%zz"} {
			rows = append(rows, fault{s + " to " + location, saying(status(s + " a\r\nLocation: " + location)), badOnce(false), badOnce(false)})
		}
	}
	for _, s := range []string{"400", "401", "403", "404", "405", "410", "413", "501"} {
		rows = append(rows, fault{s, saying(status(s + " a")), badOnce(false), badOnce(false)})
	}
	for _, s := range []string{"500", "502", "504"} {
		rows = append(rows, fault{s, saying(status(s + " a")), sentThrice.with(badResponse...), badOnce(true)})
	}
	rows = append(rows, fault{"505", saying(status("505 a")), badOnce(false), badOnce(true)})
	for _, s := range []string{"206", "299"} {
		rows = append(rows, fault{s, saying("HTTP/1.1 " + s + " a\r\nContent-Length: 3\r\n\r\n0,1"), badOnce(false), badOnce(true)})
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
			retryable := f.query.dials > 1
			f.test(t, f.query, retryable, func(ctx context.Context, c *iomeeting.Client) error {
				got, err := c.Query(ctx, secretHost)
				assert.Equal(t, iomeeting.QueryResult{}, got)
				assert.Zero(t, got)
				return err
			})
			f.test(t, f.schedule, retryable && !f.schedule.unknown, func(ctx context.Context, c *iomeeting.Client) error {
				got, err := c.Schedule(ctx, secretHost, &iomeeting.ScheduleOptions{MeetingPassword: secretHost.Password})
				assert.Zero(t, got)
				return err
			})
		})
	}
}

func (f fault) test(t *testing.T, want want, retryable bool, call func(context.Context, *iomeeting.Client) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f.network.mount(t)
		start := time.Now()
		err := call(t.Context(), clientOf(t, f.network.site()))
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
		time.Sleep(time.Hour) // a connection that is still open makes the bubble fail
	})
}

func TestContextEnds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		network  *network
		arrivals int32
		unknown  bool
	}{
		{"while dialing", &network{hang: true}, 0, false},
		{"while waiting for the response", silent(), 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"Query", "Schedule"} {
				synctest.Test(t, func(t *testing.T) {
					tt.network.mount(t)
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

// TestKeptConnectionIsDead uses connections that answer once, and end at the second
// request.
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
			n.mount(t)
			c := clientOf(t, "http://127.0.0.1")
			for range 3 {
				assert.NoError(t, calls["Query"](t.Context(), c))
			}
			assert.EqualValues(t, 4, n.arrivals.Load(), "the second Query met a dead connection")
			err := calls["Schedule"](t.Context(), c)
			assert.ErrorIs(t, err, iomeeting.ErrBadResponse, "the service responds as if to a Query")
			assert.EqualValues(t, 5, n.arrivals.Load(), "a fresh connection is not dead")
			time.Sleep(time.Hour)
		})
	})
	t.Run("pool", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := dying()
			answer := n.serve
			n.serve = func(l *line) {
				time.Sleep(time.Second) // four queries need four connections
				answer(l)
			}
			n.mount(t)
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
			assert.EqualValues(t, 2, n.arrivals.Load(), "it is not sent again")
			time.Sleep(time.Hour)
		})
	})
}

// TestSlowResponse uses a response that arrives byte by byte, but in time.
func TestSlowResponse(t *testing.T) {
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
		n.mount(t)
		got, err := clientOf(t, "http://127.0.0.1").Schedule(t.Context(), host, nil)
		assert.NoError(t, err)
		assert.Equal(t, "000042", got.MeetingID)
		time.Sleep(time.Hour)
	})
}

// TestLimitsWithoutTimeout tests the limits of the client's own connections, which
// apply even if the user sets none.
func TestLimitsWithoutTimeout(t *testing.T) {
	incomplete := saying("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n")
	for _, tt := range []struct {
		name    string
		network *network
		opts    []iomeeting.Option
		want    time.Duration
	}{
		{"dial", &network{hang: true}, []iomeeting.Option{iomeeting.WithTimeout(0)}, 10 * time.Second},
		{"TLS handshake", &network{tls: &tls.Config{}, mute: true}, []iomeeting.Option{iomeeting.WithTimeout(0)}, 10 * time.Second},
		{"response", silent(), []iomeeting.Option{iomeeting.WithTimeout(0)}, 5 * time.Minute},
		{"response, with a longer timeout", silent(), []iomeeting.Option{iomeeting.WithTimeout(time.Hour)}, time.Hour},
		{"error page", incomplete, []iomeeting.Option{iomeeting.WithTimeout(0)}, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"Query", "Schedule"} {
				synctest.Test(t, func(t *testing.T) {
					tt.network.mount(t)
					start := time.Now()
					err := calls[name](t.Context(), clientOf(t, tt.network.site(), append(tt.opts, iomeeting.WithRetries(0))...))
					assert.Error(t, err)
					assert.Equal(t, tt.want, time.Since(start))
					time.Sleep(2 * time.Hour)
				})
			}
		})
	}
}
