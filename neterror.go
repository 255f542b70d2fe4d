package iomeeting

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// networkError is a call that got no answer. [errors.Is] and [errors.As] find
// its cause. There is no Unwrap: a cause may quote what came over the network,
// and that may repeat the request.
type networkError struct {
	message string
	cause   *error // behind a pointer, which fmt does not follow
}

func newNetworkError(op string, cause error, form url.Values) *networkError {
	text := cause.Error()
	if !isOfOwnWords(cause) {
		text = safeText(text, form)
	}
	return &networkError{"iomeeting: " + op + ": " + text, &cause}
}

func (e *networkError) Error() string        { return e.message }
func (e *networkError) Is(target error) bool { return errors.Is(*e.cause, target) }
func (e *networkError) As(target any) bool   { return errors.As(*e.cause, target) }

// withContextError returns err with the error of ctx in its chain, if ctx is
// done. Transports may return the cause of a cancellation in its place.
func withContextError(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}

// withoutURL returns what is below every [url.Error] in err's chain.
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

var (
	quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	malformed = regexp.MustCompile(`(?s)malformed .*`) // what net/http says before it quotes, or not
	userInfo  = regexp.MustCompile(`//.*@`)
)

// isOfOwnWords reports whether the text of err holds nothing that came over the
// network but addresses.
func isOfOwnWords(err error) bool {
	switch e := err.(type) {
	case *net.OpError:
		return isOfOwnWords(e.Err)
	case *os.SyscallError, syscall.Errno, *net.DNSError, *tls.CertificateVerificationError, *proxyError:
		return true
	default:
		return err == context.Canceled || err == context.DeadlineExceeded || err == io.EOF || err == io.ErrUnexpectedEOF
	}
}

// safeText returns the text of an error from the network without what it quotes
// of an answer and without the user of a URL, or nothing of it where it holds a
// password of form.
func safeText(s string, form url.Values) string {
	for _, param := range secretParams {
		if quotesSecret(s, form.Get(param)) {
			return "a network error, whose text is withheld"
		}
	}
	s = malformed.ReplaceAllString(s, "malformed answer")
	s = quotation.ReplaceAllString(s, `"..."`)
	return userInfo.ReplaceAllString(s, "//"+redacted+"@")
}

// quotesSecret reports whether s holds the secret, as it is or in a form in
// which programs print what they received.
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
