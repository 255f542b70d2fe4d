package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// fake is a running serve.
type fake struct {
	*testing.T
	intro string
	url   string
	lines *bufio.Reader
}

func startFake(t *testing.T, args ...string) *fake {
	t.Helper()
	f := &fake{T: t}
	cmd := newCommand(t, t.TempDir(), nil, append([]string{"serve", "-addr", "127.0.0.1:0"}, args...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait()
	})
	f.lines = bufio.NewReader(out)
	for !strings.HasSuffix(f.intro, "\nRequests:\n") {
		line, err := f.lines.ReadString('\n')
		require.NoError(t, err)
		f.intro += line
	}
	f.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(f.intro)
	return f
}

// requireLog compares the next lines of the log.
func (f *fake) requireLog(want ...string) {
	f.Helper()
	for _, w := range want {
		line, err := f.lines.ReadString('\n')
		require.NoError(f, err)
		require.Regexp(f, `^\d\d:\d\d:\d\d INFO `, line)
		assert.Equal(f, w, line[len("15:04:05 INFO "):len(line)-1])
	}
}

// post POSTs a form and returns the status and the body of the response.
func (f *fake) post(path, form string) string {
	f.Helper()
	res, err := http.Post(f.url+path, "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		return err.(*url.Error).Err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(f, err)
	return fmt.Sprintf("%d %s", res.StatusCode, body)
}

func TestServe(t *testing.T) {
	f := startFake(t, "-host", "alice@example.com:tea:time, please", "-host", "bob@example.com")
	bob := regexp.MustCompile(`bob@example\.com  password: ([A-Z2-7]{26})\n`)
	require.Regexp(t, bob, f.intro)
	shown := strings.ReplaceAll(strings.ReplaceAll(f.intro, f.url, "URL"), bob.FindStringSubmatch(f.intro)[1], "RANDOM")
	assert.Equal(t, `IOMeeting test server on URL. No meeting on it is real.

Accounts:
  alice@example.com  password: tea:time, please
  bob@example.com  password: RANDOM

Start a meeting and join it in a browser:
  URL/snm.do?hostEmail=alice%40example.com&hostPass=tea%3Atime%2C+please&title=Marketing
  URL/jm.do?hostEmail=alice%40example.com&userName=Joe+Smith

Query the host, end the meeting, schedule another, and make the next call fail:
  curl -d "hostEmail=alice%40example.com&hostPassword=tea%3Atime%2C+please" URL/meetingControl/query
  curl -d "meetingID=000001" URL/end
  curl -d "hostEmail=alice%40example.com&hostPassword=tea%3Atime%2C+please&meetingEndUrl=http://127.0.0.1:9000/ended&operatorId=42" URL/meetingControl/schedule
  curl -d "kind=status&code=503" URL/fault

Requests:
`, shown)

	// Send what the introduction proposes, in its order.
	for _, link := range regexp.MustCompile(`(?m)^  (http\S+)$`).FindAllStringSubmatch(f.intro, -1) {
		res, err := http.Get(link[1])
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	for i, curl := range regexp.MustCompile(`(?m)^  curl -d "(\S+)" \w+://[^/]+(\S+)$`).FindAllStringSubmatch(f.intro, -1) {
		assert.Equal(t, []string{
			"200 3,000001,", "200 meeting 000001 has ended; it has no end URL\n", "200 0,000002", "200 the fault waits for a call\n",
		}[i], f.post(curl[2], curl[1]))
	}
	f.requireLog(
		"GET /snm.do hostEmail=alice@example.com status=200",
		"GET /jm.do hostEmail=alice@example.com status=200",
		"POST /meetingControl/query hostEmail=alice@example.com status=200 answer=3,000001,",
		"POST /end meetingID=000001 status=200",
		"POST /meetingControl/schedule hostEmail=alice@example.com status=200 answer=0,000002",
		"POST /fault kind=status status=200",
	)
}

func TestServeEnd(t *testing.T) {
	ended := make(chan string, 1)
	partner := httptest.NewServer(iomeeting.UnsignedEndHandler(func(_ context.Context, operatorID string) error {
		ended <- operatorID
		return nil
	}))
	f := startFake(t, "-host", "alice@example.com:"+canary)
	form := url.Values{
		"hostEmail": {"alice@example.com"}, "hostPassword": {canary},
		"meetingEndUrl": {partner.URL + "/?token=" + canary}, "operatorId": {"booking-7"},
	}.Encode()
	require.Equal(t, "200 0,000001", f.post("/meetingControl/schedule", form))
	require.Equal(t, "200 0,000002", f.post("/meetingControl/schedule", form))
	assert.Equal(t, "200 meeting 000001 has ended, and its end URL was notified\n", f.post("/end", "meetingID=000001"))
	assert.Equal(t, "booking-7", <-ended)
	assert.Equal(t, "409 meeting 000001 has already ended\n", f.post("/end", "meetingID=000001"))
	partner.Close()
	assert.Contains(t, f.post("/end", "meetingID=000002"), "409 meeting 000002 has ended, but its end URL failed: ")
	assert.Equal(t, "409 there is no meeting \"\"\n", f.post("/end", ""))
}

func TestServeFaults(t *testing.T) {
	f := startFake(t, "-host", "alice@example.com:a", "-host", "bob@example.com:b")
	for _, form := range []string{
		"kind=status&code=503&host=bob@example.com",
		"kind=pass&path=/meetingControl/query",
		"kind=answer&body=3,000042,tea",
		"kind=answer&body=",
		"kind=delay&delay=1ms&path=/meetingControl/query",
		"kind=drop&path=/meetingControl/schedule",
	} {
		require.Equal(t, "200 the fault waits for a call\n", f.post("/fault", form))
	}
	for form, want := range map[string]string{
		"":                              "kind is not status, answer, delay, drop or pass",
		"kind=status&code=600":          "code is not an HTTP status from 200 to 599",
		"kind=status&code=x":            "code is not an HTTP status from 200 to 599",
		"kind=delay&delay=5":            "delay is not a duration such as 500ms or 5s",
		"kind=delay&delay=-5s":          "delay is not a duration such as 500ms or 5s",
		"kind=status&code=503&delay=5s": "delay is for kind delay",
		"kind=drop&hots=a":              `there is no parameter "hots"`,
		"kind=drop&path=/jm.do":         "path is not /meetingControl/query or /meetingControl/schedule",
		"kind=drop&%zz":                 `invalid URL escape "%zz"`,
		strings.Repeat("x", 64<<10+1):   "http: request body too large",
	} {
		assert.Equal(t, "400 "+want+"\n", f.post("/fault", form))
	}
	for _, tt := range []struct{ call, host, want string }{
		{"query", "alice", "200 0,,"},
		{"query", "alice", "200 3,000042,tea"},
		{"query", "bob", "503 HTTP status 503, set by FailNext\n"},
		{"schedule", "alice", "200 "},
		{"query", "bob", "200 0,,"},
		{"schedule", "alice", "EOF"},
		{"schedule", "alice", "200 0,000002"}, // the dropped call was carried out
	} {
		form := "hostEmail=" + tt.host + "@example.com&hostPassword=" + tt.host[:1]
		assert.Equal(t, tt.want, f.post("/meetingControl/"+tt.call, form))
	}
}

func TestServeLog(t *testing.T) {
	f := startFake(t, "-host", "alice@example.com:"+canary, "-host", "renée@example.com:"+canary)
	alice := "hostEmail=alice@example.com&hostPassword=" + canary
	tests := []struct{ path, form, want string }{
		{"/meetingControl/schedule", alice + "&meetingPassword=" + canary + ",2", "POST /meetingControl/schedule hostEmail=alice@example.com status=200 answer=0,000001"},
		{"/ssm.do", "meetingID=000001&hostPass=a+" + canary, "POST /ssm.do meetingID=000001 status=403"},
		{"/ssm.do", "meetingID=000001&hostPass=" + canary, "POST /ssm.do meetingID=000001 status=200"},
		{"/jm.do?meetingID=000001", "meetingPass=" + canary + ",2", "POST /jm.do meetingID=000001 status=200"},
		{"/meetingControl/query", alice, "POST /meetingControl/query hostEmail=alice@example.com status=200 answer=3,000001,REDACTED"},
		{"/meetingControl/query", "hostEmail=renée@example.com&hostPassword=" + canary, "POST /meetingControl/query hostEmail=renée@example.com status=200 answer=0,,"},
		{"/meetingControl/query?" + alice, "", "POST /meetingControl/query status=200 answer=1,,"},
		{"/meetingControl/query", "hostEmail=a%0A@example.com", `POST /meetingControl/query hostEmail="a\n@example.com" status=200 answer=1,,`},
		{"/fault", "kind=drop", "POST /fault kind=drop status=200"},
		{"/meetingControl/query", alice, `POST /meetingControl/query hostEmail=alice@example.com status=dropped answer=""`},
		{"/%0A?hostPass=" + canary, "", "POST /%0A status=404"},
	}
	for _, tt := range tests {
		f.post(tt.path, tt.form)
		f.requireLog(tt.want)
	}
}

// TestServeKeepsNoRequests shows that the fake does not fill the memory.
func TestServeKeepsNoRequests(t *testing.T) {
	service := newService(t)
	service.Wrap(func(next http.Handler) http.Handler { return newFront(service, next) })
	_, err := service.Client().Query(t.Context(), alice)
	require.NoError(t, err)
	assert.Empty(t, service.Requests())
}
