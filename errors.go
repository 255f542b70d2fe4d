package iomeeting

import "errors"

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

	// ErrInvalidParameter says that an argument cannot be used, and that
	// nothing was sent. It comes as a [*ParameterError].
	ErrInvalidParameter = errors.New("iomeeting: invalid parameter")

	// ErrBadResponse says that something answered, but not as the spec has it:
	// the service in trouble (HTTP status 408, 429 or 5xx), or something in its
	// place. It comes as a [*ResponseError].
	ErrBadResponse = errors.New("iomeeting: bad response")

	// ErrOutcomeUnknown says that [Client.Schedule] may have been carried out,
	// or may not: the request left, and no answer came that tells. The chain
	// holds the cause as well: a [*ResponseError], a context's error or a
	// network error.
	//
	// Ask [Client.Query] before scheduling again, or let
	// [Client.ScheduleIfAvailable] do both. While the host is available, to
	// schedule again ends nothing; a meeting that was made nevertheless is one
	// that nobody knows the ID of, and stays unstarted. While the host is in a
	// meeting, which may have begun since, to schedule again ends that.
	ErrOutcomeUnknown = errors.New("iomeeting: outcome unknown")

	// ErrBadSignature says that an operator ID was not signed by this
	// [EndSigner].
	ErrBadSignature = errors.New("iomeeting: bad signature")
)

// ParameterError says which argument cannot be used, and why. It never quotes
// the argument. It is [ErrInvalidParameter].
type ParameterError struct {
	// Param is the name that the spec gives the parameter. What the spec does
	// not know has the name of the function's argument, such as "site", "ctx"
	// or "key", or of the option without its With, such as "maxIdleConns";
	// a text is "text", and what is read into a Secret "secret".
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

// unknownError is [ErrOutcomeUnknown] with its cause.
type unknownError struct{ cause error }

func (e *unknownError) Error() string {
	return e.cause.Error() + "; the outcome is unknown: ask Query before scheduling again"
}

func (e *unknownError) Unwrap() []error { return []error{ErrOutcomeUnknown, e.cause} }
