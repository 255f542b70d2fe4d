package iomeeting_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
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
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// Steps that send nothing.

func failBeforeSending(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func hangBeforeSending(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

func TestQueryRetries(t *testing.T) {
	tests := []struct {
		name string
		step step
	}{
		{"refused", failBeforeSending(errRefused)},
		{"reset", failAfterSending(errReset)},
		{"closed", failAfterSending(io.EOF)},
		{"temporary DNS failure", failBeforeSending(&net.DNSError{Err: "server misbehaving", IsTemporary: true})},
		{"DNS timeout", failBeforeSending(&net.DNSError{Err: "i/o timeout", IsTimeout: true})},
		{"cut short", func(*http.Request) (*http.Response, error) {
			res := respond(200, "")
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader("0,"), failingReader{io.ErrUnexpectedEOF}))
			return res, nil
		}},
		{"503", answer(503, "")},
		{"another failure of a proxy", failBeforeSending(errors.New("no acceptable authentication methods for now"))},
		{"neither response nor error", func(*http.Request) (*http.Response, error) { return nil, nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &script{steps: []step{tt.step, tt.step, answer(200, "0,,")}}
				got, err := newClient(t, over(service)).Query(t.Context(), host)
				require.NoError(t, err)
				assert.False(t, got.InMeeting)
				require.Len(t, service.times, 3)
				assert.Less(t, service.waits()[0], 200*time.Millisecond)
				assert.Less(t, service.waits()[1], 400*time.Millisecond)

				service = &script{steps: []step{tt.step}}
				_, err = newClient(t, over(service), iomeeting.WithRetries(4)).Query(t.Context(), host)
				require.Error(t, err)
				assert.Len(t, service.times, 5)

				service = &script{steps: []step{tt.step}}
				_, err = newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), host)
				require.Error(t, err)
				assert.Len(t, service.times, 1)
				assertRetryable(t, true, err)
			})
		})
	}
}

// assertRetryable checks what Retryable reports for err, alone and wrapped.
func assertRetryable(t *testing.T, want bool, err error) {
	t.Helper()
	for _, err := range []error{
		err,
		fmt.Errorf("alice@example.com: %w", err),
		fmt.Errorf("%w (alice@example.com)", err),
		errors.Join(errors.New("first"), err, &net.DNSError{Err: "no such host", IsNotFound: true}),
	} {
		assert.Equal(t, want, iomeeting.Retryable(err), err)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// TestPermanentErrors covers errors that a retry would only repeat.
func TestPermanentErrors(t *testing.T) {
	for name, err := range map[string]error{
		"no such host":      &net.DNSError{Err: "no such host", IsNotFound: true},
		"unknown CA":        &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"not TLS":           tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
		"HTTP, not HTTPS":   fmt.Errorf("%w", http.ErrSchemeMismatch),
		"407 of a proxy":    errors.New("Proxy Authentication Required"),
		"SOCKS credentials": errors.New("socks connect: username/password authentication failed"),
		"TLS alert":         &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")},
	} {
		t.Run(name, func(t *testing.T) {
			service := &script{steps: []step{failBeforeSending(err)}}
			_, err := newClient(t, over(service)).Query(t.Context(), host)
			require.Error(t, err)
			assert.Len(t, service.times, 1)
			assertRetryable(t, false, err)
		})
	}
}

// TestRetryable covers errors that are not in TestQueryRetries, TestPermanentErrors
// and TestFaults.
func TestRetryable(t *testing.T) {
	failing := newClient(t, over(&script{steps: []step{failBeforeSending(errRefused)}}), iomeeting.WithRetries(0))
	_, refused := failing.Query(t.Context(), host)
	_, notSent := failing.Schedule(t.Context(), host, nil)
	schedule := func(s step) error {
		_, err := newClient(t, over(&script{steps: []step{s}})).Schedule(t.Context(), host, nil)
		require.Error(t, err)
		return err
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, gaveUp := failing.Query(canceled, host)
	expired, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, tooLate := failing.Query(expired, host)
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"connection refused", refused, true},
		{"Schedule was not sent", notSent, true},
		{"deadline", tooLate, true},
		{"canceled", gaveUp, false},
		{"429 of Schedule", schedule(answer(429, "")), true},
		{"404 of Schedule", schedule(answer(404, "")), false},
		{"unknown outcome, 503", schedule(answer(503, "")), false},
		{"unknown outcome, connection reset", schedule(failAfterSending(errReset)), false},
		{"host not found", schedule(answer(200, "1,")), false},
		{"in a meeting", &iomeeting.StatusError{Op: "schedule", Status: iomeeting.StatusInMeeting}, false},
		{"invalid parameter", iomeeting.Host{}.Validate(), false},
		{"bad signature", iomeeting.ErrBadSignature, false},
		{"timeout of something else", context.DeadlineExceeded, false},
		{"connection of something else", errRefused, false},
		{"cut short by something else", io.ErrUnexpectedEOF, false},
		{"response made by hand", &iomeeting.ResponseError{Op: "query", StatusCode: 503}, true},
	} {
		t.Run(tt.name, func(t *testing.T) { assertRetryable(t, tt.want, tt.err) })
	}
	assert.False(t, iomeeting.Retryable(nil))
}

func TestLongestResponse(t *testing.T) {
	password := strings.Repeat("p", 4096-len("3,1,"))
	service := &script{steps: []step{answer(200, "3,1,"+password)}}
	got, err := newClient(t, over(service)).Query(t.Context(), host)
	require.NoError(t, err)
	assert.Equal(t, password, got.MeetingPassword.Reveal())

	service = &script{steps: []step{answer(200, "3,1,"+password+"p")}}
	_, err = newClient(t, over(service)).Query(t.Context(), host)
	var bad *iomeeting.ResponseError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "is longer than 4096 bytes", bad.Reason)
	assert.Equal(t, "3,1,"+password, bad.Body.Reveal())
}

func TestScheduleRetriesIfUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &script{steps: []step{failBeforeSending(errRefused), failBeforeSending(errRefused), answer(200, "0,1")}}
		got, err := newClient(t, over(service)).Schedule(t.Context(), host, nil)
		require.NoError(t, err)
		assert.Equal(t, "1", got.MeetingID)
		assert.Len(t, service.times, 3)

		service = &script{steps: []step{failBeforeSending(errRefused)}}
		_, err = newClient(t, over(service)).Schedule(t.Context(), host, nil)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		assert.Len(t, service.times, 3)
	})
}

func TestRetryAfter(t *testing.T) {
	inTenSeconds := bubbleTime.Add(10 * time.Second).Format(http.TimeFormat)
	tests := []struct {
		name, header string
		status       int
		min, below   time.Duration
	}{
		{"seconds", "10", 503, 10 * time.Second, 10*time.Second + 1},
		{"date", inTenSeconds, 503, 10 * time.Second, 10*time.Second + 1},
		{"too many requests", "10", 429, 10 * time.Second, 10*time.Second + 1},
		{"zero", "0", 503, 0, 200 * time.Millisecond},
		{"very negative", "-9223372037", 503, 0, 200 * time.Millisecond},
		{"negative", "-10", 503, 0, 200 * time.Millisecond},
		{"garbage", "soon", 503, 0, 200 * time.Millisecond},
		{"past date", "Fri, 31 Dec 1999 23:59:59 GMT", 503, 0, 200 * time.Millisecond},
		{"with another status", "10", 500, 0, 200 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &script{steps: []step{answer(tt.status, "", "Retry-After", tt.header), answer(200, "0,,")}}
				_, err := newClient(t, over(service)).Query(t.Context(), host)
				require.NoError(t, err)
				assert.GreaterOrEqual(t, service.waits()[0], tt.min)
				assert.Less(t, service.waits()[0], tt.below)
			})
		})
	}
}

// TestLongRetryAfter covers waits around and beyond the limit, which is one minute
// without a timeout.
func TestLongRetryAfter(t *testing.T) {
	const none = time.Duration(0)
	for _, tt := range []struct {
		header  string
		timeout time.Duration
		fits    bool
	}{
		{"29", 30 * time.Second, true},
		{"30", 30 * time.Second, false},
		{"60", none, true},
		{"61", none, false},
		{"315360000", 30 * time.Second, false},
		{"315360000", none, false},
		{"9223372036854775807", 30 * time.Second, false},
		{"9223372036854775807", none, false},
		{"99999999999999999999", 30 * time.Second, false},
		{"99999999999999999999", none, false},
		{"Thu, 01 Jan 2026 00:00:00 GMT", 30 * time.Second, false},
		{"Thu, 01 Jan 2026 00:00:00 GMT", none, false},
	} {
		t.Run(fmt.Sprintf("%s, timeout %v", tt.header, tt.timeout), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				service := &script{steps: []step{answer(503, "", "Retry-After", tt.header)}}
				_, err := newClient(t, over(service), iomeeting.WithTimeout(tt.timeout), iomeeting.WithRetries(1)).Query(t.Context(), host)
				require.ErrorIs(t, err, iomeeting.ErrBadResponse)
				if tt.fits {
					assert.Len(t, service.times, 2)
				} else {
					assert.Len(t, service.times, 1)
					assert.Zero(t, time.Since(start))
				}
			})
		})
	}
}

func TestNoWaitBeyondDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		service := &script{steps: []step{failBeforeSending(errRefused)}}
		c := newClient(t, over(service), iomeeting.WithTimeout(time.Second), iomeeting.WithRetries(1000))
		_, err := c.Query(t.Context(), host)
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "the error is the failure, not the deadline")
		assert.Less(t, time.Since(start), time.Second)
		assert.Greater(t, len(service.times), 1)
	})
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

func TestShareOfEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		service := &script{steps: []step{silence, silence, answer(200, "0,,")}}
		got, err := newClient(t, over(service)).Query(t.Context(), host)
		require.NoError(t, err)
		assert.False(t, got.InMeeting)
		assert.Less(t, time.Since(start), 21*time.Second)

		service = &script{steps: []step{silence}}
		start = time.Now()
		_, err = newClient(t, over(service)).Query(t.Context(), host)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(start))
		assert.Len(t, service.times, 3)
	})
}

// TestManyRetries uses a service that takes 9 seconds. The share of each attempt must
// be long enough for that, however many retries are allowed.
func TestManyRetries(t *testing.T) {
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

func TestScheduleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		service := &script{steps: []step{silence}}
		_, err := newClient(t, over(service)).Schedule(t.Context(), host, nil)
		require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "iomeeting: schedule: context deadline exceeded; the outcome is unknown: call Query before scheduling again")
		assert.Equal(t, 30*time.Second, time.Since(start), "the only attempt gets all the time")
		assert.Len(t, service.times, 1)
	})
}

func TestTimeouts(t *testing.T) {
	tests := []struct {
		name string
		opts []iomeeting.Option
		ctx  time.Duration
		want time.Duration
	}{
		{"default", nil, time.Hour, 30 * time.Second},
		{"option", []iomeeting.Option{iomeeting.WithTimeout(7 * time.Second)}, time.Hour, 7 * time.Second},
		{"context", nil, 5 * time.Second, 5 * time.Second},
		{"context without option", []iomeeting.Option{iomeeting.WithTimeout(0)}, 5 * time.Second, 5 * time.Second},
		{"option before context", []iomeeting.Option{iomeeting.WithTimeout(time.Second)}, 5 * time.Second, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, hang := range []step{silence, hangBeforeSending} {
					c := newClient(t, append(tt.opts, over(&script{steps: []step{hang}}), iomeeting.WithRetries(0))...)
					for _, call := range calls {
						start := time.Now()
						ctx, cancel := context.WithDeadline(t.Context(), start.Add(tt.ctx))
						err := call(ctx, c)
						cancel()
						require.ErrorIs(t, err, context.DeadlineExceeded)
						assert.Equal(t, tt.want, time.Since(start))
					}
				}
			})
		})
	}
}

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

func TestScheduleIfAvailableHasOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		slow := func(req *http.Request) (*http.Response, error) {
			time.Sleep(9 * time.Second)
			return respond(200, "0,,"), nil
		}
		service := &script{steps: []step{slow, silence}}
		_, err := newClient(t, over(service)).ScheduleIfAvailable(t.Context(), host, nil)
		require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		assert.Equal(t, 30*time.Second, time.Since(start))
	})
}

// TestHTTPClientTimeout checks that the Timeout of an http.Client limits each
// attempt, and WithTimeout the call.
func TestHTTPClientTimeout(t *testing.T) {
	for _, tt := range []struct {
		call     string
		timeout  time.Duration
		attempts int
		min, max time.Duration
	}{
		{"Query", time.Second, 3, 3 * time.Second, 3600 * time.Millisecond},
		{"Query", time.Hour, 3, 30 * time.Second, 30 * time.Second},
		{"Schedule", time.Second, 1, time.Second, time.Second},
		{"Schedule", time.Hour, 1, 30 * time.Second, 30 * time.Second},
	} {
		t.Run(fmt.Sprintf("%s, %v", tt.call, tt.timeout), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &script{steps: []step{silence}}
				c := newClient(t, iomeeting.WithHTTPClient(&http.Client{Transport: service, Timeout: tt.timeout}))
				start := time.Now()
				require.ErrorIs(t, calls[tt.call](t.Context(), c), context.DeadlineExceeded)
				assert.Len(t, service.times, tt.attempts)
				assert.GreaterOrEqual(t, time.Since(start), tt.min)
				assert.LessOrEqual(t, time.Since(start), tt.max)
			})
		})
	}
}

// TestTimeoutErrorsOfTransports covers transports that report a timeout by their own
// error, or by the cause of the user's context.
func TestTimeoutErrorsOfTransports(t *testing.T) {
	gaveUp, reason := errors.New("gave up"), errors.New("the visitor left")
	for _, tt := range []struct {
		name string
		end  func(ctx context.Context) error
		want error
	}{
		{"own error", func(context.Context) error { return gaveUp }, gaveUp},
		{"cause of the context", context.Cause, reason},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
					_, _ = io.Copy(io.Discard, req.Body)
					<-req.Context().Done()
					return nil, tt.end(req.Context())
				}}}
				c := newClient(t, over(service), iomeeting.WithRetries(0))
				for _, call := range calls {
					ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, reason)
					err := call(ctx, c)
					cancel()
					require.ErrorIs(t, err, tt.want)
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
			})
		})
	}
}

func TestCanceledContext(t *testing.T) {
	reason := errors.New("the visitor left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			service := &script{steps: []step{answer(200, "0,,")}}
			err := call(ctx, newClient(t, over(service)))
			require.ErrorIs(t, err, context.Canceled)
			assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			assert.Empty(t, service.times)
		})
	}
}

// lateTimer is a context whose deadline has passed, but whose timer has not fired
// yet, as in a process that was stopped and continued.
type lateTimer struct {
	context.Context
	deadline time.Time
}

func (c lateTimer) Deadline() (time.Time, bool) { return c.deadline, true }

func TestPassedDeadline(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, ago := range []time.Duration{0, time.Nanosecond, time.Hour} {
					service := &script{steps: []step{answer(200, "0,,")}}
					ctx := lateTimer{t.Context(), time.Now().Add(-ago)}
					err := call(ctx, newClient(t, over(service)))
					require.ErrorIs(t, err, context.DeadlineExceeded)
					assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
					assert.Empty(t, service.times)

					canceled, cancel := context.WithCancel(t.Context())
					cancel()
					err = call(lateTimer{canceled, ctx.deadline}, newClient(t, over(service)))
					require.ErrorIs(t, err, context.Canceled)
					assert.NotErrorIs(t, err, context.DeadlineExceeded)
				}
			})
		})
	}
}

func TestCancelDuringCall(t *testing.T) {
	for name, hang := range map[string]step{
		"transport returns the cause": func(req *http.Request) (*http.Response, error) {
			_, _ = silence(req)
			return nil, context.Cause(req.Context())
		},
		"while reading the response": func(req *http.Request) (*http.Response, error) {
			res := respond(200, "")
			res.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
				<-req.Context().Done()
				return 0, req.Context().Err()
			}))
			return res, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, call := range []string{"Query", "Schedule"} {
					ctx, cancel := context.WithCancelCause(t.Context())
					time.AfterFunc(time.Second, func() { cancel(errors.New("the visitor left")) })
					start := time.Now()
					service := &script{steps: []step{hang}}
					err := calls[call](ctx, newClient(t, over(service)))
					require.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, call == "Schedule", errors.Is(err, iomeeting.ErrOutcomeUnknown))
					assert.Equal(t, time.Second, time.Since(start))
					assert.Len(t, service.times, 1)
				}
			})
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestCancelDuringWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		service := &script{steps: []step{answer(503, "", "Retry-After", "20")}}
		_, err := newClient(t, over(service)).Query(ctx, host)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Len(t, service.times, 1)
	})
}

// TestLateRead uses a transport that starts to read the request only after it has
// returned an error. By then, it must not get the request any more.
func TestLateRead(t *testing.T) {
	late := make(chan error, 1)
	returned := make(chan struct{})
	service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
		go func() {
			<-returned
			n, err := req.Body.Read(make([]byte, 100))
			assert.Zero(t, n)
			late <- err
		}()
		return nil, errRefused
	}}}
	_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Schedule(t.Context(), host, nil)
	close(returned)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	require.Error(t, <-late)
}

func TestPanicOfTransport(t *testing.T) {
	c := newClient(t, over(&script{steps: []step{func(*http.Request) (*http.Response, error) { panic("broken") }}}))
	for _, call := range calls {
		assert.PanicsWithValue(t, "broken", func() { _ = call(t.Context(), c) })
	}
}
