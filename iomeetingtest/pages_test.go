package iomeetingtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// ways are the ways to send parameters to a page.
var ways = []struct {
	name string
	open func(page string, params url.Values) (reply, error)
}{
	{"GET", func(page string, params url.Values) (reply, error) {
		return send(http.MethodGet, page+"?"+params.Encode(), "")
	}},
	{"POST", func(page string, params url.Values) (reply, error) {
		return send(http.MethodPost, page, params.Encode())
	}},
	{"POST with a query", func(page string, params url.Values) (reply, error) {
		return send(http.MethodPost, page+"?"+params.Encode(), "")
	}},
	{"POST with both", func(page string, params url.Values) (reply, error) {
		pairs := strings.Split(params.Encode(), "&")
		return send(http.MethodPost, page+"?"+strings.Join(pairs[1:], "&"), pairs[0])
	}},
}

func TestPages(t *testing.T) {
	tests := []struct {
		name, path string
		params     []string
		want       view
	}{
		{
			"start", "/snm.do",
			[]string{"hostEmail", "renée+1@abc.com", "hostPass", " pässwörd & co, 100% ", "meetingPass", "654321", "observerPass", "111111", "title", "Q3_5FReview C_2B_2B"},
			view{200, "", "Q3_Review C++", "renée+1@abc.com", "host", "000003", "renée+1@abc.com", []string{"renée+1@abc.com (host)"}},
		},
		{
			"start by ID", "/ssm.do",
			[]string{"meetingID", "000002", "hostPass", " pässwörd & co, 100% "},
			view{200, "", "Untitled meeting", "renée+1@abc.com", "host", "000002", "renée+1@abc.com", []string{"renée+1@abc.com (host)"}},
		},
		{
			"join", "/jm.do",
			[]string{"hostEmail", "test@abc.com", "meetingPass", "654321", "userName", "Joe Smith"},
			view{200, "", "Marketing", "Joe Smith", "participant", "000001", "test@abc.com", []string{"test@abc.com (host)", "Joe Smith (participant)"}},
		},
		{
			"join by ID", "/jm.do",
			[]string{"meetingID", "000001", "observerPass", "111111", "username", "Joe Smith"},
			view{200, "", "Marketing", "Joe Smith", "observer", "000001", "test@abc.com", []string{"test@abc.com (host)", "Joe Smith (observer)"}},
		},
		{
			"refusal", "/jm.do",
			[]string{"meetingID", "000001", "meetingPass", "wrong"},
			view{Status: 403, Refusal: "The password of meeting 000001 is wrong or missing."},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var first reply
			for _, way := range ways {
				s := serve(t, tess, rene)
				s.started(tess, "meetingPass", "654321", "observerPass", "111111", "title", "Marketing")
				s.scheduled(rene)
				page, err := way.open(s.URL+tt.path, form(tt.params...))
				require.NoError(t, err)
				assert.Equal(t, tt.want, viewOf(page), way.name)
				assert.Equal(t, pageType, page.Type, way.name)
				if first == (reply{}) {
					first = page
				}
				assert.Equal(t, first, page, way.name)
			}
		})
	}
}

func TestBodyTakesPrecedenceOverURL(t *testing.T) {
	s := serve(t, tess)
	s.started(tess)
	page, err := send(http.MethodPost, s.URL+"/jm.do?hostEmail=test%40abc.com&userName=Url", "userName=Body")
	require.NoError(t, err)
	assert.Equal(t, "Body", viewOf(page).Name)
}

func TestPageHTML(t *testing.T) {
	s := serve(t, tess)
	s.started(tess, "title", "Q3 _26 Q4", "meetingPass", "654321")
	tests := []struct{ name, query, title, main string }{
		{
			"meeting", "meetingID=000001&meetingPass=654321&userName=Joe+Smith",
			"<title>Q3 &amp; Q4</title>",
			`
<h1 id="title">Q3 &amp; Q4</h1>
<p><span id="name">Joe Smith</span> is in the meeting as <span id="role">participant</span>.</p>
<dl>
<dt>Meeting</dt><dd id="meeting">000001</dd>
<dt>Host</dt><dd id="host">test@abc.com</dd>
<dt>People</dt><dd><ul id="people"><li>test@abc.com (host)</li><li>Joe Smith (participant)</li></ul></dd>
</dl>
`,
		},
		{
			"refusal", "meetingID=%3Cb%3E", "<title>No meeting</title>",
			`
<h1>No meeting</h1>
<p id="refusal">There is no meeting &#34;&lt;b&gt;&#34;.</p>
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page, err := send(http.MethodGet, s.URL+"/jm.do?"+tt.query, "")
			require.NoError(t, err)
			assert.Contains(t, page.Body, tt.title)
			_, main, _ := strings.Cut(page.Body, "<main>")
			main, _, _ = strings.Cut(main, "</main>")
			assert.Equal(t, tt.main, main)
		})
	}
}

func TestPagesAreNotCached(t *testing.T) {
	s := serve(t, tess)
	for _, query := range []string{"hostEmail=test@abc.com&hostPass=123456", "hostEmail=test@abc.com&hostPass=1"} {
		res, err := http.Get(s.URL + "/snm.do?" + query)
		require.NoError(t, err)
		_, err = readReply(res)
		require.NoError(t, err)
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	}
}

// texts are titles and names that must arrive unchanged.
var texts = []string{
	"Marketing",
	`会议 "Q3_Review" 100% C++`,
	"Renée O'Brien",
	"_41 %41 &amp; <b>",
	"a\tb\nc",
	"🙂 ~*-.",
	" ",
}

func TestTextsSentByTheClient(t *testing.T) {
	for _, text := range texts {
		for _, way := range ways {
			s := serve(t, tess)
			c := s.Client()
			start, err := c.Start(tess, &iomeeting.StartOptions{Title: text})
			require.NoError(t, err)
			page, err := way.open(start.Endpoint(), start.Params())
			require.NoError(t, err)
			assert.Equal(t, text, viewOf(page).Title, way.name)

			join, err := c.Join(tess.Email, &iomeeting.JoinOptions{UserName: text})
			require.NoError(t, err)
			page, err = way.open(join.Endpoint(), join.Params())
			require.NoError(t, err)
			assert.Equal(t, text, viewOf(page).Name, way.name)
			assert.Equal(t, []string{"test@abc.com (host)", text + " (participant)"}, viewOf(page).People, way.name)
		}
	}
}

func TestEncodedTexts(t *testing.T) {
	tests := []struct{ query, text string }{
		{"_E4_BC_9A_E8_AE_AE+_22Q3_5FReview_22+100_25+C_2B_2B", `会议 "Q3_Review" 100% C++`},
		{"_e4_bc_9a", "会"},
		{"Ren_C3_A9e+O_27Brien", "Renée O'Brien"},
		{"Joe+Smith", "Joe Smith"},
		{"Joe%20Smith", "Joe Smith"},
		{"Joe%2BSmith", "Joe Smith"}, // the + of the text encoding, form-encoded
		{"%E4%BC%9A", "会"},           // form-encoded only
	}
	for _, tt := range tests {
		s := serve(t, tess)
		page, err := send(http.MethodGet, s.URL+"/snm.do?hostEmail=test@abc.com&hostPass=123456&title="+tt.query, "")
		require.NoError(t, err)
		assert.Equal(t, tt.text, viewOf(page).Title)
		page, err = send(http.MethodGet, s.URL+"/jm.do?hostEmail=test@abc.com&userName="+tt.query, "")
		require.NoError(t, err)
		assert.Equal(t, tt.text, viewOf(page).Name)
	}
}

func TestPagesEscapeText(t *testing.T) {
	const text, encoded = "</h1><script>alert(1)</script>", "_3C/h1_3E_3Cscript_3Ealert(1)_3C/script_3E"
	mallory := iomeeting.Host{Email: `"><script>alert(1)</script>@abc.com`, Password: tess.Password}
	tests := []struct {
		name, path string
		params     []string
		shows      func(view) string
		want       string
	}{
		{"title", "/snm.do", []string{"hostEmail", tess.Email, "hostPass", "123456", "title", encoded}, func(v view) string { return v.Title }, text},
		{"host", "/snm.do", []string{"hostEmail", mallory.Email, "hostPass", "123456"}, func(v view) string { return v.Host }, mallory.Email},
		{"name", "/jm.do", []string{"hostEmail", rene.Email, "userName", encoded}, func(v view) string { return v.Name }, text},
		{"people", "/jm.do", []string{"hostEmail", rene.Email, "userName", encoded}, func(v view) string { return v.People[1] }, text + " (participant)"},
		{"refused host", "/jm.do", []string{"hostEmail", text}, func(v view) string { return v.Refusal }, `There is no host account "` + text + `".`},
		{"refused meeting", "/jm.do", []string{"meetingID", text}, func(v view) string { return v.Refusal }, `There is no meeting "` + text + `".`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess, rene, mallory)
			s.started(rene)
			page, err := send(http.MethodGet, s.URL+tt.path+"?"+form(tt.params...).Encode(), "")
			require.NoError(t, err)
			assert.Equal(t, tt.want, tt.shows(viewOf(page)))
			assert.NotContains(t, page.Body, "<script")
			assert.Contains(t, page.Body, "&lt;script&gt;alert(1)&lt;/script&gt;")
		})
	}
}

func TestParticipantNames(t *testing.T) {
	tests := []struct {
		params []string
		name   string
	}{
		{nil, "Guest"},
		{[]string{"userName", ""}, "Guest"},
		{[]string{"username", ""}, "Guest"},
		{[]string{"userName", "Joe"}, "Joe"},
		{[]string{"username", "Joe"}, "Joe"},
		{[]string{"username", "Joe", "userName", "Ann"}, "Ann"},
	}
	for _, tt := range tests {
		s := serve(t, tess)
		s.started(tess)
		assert.Equal(t, tt.name, s.open("/jm.do", append(tt.params, "hostEmail", tess.Email)...).Name)
	}
}

func TestMeetingPasswords(t *testing.T) {
	const none, meeting, observer = "", "654321", "111111"
	tests := []struct {
		name            string
		set, setObserve string // passwords of the meeting
		pass, observe   string // passwords in the link
		role            string // empty if refused
	}{
		{"meeting password", meeting, observer, meeting, none, "participant"},
		{"observer password as meetingPass", meeting, observer, observer, none, "observer"},
		{"observer password as observerPass", meeting, observer, none, observer, "observer"},
		{"both passwords", meeting, observer, meeting, observer, "observer"},
		{"no password", meeting, observer, none, none, ""},
		{"wrong meeting password", meeting, observer, "x", none, ""},
		{"wrong observer password", meeting, observer, none, "x", ""},
		{"right meeting password, wrong observer password", meeting, observer, meeting, "x", ""},
		{"meeting password as observerPass", meeting, observer, none, meeting, ""},
		{"in lower case", "Secret", observer, "secret", none, ""},
		{"with a trailing space", meeting, observer, meeting + " ", none, ""},

		{"open meeting", none, none, none, none, "participant"},
		{"meeting password of an open meeting", none, none, meeting, none, ""},
		{"observer password of an open meeting", none, none, none, observer, ""},

		{"meeting without observers", meeting, none, meeting, none, "participant"},
		{"meeting without observers, no password", meeting, none, none, none, ""},
		{"meeting without observers, observer password", meeting, none, none, observer, ""},

		{"only observers need a password", none, observer, none, none, "participant"},
		{"only observers need a password, as observerPass", none, observer, none, observer, "observer"},
		{"only observers need a password, as meetingPass", none, observer, observer, none, "observer"},
		{"only observers need a password, wrong", none, observer, "x", none, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := refused(403, "The password of meeting 000001 is wrong or missing.")
			if tt.role != "" {
				want = view{200, "", "Untitled meeting", "Guest", tt.role, "000001", "test@abc.com", []string{"test@abc.com (host)", "Guest (" + tt.role + ")"}}
			}
			for _, named := range [][]string{{"hostEmail", "test@abc.com"}, {"meetingID", "000001"}} {
				s := serve(t, tess)
				s.started(tess, "meetingPass", tt.set, "observerPass", tt.setObserve)
				assert.Equal(t, want, s.open("/jm.do", append(named, "meetingPass", tt.pass, "observerPass", tt.observe)...), named[0])
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	const rightHost = "hostEmail=test@abc.com&hostPass=123456"
	const both = "The link must name either a host or a meeting."
	tests := []struct {
		name, path, query string
		status            int
		reason            string
	}{
		{"start, unknown host", "/snm.do", "hostEmail=x@abc.com&hostPass=123456", 404, `There is no host account "x@abc.com".`},
		{"start, no parameters", "/snm.do", "", 404, `There is no host account "".`},
		{"start, wrong password", "/snm.do", "hostEmail=test@abc.com&hostPass=x", 403, "The host password is wrong."},
		{"start, no password", "/snm.do", "hostEmail=test@abc.com", 403, "The host password is wrong."},
		{"start, password named as in calls", "/snm.do", "hostEmail=test@abc.com&hostPassword=123456", 403, "The host password is wrong."},
		{"start, truncated title", "/snm.do", rightHost + "&title=a_4", 400, "The parameter title is not encoded correctly."},
		{"start, title without hexadecimal digits", "/snm.do", rightHost + "&title=snake_case", 400, "The parameter title is not encoded correctly."},
		{"start, title with a %", "/snm.do", rightHost + "&title=100%25", 400, "The parameter title is not encoded correctly."},
		{"start, title not UTF-8", "/snm.do", rightHost + "&title=_FF", 400, "The parameter title is not encoded correctly."},
		{"start by ID, unknown meeting", "/ssm.do", "meetingID=000009&hostPass=123456", 404, `There is no meeting "000009".`},
		{"start by ID, ID without zeros", "/ssm.do", "meetingID=2&hostPass=123456", 404, `There is no meeting "2".`},
		{"start by ID, no ID", "/ssm.do", "hostPass=123456", 404, `There is no meeting "".`},
		{"start by ID, wrong password", "/ssm.do", "meetingID=000002&hostPass=x", 403, "The host password is wrong."},
		{"start by ID, no password", "/ssm.do", "meetingID=000002", 403, "The host password is wrong."},
		{"start by ID, in progress, wrong password", "/ssm.do", "meetingID=000001&hostPass=x", 403, "The host password is wrong."},
		{"start by ID, ended, wrong password", "/ssm.do", "meetingID=000003&hostPass=x", 403, "The host password is wrong."},
		{"join, unknown host", "/jm.do", "hostEmail=x@abc.com", 404, `There is no host account "x@abc.com".`},
		{"join, unknown meeting", "/jm.do", "meetingID=000009", 404, `There is no meeting "000009".`},
		{"join, ID without zeros", "/jm.do", "meetingID=1&meetingPass=654321", 404, `There is no meeting "1".`},
		{"join, neither host nor meeting", "/jm.do", "meetingPass=654321&userName=Joe", 400, both},
		{"join, host and meeting empty", "/jm.do", "meetingID=&hostEmail=", 400, both},
		{"join, host and meeting", "/jm.do", "meetingID=000001&hostEmail=test@abc.com&meetingPass=654321", 400, both},
		{"join, malformed userName", "/jm.do", "meetingID=000001&meetingPass=654321&userName=_4", 400, "The parameter userName is not encoded correctly."},
		{"join, malformed username", "/jm.do", "meetingID=000001&meetingPass=654321&username=_4", 400, "The parameter username is not encoded correctly."},
		{"join, not started", "/jm.do", "meetingID=000002", 409, "Meeting 000002 has not started."},
		{"join, ended", "/jm.do", "meetingID=000003", 410, "Meeting 000003 has ended."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess, rene)
			s.started(rene, "meetingPass", "654321")
			s.scheduled(tess)
			require.NoError(t, s.EndMeeting(s.scheduled(tess)))
			page, err := send(http.MethodGet, s.URL+tt.path+"?"+tt.query, "")
			require.NoError(t, err)
			assert.Equal(t, refused(tt.status, tt.reason), viewOf(page))
			assert.Equal(t, pageType, page.Type)
			assert.Equal(t, line("0,,"), s.query(tess), "the host is not in a meeting")
			assert.Equal(t, "000004", s.started(tess), "no ID was used")
		})
	}
}

func TestRefusedPersonDoesNotJoin(t *testing.T) {
	s := serve(t, tess)
	s.started(tess, "meetingPass", "654321")
	s.open("/jm.do", "meetingID", "000001", "meetingPass", "x", "userName", "Mallory")
	assert.Equal(t, []string{"test@abc.com (host)"}, s.startByID("000001", tess).People)
}

// TestSpecExamples opens the examples of sections 1 to 4, each on a server that has
// what the example names. The examples' meeting ID is replaced by the server's.
func TestSpecExamples(t *testing.T) {
	nothing := func(t *testing.T) site { return serve(t, tess) }
	open := func(t *testing.T) site {
		s := serve(t, tess)
		s.started(tess)
		return s
	}
	locked := func(t *testing.T) site {
		s := serve(t, tess)
		s.started(tess, "meetingPass", "654321", "observerPass", "111111")
		return s
	}
	planned := func(t *testing.T) site {
		host := iomeeting.Host{Email: "test@abc.com", Password: iomeeting.NewSecret("654321")}
		s := serve(t, host)
		s.scheduled(host)
		return s
	}
	tests := []struct {
		url               string
		prepare           func(*testing.T) site
		title, name, role string
	}{
		{"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456", nothing, "Untitled meeting", "test@abc.com", "host"},
		{"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456&title=Marketing", nothing, "Marketing", "test@abc.com", "host"},
		{"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321", nothing, "Untitled meeting", "test@abc.com", "host"},
		{"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321&title=Marketing", nothing, "Marketing", "test@abc.com", "host"},
		{"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321&observerPass=111111&title=Marketing", nothing, "Marketing", "test@abc.com", "host"},

		{"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com", open, "Untitled meeting", "Guest", "participant"},
		{"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com&meetingPass=654321", locked, "Untitled meeting", "Guest", "participant"},
		{"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com&observerPass=111111", locked, "Untitled meeting", "Guest", "observer"},
		{"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com&userName=Joe+Smith", open, "Untitled meeting", "Joe Smith", "participant"},
		{"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com&meetingPass=654321&userName=Joe+Smith", locked, "Untitled meeting", "Joe Smith", "participant"},

		{"https://as.iomeeting.cn/ssm.do?meetingID=123456&hostPass=654321", planned, "Untitled meeting", "test@abc.com", "host"},

		{"https://as.iomeeting.cn/jm.do?meetingID=123456", open, "Untitled meeting", "Guest", "participant"},
		{"https://as.iomeeting.cn/jm.do?meetingID=123456&meetingPass=654321", locked, "Untitled meeting", "Guest", "participant"},
		{"https://as.iomeeting.cn/jm.do?meetingID=123456&observerPass=111111", locked, "Untitled meeting", "Guest", "observer"},
		{"https://as.iomeeting.cn/jm.do?meetingID=123456&username=Joe+Smith", open, "Untitled meeting", "Joe Smith", "participant"},
		{"https://as.iomeeting.cn/jm.do?meetingID=123456&meetingPass=654321&username=Joe+Smith", locked, "Untitled meeting", "Joe Smith", "participant"},
	}
	for _, tt := range tests {
		t.Run(strings.TrimPrefix(tt.url, "https://as.iomeeting.cn/"), func(t *testing.T) {
			s := tt.prepare(t)
			target := strings.NewReplacer("https://as.iomeeting.cn", s.URL, "meetingID=123456", "meetingID=000001").Replace(tt.url)
			page, err := send(http.MethodGet, target, "")
			require.NoError(t, err)
			got := viewOf(page)
			assert.Equal(t, view{200, "", tt.title, tt.name, tt.role, "000001", "test@abc.com", got.People}, got)
			assert.Contains(t, got.People, tt.name+" ("+tt.role+")")
		})
	}
}

// TestPagesShowNoPassword opens pages with passwords that are right, wrong, or in
// the wrong parameter.
func TestPagesShowNoPassword(t *testing.T) {
	const host, meeting, observer, wrong = "HostSecret1", "MeetingSecret2", "ObserverSecret3", "WrongSecret4"
	ann := iomeeting.Host{Email: "ann@abc.com", Password: iomeeting.NewSecret(host)}
	s := serve(t, ann)
	s.scheduled(ann, "meetingPassword", meeting)
	pages := []struct {
		path   string
		params []string
	}{
		{"/snm.do", []string{"hostEmail", "ann@abc.com", "hostPass", wrong, "meetingPass", meeting, "observerPass", observer}},
		{"/snm.do", []string{"hostEmail", "bob@abc.com", "hostPass", host, "meetingPass", meeting, "observerPass", observer}},
		{"/snm.do", []string{"hostEmail", "ann@abc.com", "hostPass", host, "meetingPass", meeting, "observerPass", observer, "title", "_"}},
		{"/snm.do", []string{"hostEmail", "ann@abc.com", "hostPass", host, "meetingPass", meeting, "observerPass", observer}},
		{"/snm.do", []string{"hostEmail", "ann@abc.com", "hostPass", host, "meetingPass", meeting, "observerPass", observer}},
		{"/ssm.do", []string{"meetingID", "000001", "hostPass", host}},
		{"/ssm.do", []string{"meetingID", "000001", "hostPass", wrong}},
		{"/ssm.do", []string{"meetingID", "000002", "hostPass", host}},
		{"/ssm.do", []string{"meetingID", "000003", "hostPass", host}},
		{"/jm.do", []string{"hostEmail", "ann@abc.com", "meetingPass", meeting}},
		{"/jm.do", []string{"hostEmail", "ann@abc.com", "observerPass", observer}},
		{"/jm.do", []string{"hostEmail", "ann@abc.com", "meetingPass", wrong}},
		{"/jm.do", []string{"meetingID", "000002", "meetingPass", observer}},
		{"/jm.do", []string{"meetingID", "000002", "observerPass", meeting}},
		{"/jm.do", []string{"meetingID", "000002", "hostEmail", "ann@abc.com", "meetingPass", meeting}},
		{"/jm.do", []string{"meetingID", "000001", "meetingPass", meeting, "hostPass", host}},
		{"/nothing", []string{"hostPass", host, "meetingPass", meeting}},
		{"//ssm.do", []string{"meetingID", "000002", "hostPass", host}},
	}
	for _, p := range pages {
		for _, way := range ways {
			page, err := way.open(s.URL+p.path, form(p.params...))
			require.NoError(t, err)
			for _, password := range []string{host, meeting, observer, wrong} {
				assert.NotContains(t, page.Body, password, "%s %s", way.name, p.path)
			}
		}
	}
}
