package iomeeting

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"unique"

	"github.com/google/go-querystring/query"
)

const redacted = "REDACTED"

// Secret holds a password. Packages fmt, log/slog, encoding/json and encoding/xml,
// and templates, print it as REDACTED, also as a part of other values.
// [Secret.Reveal] returns the password. Secrets can be compared with ==. The zero
// Secret is empty; it prints as REDACTED too.
//
// Configuration libraries can read a Secret from JSON, YAML or environment variables.
// A Secret that was marshaled cannot be read back. To store one in a database,
// encrypt what Reveal returns: Secret implements no interface of database/sql.
type Secret struct {
	// A handle, because fmt would print a string in an unexported field of a
	// caller's struct. Masked, because test libraries print what a handle refers to.
	masked unique.Handle[string]
}

// mask is different in each process, and changes every ASCII byte.
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

func (s Secret) String() string { return redacted }

// Format writes REDACTED for every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, redacted) // fmt offers no way to report an error
}

func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText sets the Secret to text. If text is REDACTED, the password was lost
// when a Secret was marshaled, and UnmarshalText returns a [*ParameterError].
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return &ParameterError{"secret", "is REDACTED, which is printed instead of a secret"}
	}
	*s = NewSecret(string(text))
	return nil
}

// EncodeValues sets key to the password in plain text.
// github.com/google/go-querystring calls it, and would otherwise send REDACTED.
func (s Secret) EncodeValues(key string, v *url.Values) error {
	v.Set(key, s.Reveal())
	return nil
}

var _ query.Encoder = Secret{}
