package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
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
	cmd   *exec.Cmd
	intro string
	url   string
	lines *bufio.Reader
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

func startFake(t *testing.T, args ...string) *fake {
	t.Helper()
	f := &fake{T: t, cmd: newCommand(t, t.TempDir(), nil, append([]string{"serve", "-addr", "127.0.0.1:0"}, args...)...)}
	out, err := f.cmd.StdoutPipe()
	require.NoError(t, err)
	f.cmd.Stderr = os.Stderr
	require.NoError(t, f.cmd.Start())
	f.lines = bufio.NewReader(out)
	for !strings.HasSuffix(f.intro, "\nRequests:\n") {
		line, err := f.lines.ReadString('\n')
		require.NoError(t, err)
		f.intro += line
	}
	f.url = address.FindString(f.intro)
	return f
}

// stop interrupts the program. It must have logged nothing more.
func (f *fake) stop() {
	f.Helper()
	require.NoError(f, f.cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(f.lines)
	require.NoError(f, err)
	assert.Empty(f, string(rest))
	require.NoError(f, f.cmd.Wait())
}

// logged returns the next line of the log without its time.
func (f *fake) logged() string {
	f.Helper()
	line, err := f.lines.ReadString('\n')
	require.NoError(f, err)
	require.Regexp(f, `^\d\d:\d\d:\d\d `, line)
	return line[len("15:04:05 ") : len(line)-1]
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
  curl -d "hostEmail=alice%40example.com&hostPassword=tea%3Atime%2C+please&meetingEndUrl=http%3A%2F%2F127.0.0.1%3A9000%2Fended&operatorId=42" URL/meetingControl/schedule
  curl -d "kind=status&code=503" URL/fault

Requests:
`, shown)

	// Send what the introduction proposes, in its order.
	for _, link := range regexp.MustCompile(`(?m)^  (http\S+)$`).FindAllStringSubmatch(f.intro, -1) {
		res, err := http.Get(link[1])
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	assert.Equal(t, "GET  /snm.do                  alice@example.com    200", f.logged())
	assert.Equal(t, "GET  /jm.do                   alice@example.com    200", f.logged())
	for i, curl := range regexp.MustCompile(`(?m)^  curl -d "(\S+)" \w+://[^/]+(\S+)$`).FindAllStringSubmatch(f.intro, -1) {
		assert.Equal(t, []string{
			"200 3,000001,", "200 meeting 000001 ended; it has no end URL\n", "200 0,000002", "200 the fault waits for a call\n",
		}[i], f.post(curl[2], curl[1]))
	}
	assert.Equal(t, "POST /meetingControl/query    alice@example.com    200 3,000001,", f.logged())
	assert.Equal(t, "POST /end                     meeting 000001       200 meeting 000001 ended; it has no end URL", f.logged())
	assert.Equal(t, "POST /meetingControl/schedule alice@example.com    200 0,000002", f.logged())
	assert.Equal(t, "POST /fault                   -                    200 the fault waits for a call", f.logged())
	f.stop()
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
	assert.Equal(t, "200 meeting 000001 ended, and its end URL was notified\n", f.post("/end", "meetingID=000001"))
	assert.Equal(t, "booking-7", <-ended)
	assert.Equal(t, "409 meeting 000001 has already ended\n", f.post("/end", "meetingID=000001"))
	partner.Close()
	assert.Regexp(t, `^502 meeting 000002 ended, but its end URL was not notified\niomeetingtest: `, f.post("/end", "meetingID=000002"))
	assert.Equal(t, "404 there is no meeting \"\"\n", f.post("/end", ""))
	assert.Equal(t, "404 there is no meeting \"\"\n", f.post("/end?meetingID=000002", ""))
	res, err := http.Get(f.url + "/end")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, 405, res.StatusCode)
	for range 2 {
		assert.Contains(t, f.logged(), "POST /meetingControl/schedule ")
	}
	assert.Equal(t, "POST /end                     meeting 000001       200 meeting 000001 ended, and its end URL was notified", f.logged())
	assert.Equal(t, "POST /end                     meeting 000001       409 meeting 000001 has already ended", f.logged())
	assert.Equal(t, "POST /end                     meeting 000002       502 meeting 000002 ended, but its end URL was not notified", f.logged())
	assert.Equal(t, `POST /end                     -                    404 there is no meeting ""`, f.logged())
	assert.Equal(t, `POST /end                     meeting 000002       404 there is no meeting ""`, f.logged())
	assert.Equal(t, "GET  /end                     -                    405 Method Not Allowed", f.logged())
	f.stop()
}

func TestServeFaults(t *testing.T) {
	f := startFake(t, "-host", "alice@example.com:a", "-host", "bob@example.com:b")
	const ok = "200 the fault waits for a call\n"
	query := func(host string) string {
		return f.post("/meetingControl/query", "hostEmail="+host+"@example.com&hostPassword="+host[:1])
	}
	schedule := func() string {
		return f.post("/meetingControl/schedule", "hostEmail=alice@example.com&hostPassword=a")
	}
	require.Equal(t, ok, f.post("/fault", "kind=status&code=503&host=bob@example.com"))
	require.Equal(t, ok, f.post("/fault", "kind=pass&path=/meetingControl/query"))
	require.Equal(t, ok, f.post("/fault", "kind=answer&body=3,000042,tea"))
	require.Equal(t, ok, f.post("/fault", "kind=answer&body="))
	require.Equal(t, ok, f.post("/fault", "kind=delay&delay=1ms&path=/meetingControl/query"))
	require.Equal(t, ok, f.post("/fault", "kind=drop&path=/meetingControl/schedule"))
	assert.Equal(t, "200 0,,", query("alice"))
	assert.Equal(t, "200 3,000042,tea", query("alice"))
	assert.Equal(t, "503 HTTP status 503, set by FailNext\n", query("bob"))
	assert.Equal(t, "200 ", schedule())
	assert.Equal(t, "200 0,,", query("bob"))
	assert.Equal(t, "EOF", schedule())
	assert.Equal(t, "200 0,000002", schedule(), "the dropped call was carried out")
	assert.Equal(t, "POST /fault                   bob@example.com      200 the fault waits for a call", f.logged())
	for range 5 {
		f.logged()
	}
	for _, want := range []string{
		"POST /meetingControl/query    alice@example.com    200 0,,",
		"POST /meetingControl/query    alice@example.com    200 3,000042,REDACTED",
		"POST /meetingControl/query    bob@example.com      503 HTTP status 503, set by FailNext",
		"POST /meetingControl/schedule alice@example.com    200",
		"POST /meetingControl/query    bob@example.com      200 0,,",
		"POST /meetingControl/schedule alice@example.com    dropped",
		"POST /meetingControl/schedule alice@example.com    200 0,000002",
	} {
		assert.Equal(t, want, f.logged())
	}
	for form, want := range map[string]string{
		"":                            "kind is not status, answer, delay, drop or pass",
		"kind=Status&code=503":        "kind is not status, answer, delay, drop or pass",
		"kind=status":                 "code is missing",
		"kind=status&code=600":        "code is not an HTTP status from 200 to 599",
		"kind=status&code=199":        "code is not an HTTP status from 200 to 599",
		"kind=status&code=x":          "code is not an HTTP status from 200 to 599",
		"kind=status&code=":           "code is empty or repeated",
		"kind=status&code=1&code=2":   "code is empty or repeated",
		"kind=answer":                 "body is missing",
		"kind=delay&delay=5":          "delay is not a duration such as 500ms or 5s",
		"kind=delay&delay=-5s":        "delay is not a duration such as 500ms or 5s",
		"kind=drop&code=503":          `"code" is not a parameter of kind drop`,
		"kind=delay&deley=5s":         `"deley" is not a parameter of kind delay`,
		"kind=drop&path=/jm.do":       "path is not /meetingControl/query or /meetingControl/schedule",
		"kind=drop&host=":             "host is empty or repeated",
		"kind=drop&%zz":               "the form cannot be read",
		strings.Repeat("x", 64<<10+1): "the form cannot be read",
	} {
		assert.Equal(t, "400 "+want+"\n", f.post("/fault", form), form)
		assert.Contains(t, f.logged(), " 400 "+want)
	}
	assert.Equal(t, "200 0,,", query("alice"))
	f.logged()
	f.stop()
}

func TestServeLog(t *testing.T) {
	f := startFake(t, "-host", "alice@example.com:"+canary, "-host", "renée@example.com:"+canary)
	alice := "hostEmail=alice@example.com&hostPassword=" + canary
	tests := []struct{ path, form, want string }{
		{"/meetingControl/schedule", alice + "&meetingPassword=" + canary + ",2", "POST /meetingControl/schedule alice@example.com    200 0,000001"},
		{"/ssm.do", "meetingID=000001&hostPass=a+" + canary, "POST /ssm.do                  meeting 000001       403"},
		{"/ssm.do", "meetingID=000001&hostPass=" + canary, "POST /ssm.do                  meeting 000001       200"},
		{"/jm.do?meetingID=000001", "meetingPass=" + canary + ",2", "POST /jm.do                   meeting 000001       200"},
		{"/meetingControl/query", alice, "POST /meetingControl/query    alice@example.com    200 3,000001,REDACTED"},
		{"/meetingControl/query", "hostEmail=renée@example.com&hostPassword=" + canary, "POST /meetingControl/query    renée@example.com    200 0,,"},
		{"/meetingControl/query?" + alice, "", "POST /meetingControl/query    -                    200 1,,"},
		{"/meetingControl/query", "hostEmail=a%0A@example.com", `POST /meetingControl/query    "a\n@example.com"    200 1,,`},
		{"/meetingControl/stop?hostPass=" + canary, "", "POST /meetingControl/stop     -                    404 404 page not found"},
		{"/%0A", "", "POST /%0A                     -                    404 404 page not found"},
	}
	for _, tt := range tests {
		f.post(tt.path, tt.form)
		assert.Equal(t, tt.want, f.logged())
	}
	f.stop()
}

// TestServeKeepsNoRequests shows that the fake does not fill the memory.
func TestServeKeepsNoRequests(t *testing.T) {
	service := newService(t)
	service.Wrap(func(next http.Handler) http.Handler {
		return newFront(service, next, log.New(io.Discard, "", 0))
	})
	for range 3 {
		_, err := service.Client().Query(t.Context(), alice)
		require.NoError(t, err)
	}
	assert.Empty(t, service.Requests())
}

func TestServeMistakes(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	for args, want := range map[string]string{
		"-addr " + strings.TrimPrefix(taken.URL, "http://"): "iomeeting: iomeetingtest: listen tcp 127.0.0.1:",
		"-addr 127.0.0.1":          "iomeeting: iomeetingtest: listen tcp: address 127.0.0.1: missing port in address",
		"-host :" + canary:         `iomeeting: iomeetingtest: host account "": `,
		"-host alice@example.com:": `iomeeting: iomeetingtest: host account "alice@example.com": `,
		"-host a -host a:b":        `iomeeting: iomeetingtest: host account "a": `,
		"-host a " + canary:        "iomeeting: serve: there are arguments after the flags",
	} {
		cmd := newCommand(t, t.TempDir(), nil, append([]string{"serve"}, strings.Fields(args)...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.Output()
		require.Error(t, err)
		assert.Equal(t, 1, cmd.ProcessState.ExitCode())
		assert.Empty(t, string(stdout))
		assert.True(t, strings.HasPrefix(stderr.String(), want), stderr.String())
		assert.NotContains(t, stderr.String(), canary)
	}
}

func TestIsLocal(t *testing.T) {
	for addr, local := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:8080": true, "[::1]:8080": true, "127.1.2.3:0": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.5:8080": false, "": false,
	} {
		assert.Equal(t, local, isLocal(addr), addr)
	}
	f := startFake(t, "-addr", ":0")
	assert.Contains(t, f.intro, "real.\nWARNING: other machines can reach it. This server is a fake without any protection.\n\nAccounts:\n  alice@example.com  password: ")
	f.stop()
}
