package iomeetingtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

const valid = "hostEmail=test%40abc.com&hostPassword=123456&hostPass=123456"

func TestMethods(t *testing.T) {
	tests := []struct {
		path, allow string
		refused     []string
	}{
		{"/meetingControl/query", "POST", []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"}},
		{"/meetingControl/schedule", "POST", []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"}},
		{"/snm.do", "GET, POST", []string{"HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "get"}},
		{"/ssm.do", "GET, POST", []string{"HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "get"}},
		{"/jm.do", "GET, POST", []string{"HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "get"}},
	}
	for _, tt := range tests {
		for _, method := range tt.refused {
			t.Run(method+tt.path, func(t *testing.T) {
				s := serve(t, tess)
				req, err := http.NewRequest(method, s.URL+tt.path+"?"+valid, strings.NewReader(valid))
				require.NoError(t, err)
				req.Header.Set("Content-Type", formType)
				res, err := http.DefaultClient.Do(req)
				require.NoError(t, err)
				answer, err := readReply(res)
				require.NoError(t, err)

				want := reply{405, "text/plain; charset=utf-8", "method not allowed\n"}
				if method == "HEAD" {
					want.Body = ""
				}
				assert.Equal(t, want, answer)
				assert.Equal(t, []string{tt.allow}, res.Header["Allow"])
				assert.Empty(t, s.Meetings(), "nothing was carried out")
			})
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	s := serve(t, tess)
	paths := []string{"/", "/snm.do/", "/SNM.do", "/jm", "/meetingControl", "/meetingControl/", "/meetingControl/query/", "/meetingControl/end"}
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			answer, err := send(method, s.URL+path+"?"+valid, valid)
			require.NoError(t, err)
			assert.Equal(t, reply{404, textType, "404 page not found\n"}, answer, "%s %s", method, path)
		}
	}
	assert.Empty(t, s.Meetings(), "nothing was carried out")
}

func TestMalformedForms(t *testing.T) {
	const maxBody = 1 << 20
	filler := func(n int) string { return valid + "&x=" + strings.Repeat("x", n-len(valid+"&x=")) }
	unreadable := reply{400, textType, "the form cannot be read\n"}
	tests := []struct {
		name, query, body string
		want              reply
	}{
		{"bad escape in the body", "", valid + "&x=%zz", unreadable},
		{"semicolon in the body", "", valid + ";x=1", unreadable},
		{"bad escape in the URL", "x=%zz", valid, unreadable},
		{"body too large", "", filler(maxBody + 1), unreadable},
		{"largest body", "", filler(maxBody), line("0,000001")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			answer, err := send(http.MethodPost, s.URL+"/meetingControl/schedule?"+tt.query, tt.body)
			require.NoError(t, err)
			assert.Equal(t, tt.want, answer)
			if tt.want != unreadable {
				return
			}
			answer, err = send(http.MethodPost, s.URL+"/snm.do?"+tt.query, tt.body)
			require.NoError(t, err)
			assert.Equal(t, unreadable, answer)
			assert.Empty(t, s.Meetings(), "nothing was carried out")
			assert.Len(t, s.Requests(), 2)
		})
	}
}

func TestLongURLs(t *testing.T) {
	const maxURL = 8000
	tests := []struct{ method, path string }{
		{"GET", "/snm.do"},
		{"POST", "/snm.do"},
		{"POST", "/meetingControl/schedule"},
	}
	for _, tt := range tests {
		t.Run(tt.method+tt.path, func(t *testing.T) {
			s := serve(t, tess)
			longest := tt.path + "?" + valid + "&x="
			longest += strings.Repeat("x", maxURL-len(longest))
			answer, err := send(tt.method, s.URL+longest+"x", valid)
			require.NoError(t, err)
			assert.Equal(t, reply{400, textType, "the URL is too long\n"}, answer)
			assert.Empty(t, s.Meetings(), "nothing was carried out")
			assert.Equal(t, []string{tt.path}, pathsTo(s))

			answer, err = send(tt.method, s.URL+longest, valid)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, answer.Status)
		})
	}
}

func TestLongTitle(t *testing.T) {
	s := serve(t, tess)
	title := strings.Repeat("会", 10_000)
	link, err := s.Client().Start(tess, &iomeeting.StartOptions{Title: title})
	require.NoError(t, err)
	page, err := send(http.MethodGet, link.URL(), "")
	require.NoError(t, err)
	assert.Equal(t, reply{400, textType, "the URL is too long\n"}, page)
	page, err = send(http.MethodPost, link.Endpoint(), link.Params().Encode())
	require.NoError(t, err)
	assert.Equal(t, title, viewOf(page).Title)
}

func TestRequests(t *testing.T) {
	s := serve(t, tess)
	require.Empty(t, s.Requests())

	req, err := http.NewRequest(http.MethodPost, s.URL+"/meetingControl/query?a=1&b=x+y", strings.NewReader("hostEmail=test%40abc.com&b=2&b=3"))
	require.NoError(t, err)
	req.Header = http.Header{"Content-Type": {formType}, "User-Agent": {"test/1"}, "X-Trace": {"1", "2"}, "Accept-Encoding": {"identity"}}
	answer, err := exchange(req)
	require.NoError(t, err)
	require.Equal(t, line("2,,"), answer)

	req, err = http.NewRequest(http.MethodGet, s.URL+"/jm.do?meetingID=000001&userName=Joe+Smith&meetingPass=a%26b", nil)
	require.NoError(t, err)
	req.Header = http.Header{"User-Agent": {"test/2"}, "Accept-Encoding": {"identity"}}
	_, err = exchange(req)
	require.NoError(t, err)

	assert.Equal(t, []iomeetingtest.Request{
		{
			Method: "POST",
			Path:   "/meetingControl/query",
			Header: http.Header{
				"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"test/1"}, "X-Trace": {"1", "2"},
				"Accept-Encoding": {"identity"}, "Content-Length": {"32"},
			},
			Query:    url.Values{"a": {"1"}, "b": {"x y"}},
			PostForm: url.Values{"hostEmail": {"test@abc.com"}, "b": {"2", "3"}},
		},
		{
			Method:   "GET",
			Path:     "/jm.do",
			Header:   http.Header{"User-Agent": {"test/2"}, "Accept-Encoding": {"identity"}},
			Query:    url.Values{"meetingID": {"000001"}, "userName": {"Joe Smith"}, "meetingPass": {"a&b"}},
			PostForm: url.Values{},
		},
	}, s.Requests())
}

// sent is what most tests compare of a request.
type sent struct {
	Method, Path    string
	Query, PostForm url.Values
}

func pathsTo(s site) []string {
	var paths []string
	for _, r := range s.Requests() {
		paths = append(paths, r.Path)
	}
	return paths
}

func sentTo(s site) []sent {
	var all []sent
	for _, r := range s.Requests() {
		all = append(all, sent{r.Method, r.Path, r.Query, r.PostForm})
	}
	return all
}

func TestRequestsOfEveryKind(t *testing.T) {
	s := serve(t, tess)
	s.FailNext(iomeetingtest.HTTPStatus(500), iomeetingtest.RawAnswer("?"))
	requests := []struct{ method, target, body string }{
		{"POST", "/meetingControl/query", "n=1"},                 // HTTPStatus
		{"POST", "/meetingControl/schedule", "n=2"},              // RawAnswer
		{"POST", "/meetingControl/query", "n=3"},                 // status 1
		{"PUT", "/meetingControl/query?n=4", "n=5"},              // 405
		{"DELETE", "/snm.do?n=6", ""},                            // 405
		{"GET", "/snm.do?n=7", ""},                               // 404
		{"GET", "/favicon.ico?n=8", ""},                          // 404
		{"POST", "/jm.do?n=9", "n=10"},                           // 400
		{"POST", "/jm.do", "n=%zz&n=11"},                         // 400
		{"GET", "/%E4%BC%9A%2Fx?n=%E4%BC%9A&n=%zz&n=12", "n=13"}, // 404
	}
	for _, r := range requests {
		_, err := send(r.method, s.URL+r.target, r.body)
		require.NoError(t, err)
	}
	n := func(numbers ...string) url.Values { return url.Values{"n": numbers} }
	assert.Equal(t, []sent{
		{"POST", "/meetingControl/query", url.Values{}, n("1")},
		{"POST", "/meetingControl/schedule", url.Values{}, n("2")},
		{"POST", "/meetingControl/query", url.Values{}, n("3")},
		{"PUT", "/meetingControl/query", n("4"), n("5")},
		{"DELETE", "/snm.do", n("6"), url.Values{}},
		{"GET", "/snm.do", n("7"), url.Values{}},
		{"GET", "/favicon.ico", n("8"), url.Values{}},
		{"POST", "/jm.do", n("9"), n("10")},
		{"POST", "/jm.do", url.Values{}, n("11")},
		{"GET", "/会/x", n("会", "12"), url.Values{}},
	}, sentTo(s))
}

// TestPathsAreRecordedAsTheyArrived sends paths like those of a client whose site
// ends in an extra slash. A net/http.ServeMux would redirect it unnoticed, with its
// passwords.
func TestPathsAreRecordedAsTheyArrived(t *testing.T) {
	s := serve(t, tess)
	paths := []string{"//snm.do", "//meetingControl/query", "/x/../jm.do", "/./ssm.do"}
	for _, path := range paths {
		answer, err := send(http.MethodPost, s.URL+path, "")
		require.NoError(t, err)
		assert.Equal(t, reply{404, textType, "404 page not found\n"}, answer)
	}
	assert.Equal(t, paths, pathsTo(s))
}

func TestRequestsAreCopies(t *testing.T) {
	s := serve(t, tess)
	s.call("/meetingControl/query?a=1", "b", "2")
	kept, modified := s.Requests(), s.Requests()
	require.Len(t, modified, 1)
	modified[0].Header["Content-Type"][0] = "x"
	modified[0].Header.Set("User-Agent", "x")
	modified[0].Query["a"][0] = "x"
	modified[0].Query.Set("x", "x")
	modified[0].PostForm["b"][0] = "x"
	modified[0].PostForm.Del("b")
	modified[0].Path = "x"

	want := iomeetingtest.Request{
		Method: "POST",
		Path:   "/meetingControl/query",
		Header: http.Header{
			"Content-Type": {formType}, "Content-Length": {"3"},
			"User-Agent": {"Go-http-client/1.1"}, "Accept-Encoding": {"gzip"},
		},
		Query:    url.Values{"a": {"1"}},
		PostForm: url.Values{"b": {"2"}},
	}
	assert.Equal(t, []iomeetingtest.Request{want}, kept)
	assert.Equal(t, []iomeetingtest.Request{want}, s.Requests())
	s.query(tess)
	assert.Equal(t, []iomeetingtest.Request{want}, kept)
	assert.Equal(t, want, s.Requests()[0])
	assert.Len(t, s.Requests(), 2)
}

func TestClearRequests(t *testing.T) {
	s := serve(t, tess)
	id := s.running(tess)
	kept := s.Requests()
	s.FailNext(iomeetingtest.HTTPStatus(500))
	s.ClearRequests()
	assert.Empty(t, s.Requests())
	assert.Len(t, kept, 2)

	assert.Equal(t, 500, s.query(tess).Status, "faults remain")
	assert.Equal(t, line("3,"+id+","), s.query(tess), "meetings remain")
	assert.Equal(t, []string{"/meetingControl/query", "/meetingControl/query"}, pathsTo(s))
}
