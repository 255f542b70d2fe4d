package iomeeting

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"unique"
)

// redacted is what is printed instead of a secret.
const redacted = "REDACTED"

// Secret holds a password. Packages fmt, slog, encoding/json and encoding/xml, and
// templates, print it as REDACTED, alone and as a field, an element or a map key of
// another value. Where fmt cannot call a method, in an unexported field, it prints
// an address. [Secret.Reveal] returns the password.
//
// Secrets can be compared with ==, which compares the passwords. The zero Secret
// is empty. It prints as REDACTED too; use [Secret.IsZero] to tell it apart.
//
// Configuration libraries can set a Secret through [Secret.UnmarshalText], from
// JSON, YAML or environment variables. To store a password in a database, encrypt
// the result of Reveal, and pass the decrypted value to [NewSecret]. Secret has no
// Value and Scan methods for package database/sql, because a password would then
// get into the database, and into the logs of its driver, without a Reveal in your
// code. A Secret that was marshaled cannot be read back.
type Secret struct {
	// A handle, because fmt would print a string in an unexported field of a
	// caller's struct. Masked, because test libraries print what a handle refers to.
	masked unique.Handle[string]
}

// mask is combined with passwords in memory. It is different in each process, and
// changes every ASCII byte.
var mask = func() (m [32]byte) {
	_, _ = rand.Read(m[:]) // never fails
	for i := range m {
		m[i] |= 0x80
	}
	return m
}()

func masked(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] ^= mask[i%len(mask)]
	}
	return string(b)
}

// NewSecret returns the Secret for the password s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{unique.Make(masked(s))}
}

// Reveal returns the password in plain text.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return masked(s.masked.Value())
}

// IsZero reports whether the Secret is empty.
func (s Secret) IsZero() bool { return s == Secret{} }

// String returns REDACTED, for an empty Secret too.
func (s Secret) String() string { return redacted }

// Format writes REDACTED for every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	// fmt offers no way to report an error.
	_, _ = io.WriteString(f, redacted)
}

// LogValue returns REDACTED.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns REDACTED. It never returns an error.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText sets the Secret to text. It is what configuration libraries call.
//
// If text is REDACTED, UnmarshalText returns a [*ParameterError] for "secret": the
// password was lost when the Secret was marshaled. If it really is your password,
// use [NewSecret].
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return &ParameterError{"secret", "is REDACTED, which is printed instead of a secret"}
	}
	*s = NewSecret(string(text))
	return nil
}

// EncodeValues sets key to the password in plain text, for requests that
// github.com/google/go-querystring encodes. It never returns an error.
func (s Secret) EncodeValues(key string, v *url.Values) error {
	v.Set(key, s.Reveal())
	return nil
}
