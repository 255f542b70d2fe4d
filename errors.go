package iomeeting

import "errors"

var (
	// ErrHostNotFound means that no host account has that email address. The
	// error is a [*StatusError]. Spec: sections 5 and 6, status 1.
	ErrHostNotFound = errors.New("iomeeting: host not found")

	// ErrWrongPassword means that the host's password is wrong. The error is a
	// [*StatusError]. Spec: sections 5 and 6, status 2.
	ErrWrongPassword = errors.New("iomeeting: wrong host password")

	// ErrInMeeting means that [Client.ScheduleIfAvailable] scheduled nothing,
	// because the host is in a meeting. The error is a [*StatusError] with the ID
	// of that meeting. Spec: section 5, status 3.
	ErrInMeeting = errors.New("iomeeting: host is in a meeting")

	// ErrInvalidParameter means that an argument cannot be used, and that nothing
	// was sent. The error is a [*ParameterError].
	ErrInvalidParameter = errors.New("iomeeting: invalid parameter")

	// ErrBadResponse means that the response is not what the spec describes. The
	// service may be in trouble, or something else may have responded instead. The
	// error is a [*ResponseError].
	ErrBadResponse = errors.New("iomeeting: bad response")

	// ErrOutcomeUnknown means that [Client.Schedule] may or may not have been
	// carried out: the request was sent, but no usable response arrived. The chain
	// also contains the cause: a [*ResponseError], a network error or a context's
	// error.
	//
	// Call [Client.Query] before scheduling again, as [Client.ScheduleIfAvailable]
	// does. As long as the host is available, scheduling again ends no meeting. If
	// the first request was carried out after all, it left a scheduled meeting
	// whose ID nobody knows, and which nobody starts. If the host is in a meeting,
	// scheduling again ends it.
	ErrOutcomeUnknown = errors.New("iomeeting: outcome unknown")

	// ErrBadSignature means that an operator ID was not signed by this
	// [EndSigner].
	ErrBadSignature = errors.New("iomeeting: bad signature")
)

// StatusError reports that the service refused a call, or that
// [Client.ScheduleIfAvailable] left a meeting alone. It matches
// [ErrHostNotFound], [ErrWrongPassword] or [ErrInMeeting].
type StatusError struct {
	// Op is the call: "query" or "schedule".
	Op string
	// Status is the status in the service's response.
	Status Status
	// MeetingID is the ID of the meeting that the host is in, if Status is
	// StatusInMeeting; otherwise it is empty.
	MeetingID string
	// MeetingPassword is the password of that meeting.
	MeetingPassword Secret
}

// Error returns a message that names the call and the status.
func (e *StatusError) Error() string {
	return "iomeeting: " + e.Op + ": " + e.Status.String()
}

// Unwrap returns the error that the status matches.
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

// ResponseError reports a response that the spec does not describe: an HTTP
// status other than 200, a redirect, an HTML page, or a line that is cut short or
// cannot be read. It matches [ErrBadResponse].
type ResponseError struct {
	// Op is the call: "query" or "schedule".
	Op string
	// StatusCode is the HTTP status of the response.
	StatusCode int
	// Reason says what is wrong. It continues a sentence that starts with "the
	// response", and quotes nothing from the response.
	Reason string
	// Body is the start of the response's body, at most 4 KiB. It is a Secret,
	// because an error page may repeat the request.
	Body Secret
}

// Error returns a message that names the call and the reason.
func (e *ResponseError) Error() string {
	return "iomeeting: " + e.Op + ": bad response: the response " + e.Reason
}

// Unwrap returns [ErrBadResponse].
func (e *ResponseError) Unwrap() error { return ErrBadResponse }

// unknownError is [ErrOutcomeUnknown] with its cause.
type unknownError struct{ cause error }

func (e *unknownError) Error() string {
	return e.cause.Error() + "; the outcome is unknown: call Query before scheduling again"
}

func (e *unknownError) Unwrap() []error { return []error{ErrOutcomeUnknown, e.cause} }
