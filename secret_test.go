package iomeeting_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	texttemplate "text/template"

	"github.com/google/go-querystring/query"
	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/iomeeting/iomeeting-go"
)

func TestSecret(t *testing.T) {
	secret := iomeeting.NewSecret("pass")
	assert.Equal(t, "pass", secret.Reveal())
	assert.False(t, secret.IsZero())
	assert.True(t, secret == iomeeting.NewSecret("pa"+string([]byte("ss"))))
	assert.False(t, secret == iomeeting.NewSecret("other"))
	long := strings.Repeat("会_", 1000)
	assert.Equal(t, long, iomeeting.NewSecret(long).Reveal())

	var zero iomeeting.Secret
	assert.Empty(t, zero.Reveal())
	assert.True(t, zero.IsZero())
	assert.True(t, zero == iomeeting.NewSecret(""))
}

// TestSecretPrintsRedacted checks what is printed, and TestNothingPrintsSecret what
// is not.
func TestSecretPrintsRedacted(t *testing.T) {
	for _, secret := range []iomeeting.Secret{iomeeting.NewSecret("pass"), {}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%5.1f"} {
			assert.Equal(t, "REDACTED", fmt.Sprintf(verb, secret), verb)
		}
		assert.Equal(t, "REDACTED", secret.String())
		assert.Equal(t, "{test@abc.com REDACTED}", fmt.Sprint(iomeeting.Host{Email: "test@abc.com", Password: secret}))
		text, err := json.Marshal(map[iomeeting.Secret]iomeeting.Secret{secret: secret})
		require.NoError(t, err)
		assert.Equal(t, `{"REDACTED":"REDACTED"}`, string(text))
		logger, logged := logTo()
		logger.Info("", "password", secret)
		assert.Contains(t, logged.String(), "password=REDACTED\n")
	}
}

func TestSecretUnmarshals(t *testing.T) {
	var config struct {
		Password iomeeting.Secret `xml:"password,attr"`
		Empty    iomeeting.Secret `xml:"empty"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{"password":"pä,\"ss","empty":""}`), &config))
	assert.Equal(t, `pä,"ss`, config.Password.Reveal())
	assert.True(t, config.Empty.IsZero())
	require.NoError(t, xml.Unmarshal([]byte(`<c password="&lt;pass&gt;"><empty/></c>`), &config))
	assert.Equal(t, "<pass>", config.Password.Reveal())
	for text, want := range map[string]string{`" a: #b"`: " a: #b", "000123": "000123", "1e3": "1e3", "yes": "yes", "null": ""} {
		config.Password = iomeeting.Secret{}
		require.NoError(t, yaml.Unmarshal([]byte("password: "+text), &config))
		assert.Equal(t, want, config.Password.Reveal(), text)
	}

	stored, err := json.Marshal(host)
	require.NoError(t, err)
	var read iomeeting.Host
	requireParameterError(t, json.Unmarshal(stored, &read), "secret", "is REDACTED, which is printed instead of a secret")
	assert.True(t, read.Password.IsZero())
}

func TestSecretInQuerystring(t *testing.T) {
	values, err := query.Values(struct {
		Sent    iomeeting.Secret `url:"sent"`
		Empty   iomeeting.Secret `url:"empty"`
		Omitted iomeeting.Secret `url:"omitted,omitempty"`
	}{Sent: iomeeting.NewSecret("a b&c")})
	require.NoError(t, err)
	assert.Equal(t, "empty=&sent=a+b%26c", values.Encode())
}

// canary is a password that every kind of escaping changes, except for its start.
const canary = `c4n"r?y <&'%+ä_41\`

// shown returns the form in which text shows the canary: as it is or escaped, in
// hexadecimal, in base64 or as a list of bytes. It is empty if text does not.
func shown(text string) string {
	for _, form := range []string{
		"c4n", fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprint([]byte(canary)), base64.StdEncoding.EncodeToString([]byte("c4n")),
	} {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}

func requireNoCanary(t *testing.T, printed string) {
	t.Helper()
	require.Empty(t, shown(printed), "the password is shown in:\n%s", printed)
}

// shapes are the ways in which a program can hold v. fmt cannot call methods on
// unexported fields.
func shapes[T comparable](v T) map[string]any {
	return map[string]any{
		"value": v, "pointer": &v, "slice": []T{v}, "array": [1]T{v}, "map value": map[string]T{"k": v}, "map key": map[T]int{v: 1},
		"exported field": struct{ V T }{v}, "exported pointer": &struct{ P *T }{&v}, "exported interface": struct{ V any }{v},
		"unexported field": struct{ v T }{v}, "unexported pointer": &struct{ p *T }{&v}, "unexported interface": struct{ v any }{v},
	}
}

// printers are the ways in which Go prints a value.
var printers = func() map[string]func(any) string {
	all := map[string]func(any) string{
		"log/slog": func(v any) string {
			var b bytes.Buffer
			for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
				slog.New(h).With("with", v).WithGroup("group").Info("message", "attribute", v)
			}
			return b.String()
		},
		"encoding/json": func(v any) string { text, err := json.Marshal(v); return fmt.Sprintf("%s %v", text, err) },
		"encoding/xml":  func(v any) string { text, err := xml.Marshal(v); return fmt.Sprintf("%s %v", text, err) },
		"a template": func(v any) string {
			const page = `{{.}} {{printf "%v %q %x" . . .}} {{html .}} {{js .}} {{urlquery .}} {{print .}}
				<a href="{{.}}" title='{{.}}' onclick="f({{.}})" style="color: {{.}}">{{.}}</a> <script>f({{.}}, "{{.}}")</script>`
			var b bytes.Buffer
			textErr := texttemplate.Must(texttemplate.New("").Parse(page)).Execute(&b, v)
			htmlErr := htmltemplate.Must(htmltemplate.New("").Parse(page)).Execute(&b, v)
			return fmt.Sprint(&b, textErr, htmlErr)
		},
	}
	for verb := 'A'; verb <= 'z'; verb++ {
		for _, flags := range []string{"", "+", "#", "030.90"} {
			format := "%" + flags + string(verb)
			all[format] = func(v any) string { return fmt.Sprintf(format, v) }
		}
	}
	return all
}()

// requireNotPrinted prints v, which has the named shape, with every printer.
func requireNotPrinted(t *testing.T, shape string, v any) {
	t.Helper()
	for printer, print := range printers {
		if text := print(v); shown(text) != "" {
			t.Errorf("%s of %T: %s shows the password: %s", shape, v, printer, text)
		}
	}
}

// dump returns what testify prints of v if a comparison fails: all that reflection
// finds, also in unexported fields.
func dump(v any) string {
	var failing recordingT
	assert.ElementsMatch(&failing, []any{v}, []any{})
	return failing.text
}

type recordingT struct{ text string }

func (t *recordingT) Errorf(format string, args ...any) { t.text += fmt.Sprintf(format, args...) }

func requireSilent[T comparable](t *testing.T, v T) {
	t.Helper()
	for shape, value := range shapes(v) {
		requireNotPrinted(t, shape, value)
		requireNoCanary(t, dump(value))
	}
}

func TestNothingPrintsSecret(t *testing.T) {
	for _, printer := range []string{"log/slog", "encoding/json", "encoding/xml", "a template", "%v", "%x"} {
		assert.NotEmpty(t, shown(printers[printer](canary)), "%s shows other strings", printer)
	}
	assert.NotEmpty(t, shown(dump(struct{ s []string }{[]string{canary}})), "a dump shows other strings")

	secret, c := iomeeting.NewSecret(canary), newClient(t)
	h := iomeeting.Host{Email: "a", Password: secret}
	requireSilent(t, secret)
	requireSilent(t, h)
	requireSilent(t, iomeeting.StartOptions{MeetingPassword: secret, ObserverPassword: secret})
	requireSilent(t, iomeeting.JoinOptions{MeetingPassword: secret, ObserverPassword: secret})
	requireSilent(t, iomeeting.ScheduleOptions{MeetingPassword: secret})
	requireSilent(t, iomeeting.QueryResult{InMeeting: true, MeetingPassword: secret})
	requireSilent(t, &iomeeting.StatusError{Status: iomeeting.StatusInMeeting, MeetingPassword: secret})
	requireSilent(t, &iomeeting.ResponseError{Op: "query", Body: secret})
	requireSilent(t, mustLink(c.Start(h, &iomeeting.StartOptions{MeetingPassword: secret, ObserverPassword: secret})))
	requireSilent(t, mustLink(c.StartByID("123456", secret)))
	requireSilent(t, mustLink(c.Join("a", &iomeeting.JoinOptions{MeetingPassword: secret})))
	requireSilent(t, mustLink(c.JoinByID("123456", &iomeeting.JoinOptions{ObserverPassword: secret})))
	requireSilent(t, newSigner(t, iomeeting.NewSecret(strings.Repeat(canary, 2))))
}

// TestNoErrorShowsSecret makes calls fail with errors and responses that repeat the
// request.
func TestNoErrorShowsSecret(t *testing.T) {
	secret := iomeeting.NewSecret(canary)
	for name, responder := range map[string]httpmock.Responder{
		"error":             httpmock.NewErrorResponder(oddError{"unexpected " + canary}),
		"URL-encoded error": httpmock.NewErrorResponder(errors.New("unexpected " + url.QueryEscape(canary))),
		"quoted error":      httpmock.NewErrorResponder(fmt.Errorf("malformed HTTP response %q", "a "+canary)),
		"response":          httpmock.NewStringResponder(200, "0,1,"+canary+",\n"+canary),
		"error page":        httpmock.ResponderFromResponse(respond(400, canary, "Location", "https://a.example/?"+url.QueryEscape(canary))),
	} {
		t.Run(name, func(t *testing.T) {
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(responder)
			logger, logged := logTo()
			c := newClient(t, over(mock), iomeeting.WithRetries(0), iomeeting.WithLogger(logger))
			_, err := c.Query(t.Context(), iomeeting.Host{Email: "a", Password: secret})
			requireSilentError(t, err)
			_, err = c.Schedule(t.Context(), host, &iomeeting.ScheduleOptions{MeetingPassword: secret})
			requireSilentError(t, err)
			require.Contains(t, logged.String(), "op=schedule")
			requireNoCanary(t, logged.String())
		})
	}
}

// requireSilentError prints err, and each error in its chain, with every printer.
func requireSilentError(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	requireNotPrinted(t, "value", err)
	requireNotPrinted(t, "unexported field", struct{ err error }{err})
	switch chain := err.(type) {
	case interface{ Unwrap() error }:
		if next := chain.Unwrap(); next != nil {
			requireSilentError(t, next)
		}
	case interface{ Unwrap() []error }:
		for _, next := range chain.Unwrap() {
			requireSilentError(t, next)
		}
	}
}

// oddError is an error whose field fmt can print.
type oddError struct{ Text string }

func (e oddError) Error() string { return e.Text }
