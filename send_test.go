package iomeeting_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
)

// TestSwitchingProtocols has a service that switches protocols and then says
// nothing. net/http hands over the connection and stops watching the context.
func TestSwitchingProtocols(t *testing.T) {
	const answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
	for _, name := range []string{"Query", "Schedule"} {
		for transport, client := range map[string]func(*testing.T, *network) *iomeeting.Client{
			"own": func(t *testing.T, _ *network) *iomeeting.Client { return clientOf(t, "http://127.0.0.1") },
			"injected": func(t *testing.T, n *network) *iomeeting.Client {
				return clientOf(t, "http://127.0.0.1", over(&http.Transport{DialContext: n.dial}))
			},
		} {
			t.Run(name+", "+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &network{}
					n.serve = func(l *line) { l.say(answer); _, _ = io.Copy(io.Discard, l); l.hangUp() }
					defer n.mount()()
					start := time.Now()
					err := calls[name](t.Context(), client(t, n))
					assert.Zero(t, time.Since(start))
					assert.ErrorIs(t, err, iomeeting.ErrBadResponse)
					assert.ErrorContains(t, err, "the response has HTTP status 101 Switching Protocols")
					assert.Equal(t, name == "Schedule", errors.Is(err, iomeeting.ErrOutcomeUnknown))
					assert.EqualValues(t, 1, n.arrivals.Load())
					time.Sleep(time.Hour)
				})
			})
		}
	}
}

// heldBody is a body of a transport that does not watch the context. It holds
// its reader until it is closed, and then returns end.
type heldBody struct {
	start  string
	end    error
	closed chan struct{}
}

func (b *heldBody) Read(p []byte) (int, error) {
	if b.start != "" {
		n := copy(p, b.start)
		b.start = b.start[n:]
		return n, nil
	}
	<-b.closed
	return 0, b.end
}

func (b *heldBody) Close() error {
	select {
	case <-b.closed:
	default:
		close(b.closed)
	}
	return nil
}

// TestBodyThatIgnoresTheContext has the body end in the middle of an answer that
// could be a whole one, as if it had been read to its end or with an error.
func TestBodyThatIgnoresTheContext(t *testing.T) {
	closed := errors.New("read on a closed body")
	for name, answer := range map[string]string{"Query": "3,00", "Schedule": "0,00"} {
		for _, tt := range []struct {
			name  string
			limit func(context.Context) (context.Context, context.CancelFunc)
			after time.Duration
			want  error
		}{
			{"timeout", context.WithCancel, 30 * time.Second, context.DeadlineExceeded},
			{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			}, time.Second, context.DeadlineExceeded},
			{"cancel", func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			}, time.Second, context.Canceled},
		} {
			t.Run(name+", "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					for _, end := range []error{io.EOF, closed} {
						service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
							_, _ = io.Copy(io.Discard, req.Body)
							res := respond(http.StatusOK, "")
							res.Body = &heldBody{answer, end, make(chan struct{})}
							return res, nil
						}}}
						ctx, cancel := tt.limit(t.Context())
						defer cancel()
						start := time.Now()
						err := calls[name](ctx, newClient(t, over(service), iomeeting.WithRetries(0)))
						assert.Equal(t, tt.after, time.Since(start))
						assert.ErrorIs(t, err, tt.want)
						assert.Equal(t, end == closed, errors.Is(err, closed))
						assert.Equal(t, name == "Schedule", errors.Is(err, iomeeting.ErrOutcomeUnknown))
					}
				})
			})
		}
	}
}
