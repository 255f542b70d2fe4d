package iomeeting_test

import (
	"html"
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

// get returns the response of link, to a ResponseWriter with other headers.
func get(link iomeeting.Link, method string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	for name, value := range map[string]string{
		"Content-Type":            "text/plain",
		"Cache-Control":           "public",
		"Referrer-Policy":         "unsafe-url",
		"X-Frame-Options":         "SAMEORIGIN",
		"X-Content-Type-Options":  "sniff",
		"Content-Security-Policy": "default-src *",
	} {
		w.Header().Set(name, value)
	}
	link.ServePage(w, httptest.NewRequest(method, "/start", nil), "")
	return w
}

var noncePattern = regexp.MustCompile(`'nonce-([A-Z2-7]{26})'`)

func TestPageHeader(t *testing.T) {
	link, err := newClient(t).Start(host, nil)
	require.NoError(t, err)
	seen := make(map[string]bool)
	for range 10 {
		w := get(link, http.MethodGet)
		assert.Equal(t, http.StatusOK, w.Code)
		policy := w.Header().Get("Content-Security-Policy")
		nonce := noncePattern.FindStringSubmatch(policy)[1]
		assert.False(t, seen[nonce], "each response has its own nonce")
		seen[nonce] = true
		assert.Equal(t, http.Header{
			"Content-Type":           {"text/html; charset=utf-8"},
			"Cache-Control":          {"no-store"},
			"Referrer-Policy":        {"no-referrer"},
			"X-Frame-Options":        {"DENY"},
			"X-Content-Type-Options": {"nosniff"},
			"Content-Security-Policy": {"default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce +
				"'; base-uri 'none'; frame-ancestors 'none'"},
		}, w.Header())
		assert.Contains(t, w.Body.String(), `<style nonce="`+nonce+`">`)
		assert.Contains(t, w.Body.String(), `<script nonce="`+nonce+`">`)
	}
}

func TestProtectPage(t *testing.T) {
	h := http.Header{"Cache-Control": {"public", "max-age=60"}, "X-Frame-Options": {"SAMEORIGIN"}, "Vary": {"Cookie"}}
	iomeeting.ProtectPage(h)
	assert.Equal(t, http.Header{
		"Cache-Control":          {"no-store"},
		"Referrer-Policy":        {"no-referrer"},
		"X-Frame-Options":        {"DENY"},
		"X-Content-Type-Options": {"nosniff"},
		"Vary":                   {"Cookie"},
	}, h)
}

func TestPageBody(t *testing.T) {
	link, err := newClient(t).Start(host, &iomeeting.StartOptions{Title: "Q3_Review C++"})
	require.NoError(t, err)
	body := get(link, http.MethodGet).Body.String()
	for _, part := range []string{
		`<!DOCTYPE html>`, `<html lang="en">`, `<meta charset="utf-8">`, `<title>Opening the meeting</title>`,
		`<meta name="viewport" content="width=device-width, initial-scale=1">`,
		`<meta name="color-scheme" content="light dark">`,
		`<p>Taking you to your meeting at <strong>as.iomeeting.cn</strong>.</p>`,
		`<form method="post" action="https://as.iomeeting.cn/snm.do" accept-charset="utf-8" autocomplete="off">
<input type="hidden" name="hostEmail" value="test@abc.com">
<input type="hidden" name="hostPass" value="123456">
<input type="hidden" name="title" value="Q3_5FReview C_2B_2B">
<button type="submit">Open the meeting</button>
</form>`,
	} {
		assert.Contains(t, body, part)
	}
}

func TestPageMethods(t *testing.T) {
	link, err := newClient(t).Start(host, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, get(link, http.MethodHead).Code)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"} {
		w := get(link, method)
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		assert.NotContains(t, w.Body.String(), "123456")
	}
}

func TestPageOfZeroLink(t *testing.T) {
	w := get(iomeeting.Link{}, http.MethodGet)
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Equal(t, "the link is empty\n", w.Body.String())
	assert.Empty(t, iomeeting.Link{}.Form("Start"))
}

var (
	action = regexp.MustCompile(`action="([^"]*)"`)
	button = regexp.MustCompile(`<button type="submit">(.*)</button>`)
	field  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// readForm returns the action and the fields of the form in markup.
func readForm(markup string) (string, url.Values) {
	fields := make(url.Values)
	for _, m := range field.FindAllStringSubmatch(markup, -1) {
		fields.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return html.UnescapeString(action.FindStringSubmatch(markup)[1]), fields
}

// hostile are values that a page must escape.
var hostile = []string{
	`"><script>alert(1)</script>`, `</script><script>alert(1)//`, `<!--`, `-->`, `' onfocus='alert(1)`, `" autofocus onfocus="alert(1)`,
	"\u2028\u2029", "&amp;&lt;", "`${1}`", "javascript:alert(1)", "]]>", "{{.}}", "ä会🙂\u200f", `\x22`, "%22%3E", "a+b c", "\ufeff",
}

func TestFormEscapesValues(t *testing.T) {
	c := newClient(t)
	for _, value := range hostile {
		link, err := c.Start(
			iomeeting.Host{Email: value, Password: iomeeting.NewSecret(value)},
			&iomeeting.StartOptions{MeetingPassword: iomeeting.NewSecret(value), ObserverPassword: iomeeting.NewSecret(value), Title: value},
		)
		require.NoError(t, err)
		for _, markup := range []string{string(link.Form(value)), get(link, http.MethodGet).Body.String()} {
			endpoint, fields := readForm(markup)
			assert.Equal(t, "https://as.iomeeting.cn/snm.do", endpoint)
			assert.Equal(t, link.Params(), fields)
		}
		form := string(link.Form(value))
		assert.Equal(t, 9, strings.Count(form, "<"), "tags of a form, a button and five fields")
		assert.Equal(t, 9, strings.Count(form, ">"))
		assert.Equal(t, value, html.UnescapeString(button.FindStringSubmatch(form)[1]))
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
		_, fields := readForm(form)
		require.Equal(t, link.Params(), fields)
		require.Equal(t, 6, strings.Count(form, "<"))
		require.Equal(t, 6, strings.Count(form, ">"))
	})
}
