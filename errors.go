package iomeeting

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// Sentinels for [errors.Is]. The errors of the network match none of them.
var (
	// ErrHostNotFound means that no host account has that email address. The error
	// is a [*StatusError].
	ErrHostNotFound = errors.New("iomeeting: host not found")

	// ErrWrongPassword means that the host's password is wrong. The error is a
	// [*StatusError].
	ErrWrongPassword = errors.New("iomeeting: wrong host password")

	// ErrInMeeting means that [Client.ScheduleIfAvailable] scheduled nothing,
	// because the host is in a meeting. The error is a [*StatusError] with the ID
	// and the password of that meeting.
	ErrInMeeting = errors.New("iomeeting: host is in a meeting")

	// ErrInvalidParameter means that an argument cannot be used, and that nothing
	// was sent. The error is a [*ParameterError].
	ErrInvalidParameter = errors.New("iomeeting: invalid parameter")

	// ErrBadResponse means that the response is not what the spec describes. The
	// service may be in trouble, or something else may have responded instead. The
	// error is a [*ResponseError].
	ErrBadResponse = errors.New("iomeeting: bad response")

	// ErrOutcomeUnknown means that [Client.Schedule] may or may not have been
	// carried out: the request was sent, but no usable response arrived. The cause is
	// in the chain: a [*ResponseError], a network error or a context's error.
	//
	// Call [Client.Query] before scheduling again, as [Client.ScheduleIfAvailable]
	// does. As long as the host is available, scheduling again ends no meeting. If
	// the first request was carried out after all, it left a scheduled meeting whose
	// ID you do not know, so nobody starts it.
	ErrOutcomeUnknown = errors.New("iomeeting: outcome unknown")

	// ErrBadSignature means that an operator ID was not signed by this [EndSigner].
	ErrBadSignature = errors.New("iomeeting: bad signature")
)

// Status is the first value in the service's response.
type Status int

// statusOK means that the host is available, or that a meeting was scheduled.
const statusOK Status = 0

const (
	StatusHostNotFound  Status = 1 // no host account has that email address
	StatusWrongPassword Status = 2 // the host's password is wrong
	StatusInMeeting     Status = 3 // the host is in a meeting
)

// String returns the meaning of the status, such as "host not found".
func (s Status) String() string {
	switch s {
	case statusOK:
		return "ok"
	case StatusHostNotFound:
		return "host not found"
	case StatusWrongPassword:
		return "wrong host password"
	case StatusInMeeting:
		return "host is in a meeting"
	}
	return "status " + strconv.Itoa(int(s))
}

// StatusError reports that the service refused a call, or that
// [Client.ScheduleIfAvailable] left a meeting alone. It matches [ErrHostNotFound],
// [ErrWrongPassword] or [ErrInMeeting].
type StatusError struct {
	Op     string // "query" or "schedule"
	Status Status // in the service's response
	// MeetingID and MeetingPassword are those of the meeting that the host is in, if
	// Status is StatusInMeeting. With them, [Client.JoinByID] joins it.
	MeetingID       string
	MeetingPassword Secret
}

func (e *StatusError) Error() string {
	return "iomeeting: " + e.Op + ": " + e.Status.String()
}

func (e *StatusError) Unwrap() error {
	switch e.Status {
	case StatusHostNotFound:
		return ErrHostNotFound
	case StatusWrongPassword:
		return ErrWrongPassword
	case StatusInMeeting:
		return ErrInMeeting
	}
	return nil
}

// ResponseError reports a response that the spec does not describe: an HTTP status
// other than 200, an HTML page, or a line that is cut short or cannot be read. It
// matches [ErrBadResponse].
type ResponseError struct {
	Op         string // "query" or "schedule"
	StatusCode int    // of HTTP
	// Reason says what is wrong. It continues a sentence that starts with "the
	// response", and quotes nothing from the response.
	Reason string
	// Body is the start of the response's body, at most 4 KiB. It is a Secret,
	// because an error page may repeat the request.
	Body Secret
}

func (e *ResponseError) Error() string {
	return "iomeeting: " + e.Op + ": bad response: the response " + e.Reason
}

func (e *ResponseError) Unwrap() error { return ErrBadResponse }

// unknownError is [ErrOutcomeUnknown] with its cause.
type unknownError struct{ cause error }

func (e *unknownError) Error() string   { return e.cause.Error() + "; the outcome is unknown" }
func (e *unknownError) Unwrap() []error { return []error{ErrOutcomeUnknown, e.cause} }

// networkError is the error of a call without a response.
type networkError struct {
	op        string
	cause     error
	temporary bool
}

// Error returns the cause's text without the control characters with which the network
// could forge a log line.
func (e *networkError) Error() string {
	return "iomeeting: " + e.op + ": " + strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, e.cause.Error())
}

func (e *networkError) Unwrap() error { return e.cause }

// withhold returns the cause of a [networkError]: err, unless its text repeats a secret,
// and the error of ctx if that is done, since some transports return only its cause.
func withhold(ctx context.Context, err error, secrets map[string]Secret) error {
	if repeatsSecret(err, secrets) {
		err = errors.New("the error repeats a password of the request, and is withheld")
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// repeatsSecret reports whether the text of err contains a secret: as it is, in a form,
// or quoted, as by net/http where a header is malformed.
func repeatsSecret(err error, secrets map[string]Secret) bool {
	text := foreignText(err)
	for _, s := range secrets {
		secret := s.Reveal()
		quoted := strconv.Quote(secret)
		if secret != "" && (strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) ||
			strings.Contains(text, quoted[1:len(quoted)-1])) {
			return true
		}
	}
	return false
}

// foreignText returns the text of err without those of its causes that cannot come from
// the network, in which a password such as "tcp" means nothing.
func foreignText(err error) string {
	text := err.Error()
	var cut func(error)
	cut = func(e error) {
		if e == nil {
			return
		}
		if isLocal(e) {
			if i := strings.LastIndex(text, e.Error()); i >= 0 {
				text = text[:i] + "\n" + text[i+len(e.Error()):]
			}
			return
		}
		switch e := e.(type) {
		case interface{ Unwrap() error }:
			cut(e.Unwrap())
		case interface{ Unwrap() []error }:
			for _, cause := range e.Unwrap() {
				cut(cause)
			}
		}
	}
	cut(err)
	return text
}

// proxyError is a proxy's refusal to connect to the site.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy responded to CONNECT with HTTP status %d %s", e.status, http.StatusText(e.status))
}

// isAlert reports whether err is an alert of TLS.
func isAlert(err *net.OpError) bool { return err.Op == "remote error" || err.Op == "local error" }

// isLocal reports whether the text of err is that of a package of this machine.
func isLocal(err error) bool {
	switch e := err.(type) {
	case *net.OpError:
		return isAlert(e) || isLocal(e.Err)
	case *os.SyscallError:
		return isLocal(e.Err)
	case syscall.Errno, *net.DNSError, *tls.CertificateVerificationError, tls.RecordHeaderError, *proxyError:
		return true
	case interface{ Unwrap() error }, interface{ Unwrap() []error }:
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) || err.Error() == "net/http: TLS handshake timeout"
}

// ParameterError reports an argument that cannot be used, and why. It never quotes
// the argument. It matches [ErrInvalidParameter].
type ParameterError struct {
	// Param is the spec's name of the parameter, such as "hostPass". What the spec
	// does not have is named as in the function, such as "site" or "key"; an option
	// is named without its With, such as "timeout".
	Param string
	// Reason says what is wrong. It continues a sentence that starts with Param.
	Reason string
}

func (e *ParameterError) Error() string {
	return ErrInvalidParameter.Error() + ": " + e.Param + " " + e.Reason
}

func (e *ParameterError) Unwrap() error { return ErrInvalidParameter }

const notUTF8 = "is not valid UTF-8"

func checkRequired(param, value string) error {
	if value == "" {
		return &ParameterError{param, "is empty"}
	}
	return checkPlain(param, value)
}

// checkPlain checks a parameter that is sent as it is. A browser's form would change
// control characters.
func checkPlain(param, value string) error {
	if !utf8.ValidString(value) {
		return &ParameterError{param, notUTF8}
	}
	for _, r := range value {
		if unicode.IsControl(r) {
			return &ParameterError{param, "contains a control character"}
		}
	}
	return nil
}
