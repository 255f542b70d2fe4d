package iomeeting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

const (
	// maxAnswer limits the body of a response, in bytes. The service sends a few dozen.
	maxAnswer = 4 << 10

	// maxUnboundedWait is the longest wait of a call that has no deadline.
	maxUnboundedWait = time.Minute
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

type job struct {
	operation
	params   any       // a struct with url tags
	body     string    // params as a form
	deadline time.Time // of all attempts; zero for none
}

// outcome is the result of one attempt.
type outcome struct {
	answer     answer
	status     int    // of the response; 0 without one
	retryAfter string // header of the response
	sent       bool   // the request may have arrived
	err        error  // nil if the response is what the spec describes
}

// call sends op with params, a struct with url tags, until there is a usable response,
// the failure is permanent, or attempts or time have run out.
func (c *Client) call(ctx context.Context, op operation, params any) (answer, error) {
	j := job{op, params, formValues(params).Encode(), c.deadline(ctx)}
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

// deadline returns the deadline of a call that starts now, or the zero time.
func (c *Client) deadline(ctx context.Context) time.Time {
	deadline, _ := ctx.Deadline()
	if c.timeout == 0 {
		return deadline
	}
	return earlier(deadline, time.Now().Add(c.timeout))
}

// earlier returns the earlier of two deadlines. A zero a means none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func withDeadline(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	if deadline.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// next reports whether a retry follows the n-th attempt, and how long to wait before it.
func (c *Client) next(ctx context.Context, j job, o outcome, n int) (wait time.Duration, retry bool) {
	if o.err == nil || n > c.retries || ctx.Err() != nil || !Retryable(o.err) || j.atMostOnce && o.sent {
		return 0, false
	}
	return o.wait(j.deadline, n)
}

// wait returns how long to wait after the n-th attempt, and whether that fits
// before the deadline. Without one, it may be a minute.
func (o outcome) wait(deadline time.Time, n int) (d time.Duration, fits bool) {
	d = backoff(n)
	if o.status == http.StatusTooManyRequests || o.status == http.StatusServiceUnavailable {
		d = max(d, parseRetryAfter(o.retryAfter, time.Now()))
	}
	if deadline.IsZero() {
		return d, d <= maxUnboundedWait
	}
	return d, d < time.Until(deadline)
}

// attempt sends j for the n-th time. The error of its outcome can be returned to the
// user.
func (c *Client) attempt(ctx context.Context, j job, n int) outcome {
	ctx, cancel := withDeadline(ctx, c.attemptDeadline(j, n))
	defer cancel()
	o := c.exchange(ctx, j, n)
	if o.err == nil {
		return o
	}
	var bad *ResponseError
	if !errors.As(o.err, &bad) {
		o.err = &networkError{j.name, withhold(ctx, o.err, secretsOf(j.params)), !isPermanent(o.err)}
	}
	if j.atMostOnce && o.sent && !isRefusal(o.status) {
		o.err = &unknownError{o.err}
	}
	return o
}

// attemptDeadline returns the deadline of the n-th attempt. If retries may follow, it
// gets a share of the remaining time, so that a service that does not respond cannot
// use up the whole call: a third at least, because less would be too short.
func (c *Client) attemptDeadline(j job, n int) time.Time {
	deadline, now := j.deadline, time.Now()
	if retries := min(c.retries+1-n, 2); !deadline.IsZero() && !j.atMostOnce {
		deadline = now.Add(deadline.Sub(now) / time.Duration(1+retries))
	}
	if c.httpClient.Timeout > 0 {
		deadline = earlier(deadline, now.Add(c.httpClient.Timeout))
	}
	return deadline
}

// exchange sends j once and reads the response. The error of its outcome is a
// *ResponseError or that of the transport.
func (c *Client) exchange(ctx context.Context, j job, n int) outcome {
	if err := ctx.Err(); err != nil {
		return outcome{err: err} // a mock may not check it
	}
	transport, seal := c.pooled, func() bool { return true }
	var body io.Reader = strings.NewReader(j.body)
	if n > 1 {
		transport = c.fresh // pooled connections may have died together
	}
	if j.atMostOnce {
		d := &delivery{ctx: ctx, body: body}
		ctx, body, transport, seal = d.context(), d, c.fresh, d.seal
	}
	// The body is set below, without a GetBody, with which net/http would resend it.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.site+j.path, nil)
	if err != nil {
		return outcome{err: err}
	}
	req.Body, req.ContentLength = io.NopCloser(body), int64(len(j.body))
	req.Header = c.header.Clone()
	res, err := c.roundTrip(transport, req)
	if err != nil {
		return outcome{sent: seal(), err: err}
	}
	defer res.Body.Close()
	a, err := readAnswer(j.operation, res)
	return outcome{a, res.StatusCode, res.Header.Get("Retry-After"), true, err}
}

// roundTrip is http.Client.Do without redirects. Client.Do would follow some, and
// return an error that quotes the Location of others.
func (c *Client) roundTrip(transport http.RoundTripper, req *http.Request) (*http.Response, error) {
	jar := c.httpClient.Jar
	if jar != nil {
		for _, cookie := range jar.Cookies(req.URL) {
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
	if jar != nil {
		jar.SetCookies(req.URL, res.Cookies())
	}
	return res, nil
}

// readAnswer reads the answer from the body of res. Its error is a *ResponseError,
// or that of the transport if the body was cut short.
func readAnswer(op operation, res *http.Response) (answer, error) {
	var body []byte
	var err error
	if res.StatusCode >= http.StatusOK { // the body of a 101 is the connection itself
		body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	}
	var a answer
	reason := ""
	switch status := res.StatusCode; {
	case 300 <= status && status <= 399:
		reason = fmt.Sprintf("is a redirect with HTTP status %d, which the client does not follow", status)
	case status != http.StatusOK:
		reason = strings.TrimSpace(fmt.Sprintf("has HTTP status %d %s", status, http.StatusText(status)))
	case err != nil:
		return answer{}, err
	case len(body) > maxAnswer:
		reason = fmt.Sprintf("is longer than %d bytes", maxAnswer)
	default:
		if a, err = op.parse(body, charsetOf(res.Header.Get("Content-Type"))); err == nil {
			return a, nil
		}
		reason = err.Error()
	}
	body = body[:min(len(body), maxAnswer)]
	return answer{}, &ResponseError{op.name, res.StatusCode, reason, NewSecret(string(body))}
}

// charsetOf returns the charset of a Content-Type, or "". Its other parameters may
// be malformed.
func charsetOf(contentType string) string {
	_, charset, _ := strings.Cut(strings.ToLower(contentType), "charset=")
	charset, _, _ = strings.Cut(charset, ";")
	return strings.Trim(charset, " \"'")
}

func (c *Client) log(ctx context.Context, op operation, o outcome, n int, d time.Duration, retry bool) {
	level := slog.LevelDebug
	if o.err != nil && !retry {
		level = slog.LevelWarn
	}
	if !c.logger.Enabled(ctx, level) {
		return
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
