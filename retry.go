package iomeeting

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// The wait before the first retry is random, up to firstBackoff. The limit
	// doubles for each further retry, up to maxBackoff. That gives a service time
	// to restart or shed load, and keeps clients that failed together from
	// returning together.
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 5 * time.Second

	// maxUnboundedWait is the longest wait of a call that has no deadline.
	maxUnboundedWait = time.Minute
)

// outcome is the result of one attempt.
type outcome struct {
	answer     answer
	status     int    // of the response; 0 without one
	retryAfter string // header of the response
	sent       bool   // the request may have arrived
	err        error  // nil if the response is what the spec describes
}

// badResponse returns the response with which the attempt failed, if any.
func (o outcome) badResponse() (*ResponseError, bool) {
	var bad *ResponseError
	ok := errors.As(o.err, &bad)
	return bad, ok
}

// Retryable reports whether the call that returned err may succeed if you make it
// again later: after a temporary network failure, a timeout, or HTTP status 408,
// 429, 500, 502, 503 or 504. err may be wrapped. Retryable is false for any other
// error, and for nil.
//
// It is false for [ErrOutcomeUnknown] too, because calling [Client.Schedule] again
// may end a meeting. Call [Client.ScheduleIfAvailable] instead.
func Retryable(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, context.Canceled) {
		return false
	}
	var network *networkError
	if errors.As(err, &network) {
		return isTemporary(network)
	}
	var bad *ResponseError
	return errors.As(err, &bad) && isTemporaryStatus(bad.StatusCode)
}

// isTemporary reports whether a call that failed with err may succeed when it is
// sent again.
func isTemporary(err error) bool {
	var proxy *proxyError
	if errors.As(err, &proxy) {
		return isTemporaryStatus(proxy.status)
	}
	var bad *ResponseError
	if errors.As(err, &bad) {
		return isTemporaryStatus(bad.StatusCode)
	}
	return !isPermanent(err)
}

// isTemporaryStatus reports whether a request may succeed after a response with
// this HTTP status.
func isTemporaryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// isPermanent reports whether err, of a call without a response, would occur again:
// the host does not exist, or does not speak TLS as the client requires.
func isPermanent(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsTemporary && !dns.IsTimeout
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	return errors.As(err, &certificate) || errors.As(err, &record) ||
		errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") || // TLS alerts
		slices.ContainsFunc(proxyRefusals, func(s string) bool { return strings.HasSuffix(err.Error(), s) })
}

// proxyRefusals are how the errors of net/http end if a proxy does not accept the
// user name and password. They have no type.
var proxyRefusals = []string{
	"Proxy Authentication Required", // of HTTP, with the user's own transport
	"username/password authentication failed",
	"no acceptable authentication methods",
	"invalid username/password",
}

// isUnknown reports whether a failed attempt of Schedule may have been carried out.
func (o outcome) isUnknown() bool {
	if bad, ok := o.badResponse(); ok {
		return !isRefusal(bad.StatusCode)
	}
	return o.sent
}

// isRefusal reports whether an HTTP status means that the request was not carried
// out.
func isRefusal(status int) bool {
	switch {
	case status == http.StatusRequestTimeout:
		return false
	case status == http.StatusNotImplemented:
		return true
	default:
		return 300 <= status && status <= 499
	}
}

// wait returns how long to wait after the n-th attempt, and whether that fits
// before the end. Without an end, it may be a minute.
func (o outcome) wait(end time.Time, n int) (d time.Duration, fits bool) {
	d = backoff(n)
	if o.status == http.StatusTooManyRequests || o.status == http.StatusServiceUnavailable {
		d = max(d, parseRetryAfter(o.retryAfter, time.Now()))
	}
	if end.IsZero() {
		return d, d <= maxUnboundedWait
	}
	return d, d < time.Until(end)
}

// backoff returns a random wait after the n-th attempt, counted from 1.
func backoff(n int) time.Duration {
	ceiling := maxBackoff
	if shift := n - 1; shift < 16 {
		ceiling = min(ceiling, firstBackoff<<shift)
	}
	return rand.N(ceiling)
}

// parseRetryAfter returns the wait of a Retry-After header, in seconds or as a
// date, or 0 if it cannot be parsed.
func parseRetryAfter(header string, now time.Time) time.Duration {
	if date, err := http.ParseTime(header); err == nil {
		return date.Sub(now)
	}
	seconds, err := strconv.ParseInt(header, 10, 64)
	if seconds < 0 || err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return time.Duration(min(seconds, int64(math.MaxInt64/time.Second))) * time.Second
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
