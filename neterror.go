package iomeeting

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// networkError is the error of a call without a response. Its chain contains
// nothing that the service wrote, because that may repeat the request.
type networkError struct {
	message string
	cause   error
	is      func(target error) bool // a func, because nothing prints what it refers to
}

// newNetworkError returns the error of an attempt at j that failed with err.
func newNetworkError(ctx context.Context, j job, err error) *networkError {
	err = withContextError(ctx, withoutURL(err))
	cause := safeCause(err, func(s string) string { return safeText(s, j.form) })
	return &networkError{
		message: "iomeeting: " + j.name + ": " + printable(cause.Error()),
		cause:   cause,
		is:      func(target error) bool { return errors.Is(err, target) },
	}
}

func (e *networkError) Error() string        { return e.message }
func (e *networkError) Unwrap() error        { return e.cause }
func (e *networkError) Is(target error) bool { return e.is(target) }

// withContextError returns err with the error of ctx in its chain, if ctx is
// done. Transports may return the cause of a cancellation instead.
func withContextError(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return &contextError{ctx.Err(), err}
}

// contextError is a failure of the network in a context that is done.
type contextError struct{ context, cause error }

func (e *contextError) Error() string   { return e.context.Error() + ": " + e.cause.Error() }
func (e *contextError) Unwrap() []error { return []error{e.context, e.cause} }

// withoutURL returns what every [url.Error] in err's chain wraps.
func withoutURL(err error) error {
	for {
		var urlErr *url.Error
		if !errors.As(err, &urlErr) {
			return err
		}
		if err = urlErr.Err; err == nil {
			return errors.New("the request failed")
		}
	}
}

// safeCause returns err with every part of its chain that may quote the service
// replaced by an [opaqueError]. Texts of such parts pass through safe.
func safeCause(err error, safe func(string) string) error {
	switch e := err.(type) {
	case *contextError:
		return &contextError{e.context, safeCause(e.cause, safe)}
	case *net.OpError:
		c := *e
		c.Err = safeCause(e.Err, safe)
		return &c
	case *os.SyscallError:
		return &os.SyscallError{Syscall: e.Syscall, Err: safeCause(e.Err, safe)}
	case *net.DNSError:
		c := *e
		c.UnwrapErr = nil // errors.Is still finds it
		return &c
	case tls.RecordHeaderError:
		return tls.RecordHeaderError{Msg: e.Msg} // without the bytes and the connection
	case *tls.CertificateVerificationError, x509.HostnameError, x509.UnknownAuthorityError,
		x509.CertificateInvalidError, x509.SystemRootsError, *proxyError:
		return err
	}
	if slices.Contains(plainErrors, err) || isNumber(err) {
		return err
	}
	return newOpaqueError(err, safe)
}

// plainErrors are errors of fixed texts.
var plainErrors = []error{
	context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe,
	net.ErrClosed, os.ErrDeadlineExceeded, http.ErrSchemeMismatch,
}

// isNumber reports whether err is a number with a fixed text, such as a
// syscall.Errno or an alert of package tls.
func isNumber(err error) bool { return reflect.ValueOf(err).CanUint() || reflect.ValueOf(err).CanInt() }

// opaqueError replaces an error that may quote the service. It keeps the safe part
// of the text and of the chain. It is a [net.Error], like many errors of net/http.
type opaqueError struct {
	text    string
	timeout bool
	causes  []error
}

func newOpaqueError(err error, safe func(string) string) *opaqueError {
	var timeout interface{ Timeout() bool }
	e := &opaqueError{text: safe(err.Error()), timeout: errors.As(err, &timeout) && timeout.Timeout()}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		e.causes = safeCauses(safe, err.Unwrap())
	case interface{ Unwrap() []error }:
		e.causes = safeCauses(safe, err.Unwrap()...)
	}
	return e
}

// safeCauses returns the [safeCause] of each error that is not nil.
func safeCauses(safe func(string) string, errs ...error) (causes []error) {
	for _, err := range errs {
		if err != nil {
			causes = append(causes, safeCause(err, safe))
		}
	}
	return causes
}

func (e *opaqueError) Error() string   { return e.text }
func (e *opaqueError) Timeout() bool   { return e.timeout }
func (e *opaqueError) Temporary() bool { return e.timeout }
func (e *opaqueError) Unwrap() []error { return e.causes }

var (
	quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	malformed = regexp.MustCompile(`(?s)malformed .*`) // net/http quotes what follows
	userInfo  = regexp.MustCompile(`//.*@`)
)

// safeText returns the text of a network error without what it quotes from a
// response, and without the user name and password of a URL. If the text contains
// a password of form, it is withheld.
func safeText(s string, form url.Values) string {
	for _, param := range secretParams {
		if quotesSecret(s, form.Get(param)) {
			return "a network error whose text is withheld"
		}
	}
	s = malformed.ReplaceAllString(s, "malformed response")
	s = quotation.ReplaceAllString(s, `"..."`)
	return userInfo.ReplaceAllString(s, "//"+redacted+"@")
}

// printable returns s with U+FFFD instead of each character that could forge a log
// line or control a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// quotesSecret reports whether s contains the secret, as it is or in a form in which
// programs print what they received.
func quotesSecret(s, secret string) bool {
	if secret == "" {
		return false
	}
	inJSON, err := json.Marshal(secret)
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	raw := []byte(secret)
	s = strings.ToLower(s)
	return slices.ContainsFunc([]string{
		secret,
		url.QueryEscape(secret),
		url.PathEscape(secret),
		html.EscapeString(secret),
		strings.ReplaceAll(html.EscapeString(secret), "&#34;", "&quot;"),
		withoutQuotes(strconv.Quote(secret)),
		withoutQuotes(strconv.QuoteToASCII(secret)),
		withoutQuotes(string(inJSON)),
		hex.EncodeToString(raw),
		base64.RawStdEncoding.EncodeToString(raw),
		base64.RawURLEncoding.EncodeToString(raw),
		strings.Trim(fmt.Sprint(raw), "[]"),
	}, func(form string) bool { return strings.Contains(s, strings.ToLower(form)) })
}

func withoutQuotes(s string) string { return s[1 : len(s)-1] }
