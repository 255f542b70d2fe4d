package iomeeting

import (
	"net/url"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// fromGo turns the encoding of [url.QueryEscape] into that of the service.
var fromGo = strings.NewReplacer("%2A", "*", "%", "_", "~", "_7E", "_", "_5F")

// EncodeText returns s in the text encoding of the service: that of Java's
// URLEncoder for UTF-8, with _ instead of %. "Joe Smith" becomes "Joe+Smith", and
// "会" becomes "_E4_BC_9A". A literal _ becomes _5F; the spec's Java snippet leaves
// it, and the server mistakes it for the start of an escape. The methods of [Client]
// encode titles and user names themselves.
//
// The result is form-encoded already: [url.Values] would encode its + a second time.
// If s is not valid UTF-8, EncodeText returns a [*ParameterError].
func EncodeText(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", &ParameterError{"text", notUTF8}
	}
	return fromGo.Replace(url.QueryEscape(s)), nil
}

// formText returns the encoding of s with spaces instead of +, so that a form
// encoder writes the encoding of s. An error names param.
func formText(param, s string) (string, error) {
	text, err := EncodeText(s)
	if err != nil {
		return "", &ParameterError{param, notUTF8}
	}
	return strings.ReplaceAll(text, "+", " "), nil
}

// DecodeText reverses [EncodeText]. Both + and a space decode to a space, so s may
// come from a raw URL or from a parsed form. As in Java's decoder, hexadecimal
// digits may be in lower case, and other characters stand for themselves.
//
// If s contains a %, or a _ without two hexadecimal digits, or if the result is not
// valid UTF-8, DecodeText returns a [*ParameterError].
func DecodeText(s string) (string, error) {
	if strings.Contains(s, "%") {
		return "", &ParameterError{"text", "contains a %, which the encoding replaces with _"}
	}
	text, err := url.QueryUnescape(strings.ReplaceAll(s, "_", "%"))
	if err != nil {
		return "", &ParameterError{"text", "contains a _ that is not followed by two hexadecimal digits"}
	}
	if !utf8.ValidString(text) {
		return "", &ParameterError{"text", notUTF8 + " once decoded"}
	}
	return text, nil
}

// formValues returns the fields of params, a struct with url tags, as form values.
func formValues(params any) url.Values {
	values, err := query.Values(params)
	if err != nil {
		panic(err) // params is not a struct; encoding a struct never fails
	}
	return values
}

// secretsOf returns the fields of params that are Secrets, by their names in a form.
func secretsOf(params any) map[string]Secret {
	secrets := make(map[string]Secret)
	v := reflect.ValueOf(params)
	for i := range v.NumField() {
		if secret, ok := v.Field(i).Interface().(Secret); ok {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("url"), ",")
			secrets[name] = secret
		}
	}
	return secrets
}
