package iomeeting

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// EncodeText returns s in the text encoding of the service: that of Java's
// URLEncoder for UTF-8, with _ instead of %. "Joe Smith" becomes "Joe+Smith", and
// "会" becomes "_E4_BC_9A". The methods of [Client] encode titles and user names
// themselves; use EncodeText if you build a request by hand.
//
// A literal _ becomes _5F. The snippet in the spec leaves it as it is, and a server
// then mistakes it for the start of an escape.
//
// The result is form-encoded already. Put it into a URL as it is; [url.Values]
// would encode its + a second time.
//
// If s is not valid UTF-8, EncodeText returns a [*ParameterError] for "text".
//
// Spec: sections 1, 2 and 4, parameters title and userName.
func EncodeText(s string) (string, error) {
	return encodeText("text", s, '+')
}

// DecodeText reverses [EncodeText]. Both + and a space decode to a space, so s may
// come from a raw URL or from a parsed form. As in Java's decoder, hexadecimal
// digits may be in lower case, and other characters stand for themselves.
//
// If s contains a %, or a _ without two hexadecimal digits, or if the result is not
// valid UTF-8, DecodeText returns a [*ParameterError] for "text".
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
			return "", &ParameterError{"text", "contains a %, which the encoding replaces with _"}
		case '_':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", &ParameterError{"text", "contains a _ that is not followed by two hexadecimal digits"}
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

// encodeText encodes s, writing space for a space. An error names param.
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

// formText returns the encoding of s with spaces instead of +, so that any form
// encoder writes the encoding of s. It would write %2B for a +.
func formText(param, s string) (string, error) { return encodeText(param, s, ' ') }

// isPlain tells for each byte whether the text encoding leaves it as it is.
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

// Without it, go-querystring would send the result of String.
var _ query.Encoder = Secret{}

// formValues returns the fields of params, a struct with url tags, as form values.
func formValues(params any) url.Values {
	values, err := query.Values(params)
	if err != nil {
		panic(err) // params is not a struct; encoding a struct never fails
	}
	return values
}

// secretParams are the parameters that are passwords.
var secretParams = []string{"hostPass", "hostPassword", "meetingPass", "meetingPassword", "observerPass"}
