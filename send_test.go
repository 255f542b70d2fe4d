package iomeeting_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// TestBodies checks how much of a body is read, and that it is closed, since an open
// one would keep its connection busy.
func TestBodies(t *testing.T) {
	long := "3,1," + strings.Repeat("p", 4092)
	for _, tt := range []struct {
		name       string
		status     int
		body       string
		wantRead   int
		wantReason string // empty if the answer is good
	}{
		{name: "longest answer", status: 200, body: long, wantRead: 4096},
		{name: "too long", status: 200, body: long + "p", wantRead: 4097, wantReason: "is longer than 4096 bytes"},
		{name: "much too long", status: 200, body: long + long, wantRead: 4097, wantReason: "is longer than 4096 bytes"},
		{name: "long error page", status: 404, body: long + long, wantRead: 4097, wantReason: "has HTTP status 404 Not Found"},
		{name: "short error page", status: 503, body: "no", wantRead: 2, wantReason: "has HTTP status 503 Service Unavailable"},
		{name: "redirect", status: 302, body: "no", wantRead: 2, wantReason: "is a redirect with HTTP status 302, which the client does not follow"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := &countingBody{Reader: strings.NewReader(tt.body)}
			service := &script{steps: []step{func(*http.Request) (*http.Response, error) {
				res := respond(tt.status, "")
				res.Body = body
				return res, nil
			}}}
			got, err := newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), host)
			assert.Equal(t, 1, body.closed)
			assert.Equal(t, tt.wantRead, body.read)
			if tt.wantReason == "" {
				require.NoError(t, err)
				assert.Equal(t, tt.body, "3,"+got.MeetingID+","+got.MeetingPassword.Reveal())
				return
			}
			assert.Zero(t, got)
			var bad *iomeeting.ResponseError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, iomeeting.ResponseError{
				Op: "query", StatusCode: tt.status, Reason: tt.wantReason,
				Body: iomeeting.NewSecret(tt.body[:min(len(tt.body), 4096)]),
			}, *bad)
		})
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

// TestSealedBody uses transports that start to read the request too late: after they
// have returned an error, or after the time is over. They get nothing of it.
func TestSealedBody(t *testing.T) {
	read := func(req *http.Request) error {
		body, err := io.ReadAll(req.Body)
		assert.Empty(t, body)
		assert.Error(t, err)
		return err
	}
	t.Run("after the error", func(t *testing.T) {
		var late *http.Request
		service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
			late = req
			return nil, errRefused
		}}}
		_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Schedule(t.Context(), host, nil)
		_ = read(late)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	})
	t.Run("after the deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
				time.Sleep(time.Minute) // and ignores the request's context
				return nil, read(req)
			}}}
			_, err := newClient(t, over(service)).Schedule(t.Context(), host, nil)
			require.EqualError(t, err, "iomeeting: schedule: context deadline exceeded")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			assert.Len(t, service.times, 1)
		})
	})
}

func TestPanicOfTransport(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			service := &script{steps: []step{
				func(*http.Request) (*http.Response, error) { panic("broken") },
				answer(200, "0,,"), answer(200, "0,1"),
			}}
			c := newClient(t, over(service))
			assert.PanicsWithValue(t, "broken", func() { _ = call(t.Context(), c) })
			_, err := c.Query(t.Context(), host)
			assert.NoError(t, err)
		})
	}
}

// TestContextEnds ends the context of a call, which has a cause of its own, after one
// second.
func TestContextEnds(t *testing.T) {
	cause, errOwn := errors.New("the visitor left"), errors.New("gave up")
	returning := func(end func(context.Context) error) step {
		return func(req *http.Request) (*http.Response, error) {
			_, _ = silence(req)
			return nil, end(req.Context())
		}
	}
	for _, tt := range []struct {
		name        string
		network     *network // or
		step        step
		late        bool  // the call starts after the end
		wantIs      error // in the chain, beside the context's error
		wantUnknown bool  // of Schedule
	}{
		{name: "before the start", step: answer(200, "0,1"), late: true},
		{name: "while dialing", network: &network{hang: true}},
		{name: "while a RoundTripper dials", step: hangBeforeSending},
		{name: "while waiting for the response", network: silent(), wantUnknown: true},
		{name: "while reading the response", network: dripping(ok + "Content-Length: 4000\r\n\r\n0,1"), wantUnknown: true},
		{name: "while a RoundTripper waits", step: silence, wantUnknown: true},
		{name: "the RoundTripper returns the cause", step: returning(context.Cause), wantUnknown: true},
		{name: "the RoundTripper returns its own error", step: returning(func(context.Context) error { return errOwn }), wantIs: errOwn, wantUnknown: true},
	} {
		for name, call := range calls {
			for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
				t.Run(fmt.Sprint(tt.name, ", ", name, ", ", want), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c := clientFor(t, tt.network, tt.step, iomeeting.WithRetries(0))
						start := time.Now()
						ctx, cancel := context.WithCancelCause(t.Context())
						defer cancel(nil)
						if want == context.Canceled {
							time.AfterFunc(time.Second, func() { cancel(cause) })
						} else {
							var stop context.CancelFunc
							ctx, stop = context.WithTimeoutCause(ctx, time.Second, cause)
							defer stop()
						}
						if tt.late {
							time.Sleep(time.Second)
							synctest.Wait()
						}
						err := call(ctx, c)
						assert.Equal(t, time.Second, time.Since(start))
						assert.ErrorIs(t, err, want)
						if tt.wantIs != nil {
							assert.ErrorIs(t, err, tt.wantIs)
						}
						unknown := name == "Schedule" && tt.wantUnknown
						assert.Equal(t, unknown, errors.Is(err, iomeeting.ErrOutcomeUnknown))
						assert.Equal(t, want == context.DeadlineExceeded && !unknown, iomeeting.Retryable(err))
						time.Sleep(time.Hour) // a connection that is still open makes the bubble fail
					})
				})
			}
		}
	}
}
