package iomeeting_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	htmltemplate "html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
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
	assert.True(t, secret == iomeeting.NewSecret("pa"+string([]byte("ss"))))
	assert.False(t, secret == iomeeting.NewSecret("other"))
	assert.False(t, secret.IsZero())

	var zero iomeeting.Secret
	assert.Empty(t, zero.Reveal())
	assert.True(t, zero.IsZero())
	assert.True(t, zero == iomeeting.NewSecret(""))

	byPassword := map[iomeeting.Secret]int{secret: 1}
	assert.Equal(t, 1, byPassword[iomeeting.NewSecret("pass")])
}

// TestSecretPrintsRedacted checks what is printed, and TestNothingPrintsSecret what
// is not.
func TestSecretPrintsRedacted(t *testing.T) {
	for _, secret := range []iomeeting.Secret{iomeeting.NewSecret("pass"), {}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%5.1f", "%U"} {
			assert.Equal(t, "REDACTED", fmt.Sprintf(format, secret), format)
		}
		assert.Equal(t, "REDACTED", secret.String())
		assert.Equal(t, "map[REDACTED:1]", fmt.Sprint(map[iomeeting.Secret]int{secret: 1}))
		text, err := json.Marshal(map[iomeeting.Secret]iomeeting.Secret{secret: secret})
		require.NoError(t, err)
		assert.JSONEq(t, `{"REDACTED":"REDACTED"}`, string(text))
	}
	assert.Equal(t, "{test@abc.com REDACTED}", fmt.Sprint(host))
}

// TestDumpsShowNoSecret checks what testify prints if a comparison fails.
func TestDumpsShowNoSecret(t *testing.T) {
	failing := new(recordingT)
	assert.Equal(failing, iomeeting.QueryResult{MeetingPassword: iomeeting.NewSecret(canary)}, iomeeting.QueryResult{})
	assert.Contains(t, failing.text, "MeetingPassword")
	requireNoCanary(t, failing.text)
}

// dumped returns what testify prints of a value, which is all that reflection finds.
func dumped(v any) string {
	failing := new(recordingT)
	assert.Equal(failing, unexported{v}, nil)
	return failing.text
}

type recordingT struct{ text string }

func (t *recordingT) Errorf(format string, args ...any) { t.text += fmt.Sprintf(format, args...) }

func TestSecretUnmarshals(t *testing.T) {
	var config struct {
		Password iomeeting.Secret `json:"password" xml:"password,attr"`
		Empty    iomeeting.Secret `json:"empty" xml:"empty"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{"password":"pä,\"ss","empty":""}`), &config))
	assert.Equal(t, `pä,"ss`, config.Password.Reveal())
	assert.True(t, config.Empty.IsZero())

	require.NoError(t, xml.Unmarshal([]byte(`<c password="&lt;pass&gt;"><empty/></c>`), &config))
	assert.Equal(t, "<pass>", config.Password.Reveal())

	for text, want := range map[string]string{
		"pass": "pass", `" a: #b"`: " a: #b", "000123": "000123", "1e3": "1e3", "yes": "yes", `""`: "", "null": "",
	} {
		config.Password = iomeeting.Secret{}
		require.NoError(t, yaml.Unmarshal([]byte("password: "+text), &config))
		assert.Equal(t, want, config.Password.Reveal(), text)
	}
}

func TestRedactedCannotBeReadBack(t *testing.T) {
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

// canary is a password that every kind of escaping changes. The two alphabets of
// base64 encode it differently.
const canary = `c4n"r?y <&'%+ä_41\`

// canaryForms are the forms in which it could be printed.
var canaryForms = []string{
	canary,
	url.QueryEscape(canary),
	url.PathEscape(canary),
	html.EscapeString(canary),
	strings.ReplaceAll(html.EscapeString(canary), "&#34;", "&quot;"),
	strings.ToLower(url.QueryEscape(canary)),
	strings.Trim(strconv.Quote(canary), `"`),
	strings.Trim(strconv.QuoteToASCII(canary), `"`),
	jsonString(canary),
	hex.EncodeToString([]byte(canary)),
	strings.ToUpper(hex.EncodeToString([]byte(canary))),
	base64.StdEncoding.EncodeToString([]byte(canary)),
	base64.URLEncoding.EncodeToString([]byte(canary)),
	strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
	"c4n", // no kind of escaping changes this part
}

func jsonString(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return strings.Trim(string(text), `"`)
}

func requireNoCanary(t *testing.T, printed string) {
	t.Helper()
	for _, form := range canaryForms {
		require.NotContains(t, printed, form)
	}
}

// Types of a user, with fields on which fmt cannot call methods.
type (
	unexported             struct{ v any }
	unexportedTyped[T any] struct {
		v T
		p *T
	}
	exported[T any]        struct{ V T }
	exportedPointer[T any] struct{ P *T }
)

// requireSilent prints v in every way that Go offers, alone and as part of other
// values, and requires that no canary appears.
func requireSilent[T comparable](t *testing.T, v T) {
	t.Helper()
	for _, value := range []any{
		v, &v, any(v), []T{v}, [1]T{v}, map[string]T{"k": v}, map[T]string{v: "v"}, map[string]*T{"k": &v},
		unexported{v}, &unexported{v}, unexported{&v}, []any{v, &v},
		unexportedTyped[T]{v, &v}, &unexportedTyped[T]{v, &v}, map[unexported]int{{v}: 1},
		exported[T]{v}, &exported[T]{v}, exportedPointer[T]{&v},
		fmt.Errorf("wrapped: %v", v),
	} {
		for verb := ' '; verb <= '~'; verb++ {
			for _, flags := range []string{"", "+", "#", "030.90"} {
				requireNoCanary(t, fmt.Sprintf("%"+flags+string(verb), value))
			}
		}
		requireNoCanary(t, fmt.Sprint(value))
		requireNoCanary(t, fmt.Sprintln(value))
		requireNoCanary(t, logged(value))
		requireNoCanary(t, marshaled(value))
		requireNoCanary(t, templated(value))
	}
}

// logged returns what slog's handlers write for v.
func logged(v any) string {
	var b bytes.Buffer
	options := &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, options), slog.NewJSONHandler(&b, options)} {
		l := slog.New(h).With("with", v).WithGroup("g")
		l.Info("message", "attribute", v, slog.Any("any", v), slog.Group("group", "in", v))
	}
	return b.String()
}

// marshaled returns the JSON and the XML of v, or the errors.
func marshaled(v any) string {
	var b bytes.Buffer
	jsonEncoder, xmlEncoder := json.NewEncoder(&b), xml.NewEncoder(&b)
	for _, err := range []error{jsonEncoder.Encode(v), xmlEncoder.Encode(v)} {
		if err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	return b.String()
}

// templated returns what templates write for v in every context.
func templated(v any) string {
	const page = `{{.}} {{printf "%v %q %x" . . .}} <a href="{{.}}" title='{{.}}' onclick="f({{.}})" style="color: {{.}}">{{.}}</a>
		<a href="/a?b={{.}}"></a><script>var v = {{.}}; var s = "{{.}}"</script><style>a { b: {{.}} }</style>
		{{html .}} {{js .}} {{urlquery .}} {{print .}} {{println .}}`
	var b bytes.Buffer
	data := v
	if err := texttemplate.Must(texttemplate.New("").Parse(page)).Execute(&b, data); err != nil {
		fmt.Fprintln(&b, err)
	}
	if err := htmltemplate.Must(htmltemplate.New("").Parse(page)).Execute(&b, data); err != nil {
		fmt.Fprintln(&b, err)
	}
	return b.String()
}

// canaryLinks returns links that contain the canary, from each method.
func canaryLinks(t *testing.T) []iomeeting.Link {
	t.Helper()
	secret := iomeeting.NewSecret(canary)
	c := newClient(t)
	var links []iomeeting.Link
	add := func(link iomeeting.Link, err error) {
		require.NoError(t, err)
		links = append(links, link)
	}
	add(c.Start(iomeeting.Host{Email: host.Email, Password: secret}, &iomeeting.StartOptions{
		MeetingPassword: secret, ObserverPassword: secret, Title: "Marketing",
	}))
	add(c.StartByID("123456", secret))
	add(c.Join(host.Email, &iomeeting.JoinOptions{MeetingPassword: secret}))
	add(c.Join(host.Email, &iomeeting.JoinOptions{ObserverPassword: secret}))
	add(c.JoinByID("123456", &iomeeting.JoinOptions{MeetingPassword: secret, UserName: "Joe Smith"}))
	return links
}

func TestNothingPrintsSecret(t *testing.T) {
	secret := iomeeting.NewSecret(canary)
	t.Run("Secret", func(t *testing.T) { requireSilent(t, secret) })
	t.Run("Host", func(t *testing.T) { requireSilent(t, iomeeting.Host{Email: "a", Password: secret}) })
	t.Run("StartOptions", func(t *testing.T) {
		requireSilent(t, iomeeting.StartOptions{MeetingPassword: secret, ObserverPassword: secret})
	})
	t.Run("JoinOptions", func(t *testing.T) {
		requireSilent(t, iomeeting.JoinOptions{MeetingPassword: secret, ObserverPassword: secret})
	})
	t.Run("ScheduleOptions", func(t *testing.T) {
		requireSilent(t, iomeeting.ScheduleOptions{MeetingPassword: secret})
	})
	t.Run("QueryResult", func(t *testing.T) {
		requireSilent(t, iomeeting.QueryResult{InMeeting: true, MeetingPassword: secret})
	})
	t.Run("ResponseError", func(t *testing.T) {
		requireSilent(t, iomeeting.ResponseError{Op: "query", Body: secret})
		requireSilent(t, &iomeeting.ResponseError{Op: "query", Body: secret})
	})
	t.Run("Link", func(t *testing.T) {
		for _, link := range canaryLinks(t) {
			requireSilent(t, link)
		}
	})
}

func TestLinkPrintsRedacted(t *testing.T) {
	link := canaryLinks(t)[0]
	const want = "https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=REDACTED" +
		"&meetingPass=REDACTED&observerPass=REDACTED&title=Marketing"
	assert.Equal(t, want, link.String())
	for _, format := range []string{"%v", "%+v", "%s"} {
		assert.Equal(t, want, fmt.Sprintf(format, link))
	}
	assert.Equal(t, strconv.Quote(want), fmt.Sprintf("%q", link))
	text, err := json.Marshal(link)
	require.NoError(t, err)
	var read string
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, want, read)
	assert.Equal(t, want, slog.AnyValue(link).Resolve().String())
}

// oddError is an error whose field fmt can print.
type oddError struct{ Text string }

func (e oddError) Error() string { return e.Text }

// TestNoErrorShowsSecret makes calls fail with errors and responses that repeat the
// request.
func TestNoErrorShowsSecret(t *testing.T) {
	secretHost := iomeeting.Host{Email: host.Email, Password: iomeeting.NewSecret(canary)}
	opts := &iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret(canary)}
	var responders []httpmock.Responder
	for _, form := range canaryForms[:len(canaryForms)-1] {
		for _, err := range []error{
			errors.New(form),
			oddError{form},
			&url.Error{Op: "Post", URL: "https://host/?" + form, Err: errors.New("refused")},
			fmt.Errorf("get %w", &url.Error{Op: "Post", URL: form, Err: &url.Error{Op: "Post", URL: form, Err: errors.New("refused")}}),
			fmt.Errorf("malformed HTTP response %q", "a "+form),
			fmt.Errorf("proxy http://user:%s@proxy.example/ refused", form),
		} {
			responders = append(responders, httpmock.NewErrorResponder(err))
		}
		for _, status := range []int{200, 302, 400, 500} {
			responders = append(responders, httpmock.ResponderFromResponse(
				respond(status, "<html>"+form, "Location", "https://elsewhere.example/?"+url.QueryEscape(form))))
		}
	}
	for _, responder := range responders {
		var log bytes.Buffer
		mock := httpmock.NewMockTransport()
		mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
			_, _ = req.Body.Read(make([]byte, 1)) // the request counts as sent
			return responder(req)
		})
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c := newClient(t, over(mock), iomeeting.WithRetries(0), iomeeting.WithLogger(logger))
		_, err := c.Query(t.Context(), secretHost)
		requireSilentError(t, err)
		_, err = c.Schedule(t.Context(), secretHost, nil)
		requireSilentError(t, err)
		_, err = c.Schedule(t.Context(), host, opts)
		requireSilentError(t, err)
		require.Contains(t, log.String(), "op=schedule")
		requireNoCanary(t, log.String())
	}
}

// requireSilentError prints err and each error in its chain, and requires that no
// canary appears.
func requireSilentError(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	var urlError *url.Error
	require.False(t, errors.As(err, &urlError))
	requireNoCanary(t, err.Error())
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%w"} {
		requireNoCanary(t, fmt.Sprintf(format, err))
		requireNoCanary(t, fmt.Sprintf(format, unexported{err}))
		requireNoCanary(t, fmt.Sprintf(format, &unexported{err}))
	}
	requireNoCanary(t, logged(err))
	requireNoCanary(t, dumped(err))
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
