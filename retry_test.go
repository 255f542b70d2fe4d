package iomeeting_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
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

// script is a RoundTripper that does one step for each request, and the last
// one again and again.
type script struct {
	steps []step
	times []time.Time // when the requests came
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

// Steps that read the request first, as a transport does that sends it.

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

func TestQueryTriesAgain(t *testing.T) {
	tests := []struct {
		name string
		step step
	}{
		{"refused", failBeforeSending(errRefused)},
		{"reset", failAfterSending(errReset)},
		{"closed", failAfterSending(io.EOF)},
		{"DNS for now", failBeforeSending(&net.DNSError{Err: "server misbehaving", IsTemporary: true})},
		{"DNS time-out", failBeforeSending(&net.DNSError{Err: "i/o timeout", IsTimeout: true})},
		{"cut short", func(*http.Request) (*http.Response, error) {
			res := respond(200, "")
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader("0,"), failingReader{io.ErrUnexpectedEOF}))
			return res, nil
		}},
		{"408", answer(408, "")},
		{"429", answer(429, "")},
		{"500", answer(500, "")},
		{"502", answer(502, "<html>")},
		{"503", answer(503, "")},
		{"504", answer(504, "")},
		{"words of a proxy that says more", failBeforeSending(errors.New("no acceptable authentication methods for now"))},
		{"neither response nor error", func(*http.Request) (*http.Response, error) { return nil, nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &script{steps: []step{tt.step, tt.step, answer(200, "0,,")}}
				got, err := newClient(t, over(service)).Query(t.Context(), host)
				require.NoError(t, err)
				assert.True(t, got.Available())
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

func TestQueryDoesNotTryAgain(t *testing.T) {
	tests := []struct {
		name string
		step step
	}{
		{"no such host", failBeforeSending(&net.DNSError{Err: "no such host", IsNotFound: true})},
		{"unknown CA", failBeforeSending(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})},
		{"no TLS", failBeforeSending(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"})},
		{"HTTP behind https", failBeforeSending(fmt.Errorf("%w", http.ErrSchemeMismatch))},
		{"407 of a proxy", failBeforeSending(errors.New("Proxy Authentication Required"))},
		{"SOCKS credentials", failBeforeSending(errors.New("socks connect: username/password authentication failed"))},
		{"alert", failBeforeSending(&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")})},
		{"400", answer(400, "")},
		{"401", answer(401, "")},
		{"403", answer(403, "")},
		{"404", answer(404, "")},
		{"405", answer(405, "")},
		{"410", answer(410, "")},
		{"413", answer(413, "")},
		{"501", answer(501, "")},
		{"505", answer(505, "")},
		{"301", answer(301, "", "Location", "/")},
		{"308", answer(308, "", "Location", "/")},
		{"204", answer(204, "")},
		{"captive portal", answer(200, "<html>")},
		{"too long", answer(200, strings.Repeat("0", 4097))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			service := &script{steps: []step{tt.step}}
			_, err := newClient(t, over(service)).Query(t.Context(), host)
			require.Error(t, err)
			assert.Len(t, service.times, 1)
			assertRetryable(t, false, err)
		})
	}
}

// TestRetryable has the errors that no retry of the client depends on. TestFaults
// has all failures of real transports.
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

func TestAnswerOfTheGreatestLength(t *testing.T) {
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

func TestScheduleTriesAgainWhereNothingWasSent(t *testing.T) {
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

func TestScheduleIsSentOnce(t *testing.T) {
	tests := []struct {
		name    string
		step    step
		unknown bool
	}{
		{"reset", failAfterSending(errReset), true},
		{"closed", failAfterSending(io.EOF), true},
		{"408", answer(408, ""), true},
		{"500", answer(500, ""), true},
		{"502", answer(502, ""), true},
		{"503", answer(503, "", "Retry-After", "0"), true},
		{"504", answer(504, ""), true},
		{"505", answer(505, ""), true},
		{"captive portal", answer(200, "<html>"), true},
		{"empty", answer(200, ""), true},
		{"429", answer(429, "", "Retry-After", "0"), false},
		{"400", answer(400, ""), false},
		{"413", answer(413, ""), false},
		{"501", answer(501, ""), false},
		{"302", answer(302, "", "Location", "/"), false},
		{"307", answer(307, "", "Location", "/"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			service := &script{steps: []step{tt.step}}
			_, err := newClient(t, over(service)).Schedule(t.Context(), host, nil)
			require.Error(t, err)
			assert.Equal(t, tt.unknown, errors.Is(err, iomeeting.ErrOutcomeUnknown))
			assert.Len(t, service.times, 1)
		})
	}
}

func TestRetryAfter(t *testing.T) {
	// The clock of a synctest bubble starts here.
	inTenSeconds := time.Date(2000, 1, 1, 0, 0, 10, 0, time.UTC).Format(http.TimeFormat)
	tests := []struct {
		name, header string
		status       int
		least, below time.Duration
	}{
		{"seconds", "10", 503, 10 * time.Second, 10*time.Second + 1},
		{"date", inTenSeconds, 503, 10 * time.Second, 10*time.Second + 1},
		{"too many requests", "10", 429, 10 * time.Second, 10*time.Second + 1},
		{"zero", "0", 503, 0, 200 * time.Millisecond},
		{"very negative", "-9223372037", 503, 0, 200 * time.Millisecond},
		{"negative", "-10", 503, 0, 200 * time.Millisecond},
		{"garbage", "soon", 503, 0, 200 * time.Millisecond},
		{"past date", "Fri, 31 Dec 1999 23:59:59 GMT", 503, 0, 200 * time.Millisecond},
		{"on a status that has none", "10", 500, 0, 200 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &script{steps: []step{answer(tt.status, "", "Retry-After", tt.header), answer(200, "0,,")}}
				_, err := newClient(t, over(service)).Query(t.Context(), host)
				require.NoError(t, err)
				assert.GreaterOrEqual(t, service.waits()[0], tt.least)
				assert.Less(t, service.waits()[0], tt.below)
			})
		})
	}
}

func TestRetryAfterThatDoesNotFit(t *testing.T) {
	for _, header := range []string{"31", "315360000", "9223372036854775807", "99999999999999999999", "Thu, 01 Jan 2026 00:00:00 GMT"} {
		t.Run(header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				for _, c := range []time.Duration{30 * time.Second, 0} {
					service := &script{steps: []step{answer(503, "", "Retry-After", header)}}
					if c == 0 && header == "31" {
						continue // without a deadline a minute is allowed
					}
					_, err := newClient(t, over(service), iomeeting.WithTimeout(c)).Query(t.Context(), host)
					require.ErrorIs(t, err, iomeeting.ErrBadResponse)
					assert.Len(t, service.times, 1)
				}
				assert.Zero(t, time.Since(start))
			})
		})
	}
}

func TestNoWaitPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		service := &script{steps: []step{failBeforeSending(errRefused)}}
		c := newClient(t, over(service), iomeeting.WithTimeout(time.Second), iomeeting.WithRetries(1000))
		_, err := c.Query(t.Context(), host)
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "the failure is told, and not the deadline")
		assert.Less(t, time.Since(start), time.Second)
		assert.Greater(t, len(service.times), 1)
	})
}

// TestBackoffGrowsToItsCeiling draws each wait 100 times: that all of them are
// in one half of what is allowed happens once in 10^27 runs.
func TestBackoffGrowsToItsCeiling(t *testing.T) {
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

func TestSilentServiceCannotUseUpTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		service := &script{steps: []step{silence, silence, answer(200, "0,,")}}
		got, err := newClient(t, over(service)).Query(t.Context(), host)
		require.NoError(t, err)
		assert.True(t, got.Available())
		assert.Less(t, time.Since(start), 21*time.Second)

		service = &script{steps: []step{silence}}
		start = time.Now()
		_, err = newClient(t, over(service)).Query(t.Context(), host)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(start))
		assert.Len(t, service.times, 3)
	})
}

func TestSilentServiceAfterSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		service := &script{steps: []step{silence}}
		_, err := newClient(t, over(service)).Schedule(t.Context(), host, nil)
		require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "iomeeting: schedule: context deadline exceeded; the outcome is unknown: call Query before scheduling again")
		assert.Equal(t, 30*time.Second, time.Since(start), "the one try has all the time")
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

// calls are the methods that send something.
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

func TestTimeoutOfHTTPClientBoundsATry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &script{steps: []step{silence}}
		c := newClient(t, iomeeting.WithHTTPClient(&http.Client{Transport: service, Timeout: time.Second}))
		_, err := c.Query(t.Context(), host)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, service.times, 3)

		start := time.Now()
		service.times = nil
		_, err = c.Schedule(t.Context(), host, nil)
		require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Len(t, service.times, 1)
	})
}

func TestLongTimeoutOfHTTPClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, iomeeting.WithRetries(0), iomeeting.WithHTTPClient(&http.Client{
			Transport: &script{steps: []step{silence}},
			Timeout:   time.Hour,
		}))
		for _, call := range calls {
			start := time.Now()
			require.ErrorIs(t, call(t.Context(), c), context.DeadlineExceeded)
			assert.Equal(t, 30*time.Second, time.Since(start))
		}
	})
}

// TestTimeoutInWordsOfATransport has transports that tell the end of their time
// by errors of their own, or by the cause that the user's context has.
func TestTimeoutInWordsOfATransport(t *testing.T) {
	gaveUp, reason := errors.New("gave up"), errors.New("the visitor's patience")
	for _, tt := range []struct {
		name string
		end  func(ctx context.Context) error
		want error
	}{
		{"of its own", func(context.Context) error { return gaveUp }, gaveUp},
		{"the cause", context.Cause, reason},
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

func TestContextThatIsDone(t *testing.T) {
	reason := errors.New("the user went away")
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

// lateTimer is a context whose deadline has passed and whose timer has not fired,
// as after a stop of the process.
type lateTimer struct {
	context.Context
	deadline time.Time
}

func (c lateTimer) Deadline() (time.Time, bool) { return c.deadline, true }

func TestDeadlineThatHasPassed(t *testing.T) {
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

func TestContextDoneOnTheWay(t *testing.T) {
	reason := errors.New("the user went away")
	tests := []struct {
		name    string
		hang    step
		unknown bool
	}{
		{"while dialling", hangBeforeSending, false},
		{"while waiting for the answer", silence, true},
		{"with a transport that returns the cause", func(req *http.Request) (*http.Response, error) {
			_, _ = silence(req)
			return nil, context.Cause(req.Context())
		}, true},
		{"while reading the answer", func(req *http.Request) (*http.Response, error) {
			res := respond(200, "")
			res.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
				<-req.Context().Done()
				return 0, req.Context().Err()
			}))
			return res, nil
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, name := range []string{"Query", "Schedule"} {
					ctx, cancel := context.WithCancelCause(t.Context())
					time.AfterFunc(time.Second, func() { cancel(reason) })
					start := time.Now()
					service := &script{steps: []step{tt.hang}}
					err := calls[name](ctx, newClient(t, over(service)))
					require.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, name == "Schedule" && tt.unknown, errors.Is(err, iomeeting.ErrOutcomeUnknown))
					assert.Equal(t, time.Second, time.Since(start))
					assert.Len(t, service.times, 1)
				}
			})
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestContextDoneWhileWaitingForTheNextTry(t *testing.T) {
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

// TestTransportThatReadsTooLate gives up on a request whose transport has yet
// to read it: then it must not be read at all.
func TestTransportThatReadsTooLate(t *testing.T) {
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

func TestPanicPassesThrough(t *testing.T) {
	c := newClient(t, over(&script{steps: []step{func(*http.Request) (*http.Response, error) { panic("broken") }}}))
	for _, call := range calls {
		assert.PanicsWithValue(t, "broken", func() { _ = call(t.Context(), c) })
	}
}
