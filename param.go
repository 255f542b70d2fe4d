package iomeeting

import (
	"context"
	"unicode"
	"unicode/utf8"
)

// ParameterError reports an argument that cannot be used, and why. It never
// quotes the argument. It matches [ErrInvalidParameter].
type ParameterError struct {
	// Param is the spec's name of the parameter. An argument that the spec does
	// not have is named as in the function, such as "site", "ctx" or "key", or as
	// the function's comment says; an option is named without its With, such as
	// "maxIdleConns". The text of [EncodeText] and [DecodeText] is "text", and a
	// value that is read into a [Secret] is "secret".
	Param string
	// Reason says what is wrong. It continues a sentence that starts with Param.
	Reason string
}

// Error returns a message that names the parameter.
func (e *ParameterError) Error() string {
	return ErrInvalidParameter.Error() + ": " + e.Param + " " + e.Reason
}

// Unwrap returns [ErrInvalidParameter].
func (e *ParameterError) Unwrap() error { return ErrInvalidParameter }

// required checks a parameter that must not be empty.
func required(param, value string) error {
	if value == "" {
		return &ParameterError{param, "is empty"}
	}
	return plain(param, value)
}

// plain checks a parameter that is sent as it is. A browser's form would change
// control characters.
func plain(param, value string) error {
	if !utf8.ValidString(value) {
		return &ParameterError{param, "is not valid UTF-8"}
	}
	for _, r := range value {
		if unicode.IsControl(r) {
			return &ParameterError{param, "contains a control character"}
		}
	}
	return nil
}

func checkContext(ctx context.Context) error {
	if ctx == nil {
		return &ParameterError{"ctx", "is nil"}
	}
	return nil
}
