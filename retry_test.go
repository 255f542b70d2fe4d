package iomeeting_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// script is a RoundTripper that runs one step for each request, and repeats the last
// one.
type script struct {
	steps []step
	times []time.Time // of the requests
}

type step func(*http.Request) (*http.Response, error)

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	next := s.steps[min(len(s.times), len(s.steps)-1)]
	s.times = append(s.times, time.Now())
	return next(req)
}

// waits returns the times between the requests.
func (s *script) waits() []time.Duration {
	var waits []time.Duration
	for i := 1; i < len(s.times); i++ {
		waits = append(waits, s.times[i].Sub(s.times[i-1]))
	}
	return waits
}

// Steps that read the request, as a transport does when it sends it.

func answer(status int, body string, field ...string) step {
	return func(req *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, req.Body)
		return respond(status, body, field...), nil
	}
}

func failAfterSending(err error) step {
	return func(req *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, req.Body)
		return nil, err
	}
}

func silence(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	return hangBeforeSending(req)
}

// Steps that send nothing.

func failBeforeSending(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func hangBeforeSending(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// failingReader is a body that cannot be read.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

// calls are the methods that send requests.
var calls = map[string]func(context.Context, *iomeeting.Client) error{
	"Query": func(ctx context.Context, c *iomeeting.Client) error {
		_, err := c.Query(ctx, host)
		return err
	},
	"Schedule": func(ctx context.Context, c *iomeeting.Client) error {
		_, err := c.Schedule(ctx, host, nil)
		return err
	},
	"ScheduleIfAvailable": func(ctx context.Context, c *iomeeting.Client) error {
		_, err := c.ScheduleIfAvailable(ctx, host, nil)
		return err
	},
}

// TestAttempts covers failures of RoundTrippers. TestFaults covers those of the
// network and the service.
func TestAttempts(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		step                    step
		wantQuery, wantSchedule int  // attempts
		wantUnknown, wantFinal  bool // Schedule's outcome; not Retryable
	}{
		{name: "not sent", step: failBeforeSending(errRefused), wantQuery: 3, wantSchedule: 3},
		{name: "sent", step: failAfterSending(errReset), wantQuery: 3, wantSchedule: 1, wantUnknown: true},
		{name: "neither response nor error", step: failBeforeSending(nil), wantQuery: 3, wantSchedule: 3},
		{name: "503 without sending", step: func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 503}, nil }, wantQuery: 3, wantSchedule: 1, wantUnknown: true},
		{name: "DNS timeout", step: failBeforeSending(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), wantQuery: 3, wantSchedule: 3},
		{name: "no such host", step: failBeforeSending(&net.DNSError{Err: "no such host", IsNotFound: true}), wantQuery: 1, wantSchedule: 1, wantFinal: true},
		{name: "TLS alert", step: failBeforeSending(&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}), wantQuery: 1, wantSchedule: 1, wantFinal: true},
		{name: "407 of a proxy", step: failBeforeSending(errors.New("Proxy Authentication Required")), wantQuery: 1, wantSchedule: 1, wantFinal: true},
		{name: "502 of a proxy", step: failBeforeSending(errors.New("Bad Gateway")), wantQuery: 3, wantSchedule: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for name, want := range map[string]int{"Query": tt.wantQuery, "Schedule": tt.wantSchedule} {
					service := &script{steps: []step{tt.step}}
					err := calls[name](t.Context(), newClient(t, over(service)))
					assert.Len(t, service.times, want)
					unknown := name == "Schedule" && tt.wantUnknown
					assert.Equal(t, unknown, errors.Is(err, iomeeting.ErrOutcomeUnknown), err)
					for _, err := range []error{err, fmt.Errorf("a: %w (b)", err), errors.Join(errReset, err)} {
						assert.Equal(t, !unknown && !tt.wantFinal, iomeeting.Retryable(err), err)
					}
				}
			})
		})
	}
}

// TestRetryable covers errors that are not in TestAttempts and TestFaults.
func TestRetryable(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{name: "nil"},
		{name: "host not found", err: &iomeeting.StatusError{Op: "query", Status: iomeeting.StatusHostNotFound}},
		{name: "in a meeting", err: &iomeeting.StatusError{Op: "schedule", Status: iomeeting.StatusInMeeting}},
		{name: "invalid parameter", err: iomeeting.Host{}.Validate()},
		{name: "timeout of something else", err: context.DeadlineExceeded},
		{name: "connection of something else", err: errRefused},
		{name: "response made by hand", err: &iomeeting.ResponseError{Op: "query", StatusCode: 503}, want: true},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, iomeeting.Retryable(tt.err)) })
	}
}

func TestWithRetries(t *testing.T) {
	for _, tt := range []struct {
		opts         []iomeeting.Option
		wantAttempts int
		wantSuccess  bool
	}{
		{opts: []iomeeting.Option{iomeeting.WithRetries(0)}, wantAttempts: 1},
		{opts: []iomeeting.Option{iomeeting.WithRetries(1)}, wantAttempts: 2},
		{opts: nil, wantAttempts: 3, wantSuccess: true},
		{opts: []iomeeting.Option{iomeeting.WithRetries(9)}, wantAttempts: 3, wantSuccess: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			for name, steps := range map[string][]step{
				"Query":    {failAfterSending(errReset), answer(503, ""), answer(200, "0,,")},
				"Schedule": {failBeforeSending(errRefused), failBeforeSending(io.EOF), answer(200, "0,1")},
			} {
				service := &script{steps: steps}
				err := calls[name](t.Context(), newClient(t, append(tt.opts, over(service))...))
				assert.Equal(t, tt.wantSuccess, err == nil, err)
				assert.Len(t, service.times, tt.wantAttempts)
			}
		})
	}
}

// TestBackoff draws each wait 100 times. All of a wait's draws are in one half of its
// range once in 10^27 runs.
func TestBackoff(t *testing.T) {
	for name, failure := range map[string]step{
		"refused":                 failBeforeSending(errRefused),
		"429 without Retry-After": answer(429, ""),
		"503 without Retry-After": answer(503, ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const retries = 40
				shortest, longest := [retries]time.Duration{}, [retries]time.Duration{}
				for call := range 100 {
					service := &script{steps: []step{failure}}
					c := newClient(t, over(service), iomeeting.WithTimeout(0), iomeeting.WithRetries(retries))
					require.Error(t, calls["Query"](t.Context(), c))
					require.Len(t, service.times, retries+1)
					for n, wait := range service.waits() {
						if call == 0 {
							shortest[n] = wait
						}
						shortest[n], longest[n] = min(shortest[n], wait), max(longest[n], wait)
					}
				}
				for n := range retries {
					ceiling := min(5*time.Second, 200*time.Millisecond<<min(n, 10))
					assert.Less(t, shortest[n], ceiling/2)
					assert.Greater(t, longest[n], ceiling/2)
					assert.Less(t, longest[n], ceiling)
				}
			})
		})
	}
}

// TestRetryAfter covers waits that fit into the remaining time, or into a minute if there
// is no limit, and waits that do not.
func TestRetryAfter(t *testing.T) {
	const none, backoff = time.Duration(-1), time.Duration(0)
	for _, tt := range []struct {
		header           string
		status           int           // 503 if 0
		wait             time.Duration // with a timeout of 30 seconds; none if the call fails at once
		waitWithoutLimit time.Duration
	}{
		{header: "10", wait: 10 * time.Second, waitWithoutLimit: 10 * time.Second},
		{header: "10", status: 429, wait: 10 * time.Second, waitWithoutLimit: 10 * time.Second},
		{header: "10", status: 500, wait: backoff, waitWithoutLimit: backoff},
		{header: "29", wait: 29 * time.Second, waitWithoutLimit: 29 * time.Second},
		{header: "30", wait: none, waitWithoutLimit: 30 * time.Second},
		{header: "60", wait: none, waitWithoutLimit: time.Minute},
		{header: "61", wait: none, waitWithoutLimit: none},
		{header: "315360000", wait: none, waitWithoutLimit: none},
		{header: "9223372036854775807", wait: none, waitWithoutLimit: none},
		{header: "99999999999999999999", wait: none, waitWithoutLimit: none},
		{header: "Sat, 01 Jan 2000 00:00:10 GMT", wait: 10 * time.Second, waitWithoutLimit: 10 * time.Second},
		{header: "Thu, 01 Jan 2026 00:00:00 GMT", wait: none, waitWithoutLimit: none},
		{header: "Fri, 31 Dec 1999 23:59:59 GMT", wait: backoff, waitWithoutLimit: backoff},
		{header: "0", wait: backoff, waitWithoutLimit: backoff},
		{header: "-10", wait: backoff, waitWithoutLimit: backoff},
		{header: "-9223372037", wait: backoff, waitWithoutLimit: backoff},
		{header: "soon", wait: backoff, waitWithoutLimit: backoff},
	} {
		t.Run(fmt.Sprint(tt.header, " with ", tt.status), func(t *testing.T) {
			for _, timeout := range []time.Duration{30 * time.Second, 0} {
				synctest.Test(t, func(t *testing.T) {
					start, want := time.Now(), tt.wait
					if timeout == 0 {
						want = tt.waitWithoutLimit
					}
					service := &script{steps: []step{answer(cmp.Or(tt.status, 503), "", "Retry-After", tt.header), answer(200, "0,,")}}
					err := calls["Query"](t.Context(), newClient(t, over(service), iomeeting.WithTimeout(timeout)))
					switch want {
					case none:
						require.ErrorIs(t, err, iomeeting.ErrBadResponse)
						assert.Len(t, service.times, 1)
						assert.Zero(t, time.Since(start))
					case backoff:
						require.NoError(t, err)
						assert.Less(t, service.waits()[0], 200*time.Millisecond)
					default:
						require.NoError(t, err)
						assert.Equal(t, want, service.waits()[0])
					}
				})
			}
		})
	}
}

// TestTimeouts covers the limits of a call, of its attempts, and of the client's own
// connections.
func TestTimeouts(t *testing.T) {
	options := func(opts ...iomeeting.Option) []iomeeting.Option { return opts }
	hcTimeout := func(d time.Duration) iomeeting.Option { return iomeeting.WithHTTPClient(&http.Client{Timeout: d}) }
	noLimit, once := iomeeting.WithTimeout(0), iomeeting.WithRetries(0)
	for _, tt := range []struct {
		name      string
		network   *network // silent, if nil
		opts      []iomeeting.Option
		ctx       time.Duration
		want      time.Duration
		wantDials int32 // of Query
		addUp     bool  // of each attempt of Query
	}{
		{name: "default", want: 30 * time.Second, wantDials: 3},
		{name: "WithTimeout", opts: options(iomeeting.WithTimeout(7 * time.Second)), want: 7 * time.Second, wantDials: 3},
		{name: "context", ctx: 5 * time.Second, want: 5 * time.Second, wantDials: 3},
		{name: "context without timeout", ctx: 5 * time.Second, opts: options(noLimit), want: 5 * time.Second, wantDials: 3},
		{name: "timeout before context", ctx: 5 * time.Second, opts: options(iomeeting.WithTimeout(4 * time.Second)), want: 4 * time.Second, wantDials: 3},
		{name: "only attempt", opts: options(once), want: 30 * time.Second, wantDials: 1},
		{name: "http.Client.Timeout", opts: options(hcTimeout(time.Second)), want: time.Second, wantDials: 3, addUp: true},
		{name: "long http.Client.Timeout", opts: options(hcTimeout(time.Hour)), want: 30 * time.Second, wantDials: 3},
		{name: "long timeout", opts: options(once, iomeeting.WithTimeout(time.Hour)), want: time.Hour, wantDials: 1},
		{name: "no timeout", opts: options(once, noLimit), want: 5 * time.Minute, wantDials: 1},
		{name: "no timeout, dial", network: &network{hang: true}, opts: options(once, noLimit), want: 10 * time.Second, wantDials: 1},
		{name: "no timeout, handshake", network: &network{tls: &tls.Config{}, mute: true}, opts: options(once, noLimit), want: 10 * time.Second, wantDials: 1},
	} {
		for _, name := range []string{"Query", "Schedule"} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := cmp.Or(tt.network, silent())
					n.mount(t)
					ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(tt.ctx, 10*time.Hour))
					defer cancel()
					start := time.Now()
					err := calls[name](ctx, clientOf(t, n.site(), tt.opts...))
					took := time.Since(start)
					var timeout net.Error
					require.ErrorAs(t, err, &timeout)
					assert.True(t, timeout.Timeout())
					switch {
					case name == "Schedule":
						assert.Equal(t, tt.want, took)
					case tt.addUp:
						assert.InDelta(t, 3*tt.want+300*time.Millisecond, took, float64(300*time.Millisecond), "two waits")
					default:
						assert.Equal(t, tt.want, took)
						assert.Equal(t, tt.wantDials, n.dials.Load())
					}
					time.Sleep(time.Hour) // a connection that is still open makes the bubble fail
				})
			})
		}
	}
}

func TestScheduleIfAvailableHasOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		service := &script{steps: []step{slow(9*time.Second, answer(200, "0,,")), silence}}
		err := calls["ScheduleIfAvailable"](t.Context(), newClient(t, over(service)))
		require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		assert.Equal(t, 30*time.Second, time.Since(start))
	})
}

// TestShares checks that an attempt of Query leaves time for the next one, and has
// enough time itself, however many may follow.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &script{steps: []step{silence, silence, answer(200, "0,,")}}
		require.NoError(t, calls["Query"](t.Context(), newClient(t, over(service))))
		for _, retries := range []int{0, 2, 200, math.MaxInt} {
			service := &script{steps: []step{slow(9*time.Second, answer(200, "0,,"))}}
			assert.NoError(t, calls["Query"](t.Context(), newClient(t, over(service), iomeeting.WithRetries(retries))))
			assert.Len(t, service.times, 1)
		}
	})
}

// slow delays s, unless the context ends.
func slow(d time.Duration, s step) step {
	return func(req *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return s(req)
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}
