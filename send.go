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
	// maxAnswer limits the body of a response, in bytes. The service sends a few
	// dozen.
	maxAnswer = 4 << 10

	// errorPageTimeout limits the wait for the body of a response whose HTTP
	// status says enough.
	errorPageTimeout = time.Second
)

// operation is one of the two calls.
type operation struct {
	name string // in errors and log records
	path string
	// atMostOnce means that the service must not receive the call twice.
	atMostOnce bool
	// parse parses the body of a response. Its error says what is wrong with it.
	parse func(body []byte, charset string) (answer, error)
}

// job is a call in progress.
type job struct {
	operation
	form url.Values
	end  time.Time // of all attempts; zero for none
}

// call sends op with form until there is a usable response, the failure is
// permanent, or attempts or time have run out.
func (c *Client) call(ctx context.Context, op operation, form url.Values) (answer, error) {
	if err := cmp.Or(c.checkMade(), checkContext(ctx)); err != nil {
		return answer{}, err
	}
	j := job{op, form, c.endOfCall(ctx)}
	for n := 1; ; n++ {
		start := time.Now()
		o := c.attempt(ctx, j, n)
		wait, retry := c.next(ctx, j, o, n)
		c.log(ctx, op, o, n, time.Since(start), retry)
		if !retry {
			return o.answer, o.err
		}
		sleep(ctx, wait)
	}
}

// endOfCall returns when a call that starts now must end, or the zero time.
func (c *Client) endOfCall(ctx context.Context) time.Time {
	end, _ := ctx.Deadline()
	if c.timeout == 0 {
		return end
	}
	return earlier(end, time.Now().Add(c.timeout))
}

// earlier returns the earlier of two ends. A zero a means no end.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// next reports whether a retry follows the n-th attempt, and after which wait.
func (c *Client) next(ctx context.Context, j job, o outcome, n int) (wait time.Duration, retry bool) {
	if o.err == nil || n > c.retries || ctx.Err() != nil || !isTemporary(o.err) || j.atMostOnce && o.sent {
		return 0, false
	}
	return o.wait(j.end, n)
}

// attempt sends j for the n-th time. The error of its outcome can be returned to
// the user.
func (c *Client) attempt(ctx context.Context, j job, n int) outcome {
	ctx, cancel := withEnd(ctx, c.endOfAttempt(j, n))
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

// endOfAttempt returns when the n-th attempt must end. The Timeout of the user's
// http.Client limits it. If retries may follow, it gets an equal share of the
// remaining time, so that a service that does not respond cannot use up the whole
// call. There are at most three shares, because smaller ones would be too short.
func (c *Client) endOfAttempt(j job, n int) time.Time {
	end, now := j.end, time.Now()
	if retries := min(c.retries+1-n, 2); !end.IsZero() && !j.atMostOnce {
		end = now.Add(end.Sub(now) / time.Duration(1+retries))
	}
	if c.attemptTimeout > 0 {
		end = earlier(end, now.Add(c.attemptTimeout))
	}
	return end
}

// withEnd returns ctx with a deadline, unless end is zero or not before the
// deadline of ctx, whose cause the user may have set.
func withEnd(ctx context.Context, end time.Time) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); end.IsZero() || ok && !end.Before(deadline) {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end)
}

// errorOf returns ctx.Err(), or DeadlineExceeded if the deadline of ctx has passed
// but its timer has not fired yet, as in a process that was stopped and continued.
func errorOf(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// exchange sends j once and reads the response; cancel ends ctx. The error of its
// outcome is a *ResponseError or that of the transport.
func (c *Client) exchange(ctx context.Context, cancel func(), j job, n int) outcome {
	if err := errorOf(ctx); err != nil {
		return outcome{err: err} // a mock may not check it
	}
	body := strings.NewReader(j.form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.site+j.path, body)
	if err != nil {
		return outcome{err: err}
	}
	req.GetBody = nil // with it, net/http would resend the body by itself
	req.Header = c.header.Clone()
	transport, seal := c.pooled, func() bool { return true }
	if n > 1 {
		transport = c.fresh // pooled connections may have died together
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

// roundTrip is http.Client.Do without redirects. Client.Do would follow some, and
// return an error that quotes the Location of others.
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

// readAnswer reads the answer from the body of res. Its error is a *ResponseError,
// or that of the transport if the body was cut short.
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

// readBody reads at most one byte more than maxAnswer. It closes the body when ctx
// ends, because not every transport stops reading then.
func readBody(ctx context.Context, res *http.Response) ([]byte, error) {
	if res.StatusCode < http.StatusOK {
		return nil, nil // 101: the body is the connection itself, and never ends
	}
	stop := context.AfterFunc(ctx, func() { _ = res.Body.Close() })
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if closed := !stop(); closed && err == nil {
		err = ctx.Err() // a closed body may look like a complete one
	}
	return body, err
}

// charsetOf returns the charset of a Content-Type, or "". Its other parameters may
// be malformed.
func charsetOf(contentType string) string {
	_, charset, _ := strings.Cut(strings.ToLower(contentType), "charset=")
	charset, _, _ = strings.Cut(charset, ";")
	return strings.Trim(charset, " \"'")
}

// faultOf returns why the body of a response need not be parsed, or "".
func faultOf(res *http.Response, body []byte) string {
	encoding := res.Header.Get("Content-Encoding")
	switch status := res.StatusCode; {
	case 300 <= status && status <= 399:
		return fmt.Sprintf("is a redirect with HTTP status %d, which the client does not follow", status)
	case status != http.StatusOK:
		return strings.TrimSpace(fmt.Sprintf("has HTTP status %d %s", status, http.StatusText(status)))
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return "is compressed, although the client did not ask for it"
	case len(body) > maxAnswer:
		return fmt.Sprintf("is longer than %d bytes", maxAnswer)
	default:
		return ""
	}
}

// log writes a record about one attempt.
func (c *Client) log(ctx context.Context, op operation, o outcome, n int, d time.Duration, retry bool) {
	level := slog.LevelDebug
	if o.err != nil && !retry {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("op", op.name),
		slog.Int("attempt", n),
		slog.Int("status", o.status),
		slog.Duration("duration", d),
		slog.Bool("retry", retry),
	}
	if o.err != nil {
		attrs = append(attrs, slog.String("error", o.err.Error()))
	}
	c.logger.LogAttrs(ctx, level, "iomeeting call", attrs...)
}

// watchedBody is the body of a request that must arrive at most once. Its first
// Read decides: before it, nothing was sent; after it, all of it may have been.
type watchedBody struct {
	body  io.Reader
	state atomic.Int32
}

const (
	bodyUnread int32 = iota
	bodyRead
	bodySealed
)

// Read reads the body unless it is sealed.
func (b *watchedBody) Read(p []byte) (int, error) {
	if !b.state.CompareAndSwap(bodyUnread, bodyRead) && b.state.Load() == bodySealed {
		return 0, errors.New("the call is over")
	}
	return b.body.Read(p)
}

// Close does nothing.
func (b *watchedBody) Close() error { return nil }

// seal reports whether the body was read. If not, it can no longer be: a transport
// may give up on a request before it gives up on the connection.
func (b *watchedBody) seal() (sent bool) {
	return !b.state.CompareAndSwap(bodyUnread, bodySealed)
}
