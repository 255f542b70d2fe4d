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
	// The wait before a further try is drawn from 0 to firstBackoff, and from
	// twice as much before each next one, up to maxBackoff: long enough for a
	// service to restart or shed load, and spread so that clients which failed
	// together do not return together.
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 5 * time.Second

	// maxUnboundedWait is the longest wait of a call that has no deadline.
	maxUnboundedWait = time.Minute
)

// outcome is what became of one try.
type outcome struct {
	answer     answer
	status     int    // of the answer; 0 if none came
	retryAfter string // header of the answer
	sent       bool   // the request may have arrived
	err        error  // nil where the answer is as the spec has it
}

// badResponse returns the answer that the try failed with, if it got one.
func (o outcome) badResponse() (*ResponseError, bool) {
	var bad *ResponseError
	ok := errors.As(o.err, &bad)
	return bad, ok
}

// mayPass reports whether the same call may succeed when it is sent again.
func (o outcome) mayPass() bool {
	var proxy *proxyError
	if errors.As(o.err, &proxy) {
		return isPassing(proxy.status)
	}
	if bad, ok := o.badResponse(); ok {
		return isPassing(bad.StatusCode)
	}
	return !isDefinite(o.err)
}

// isPassing reports whether an HTTP status says that the next request may fare
// better.
func isPassing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// isDefinite reports whether err, of a call without an answer, comes again for
// certain: there is no such host, or nobody there who speaks the site's TLS.
func isDefinite(err error) bool {
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

// proxyRefusals are how errors of net/http end that say that a proxy does not
// accept the user name and password. They have no type.
var proxyRefusals = []string{
	"Proxy Authentication Required", // HTTP, by a transport of the user's own
	"username/password authentication failed",
	"no acceptable authentication methods",
	"invalid username/password",
}

// isUnknown reports whether a failed try of Schedule may have been carried
// out.
func (o outcome) isUnknown() bool {
	if bad, ok := o.badResponse(); ok {
		return !isRefusal(bad.StatusCode)
	}
	return o.sent
}

// isRefusal reports whether an HTTP status says that the request was not
// carried out.
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

// wait returns how long to wait before the next of several tries, the n-th
// having failed as o, and whether that fits before the end; without an end, a
// minute does.
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

// backoff draws the wait after the n-th try, from 1.
func backoff(n int) time.Duration {
	ceiling := maxBackoff
	if shift := n - 1; shift < 16 {
		ceiling = min(ceiling, firstBackoff<<shift)
	}
	return rand.N(ceiling)
}

// parseRetryAfter returns the wait that a Retry-After header asks for, in
// seconds or as a date; 0 where it asks for nothing that can be read.
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
