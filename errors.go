package iomeeting

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var (
	// ErrHostNotFound says that the service knows no host account of that
	// e-mail address. It comes as a [*StatusError]. Spec: sections 5 and 6,
	// status 1.
	ErrHostNotFound = errors.New("iomeeting: host not found")

	// ErrWrongPassword says that the host's password is wrong. It comes as a
	// [*StatusError]. Spec: sections 5 and 6, status 2.
	ErrWrongPassword = errors.New("iomeeting: wrong host password")

	// ErrInMeeting says that [Client.ScheduleIfAvailable] scheduled nothing,
	// since the host is in a meeting. It comes as a [*StatusError]. Spec:
	// section 5, status 3.
	ErrInMeeting = errors.New("iomeeting: host is in a meeting")

	// ErrInvalidParameter says that an argument cannot be sent, and that
	// nothing was. It comes as a [*ParameterError].
	ErrInvalidParameter = errors.New("iomeeting: invalid parameter")

	// ErrBadResponse says that something answered, but not as the spec has it.
	// It comes as a [*ResponseError].
	ErrBadResponse = errors.New("iomeeting: bad response")

	// ErrOutcomeUnknown says that [Client.Schedule] may have been carried out,
	// or may not: the request left, and no answer came that tells. To schedule
	// again could end the meeting that was made and is now running; ask
	// [Client.Query] first. The chain holds the cause as well: a
	// [*ResponseError], a context's error or a network error.
	ErrOutcomeUnknown = errors.New("iomeeting: outcome unknown")
)

// ParameterError says which argument cannot be sent, and why. It never quotes
// the argument. It is [ErrInvalidParameter].
type ParameterError struct {
	// Param is the name that the spec gives the parameter; "site" for the
	// site, "text" for the argument of [EncodeText] and [DecodeText], "ctx"
	// for the context, and for an option its name without With, such as
	// "maxIdleConns".
	Param string
	// Reason continues a sentence that starts with Param.
	Reason string
}

// Error returns a message that names the parameter.
func (e *ParameterError) Error() string {
	return ErrInvalidParameter.Error() + ": " + e.Param + " " + e.Reason
}

// Unwrap returns [ErrInvalidParameter].
func (e *ParameterError) Unwrap() error { return ErrInvalidParameter }

// StatusError is a refusal by the service. It is [ErrHostNotFound],
// [ErrWrongPassword] or [ErrInMeeting].
type StatusError struct {
	// Op is the call: "query" or "schedule".
	Op string
	// Status is what the service answered.
	Status Status
}

// Error returns a message that names the call and the status.
func (e *StatusError) Error() string {
	return "iomeeting: " + e.Op + ": " + e.Status.String()
}

// Unwrap returns the sentinel that belongs to the status.
func (e *StatusError) Unwrap() error {
	switch e.Status {
	case StatusHostNotFound:
		return ErrHostNotFound
	case StatusWrongPassword:
		return ErrWrongPassword
	case StatusInMeeting:
		return ErrInMeeting
	default:
		return nil
	}
}

// ResponseError is an answer that is not of the spec's form: an HTTP status
// other than 200, a redirect, a web page, a cut or garbled line. It is
// [ErrBadResponse].
type ResponseError struct {
	// Op is the call: "query" or "schedule".
	Op string
	// StatusCode is the answer's HTTP status.
	StatusCode int
	// Reason continues a sentence that starts with "the answer". It quotes
	// nothing of the answer.
	Reason string
	// Body is the start of the answer's body, 4 KiB of it at the most. It is a
	// Secret, since a service's error page may repeat the request.
	Body Secret
}

// Error returns a message that names the call and the reason.
func (e *ResponseError) Error() string {
	return "iomeeting: " + e.Op + ": bad response: the answer " + e.Reason
}

// Unwrap returns [ErrBadResponse].
func (e *ResponseError) Unwrap() error { return ErrBadResponse }

// networkError is a call that got no answer. [errors.Is] and [errors.As] find
// its cause. There is no Unwrap: a cause may quote what came over the network,
// and that may repeat the request.
type networkError struct {
	message string
	cause   *error // behind a pointer, which fmt does not follow
}

func newNetworkError(op string, cause error, form url.Values) *networkError {
	cause = withoutURL(cause)
	return &networkError{"iomeeting: " + op + ": " + safeText(cause.Error(), form), &cause}
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
	userInfo  = regexp.MustCompile(`//.*@`)
)

// safeText returns the text of an error from the network without what it quotes
// and without the user of a URL, or nothing of it where a password of form is
// left in it.
func safeText(s string, form url.Values) string {
	s = quotation.ReplaceAllString(s, `"..."`)
	s = userInfo.ReplaceAllString(s, "//"+redacted+"@")
	for _, param := range secretParams {
		if quotesSecret(s, form.Get(param)) {
			return "a network error whose text repeats a password"
		}
	}
	return s
}

// quotesSecret reports whether s holds the secret, as it is or as programs
// print what they received.
func quotesSecret(s, secret string) bool {
	if secret == "" {
		return false
	}
	quoted := strconv.Quote(secret)
	for _, form := range []string{
		secret,
		url.QueryEscape(secret),
		url.PathEscape(secret),
		html.EscapeString(secret),
		quoted[1 : len(quoted)-1],
		hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if strings.Contains(s, form) {
			return true
		}
	}
	return false
}

// unknownError is [ErrOutcomeUnknown] with its cause.
type unknownError struct{ cause error }

func (e *unknownError) Error() string {
	return e.cause.Error() + "; the outcome is unknown: ask Query before scheduling again"
}

func (e *unknownError) Unwrap() []error { return []error{ErrOutcomeUnknown, e.cause} }
