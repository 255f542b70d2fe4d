package iomeetingtest_test

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestMethods(t *testing.T) {
	for path, methods := range map[string]struct{ allow, refused string }{
		"/meetingControl/query":    {allow: "POST", refused: "GET PUT OPTIONS"},
		"/meetingControl/schedule": {allow: "POST", refused: "GET PUT OPTIONS"},
		"/snm.do":                  {allow: "GET, POST", refused: "HEAD PUT OPTIONS"},
		"/ssm.do":                  {allow: "GET, POST", refused: "HEAD PUT OPTIONS"},
		"/jm.do":                   {allow: "GET, POST", refused: "HEAD PUT OPTIONS"},
	} {
		s := serve(t, tess)
		for _, method := range strings.Fields(methods.refused) {
			res, _, err := s.do(method, path+"?"+validForm, validForm)
			require.NoError(t, err)
			assert.Equal(t, 405, res.StatusCode, "%s %s", method, path)
			assert.Equal(t, methods.allow, res.Header.Get("Allow"))
		}
		assert.Empty(t, s.Meetings(), "nothing was carried out")
	}
}

// TestUnknownPaths has paths like those of a client whose site ends in an extra slash.
// A net/http.ServeMux would redirect it unnoticed, with its passwords.
func TestUnknownPaths(t *testing.T) {
	s := serve(t, tess)
	paths := []string{"/", "/snm.do/", "/SNM.do", "/meetingControl", "/meetingControl/query/", "//snm.do", "/x/../jm.do"}
	var want []string
	for _, path := range paths {
		assert.Equal(t, "404 404 page not found\n", s.send(http.MethodPost, path, "a=1"))
		want = append(want, "POST "+path+" a=1")
	}
	assert.Equal(t, want, s.received(), "paths are recorded as they arrived")
}

func TestRequestsThatCannotBeRead(t *testing.T) {
	filled := func(prefix string, n int) string { return prefix + strings.Repeat("x", n-len(prefix)) }
	const unreadable = "400 the form cannot be read\n"
	tests := []struct{ name, url, body, want string }{
		{name: "bad escape in the body", body: validForm + "&x=%zz", want: unreadable},
		{name: "bad escape in the URL", url: schedulePath + "?x=%zz", body: validForm, want: unreadable},
		{name: "bad escape in the body of a page", url: "/snm.do", body: validForm + "&x=%zz", want: unreadable},
		{name: "body too large", body: filled(validForm+"&x=", 1<<20+1), want: unreadable},
		{name: "largest body", body: filled(validForm+"&x=", 1<<20), want: "200 0,000001"},
		{name: "URL too long", url: filled(schedulePath+"?x=", 8001), body: validForm, want: "400 the URL is too long\n"},
		{name: "longest URL", url: filled(schedulePath+"?x=", 8000), body: validForm, want: "200 0,000001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			assert.Equal(t, tt.want, s.send(http.MethodPost, cmp.Or(tt.url, schedulePath), tt.body))
			assert.Equal(t, strings.HasPrefix(tt.want, "200"), len(s.Meetings()) == 1)
			assert.Len(t, s.Requests(), 1)
		})
	}
}

func TestRequests(t *testing.T) {
	s := serve(t, tess)
	require.Empty(t, s.Requests())
	s.FailNext(iomeetingtest.HTTPStatus(500), iomeetingtest.RawAnswer("?"))
	for _, r := range []struct{ method, target, body string }{
		{method: "POST", target: "/meetingControl/query?n=0", body: "n=1"}, // HTTPStatus
		{method: "POST", target: "/meetingControl/schedule", body: "n=2"},  // RawAnswer
		{method: "POST", target: "/meetingControl/query", body: "n=3&n=+"}, // status 1
		{method: "PUT", target: "/meetingControl/query?n=4", body: "n=5"},  // 405
		{method: "GET", target: "/snm.do?n=6&n=%zz"},                       // 400
		{method: "GET", target: "/%E4%BC%9A?n=7", body: "n=8"},             // 404
	} {
		_, _, err := s.do(r.method, r.target, r.body)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{
		"POST /meetingControl/query?n=0 n=1",
		"POST /meetingControl/schedule n=2",
		"POST /meetingControl/query n=3&n=+",
		"PUT /meetingControl/query?n=4 n=5",
		"GET /snm.do?n=6 ",
		"GET /会?n=7 ",
	}, s.received())
}

func TestRequestsAreCopies(t *testing.T) {
	s := serve(t, tess)
	s.send(http.MethodPost, queryPath+"?a=1", "b=2")
	kept, modified := s.Requests(), s.Requests()
	modified[0].Header["Content-Type"][0] = "x"
	modified[0].Header.Set("User-Agent", "x")
	modified[0].Query["a"][0] = "x"
	modified[0].PostForm["b"][0] = "x"
	modified[0].Path = "x"

	want := []iomeetingtest.Request{{
		Method: "POST",
		Path:   "/meetingControl/query",
		Header: http.Header{
			"Content-Type": {formType}, "Content-Length": {"3"},
			"User-Agent": {"Go-http-client/1.1"}, "Accept-Encoding": {"gzip"},
		},
		Query:    url.Values{"a": {"1"}},
		PostForm: url.Values{"b": {"2"}},
	}}
	assert.Equal(t, want, kept)
	assert.Equal(t, want, s.Requests())

	s.start(tess)
	s.FailNext(iomeetingtest.HTTPStatus(500))
	s.ClearRequests()
	assert.Empty(t, s.Requests())
	assert.Equal(t, want, kept)
	assert.Equal(t, "500 HTTP status 500, set by FailNext\n", s.query(tess), "faults remain")
	assert.Equal(t, "200 3,000001,", s.query(tess), "meetings remain")
	assert.Len(t, s.Requests(), 2)
}
