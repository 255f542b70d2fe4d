package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is a running service.
type program struct {
	*testing.T
	intro string
	url   string
	lines chan string // of the log
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// startProgram runs the service until the end of the test.
func startProgram(t *testing.T, args ...string) program {
	p := program{T: t, lines: make(chan string, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), out)
		out.Close()
	}()
	go func() {
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			p.lines <- scanner.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		for line := range p.lines {
			assert.Empty(t, line, "nothing more was logged")
		}
	})
	for line := range p.lines {
		p.intro += line + "\n"
		if line == "Requests:" {
			break
		}
	}
	p.url = address.FindString(p.intro)
	return p
}

// post POSTs a form and returns the body of the response.
func (p program) post(target string, fields ...string) string {
	p.Helper()
	form := make(url.Values)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	res, err := http.PostForm(target, form)
	require.NoError(p, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(p, err)
	return string(body)
}

// logged returns the next line of the log without its time.
func (p program) logged() string {
	p.Helper()
	select {
	case line := <-p.lines:
		require.Regexp(p, `^\d\d:\d\d:\d\d `, line)
		return line[len("15:04:05 "):]
	case <-time.After(time.Minute):
		p.Fatal("nothing was logged")
		return ""
	}
}

func TestIntroduction(t *testing.T) {
	p := startProgram(t, "-host", "alice@example.com:tea:time, please", "-host", "bob@example.com")
	bob := regexp.MustCompile(`bob@example\.com  password: ([A-Z2-7]{26})\n`)
	require.Regexp(t, bob, p.intro)
	shown := strings.ReplaceAll(strings.ReplaceAll(p.intro, p.url, "URL"), bob.FindStringSubmatch(p.intro)[1], "RANDOM")
	assert.Equal(t, `IOMeeting test server on URL. No meeting on it is real.

Accounts:
  alice@example.com  password: tea:time, please
  bob@example.com  password: RANDOM

Start a meeting and join it in a browser:
  URL/snm.do?hostEmail=alice%40example.com&hostPass=tea%3Atime%2C+please&title=Marketing
  URL/jm.do?hostEmail=alice%40example.com&userName=Joe+Smith

Query the host, end the meeting and schedule another:
  curl -d "hostEmail=alice%40example.com&hostPassword=tea%3Atime%2C+please" URL/meetingControl/query
  curl -d "meetingID=000001" URL/end
  curl -d "hostEmail=alice%40example.com&hostPassword=tea%3Atime%2C+please&meetingEndUrl=http%3A%2F%2F127.0.0.1%3A9000%2Fended&operatorId=42" URL/meetingControl/schedule

Requests:
`, shown)
}

// TestIntroducedRequests sends what the introduction proposes, in its order.
func TestIntroducedRequests(t *testing.T) {
	p := startProgram(t)
	for _, link := range regexp.MustCompile(`(?m)^  (http\S+)$`).FindAllStringSubmatch(p.intro, -1) {
		res, err := http.Get(link[1])
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	assert.Equal(t, "GET  /snm.do                  alice@example.com    200", p.logged())
	assert.Equal(t, "GET  /jm.do                   alice@example.com    200", p.logged())

	var answers []string
	for _, curl := range regexp.MustCompile(`(?m)^  curl -d "(\S+)" (\S+)$`).FindAllStringSubmatch(p.intro, -1) {
		res, err := http.Post(curl[2], "application/x-www-form-urlencoded", strings.NewReader(curl[1]))
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		answers = append(answers, string(body))
	}
	assert.Equal(t, []string{"3,000001,", "meeting 000001 ended; it has no end URL\n", "0,000002"}, answers)
	assert.Equal(t, "POST /meetingControl/query    alice@example.com    200 3,000001,", p.logged())
	assert.Equal(t, "POST /end                     alice@example.com    200 meeting 000001 ended; it has no end URL", p.logged())
	assert.Equal(t, "POST /meetingControl/schedule alice@example.com    200 0,000002", p.logged())
}

func TestEnd(t *testing.T) {
	ended := make(chan string, 1)
	partner := httptest.NewServer(iomeeting.UnsignedEndHandler(func(_ context.Context, operatorID string) error {
		ended <- operatorID
		return nil
	}))
	defer partner.Close()
	p := startProgram(t, "-host", "alice@example.com:canary")
	alice := []string{"hostEmail", "alice@example.com", "hostPassword", "canary"}

	require.Equal(t, "0,000001", p.post(p.url+"/meetingControl/schedule", append(alice, "meetingEndUrl", partner.URL, "operatorId", "booking-7")...))
	require.Equal(t, "0,000002", p.post(p.url+"/meetingControl/schedule", alice...))
	p.logged()
	p.logged()
	notified := "meeting 000001 ended, and " + partner.URL + " was notified"
	assert.Equal(t, notified+"\n", p.post(p.url+"/end", "meetingID", "000001"))
	assert.Equal(t, "booking-7", <-ended)
	assert.Equal(t, "POST /end                     alice@example.com    200 "+notified, p.logged())

	assert.Equal(t, "meeting 000002 ended; it has no end URL\n", p.post(p.url+"/end?meetingID=000002"))
	assert.Equal(t, "POST /end                     alice@example.com    200 meeting 000002 ended; it has no end URL", p.logged())
	assert.Equal(t, "iomeetingtest: there is no meeting \"\"\n", p.post(p.url+"/end"))
	assert.Equal(t, `POST /end                     -                    409 iomeetingtest: there is no meeting ""`, p.logged())
}

func TestLog(t *testing.T) {
	const password = "canary"
	p := startProgram(t, "-host", "alice@example.com:"+password, "-host", "renée@example.com:"+password)
	tests := []struct {
		path   string
		fields []string
		want   string
	}{
		{"/meetingControl/schedule", []string{"hostEmail", "alice@example.com", "hostPassword", password, "meetingPassword", "canary,2"}, "POST /meetingControl/schedule alice@example.com    200 0,000001"},
		{"/ssm.do", []string{"meetingID", "000001", "hostPass", "a canary"}, "POST /ssm.do                  alice@example.com    403"},
		{"/ssm.do", []string{"meetingID", "000001", "hostPass", password}, "POST /ssm.do                  alice@example.com    200"},
		{"/jm.do?meetingID=000001", []string{"meetingPass", "canary,2"}, "POST /jm.do                   alice@example.com    200"},
		{"/jm.do", []string{"meetingID", "000009"}, "POST /jm.do                   -                    404"},
		{"/meetingControl/query", []string{"hostEmail", "alice@example.com", "hostPassword", password}, "POST /meetingControl/query    alice@example.com    200 3,000001,REDACTED"},
		{"/meetingControl/query", []string{"hostEmail", "renée@example.com", "hostPassword", password}, "POST /meetingControl/query    renée@example.com    200 0,,"},
		{"/meetingControl/query?hostEmail=alice@example.com&hostPassword=canary", nil, "POST /meetingControl/query    -                    200 1,,"},
		{"/meetingControl/query", []string{"hostEmail", "a\n@example.com"}, `POST /meetingControl/query    "a\n@example.com"    200 1,,`},
		{"/meetingControl/stop?hostPass=canary", nil, "POST /meetingControl/stop     -                    404 404 page not found"},
		{"/%0A", nil, "POST /%0A                     -                    404 404 page not found"},
	}
	for _, tt := range tests {
		p.post(p.url+tt.path, tt.fields...)
		assert.Equal(t, tt.want, p.logged())
	}
}

func TestMistakes(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"address in use", []string{"-addr", strings.TrimPrefix(taken.URL, "http://")}, "iomeetingtest: listen tcp 127.0.0.1:"},
		{"bad address", []string{"-addr", "127.0.0.1"}, "iomeetingtest: listen tcp: address 127.0.0.1: missing port in address"},
		{"no email address", []string{"-host", ":canary"}, `iomeetingtest: host account "": `},
		{"empty password", []string{"-host", "alice@example.com:"}, `iomeetingtest: host account "alice@example.com": `},
		{"two accounts", []string{"-host", "alice@example.com:canary", "-host", "alice@example.com"}, `iomeetingtest: host account "alice@example.com": `},
		{"argument", []string{"-host", "alice@example.com", "canary"}, "unexpected arguments after the flags"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), append([]string{"-addr", "127.0.0.1:0"}, tt.args...), &out)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "canary")
			assert.Empty(t, out.String())
		})
	}
	require.Error(t, run(t.Context(), []string{"-unknown"}, io.Discard))
}

func TestWarning(t *testing.T) {
	server := iomeetingtest.NewServer()
	defer server.Close()
	hosts := parseHosts(nil)
	for addr, local := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:8080": true, "[::1]:8080": true, "127.1.2.3:0": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.5:8080": false, "": false,
	} {
		var out bytes.Buffer
		require.NoError(t, introduce(&out, addr, server, hosts))
		warning := "WARNING: other machines can reach " + addr + ". This server is a fake without any protection.\n"
		assert.Equal(t, !local, strings.Contains(out.String(), warning), addr)
	}
}
