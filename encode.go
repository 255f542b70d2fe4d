package iomeeting

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// EncodeText returns s in the text encoding of the service: the form encoding
// of Java's URLEncoder over UTF-8 with _ in place of %, so that "Joe Smith"
// becomes "Joe+Smith" and "会" becomes "_E4_BC_9A". The methods of [Client]
// encode titles and user names by themselves; EncodeText serves those who build
// a request by hand.
//
// A literal _ becomes _5F. The snippet in the spec leaves it bare, and what
// follows it is then taken for an escape.
//
// The result is a form-encoded value already. It goes into a URL as it stands;
// url.Values would encode its + a second time.
//
// The error is a [*ParameterError] for the parameter "text", where s is not
// valid UTF-8.
//
// Spec: sections 1, 2 and 4, parameters title and userName.
func EncodeText(s string) (string, error) {
	return encodeText("text", s, '+')
}

// DecodeText returns the text whose encoding is s; DecodeText undoes
// [EncodeText]. A + and a space both stand for a space, so that the value may
// come from a URL as it stands or from a parsed form. Hexadecimal digits may be
// in lower case, and characters that the encoding would have escaped stand for
// themselves, as they do for a Java decoder; a % is refused, as there it starts
// an escape.
//
// The error is a [*ParameterError] for the parameter "text", where s holds an
// escape that is cut short or not hexadecimal, or where the result is not valid
// UTF-8.
//
// Spec: sections 1, 2 and 4, parameters title and userName.
func DecodeText(s string) (string, error) {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			b.WriteByte(' ')
		case '%':
			return "", &ParameterError{"text", "holds a %, which the encoding replaces with _"}
		case '_':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", &ParameterError{"text", "holds a _ that two hexadecimal digits do not follow"}
			}
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	if !utf8.ValidString(b.String()) {
		return "", &ParameterError{"text", "is not valid UTF-8 once decoded"}
	}
	return b.String(), nil
}

// encodeText encodes s, with space for a space. The error names param.
func encodeText(param, s string, space byte) (string, error) {
	if !utf8.ValidString(s) {
		return "", &ParameterError{param, "is not valid UTF-8"}
	}
	const upperHex = "0123456789ABCDEF"
	b := make([]byte, 0, 256) // on the stack; a longer title moves it
	for i := range len(s) {
		switch c := s[i]; {
		case isPlain[c]:
			b = append(b, c)
		case c == ' ':
			b = append(b, space)
		default:
			b = append(b, '_', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b), nil
}

// formText returns the value of a form's field, for which any form encoder
// writes the encoding of s: a + in it would be sent as %2B.
func formText(param, s string) (string, error) { return encodeText(param, s, ' ') }

// isPlain says of each byte whether the text encoding leaves it as it is.
var isPlain = func() (plain [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*") {
		plain[c] = true
	}
	return plain
}()

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// A type that go-querystring does not know as an encoder is sent as its String.
var _ query.Encoder = Secret{}

// formValues returns the fields of params, a struct with url tags, as a form.
func formValues(params any) url.Values {
	values, err := query.Values(params)
	if err != nil {
		panic(err) // params is no struct: its encoders never fail
	}
	return values
}

// secretParams are the parameters that hold passwords.
var secretParams = []string{"hostPass", "hostPassword", "meetingPass", "meetingPassword", "observerPass"}
