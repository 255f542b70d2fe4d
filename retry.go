package iomeeting

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
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
)

// Retryable reports whether the call that returned err may succeed if you make it
// again later: after a temporary network failure, a timeout, or HTTP status 408, 429,
// 500, 502, 503 or 504. It is false for an unknown host, an invalid certificate, and
// nil.
//
// It is false for [ErrOutcomeUnknown] too, because calling [Client.Schedule] again
// may end a meeting. Call [Client.ScheduleIfAvailable] instead.
func Retryable(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, context.Canceled) {
		return false
	}
	var network *networkError
	if errors.As(err, &network) {
		return network.temporary
	}
	var bad *ResponseError
	return errors.As(err, &bad) && isTemporaryStatus(bad.StatusCode)
}

// isTemporaryStatus reports whether a request may succeed after a response with
// this HTTP status.
func isTemporaryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isPermanent reports whether err, of a call without a response, would occur again:
// the host does not exist, does not speak TLS as the client requires, or cannot be
// reached through the proxy.
func isPermanent(err error) bool {
	var proxy *proxyError
	if errors.As(err, &proxy) {
		return !isTemporaryStatus(proxy.status)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsTemporary && !dns.IsTimeout
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	if errors.As(err, &certificate) || errors.As(err, &record) {
		return true
	}
	var op *net.OpError
	return errors.As(err, &op) && isAlert(op) ||
		strings.HasSuffix(err.Error(), "Proxy Authentication Required") // net/http's error has no type
}

// isRefusal reports whether an HTTP status means that the request was not carried
// out. Servlets answer a POST that they have carried out with a redirect, such as 302
// or 303; but 307 and 308 ask to send the POST elsewhere.
func isRefusal(status int) bool {
	switch status {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect, http.StatusNotImplemented:
		return true
	case http.StatusRequestTimeout:
		return false
	}
	return 400 <= status && status <= 499
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

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
