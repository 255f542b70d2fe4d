package iomeeting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer bounds the body of an answer, in bytes. A true one takes a few
// dozen.
const maxAnswer = 4 << 10

// operation is one of the two calls.
type operation struct {
	name string // in errors and in the log
	path string
	// atMostOnce says that the service must not receive the call twice.
	atMostOnce bool
}

// parser takes the body of an answer, or says what is wrong with it.
type parser func(body []byte, charset string) error

// call sends op with params until parse has taken an answer, the failure is
// definite, or tries or time have run out.
func (c *Client) call(ctx context.Context, op operation, params any, parse parser) error {
	if err := cmp.Or(c.checkMade(), checkContext(ctx)); err != nil {
		return err
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	form := formValues(params)
	for n := 1; ; n++ {
		start := time.Now()
		t := c.try(ctx, op, form, n, parse)
		wait, again := c.next(ctx, op, t, n)
		c.log(ctx, op, t, n, time.Since(start), again)
		if !again {
			return t.err
		}
		sleep(ctx, wait)
	}
}

// withTimeout bounds a whole call.
func (c *Client) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.timeout)
}

// next returns whether another try follows the n-th, and after which wait.
func (c *Client) next(ctx context.Context, op operation, t try, n int) (wait time.Duration, again bool) {
	if t.err == nil || n > c.retries || ctx.Err() != nil || !t.mayPass() || op.atMostOnce && t.sent {
		return 0, false
	}
	return t.wait(ctx, n)
}

// try sends op for the n-th time, and says what came of it in the terms of a
// user.
func (c *Client) try(ctx context.Context, op operation, form url.Values, n int, parse parser) try {
	tryCtx, cancel := c.withTryTimeout(ctx, op, n)
	defer cancel()
	t := c.exchange(tryCtx, op, form, parse)
	if t.err == nil {
		return t
	}
	if _, ok := t.badResponse(); !ok {
		t.err = newNetworkError(op.name, withContextError(ctx, t.err), form)
	}
	if op.atMostOnce && t.outcomeUnknown() {
		t.err = &unknownError{t.err}
	}
	return t
}

// withTryTimeout bounds the n-th try by the Timeout of the user's http.Client.
// A try that may be followed by others also gets no more than an equal share of
// the time that is left, so that a silent service cannot use up the whole call.
func (c *Client) withTryTimeout(ctx context.Context, op operation, n int) (context.Context, context.CancelFunc) {
	cancel := context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok && !op.atMostOnce && n <= c.retries {
		share := time.Until(deadline) / time.Duration(c.retries+2-n)
		ctx, cancel = context.WithTimeout(ctx, share)
	}
	if c.tryTimeout <= 0 {
		return ctx, cancel
	}
	ctx, cancelTry := context.WithTimeout(ctx, c.tryTimeout)
	return ctx, func() { cancelTry(); cancel() }
}

// exchange sends op once and reads the answer. The error is a *ResponseError or
// the transport's own.
func (c *Client) exchange(ctx context.Context, op operation, form url.Values, parse parser) try {
	if err := ctx.Err(); err != nil {
		return try{err: err} // a mock might not look
	}
	body := strings.NewReader(form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.site+op.path, body)
	if err != nil {
		return try{err: err}
	}
	req.GetBody = nil // with it net/http would send the body again on its own
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", c.userAgent)
	transport, seal := c.pooled, func() bool { return false }
	if op.atMostOnce {
		watched := &watchedBody{body: body}
		req.Body, transport, seal = watched, c.fresh, watched.seal
	}
	res, err := c.roundTrip(transport, req)
	if err != nil {
		return try{sent: seal(), err: err}
	}
	defer res.Body.Close()
	return try{
		status:     res.StatusCode,
		retryAfter: res.Header.Get("Retry-After"),
		sent:       true,
		err:        readAnswer(op, res, parse),
	}
}

// roundTrip is http.Client.Do without redirects: that would follow some, and
// fail on others with an error that quotes where they lead.
func (c *Client) roundTrip(transport http.RoundTripper, req *http.Request) (*http.Response, error) {
	if c.jar != nil {
		for _, cookie := range c.jar.Cookies(req.URL) {
			req.AddCookie(cookie)
		}
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if res == nil {
		return nil, errors.New("the RoundTripper returned neither a response nor an error")
	}
	if res.Body == nil { // a mock's
		res.Body = http.NoBody
	}
	if c.jar != nil {
		c.jar.SetCookies(req.URL, res.Cookies())
	}
	return res, nil
}

// readAnswer hands the body of res to parse. The error is a *ResponseError, or
// of the transport where an answer was cut short.
func readAnswer(op operation, res *http.Response, parse parser) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil && res.StatusCode == http.StatusOK {
		return err
	}
	reason := faultOf(res, body)
	if reason == "" {
		_, params, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if err := parse(body, params["charset"]); err != nil {
			reason = err.Error()
		}
	}
	if reason == "" {
		return nil
	}
	body = body[:min(len(body), maxAnswer)]
	return &ResponseError{op.name, res.StatusCode, reason, NewSecret(string(body))}
}

// faultOf says why the body of an answer is not worth parsing, if so.
func faultOf(res *http.Response, body []byte) string {
	encoding := res.Header.Get("Content-Encoding")
	switch status := res.StatusCode; {
	case 300 <= status && status <= 399:
		return fmt.Sprintf("is a redirect, HTTP status %d, which is not followed", status)
	case status != http.StatusOK:
		return strings.TrimSpace(fmt.Sprintf("has HTTP status %d %s", status, http.StatusText(status)))
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return "is compressed, which was not asked for"
	case len(body) > maxAnswer:
		return fmt.Sprintf("is longer than %d bytes", maxAnswer)
	default:
		return ""
	}
}

// log records one try.
func (c *Client) log(ctx context.Context, op operation, t try, n int, d time.Duration, again bool) {
	level := slog.LevelDebug
	if t.err != nil && !again {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("op", op.name),
		slog.Int("try", n),
		slog.Int("status", t.status),
		slog.Duration("duration", d),
		slog.Bool("again", again),
	}
	if t.err != nil {
		attrs = append(attrs, slog.String("error", t.err.Error()))
	}
	c.logger.LogAttrs(ctx, level, "iomeeting call", attrs...)
}

// watchedBody is the body of a request that must arrive once at the most. Its
// first Read decides: until then nothing was sent, from then on all of it may
// have been.
type watchedBody struct {
	body  io.Reader
	state atomic.Int32
}

const (
	bodyUnread int32 = iota
	bodyRead
	bodySealed
)

// Read reads the body, unless it is sealed.
func (b *watchedBody) Read(p []byte) (int, error) {
	if !b.state.CompareAndSwap(bodyUnread, bodyRead) && b.state.Load() == bodySealed {
		return 0, errors.New("the call is over")
	}
	return b.body.Read(p)
}

// Close does nothing.
func (b *watchedBody) Close() error { return nil }

// seal stops a body that was not read from being read later on, by a transport
// that has given up on the request but not yet on its connection. It returns
// whether the body was read before.
func (b *watchedBody) seal() (sent bool) {
	return !b.state.CompareAndSwap(bodyUnread, bodySealed)
}
