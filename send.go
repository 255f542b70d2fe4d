package iomeeting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer bounds the body of an answer, in bytes. A true one takes a few
	// dozen.
	maxAnswer = 4 << 10

	// errorPageTimeout bounds the wait for the body of an answer whose HTTP
	// status has said everything.
	errorPageTimeout = time.Second
)

// operation is one of the two calls.
type operation struct {
	name string // in errors and in the log
	path string
	// atMostOnce says that the service must not receive the call twice.
	atMostOnce bool
	// parse reads the body of an answer, or says what is wrong with it.
	parse func(body []byte, charset string) (answer, error)
}

// job is a call that is under way.
type job struct {
	operation
	form url.Values
	end  time.Time // of all its tries; zero for no end
}

// call sends op with form until there is an answer that can be read, the
// failure is definite, or tries or time have run out.
func (c *Client) call(ctx context.Context, op operation, form url.Values) (answer, error) {
	if err := cmp.Or(c.checkMade(), checkContext(ctx)); err != nil {
		return answer{}, err
	}
	j := job{op, form, c.endOfCall(ctx)}
	for n := 1; ; n++ {
		start := time.Now()
		o := c.try(ctx, j, n)
		wait, again := c.next(ctx, j, o, n)
		c.log(ctx, op, o, n, time.Since(start), again)
		if !again {
			return o.answer, o.err
		}
		sleep(ctx, wait)
	}
}

// endOfCall returns when a call that starts now must have ended, or the zero
// time.
func (c *Client) endOfCall(ctx context.Context) time.Time {
	end, _ := ctx.Deadline()
	if c.timeout == 0 {
		return end
	}
	return earlier(end, time.Now().Add(c.timeout))
}

// earlier returns the earlier one of two ends; a zero a is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// next returns whether another try follows the n-th, and after which wait.
func (c *Client) next(ctx context.Context, j job, o outcome, n int) (wait time.Duration, again bool) {
	if o.err == nil || n > c.retries || ctx.Err() != nil || !o.mayPass() || j.atMostOnce && o.sent {
		return 0, false
	}
	return o.wait(j.end, n)
}

// try sends j for the n-th time, and says what came of it in the terms of a
// user.
func (c *Client) try(ctx context.Context, j job, n int) outcome {
	ctx, cancel := withEnd(ctx, c.endOfTry(j, n))
	defer cancel()
	o := c.exchange(ctx, cancel, j, n)
	if o.err == nil {
		return o
	}
	if _, ok := o.badResponse(); !ok {
		o.err = newNetworkError(ctx, j, o.err)
	}
	if j.atMostOnce && o.isUnknown() {
		o.err = &unknownError{o.err}
	}
	return o
}

// endOfTry bounds the n-th try by the Timeout of the user's http.Client, and a
// try that may be followed by others by an equal share of the time that is
// left, so that a silent service cannot use up the whole call. There are no
// more than three shares: with more, none would suffice.
func (c *Client) endOfTry(j job, n int) time.Time {
	end, now := j.end, time.Now()
	if further := min(c.retries+1-n, 2); !end.IsZero() && !j.atMostOnce {
		end = now.Add(end.Sub(now) / time.Duration(1+further))
	}
	if c.tryTimeout > 0 {
		end = earlier(end, now.Add(c.tryTimeout))
	}
	return end
}

// withEnd returns ctx with a deadline, unless end is zero or that which ctx has,
// whose cause is the user's own.
func withEnd(ctx context.Context, end time.Time) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); end.IsZero() || ok && !end.Before(deadline) {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end)
}

// errorOf returns ctx.Err(), or DeadlineExceeded if the deadline of ctx has passed
// but its timer has yet to fire, as in a process that was stopped and continued.
func errorOf(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// exchange sends j once and reads the answer; cancel ends ctx. The error is a
// *ResponseError or the transport's own.
func (c *Client) exchange(ctx context.Context, cancel func(), j job, n int) outcome {
	if err := errorOf(ctx); err != nil {
		return outcome{err: err} // a mock might not look
	}
	body := strings.NewReader(j.form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.site+j.path, body)
	if err != nil {
		return outcome{err: err}
	}
	req.GetBody = nil // with it net/http would send the body again on its own
	req.Header = c.header.Clone()
	transport, seal := c.pooled, func() bool { return true }
	if n > 1 {
		transport = c.fresh // kept connections may have died together
	}
	if j.atMostOnce {
		watched := &watchedBody{body: body}
		req.Body, transport, seal = watched, c.fresh, watched.seal
	}
	res, err := c.roundTrip(transport, req)
	if err != nil {
		return outcome{sent: seal(), err: err}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		defer time.AfterFunc(errorPageTimeout, cancel).Stop()
	}
	a, err := readAnswer(ctx, j.operation, res)
	return outcome{
		answer:     a,
		status:     res.StatusCode,
		retryAfter: res.Header.Get("Retry-After"),
		sent:       true,
		err:        err,
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

// readAnswer reads the answer in the body of res. It returns a *ResponseError,
// or the transport's error if the body was cut short.
func readAnswer(ctx context.Context, op operation, res *http.Response) (answer, error) {
	body, err := readBody(ctx, res)
	if err != nil && res.StatusCode == http.StatusOK {
		return answer{}, err
	}
	var a answer
	reason := faultOf(res, body)
	if reason == "" {
		if a, err = op.parse(body, charsetOf(res.Header.Get("Content-Type"))); err == nil {
			return a, nil
		}
		reason = err.Error()
	}
	body = body[:min(len(body), maxAnswer)]
	return answer{}, &ResponseError{op.name, res.StatusCode, reason, NewSecret(string(body))}
}

// readBody reads up to one byte more than maxAnswer. It closes the body when ctx
// ends, because not every transport stops reading then.
func readBody(ctx context.Context, res *http.Response) ([]byte, error) {
	if res.StatusCode < http.StatusOK {
		return nil, nil // 101: the body is the connection itself, and never ends
	}
	stop := context.AfterFunc(ctx, func() { _ = res.Body.Close() })
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if closed := !stop(); closed && err == nil {
		err = ctx.Err() // a closed body may look like one that was read to its end
	}
	return body, err
}

// charsetOf returns the charset that a Content-Type names, or "". Other
// parameters may be malformed.
func charsetOf(contentType string) string {
	_, charset, _ := strings.Cut(strings.ToLower(contentType), "charset=")
	charset, _, _ = strings.Cut(charset, ";")
	return strings.Trim(charset, " \"'")
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
func (c *Client) log(ctx context.Context, op operation, o outcome, n int, d time.Duration, again bool) {
	level := slog.LevelDebug
	if o.err != nil && !again {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("op", op.name),
		slog.Int("try", n),
		slog.Int("status", o.status),
		slog.Duration("duration", d),
		slog.Bool("again", again),
	}
	if o.err != nil {
		attrs = append(attrs, slog.String("error", o.err.Error()))
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
