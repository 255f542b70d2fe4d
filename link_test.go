package iomeeting_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// mustLink returns link, which a test makes from valid parameters.
func mustLink(link iomeeting.Link, err error) iomeeting.Link {
	if err != nil {
		panic(err)
	}
	return link
}

// TestLinks has every example of the spec, with the parameters sorted by name. Some of
// the examples spell userName username, against the spec's tables.
func TestLinks(t *testing.T) {
	c := newClient(t)
	const email, id = "test@abc.com", "123456"
	meetingPass, observerPass := iomeeting.NewSecret("654321"), iomeeting.NewSecret("111111")
	for want, link := range map[string]iomeeting.Link{
		"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456": mustLink(
			c.Start(host, nil)),
		"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&title=Marketing": mustLink(
			c.Start(host, &iomeeting.StartOptions{Title: "Marketing"})),
		"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&meetingPass=654321": mustLink(
			c.Start(host, &iomeeting.StartOptions{MeetingPassword: meetingPass})),
		"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&meetingPass=654321&title=Marketing": mustLink(
			c.Start(host, &iomeeting.StartOptions{MeetingPassword: meetingPass, Title: "Marketing"})),
		"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&meetingPass=654321&observerPass=111111&title=Marketing": mustLink(
			c.Start(host, &iomeeting.StartOptions{MeetingPassword: meetingPass, ObserverPassword: observerPass, Title: "Marketing"})),
		"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&title=_E4_BC_9A+_22Q3_5FReview_22+C_2B_2B+%2A_7E_0D_0A": mustLink(
			c.Start(host, &iomeeting.StartOptions{Title: "会 \"Q3_Review\" C++ *~\r\n"})),

		"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com": mustLink(
			c.Join(email, nil)),
		"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&meetingPass=654321": mustLink(
			c.Join(email, &iomeeting.JoinOptions{MeetingPassword: meetingPass})),
		"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&observerPass=111111": mustLink(
			c.Join(email, &iomeeting.JoinOptions{ObserverPassword: observerPass})),
		"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&userName=Joe+Smith": mustLink(
			c.Join(email, &iomeeting.JoinOptions{UserName: "Joe Smith"})),
		"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&meetingPass=654321&userName=Joe+Smith": mustLink(
			c.Join(email, &iomeeting.JoinOptions{MeetingPassword: meetingPass, UserName: "Joe Smith"})),

		"https://as.iomeeting.cn/ssm.do?hostPass=654321&meetingID=123456": mustLink(
			c.StartByID(id, iomeeting.NewSecret("654321"))),

		"https://as.iomeeting.cn/jm.do?meetingID=123456": mustLink(
			c.JoinByID(id, nil)),
		"https://as.iomeeting.cn/jm.do?meetingID=123456&meetingPass=654321": mustLink(
			c.JoinByID(id, &iomeeting.JoinOptions{MeetingPassword: meetingPass})),
		"https://as.iomeeting.cn/jm.do?meetingID=123456&observerPass=111111": mustLink(
			c.JoinByID(id, &iomeeting.JoinOptions{ObserverPassword: observerPass})),
		"https://as.iomeeting.cn/jm.do?meetingID=123456&userName=Joe+Smith": mustLink(
			c.JoinByID(id, &iomeeting.JoinOptions{UserName: "Joe Smith"})),
		"https://as.iomeeting.cn/jm.do?meetingID=123456&meetingPass=654321&userName=Joe+Smith": mustLink(
			c.JoinByID(id, &iomeeting.JoinOptions{MeetingPassword: meetingPass, UserName: "Joe Smith"})),
	} {
		assert.Equal(t, want, link.URL())
		endpoint, query, _ := strings.Cut(want, "?")
		assert.Equal(t, endpoint, link.Endpoint())
		params, err := url.ParseQuery(query)
		require.NoError(t, err)
		assert.Equal(t, params, link.Params())
		assert.Equal(t, regexp.MustCompile(`Pass=\w+`).ReplaceAllString(want, "Pass=REDACTED"), link.String())
	}
}

func TestEndpoints(t *testing.T) {
	for site, endpoint := range map[string]string{
		"https://abc.iomeeting.cn":            "https://abc.iomeeting.cn/jm.do",
		"https://abc.iomeeting.cn/":           "https://abc.iomeeting.cn/jm.do",
		"https://abc.iomeeting.cn:8443/":      "https://abc.iomeeting.cn:8443/jm.do",
		"https://abc.iomeeting.cn/a/b":        "https://abc.iomeeting.cn/a/b/jm.do",
		"https://abc.iomeeting.cn/a%2Fb/%20/": "https://abc.iomeeting.cn/a%2Fb/%20/jm.do",
		"HTTPS://abc.iomeeting.cn/A":          "https://abc.iomeeting.cn/A/jm.do",
		"https://[2001:db8::1]:8443/a":        "https://[2001:db8::1]:8443/a/jm.do",
		"https://abc_1.iomeeting.cn.":         "https://abc_1.iomeeting.cn./jm.do",
		"https://xn--bcher-kva.example":       "https://xn--bcher-kva.example/jm.do",
		"HTTP://LocalHost:1":                  "http://LocalHost:1/jm.do",
		"http://127.8.9.10:65535":             "http://127.8.9.10:65535/jm.do",
		"http://[::1]:80/a":                   "http://[::1]:80/a/jm.do",
	} {
		c, err := iomeeting.NewClient(site)
		require.NoError(t, err)
		link := mustLink(c.JoinByID("123456", nil))
		assert.Equal(t, endpoint, link.Endpoint())
		assert.Equal(t, endpoint+"?meetingID=123456", link.URL())
	}
}

// TestLinkShowsNoPassword uses a password that is also the email address and the title.
func TestLinkShowsNoPassword(t *testing.T) {
	const same = "123456"
	link := mustLink(newClient(t).Start(
		iomeeting.Host{Email: same, Password: iomeeting.NewSecret(same)},
		&iomeeting.StartOptions{MeetingPassword: iomeeting.NewSecret(same), Title: same},
	))
	const shown = "https://as.iomeeting.cn/snm.do?hostEmail=123456&hostPass=REDACTED&meetingPass=REDACTED&title=123456"
	var logged, page bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("", "link", link)
	logger, text := logTo()
	logger.Info("", "link", link)
	inJSON, err := json.Marshal(link)
	require.NoError(t, err)
	inXML, err := xml.Marshal(link)
	require.NoError(t, err)
	require.NoError(t, template.Must(template.New("").Parse(`<a href="{{.}}">{{.}}</a>`)).Execute(&page, link))

	assert.Equal(t, shown, link.String())
	for _, verb := range []string{"%v", "%+v", "%s"} {
		assert.Equal(t, shown, fmt.Sprintf(verb, link), verb)
	}
	assert.Equal(t, `"`+shown+`"`, fmt.Sprintf("%q", link))
	assert.Contains(t, text.String(), `link="`+shown+`"`)
	assert.Contains(t, logged.String(), `"link":"`+shown+`"`)
	assert.Equal(t, `"`+strings.ReplaceAll(shown, "&", `\u0026`)+`"`, string(inJSON))
	escaped := strings.ReplaceAll(shown, "&", "&amp;")
	assert.Equal(t, "<Link>"+escaped+"</Link>", string(inXML))
	assert.Equal(t, `<a href="`+escaped+`">`+escaped+"</a>", page.String())
}

func TestLinkIsAValue(t *testing.T) {
	c := newClient(t)
	link := mustLink(c.Start(host, nil))
	link.Params().Set("hostPass", "other")
	assert.Equal(t, url.Values{"hostEmail": {"test@abc.com"}, "hostPass": {"123456"}}, link.Params())

	other := iomeeting.Host{Email: host.Email, Password: iomeeting.NewSecret("other")}
	assert.True(t, link == mustLink(c.Start(host, nil)))
	assert.False(t, link == mustLink(c.Start(other, nil)), "links that differ in the password alone")
}

func TestZeroLinkOpensNothing(t *testing.T) {
	var link iomeeting.Link
	assert.Empty(t, link.URL())
	assert.Empty(t, link.Endpoint())
	assert.Empty(t, link.Params())
	assert.Empty(t, fmt.Sprint(link))
	assert.Empty(t, link.Form("Start"))
	w := servePage(link, http.MethodGet, "Start")
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Equal(t, "the link is empty\n", w.Body.String())
}

// FuzzLinks decodes the parameters of a link as a servlet does.
func FuzzLinks(f *testing.F) {
	f.Add("test@abc.com", "123456", "111111", "Marketing")
	f.Add("&=%+#?;", "a b", "🙂", "_41 100% C++\r\n")
	f.Add("a\x00", "\xff", "", "会议")
	f.Fuzz(func(t *testing.T, email, password, observerPassword, title string) {
		link, err := newClient(t).Start(
			iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)},
			&iomeeting.StartOptions{ObserverPassword: iomeeting.NewSecret(observerPassword), Title: title},
		)
		if err != nil {
			require.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
			require.Equal(t, iomeeting.Link{}, link)
			return
		}
		u, err := url.Parse(link.URL())
		require.NoError(t, err)
		params, err := url.ParseQuery(u.RawQuery)
		require.NoError(t, err)
		require.Equal(t, link.Params(), params)
		require.Equal(t, email, params.Get("hostEmail"))
		require.Equal(t, password, params.Get("hostPass"))
		require.Equal(t, observerPassword, params.Get("observerPass"))
		decoded, err := iomeeting.DecodeText(params.Get("title"))
		require.NoError(t, err)
		require.Equal(t, title, decoded)
	})
}

// weakHeader is what a ResponseWriter may contain before ServePage.
var weakHeader = http.Header{
	"Content-Type":            {"text/plain"},
	"Cache-Control":           {"public", "max-age=60"},
	"Referrer-Policy":         {"unsafe-url"},
	"X-Frame-Options":         {"SAMEORIGIN"},
	"Content-Security-Policy": {"default-src *"},
	"Vary":                    {"Cookie"},
}

func servePage(link iomeeting.Link, method, label string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	maps.Copy(w.Header(), weakHeader)
	link.ServePage(w, httptest.NewRequest(method, "/start", nil), label)
	return w
}

const (
	pageStyle = `
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 18vh auto 0; padding: 0 1.25rem; text-align: center; }
p { margin: 0 0 1.5rem; overflow-wrap: anywhere; }
button { font: inherit; padding: .6rem 1.5rem; border: 0; border-radius: .5rem; background: #1a5fd0; color: #fff; cursor: pointer; }
button:hover { background: #164fae; }
button:focus-visible { outline: 3px solid #7fb0ff; outline-offset: 2px; }
button:disabled { background: #767676; cursor: default; }
`
	pageScript = `
document.forms[0].submit();
document.querySelector("button").disabled = true;
`
)

// TestPage shows that no words are on the page but the label and the host name.
func TestPage(t *testing.T) {
	link := mustLink(newClient(t).Start(host, &iomeeting.StartOptions{Title: "Q3_Review C++"}))
	page := `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>开会</title>
<style nonce="NONCE">` + pageStyle + `</style>
</head>
<body>
<main>
<p>as.iomeeting.cn</p>
<form method="post" action="https://as.iomeeting.cn/snm.do" accept-charset="utf-8" autocomplete="off">
<input type="hidden" name="hostEmail" value="test@abc.com">
<input type="hidden" name="hostPass" value="123456">
<input type="hidden" name="title" value="Q3_5FReview C_2B_2B">
<button type="submit">开会</button>
</form>
</main>
<script nonce="NONCE">` + pageScript + `</script>
</body>
</html>
`
	withoutNonce := func(label string) string {
		return regexp.MustCompile(`nonce="\w+"`).ReplaceAllString(servePage(link, http.MethodGet, label).Body.String(), `nonce="NONCE"`)
	}
	assert.Equal(t, page, withoutNonce("开会"))
	english := strings.NewReplacer("<html>", `<html lang="en">`, "开会", "Open the meeting").Replace(page)
	assert.Equal(t, english, withoutNonce(""))
	_, _, labels := readForm(string(link.Form("")))
	assert.Equal(t, []string{"Open the meeting"}, labels)
}

func TestPageMethods(t *testing.T) {
	link := mustLink(newClient(t).Start(host, nil))
	nonces := make(map[string]bool)
	for _, method := range []string{"GET", "HEAD", "POST", "POST"} {
		w := servePage(link, method, "")
		assert.Equal(t, http.StatusOK, w.Code, method)
		nonce := regexp.MustCompile(`<script nonce="([A-Z2-7]{26})">`).FindStringSubmatch(w.Body.String())[1]
		assert.Contains(t, w.Body.String(), `<style nonce="`+nonce+`">`)
		nonces[nonce] = true
		// Without form-action, which would also block a redirect by the service.
		assert.Equal(t, http.Header{
			"Content-Type":           {"text/html; charset=utf-8"},
			"Cache-Control":          {"no-store"},
			"Referrer-Policy":        {"no-referrer"},
			"X-Frame-Options":        {"DENY"},
			"X-Content-Type-Options": {"nosniff"},
			"Content-Security-Policy": {"default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce +
				"'; base-uri 'none'; frame-ancestors 'none'"},
			"Vary": {"Cookie"},
		}, w.Header(), method)
	}
	assert.Len(t, nonces, 4, "each response has its own nonce")

	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "get"} {
		w := servePage(link, method, "")
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code, method)
		assert.Equal(t, "GET, HEAD, POST", w.Header().Get("Allow"))
		assert.Equal(t, "method not allowed\n", w.Body.String())
	}
}

func TestProtectPage(t *testing.T) {
	h := weakHeader.Clone()
	iomeeting.ProtectPage(h)
	assert.Equal(t, http.Header{
		"Content-Type":            {"text/plain"},
		"Cache-Control":           {"no-store"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Frame-Options":         {"DENY"},
		"X-Content-Type-Options":  {"nosniff"},
		"Content-Security-Policy": {"default-src *"},
		"Vary":                    {"Cookie"},
	}, h)

	// net/http would take a page that begins with a form for plain text, and nosniff
	// would make the browser show its source.
	w := httptest.NewRecorder()
	iomeeting.ProtectPage(w.Header())
	_, _ = w.WriteString("<form>")
	assert.Equal(t, "text/html; charset=utf-8", w.Result().Header.Get("Content-Type"))
}

var (
	tag    = regexp.MustCompile(`<[!/]?\w*|>`)
	action = regexp.MustCompile(`action="([^"]*)"`)
	label  = regexp.MustCompile(`<(?:title|button type="submit")>(.*)</`)
	field  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// readForm returns what a browser reads in markup: the action and the fields of the
// form, and the labels.
func readForm(markup string) (endpoint string, fields url.Values, labels []string) {
	fields = make(url.Values)
	for _, m := range field.FindAllStringSubmatch(markup, -1) {
		fields.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for _, m := range label.FindAllStringSubmatch(markup, -1) {
		labels = append(labels, html.UnescapeString(m[1]))
	}
	return html.UnescapeString(action.FindStringSubmatch(markup)[1]), fields, labels
}

// hostile are values that a page must escape.
var hostile = []string{
	`"><script>alert(1)</script>`, `</script><script>alert(1)//`, `</title><img src=x onerror=alert(1)>`, `<!--`, `-->`,
	`' onfocus='alert(1)`, `" autofocus onfocus="alert(1)`, "\u2028\u2029", "&amp;&lt;", "`${1}`", "javascript:alert(1)",
	"]]>", "{{.}}", "ä会🙂\u200f", `\x22`, "%22%3E", "a+b c", "\ufeff",
}

func TestPageEscapes(t *testing.T) {
	c := newClient(t)
	markup := func(value string) (iomeeting.Link, string, string) {
		secret := iomeeting.NewSecret(value)
		link := mustLink(c.Start(
			iomeeting.Host{Email: value, Password: secret},
			&iomeeting.StartOptions{MeetingPassword: secret, ObserverPassword: secret, Title: value},
		))
		return link, string(link.Form(value)), servePage(link, http.MethodGet, value).Body.String()
	}
	_, harmlessForm, harmlessPage := markup("a")
	for _, value := range hostile {
		link, form, page := markup(value)
		assert.Equal(t, tag.FindAllString(harmlessForm, -1), tag.FindAllString(form, -1))
		assert.Equal(t, tag.FindAllString(harmlessPage, -1), tag.FindAllString(page, -1))
		for markup, labels := range map[string][]string{form: {value}, page: {value, value}} {
			endpoint, fields, shown := readForm(markup)
			assert.Equal(t, "https://as.iomeeting.cn/snm.do", endpoint)
			assert.Equal(t, link.Params(), fields)
			assert.Equal(t, labels, shown)
		}
	}
}

func FuzzForm(f *testing.F) {
	for _, value := range hostile {
		f.Add(value, value, value)
	}
	f.Fuzz(func(t *testing.T, id, password, label string) {
		link, err := newClient(t).StartByID(id, iomeeting.NewSecret(password))
		if err != nil {
			return
		}
		form := string(link.Form(label))
		_, fields, _ := readForm(form)
		require.Equal(t, link.Params(), fields)
		require.Equal(t, 6, strings.Count(form, "<"), "tags of a form, two fields and a button")
		require.Equal(t, 6, strings.Count(form, ">"))
	})
}
