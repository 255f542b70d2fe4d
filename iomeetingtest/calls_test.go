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

func TestQuery(t *testing.T) {
	host := func(name string) iomeeting.Host {
		return iomeeting.Host{Email: name + "@abc.com", Password: tess.Password}
	}
	s := serve(t, tess, rene, host("open"), host("commas"), host("spaces"), host("free"), host("planned"), host("done"))
	s.started(tess, "meetingPass", "654321", "observerPass", "111111", "title", "Marketing")
	s.started(host("open"))
	s.started(host("commas"), "meetingPass", ",a,b,,c,")
	s.started(host("spaces"), "meetingPass", " a b ")
	s.running(rene, "meetingPassword", "会议%2C+é")
	s.scheduled(host("planned"), "meetingPassword", "654321")
	require.NoError(t, s.EndMeeting(s.started(host("done"))))

	tests := []struct{ name, email, password, body string }{
		{"in a meeting", "test@abc.com", "123456", "3,000001,654321"},
		{"in a meeting without a password", "open@abc.com", "123456", "3,000002,"},
		{"commas in the password", "commas@abc.com", "123456", "3,000003,,a,b,,c,"},
		{"spaces in the password", "spaces@abc.com", "123456", "3,000004, a b "},
		{"in a scheduled meeting", "renée+1@abc.com", " pässwörd & co, 100% ", "3,000005,会议%2C+é"},
		{"in no meeting", "free@abc.com", "123456", "0,,"},
		{"not started yet", "planned@abc.com", "123456", "0,,"},
		{"ended", "done@abc.com", "123456", "0,,"},
		{"unknown host", "nobody@abc.com", "123456", "1,,"},
		{"no host", "", "123456", "1,,"},
		{"nothing", "", "", "1,,"},
		{"wrong password in a meeting", "test@abc.com", "654321", "2,,"},
		{"wrong password in no meeting", "free@abc.com", "12345", "2,,"},
		{"password without its spaces", "renée+1@abc.com", "pässwörd & co, 100%", "2,,"},
		{"no password", "test@abc.com", "", "2,,"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := s.call("/meetingControl/query", "hostEmail", tt.email, "hostPassword", tt.password)
			assert.Equal(t, reply{200, "text/plain; charset=utf-8", tt.body}, answer)
		})
	}
}

func TestSchedule(t *testing.T) {
	s := serve(t, tess, rene)
	tests := []struct{ name, email, password, body string }{
		{"success", "test@abc.com", "123456", "0,000001"},
		{"another", "test@abc.com", "123456", "0,000002"},
		{"unknown host", "nobody@abc.com", "123456", "1,"},
		{"no host", "", "123456", "1,"},
		{"nothing", "", "", "1,"},
		{"wrong password", "test@abc.com", "654321", "2,"},
		{"no password", "test@abc.com", "", "2,"},
		{"another host", "renée+1@abc.com", " pässwörd & co, 100% ", "0,000003"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := s.call("/meetingControl/schedule", "hostEmail", tt.email, "hostPassword", tt.password)
			assert.Equal(t, reply{200, "text/plain; charset=utf-8", tt.body}, answer)
		})
	}
}

func TestScheduledMeetingHasItsPassword(t *testing.T) {
	s := serve(t, tess)
	id := s.running(tess, "meetingPassword", "a,b")
	assert.Equal(t, line("3,"+id+",a,b"), s.query(tess))
	assert.Equal(t, http.StatusOK, s.open("/jm.do", "meetingID", id, "meetingPass", "a,b").Status)
	assert.Equal(t, http.StatusForbidden, s.joinByID(id).Status)
}

// TestCallsReadParametersFromTheBody sends each parameter in the URL or in the
// body.
func TestCallsReadParametersFromTheBody(t *testing.T) {
	const email, password = "hostEmail=test%40abc.com", "hostPassword=123456"
	s := serve(t, tess)
	tests := []struct{ name, url, body, query, schedule string }{
		{"all in the URL", email + "&" + password, "", "1,,", "1,"},
		{"email address in the URL", email, password, "1,,", "1,"},
		{"password in the URL", password, email, "2,,", "2,"},
		{"wrong ones in the URL", "hostEmail=x&hostPassword=x", email + "&" + password, "0,,", "0,000001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := send(http.MethodPost, s.URL+"/meetingControl/query?"+tt.url, tt.body)
			require.NoError(t, err)
			assert.Equal(t, line(tt.query), answer)
			answer, err = send(http.MethodPost, s.URL+"/meetingControl/schedule?"+tt.url, tt.body)
			require.NoError(t, err)
			assert.Equal(t, line(tt.schedule), answer)
		})
	}
}

func TestScheduleOptionsInTheURLAreIgnored(t *testing.T) {
	s, p := serve(t, tess), newPartner(t, accept)
	inURL := form("meetingPassword", "654321", "meetingEndUrl", p.URL+"/url", "operatorId", "42").Encode()
	tests := []struct {
		name, body string
		callbacks  []callback
	}{
		{"no options in the body", valid, nil},
		{"end URL in the body", valid + "&meetingEndUrl=" + url.QueryEscape(p.URL+"/body"), []callback{postOf("/body", "operatorId=")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := send(http.MethodPost, s.URL+"/meetingControl/schedule?"+inURL, tt.body)
			require.NoError(t, err)
			id := strings.TrimPrefix(answer.Body, "0,")
			s.startByID(id, tess)
			assert.Equal(t, line("3,"+id+","), s.query(tess))
			require.NoError(t, s.EndMeeting(id))
			assert.Equal(t, tt.callbacks, p.callbacks())
		})
	}
}

func TestBodyThatIsNotAForm(t *testing.T) {
	s := serve(t, tess)
	const body = `{"hostEmail": "test@abc.com", "hostPassword": "123456"}`
	req, err := http.NewRequest(http.MethodPost, s.URL+"/meetingControl/query", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	answer, err := exchange(req)
	require.NoError(t, err)
	assert.Equal(t, line("1,,"), answer)
}

func TestScheduleEndsTheMeetingInProgress(t *testing.T) {
	const scheduled, inProgress, ended = iomeetingtest.Scheduled, iomeetingtest.InProgress, iomeetingtest.Ended
	s, p := serve(t, tess, rene), newPartner(t, accept)
	s.scheduled(tess, "meetingEndUrl", p.URL+"/1")
	s.running(rene, "meetingEndUrl", p.URL+"/2")
	s.running(tess, "meetingEndUrl", p.URL+"/3?x=a%20b&y", "operatorId", "42")
	require.Equal(t, []iomeetingtest.State{scheduled, inProgress, inProgress}, s.states())
	require.Empty(t, p.callbacks())

	s.schedule(tess)
	assert.Equal(t, []iomeetingtest.State{scheduled, inProgress, ended, scheduled}, s.states())
	assert.Equal(t, []callback{{"POST", "/3?x=a%20b&y", "application/x-www-form-urlencoded", "operatorId=42"}}, p.callbacks())
	assert.Equal(t, line("0,,"), s.query(tess))

	s.started(tess) // without an ID
	s.schedule(tess)
	assert.Equal(t, []iomeetingtest.State{scheduled, inProgress, ended, scheduled, ended, scheduled}, s.states())
	assert.Len(t, p.callbacks(), 1)
}

func TestRefusedScheduleEndsNothing(t *testing.T) {
	s, p := serve(t, tess), newPartner(t, accept)
	id := s.running(tess, "meetingEndUrl", p.URL)
	assert.Equal(t, line("2,"), s.schedule(iomeeting.Host{Email: tess.Email, Password: rene.Password}))
	assert.Equal(t, line("3,"+id+","), s.query(tess))
	assert.Empty(t, p.callbacks())
}

// TestScheduleWaitsForTheEndURL holds the response of the end URL back. Other
// calls must not wait for it.
func TestScheduleWaitsForTheEndURL(t *testing.T) {
	arrived, release, answered := make(chan struct{}), make(chan struct{}), make(chan reply)
	p := newPartner(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	s := serve(t, tess)
	s.running(tess, "meetingEndUrl", p.URL)

	go func() { answered <- s.schedule(tess) }()
	receive(t, arrived)
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, []string{
		"/meetingControl/schedule", "/ssm.do", "/meetingControl/schedule", "/meetingControl/query",
	}, pathsTo(s), "a request is recorded before the response is sent")
	select {
	case <-answered:
		assert.Fail(t, "Schedule did not wait for the end URL")
	default:
	}
	close(release)
	assert.Equal(t, line("0,000002"), receive(t, answered))
	assert.Equal(t, []callback{postOf("/", "operatorId=")}, p.callbacks())
}

func TestEndURL(t *testing.T) {
	for _, code := range []int{200, 202, 204, 299} {
		s, p := serve(t, tess), newPartner(t, respond(code))
		require.NoError(t, s.EndMeeting(s.running(tess, "meetingEndUrl", p.URL+"/ended", "operatorId", "42")))
		require.NoError(t, s.EndMeeting(s.scheduled(tess, "meetingEndUrl", p.URL+"/unstarted", "operatorId", "43")))
		assert.Equal(t, []callback{
			{"POST", "/ended", "application/x-www-form-urlencoded", "operatorId=42"},
			{"POST", "/unstarted", "application/x-www-form-urlencoded", "operatorId=43"},
		}, p.callbacks())
	}
}

// TestNoEndURL relies on the error that a POST to an empty URL would return.
func TestNoEndURL(t *testing.T) {
	s := serve(t, tess)
	require.NoError(t, s.EndMeeting(s.running(tess, "meetingEndUrl", "", "operatorId", "42")))
	require.NoError(t, s.EndMeeting(s.running(tess, "operatorId", "42")))
	require.NoError(t, s.EndMeeting(s.started(tess)))
}

func TestOperatorID(t *testing.T) {
	tests := []struct{ name, id, body string }{
		{"empty", "", "operatorId="},
		{"plain", "op-42_x.y~z", "operatorId=op-42_x.y~z"},
		{"spaces", " a b ", "operatorId=+a+b+"},
		{"delimiters", "=a&operatorId=b;c='d'", "operatorId=%3Da%26operatorId%3Db%3Bc%3D%27d%27"},
		{"escapes", "100%25+_41", "operatorId=100%2525%2B_41"},
		{"Unicode", `会议 "Renée" 🙂`, "operatorId=%E4%BC%9A%E8%AE%AE+%22Ren%C3%A9e%22+%F0%9F%99%82"},
		{"line break", "a\r\nb", "operatorId=a%0D%0Ab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, p := serve(t, tess), newPartner(t, accept)
			require.NoError(t, s.EndMeeting(s.scheduled(tess, "meetingEndUrl", p.URL, "operatorId", tt.id)))
			assert.Equal(t, []callback{postOf("/", tt.body)}, p.callbacks())
		})
	}
}
