package iomeetingtest_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// TestSpecExamples opens the examples of sections 1 to 4 with the server's address and
// meeting ID, each on a server that has what the example names.
func TestSpecExamples(t *testing.T) {
	nothing := func(site) {}
	started := func(s site) { s.start(tess) }
	locked := func(s site) { s.start(tess, "meetingPass=654321&observerPass=111111") }
	planned := func(s site) { s.scheduled(tess) }
	tests := []struct {
		url               string
		prepare           func(site)
		title, name, role string // title, if it is not "Untitled meeting"
	}{
		{url: "/snm.do?hostEmail=test@abc.com&hostPass=123456", prepare: nothing, name: "test@abc.com", role: "host"},
		{url: "/snm.do?hostEmail=test@abc.com&hostPass=123456&title=Marketing", prepare: nothing, title: "Marketing", name: "test@abc.com", role: "host"},
		{url: "/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321", prepare: nothing, name: "test@abc.com", role: "host"},
		{url: "/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321&title=Marketing", prepare: nothing, title: "Marketing", name: "test@abc.com", role: "host"},
		{url: "/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321&observerPass=111111&title=Marketing", prepare: nothing, title: "Marketing", name: "test@abc.com", role: "host"},

		{url: "/jm.do?hostEmail=test@abc.com", prepare: started, name: "Guest", role: "participant"},
		{url: "/jm.do?hostEmail=test@abc.com&meetingPass=654321", prepare: locked, name: "Guest", role: "participant"},
		{url: "/jm.do?hostEmail=test@abc.com&observerPass=111111", prepare: locked, name: "Guest", role: "observer"},
		{url: "/jm.do?hostEmail=test@abc.com&userName=Joe+Smith", prepare: started, name: "Joe Smith", role: "participant"},
		{url: "/jm.do?hostEmail=test@abc.com&meetingPass=654321&userName=Joe+Smith", prepare: locked, name: "Joe Smith", role: "participant"},

		{url: "/ssm.do?meetingID=123456&hostPass=654321", prepare: planned, name: "test@abc.com", role: "host"},

		{url: "/jm.do?meetingID=123456", prepare: started, name: "Guest", role: "participant"},
		{url: "/jm.do?meetingID=123456&meetingPass=654321", prepare: locked, name: "Guest", role: "participant"},
		{url: "/jm.do?meetingID=123456&observerPass=111111", prepare: locked, name: "Guest", role: "observer"},
		{url: "/jm.do?meetingID=123456&username=Joe+Smith", prepare: started, name: "Joe Smith", role: "participant"},
		{url: "/jm.do?meetingID=123456&meetingPass=654321&username=Joe+Smith", prepare: locked, name: "Joe Smith", role: "participant"},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			s := serve(t, tess)
			tt.prepare(s)
			got := s.open(strings.NewReplacer("meetingID=123456", "meetingID=000001", "hostPass=654321", "hostPass=123456").Replace(tt.url))
			want := view{Status: 200, Title: cmp.Or(tt.title, "Untitled meeting"), Name: tt.name, Role: tt.role, ID: "000001", Host: "test@abc.com", People: "test@abc.com (host)"}
			if tt.role != "host" {
				want.People += ", " + tt.name + " (" + tt.role + ")"
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestPagesReadTheURLAndTheBody(t *testing.T) {
	tests := []struct{ name, method, target, body string }{
		{name: "GET", method: "GET", target: "/jm.do?meetingID=000001&userName=Joe"},
		{name: "POST", method: "POST", target: "/jm.do", body: "meetingID=000001&userName=Joe"},
		{name: "POST with a query", method: "POST", target: "/jm.do?meetingID=000001&userName=Joe"},
		{name: "the body takes precedence", method: "POST", target: "/jm.do?meetingID=000001&userName=Ann", body: "userName=Joe"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			s.start(tess)
			assert.Equal(t, "Joe", s.page(tt.method, tt.target, tt.body).Name)
		})
	}
}

func TestRefusals(t *testing.T) {
	const both = "The link must name either a host or a meeting."
	tests := []struct {
		name, target string
		status       int
		reason       string
	}{
		{name: "start, unknown host", target: "/snm.do?hostEmail=x@abc.com&hostPass=123456", status: 404, reason: `There is no host account "x@abc.com".`},
		{name: "start, no parameters", target: "/snm.do", status: 404, reason: `There is no host account "".`},
		{name: "start, wrong password", target: "/snm.do?hostEmail=test@abc.com&hostPass=x", status: 403, reason: "The host password is wrong."},
		{name: "start, no password", target: "/snm.do?hostEmail=test@abc.com", status: 403, reason: "The host password is wrong."},
		{name: "start, malformed title", target: "/snm.do?hostEmail=test@abc.com&hostPass=123456&title=_FF", status: 400, reason: "The parameter title is not encoded correctly."},
		{name: "start by ID, unknown meeting", target: "/ssm.do?meetingID=2&hostPass=123456", status: 404, reason: `There is no meeting "2".`},
		{name: "start by ID, no ID", target: "/ssm.do?hostPass=123456", status: 404, reason: `There is no meeting "".`},
		{name: "start by ID, wrong password", target: "/ssm.do?meetingID=000002&hostPass=x", status: 403, reason: "The host password is wrong."},
		{name: "start by ID, password of another host", target: "/ssm.do?meetingID=000002&hostPass=333333", status: 403, reason: "The host password is wrong."},
		{name: "start by ID, no password", target: "/ssm.do?meetingID=000002", status: 403, reason: "The host password is wrong."},
		{name: "start by ID, in progress, wrong password", target: "/ssm.do?meetingID=000001&hostPass=x", status: 403, reason: "The host password is wrong."},
		{name: "start by ID, ended, wrong password", target: "/ssm.do?meetingID=000003&hostPass=x", status: 403, reason: "The host password is wrong."},
		{name: "join, unknown host", target: "/jm.do?hostEmail=x@abc.com", status: 404, reason: `There is no host account "x@abc.com".`},
		{name: "join, host is in no meeting", target: "/jm.do?hostEmail=test@abc.com", status: 409, reason: "test@abc.com is not in a meeting."},
		{name: "join, unknown meeting", target: "/jm.do?meetingID=1&meetingPass=654321", status: 404, reason: `There is no meeting "1".`},
		{name: "join, neither host nor meeting", target: "/jm.do?meetingID=&hostEmail=&meetingPass=654321", status: 400, reason: both},
		{name: "join, host and meeting", target: "/jm.do?meetingID=000001&hostEmail=ann@abc.com&meetingPass=654321", status: 400, reason: both},
		{name: "join, malformed userName", target: "/jm.do?meetingID=000001&meetingPass=654321&userName=_4", status: 400, reason: "The parameter userName is not encoded correctly."},
		{name: "join, malformed username", target: "/jm.do?meetingID=000001&meetingPass=654321&username=100%25", status: 400, reason: "The parameter username is not encoded correctly."},
		{name: "join, wrong password", target: "/jm.do?hostEmail=ann@abc.com&meetingPass=65432", status: 403, reason: "The password of meeting 000001 is wrong or missing."},
		{name: "join, not started", target: "/jm.do?meetingID=000002", status: 409, reason: "Meeting 000002 has not started."},
		{name: "join, ended", target: "/jm.do?meetingID=000003", status: 410, reason: "Meeting 000003 has ended."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess, ann)
			s.start(ann, "meetingPass=654321")
			s.scheduled(tess)
			require.NoError(t, s.EndMeeting(s.scheduled(tess)))
			assert.Equal(t, refused(tt.status, tt.reason), s.open(tt.target))
			assert.Equal(t, "200 0,,", s.query(tess), "the host is not in a meeting")
			assert.Equal(t, "000004", s.start(tess).ID, "no ID was used")
			assert.Equal(t, "ann@abc.com (host)", s.startByID("000001", ann).People, "nobody joined")
		})
	}
}

func TestPasswordsAndRoles(t *testing.T) {
	tests := []struct {
		name   string
		set    string // passwords of the meeting
		passed string // passwords of the person
		role   string // empty if refused
	}{
		{name: "meeting password", set: "meetingPass=654321&observerPass=111111", passed: "meetingPass=654321", role: "participant"},
		{name: "observer password as meetingPass", set: "meetingPass=654321&observerPass=111111", passed: "meetingPass=111111", role: "observer"},
		{name: "observer password as observerPass", set: "meetingPass=654321&observerPass=111111", passed: "observerPass=111111", role: "observer"},
		{name: "both passwords", set: "meetingPass=654321&observerPass=111111", passed: "meetingPass=654321&observerPass=111111", role: "observer"},
		{name: "no password", set: "meetingPass=654321&observerPass=111111"},
		{name: "wrong meeting password", set: "meetingPass=secret&observerPass=111111", passed: "meetingPass=Secret"},
		{name: "right meeting password, wrong observer password", set: "meetingPass=654321&observerPass=111111", passed: "meetingPass=654321&observerPass=222222"},
		{name: "meeting password as observerPass", set: "meetingPass=654321&observerPass=111111", passed: "observerPass=654321"},

		{name: "open meeting", role: "participant"},
		{name: "meeting password of an open meeting", passed: "meetingPass=654321"},
		{name: "observer password of an open meeting", passed: "observerPass=111111"},

		{name: "no observers, no password", set: "meetingPass=654321"},
		{name: "no observers, observer password", set: "meetingPass=654321", passed: "meetingPass=654321&observerPass=111111"},

		{name: "only observers have a password", set: "observerPass=111111", role: "participant"},
		{name: "only observers have a password, as observerPass", set: "observerPass=111111", passed: "observerPass=111111", role: "observer"},
		{name: "only observers have a password, as meetingPass", set: "observerPass=111111", passed: "meetingPass=111111", role: "observer"},
		{name: "only observers have a password, wrong", set: "observerPass=111111", passed: "meetingPass=222222"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			s.start(tess, tt.set)
			got := s.open("/jm.do?meetingID=000001&" + tt.passed)
			assert.Equal(t, tt.role, got.Role)
			if tt.role == "" {
				assert.Equal(t, refused(403, "The password of meeting 000001 is wrong or missing."), got)
			}
		})
	}
}

func TestNames(t *testing.T) {
	tests := []struct{ params, name string }{
		{params: "", name: "Guest"},
		{params: "&userName=", name: "Guest"},
		{params: "&username=Joe", name: "Joe"},
		{params: "&username=Joe&userName=Ann", name: "Ann"},
		{params: "&userName=_E4_BC_9A_22Q3_5FReview_22+100_25+C_2B_2B", name: `会"Q3_Review" 100% C++`},
		{params: "&userName=_e4_bc_9a", name: "会"},
		{params: "&userName=Ren_C3_A9e%20O_27Brien", name: "Renée O'Brien"},
		{params: "&userName=Joe%2BSmith", name: "Joe Smith"}, // the + of the text encoding, form-encoded
		{params: "&userName=%E4%BC%9A", name: "会"},           // form-encoded only
	}
	for _, tt := range tests {
		s := serve(t, tess)
		s.start(tess)
		assert.Equal(t, tt.name, s.open("/jm.do?meetingID=000001"+tt.params).Name, tt.params)
	}
}

// TestTexts has titles and names that must arrive unchanged, by GET and by POST. A
// browser must not take them for HTML.
func TestTexts(t *testing.T) {
	for _, text := range []string{
		`会议 "Q3_Review" 100% C++`, "_41 %41 &amp;", "</h1><script>alert('x')</script>", "a\tb\nc", "🙂 ~*-.", " ",
	} {
		s := serve(t, tess)
		require.NoError(t, s.Open(must(s.Client().Start(tess, &iomeeting.StartOptions{Title: text}))))
		assert.Equal(t, text, s.Meetings()[0].Title)

		join := must(s.Client().Join(tess.Email, &iomeeting.JoinOptions{UserName: text}))
		require.NoError(t, s.Open(join))
		got := s.open(strings.TrimPrefix(join.URL(), s.URL))
		assert.Equal(t, text, got.Title)
		assert.Equal(t, text, got.Name)
		assert.Equal(t, "test@abc.com (host), "+text+" (participant), "+text+" (participant)", got.People)
	}
}
