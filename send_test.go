package iomeeting_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
)

// TestSwitchingProtocols uses a service that switches protocols and then is silent.
// net/http returns the connection as the body, and no longer watches the context.
func TestSwitchingProtocols(t *testing.T) {
	const answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
	for _, name := range []string{"Query", "Schedule"} {
		for transport, client := range map[string]func(*testing.T, *network) *iomeeting.Client{
			"own transport": func(t *testing.T, _ *network) *iomeeting.Client { return clientOf(t, "http://127.0.0.1") },
			"injected transport": func(t *testing.T, n *network) *iomeeting.Client {
				return clientOf(t, "http://127.0.0.1", over(&http.Transport{DialContext: n.dial}))
			},
		} {
			t.Run(name+", "+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &network{serve: func(l *line) { l.say(answer); l.waitForClient() }}
					n.mount(t)
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

// heldBody is the body of a transport that does not watch the context. Reading it
// blocks until it is closed, and then returns end.
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

// TestBodyThatIgnoresTheContext uses a body that is cut short where it could also be
// complete. Once it is closed, reading it returns io.EOF or another error.
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

// TestBodiesAreClosed checks that no body is left open, which would keep its
// connection busy, and that each is read up to the limit.
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
		assert.Equal(t, 4097, body.read, "one byte more than the limit")
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

func TestResponseWithoutBody(t *testing.T) {
	service := &script{steps: []step{func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200}, nil
	}}}
	_, err := newClient(t, over(service)).Query(t.Context(), host)
	assert.ErrorIs(t, err, iomeeting.ErrBadResponse)
}
