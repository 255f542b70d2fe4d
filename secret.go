package iomeeting

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"unique"
)

// redacted is what every printer shows in place of a secret.
const redacted = "REDACTED"

// Secret holds a password. Every verb of package fmt, every slog handler,
// every JSON, XML or text marshaller and every template prints it as REDACTED,
// also where it is a map's key or a field of a larger value; where fmt can call
// no method, on an unexported field, it prints an address. [Secret.Reveal] is
// the only way to the value.
//
// Secrets are equal under == when their values are. The zero Secret is empty,
// and printed as REDACTED too; [Secret.IsZero] tells it from others.
//
// A Secret is not made to be stored. What was marshalled cannot be read back.
type Secret struct {
	// A handle rather than a string, since fmt prints an unexported string
	// field of a caller's struct without asking it; and a masked one, since
	// printers that walk memory, as those of test libraries do, follow it.
	masked unique.Handle[string]
}

// mask is what the values in memory are mixed with. It differs in each process,
// and leaves no byte of ASCII as it is.
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

// NewSecret returns a Secret that holds s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{unique.Make(masked(s))}
}

// Reveal returns the value in clear.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return masked(s.masked.Value())
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s == Secret{} }

// String returns REDACTED, for an empty secret too.
func (s Secret) String() string { return redacted }

// Format writes REDACTED under every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	// fmt offers no way to report an error.
	_, _ = io.WriteString(f, redacted)
}

// LogValue returns REDACTED.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns REDACTED, and never an error.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText sets the secret to text as it stands. Configuration libraries
// fill a Secret by it. The error is a [*ParameterError] for "secret", where text
// is the word REDACTED: a secret was stored by a printer, and is lost.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return &ParameterError{"secret", "is the word that is printed in place of a secret"}
	}
	*s = NewSecret(string(text))
	return nil
}

// EncodeValues sets key to the value in clear: it makes a Secret a parameter of
// a request that github.com/google/go-querystring encodes. It never returns an
// error.
func (s Secret) EncodeValues(key string, v *url.Values) error {
	v.Set(key, s.Reveal())
	return nil
}
