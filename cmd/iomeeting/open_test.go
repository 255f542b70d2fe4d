package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

func TestLinks(t *testing.T) {
	files := strings.NewReplacer(" M", " "+newFile(t, "m"+canary), " O", " "+newFile(t, "o"+canary))
	tests := []struct{ args, want string }{
		{args: "start -host alice@example.com -password-file FILE -title Q3_Review", want: "/snm.do?hostEmail=alice%40example.com&hostPass=PASSWORD&title=Q3_5FReview"},
		{
			args: "start -host alice@example.com -password-file FILE -meeting-password-file M -observer-password-file O",
			want: "/snm.do?hostEmail=alice%40example.com&hostPass=PASSWORD&meetingPass=mPASSWORD&observerPass=oPASSWORD",
		},
		{args: "start -meeting 000042 -password-file FILE", want: "/ssm.do?hostPass=PASSWORD&meetingID=000042"},
		{args: "join -host alice@example.com -user Joe", want: "/jm.do?hostEmail=alice%40example.com&userName=Joe"},
		{args: "join -meeting 000042 -meeting-password-file M", want: "/jm.do?meetingID=000042&meetingPass=mPASSWORD"},
		{args: "join -meeting 000042 -observer-password-file O", want: "/jm.do?meetingID=000042&observerPass=oPASSWORD"},
	}
	for _, tt := range tests {
		args := append(strings.Fields(files.Replace(tt.args)), "-site", site)
		redacted := regexp.MustCompile(`[mo]?PASSWORD`).ReplaceAllString(tt.want, "REDACTED")
		assert.Equal(t, result{0, site + redacted + "\n", ""}, iomeetingWith(t, "", append(args, "-print")...))

		cmd := newCommand(t, t.TempDir(), nil, append(args, "-url")...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		stdout, err := cmd.Output()
		require.NoError(t, err)
		assert.Equal(t, site+strings.ReplaceAll(tt.want, "PASSWORD", canary)+"\n", string(stdout))
		warned := stderr.String() == "WARNING: this link contains passwords. Whoever has it can use them.\n"
		assert.Equal(t, strings.Contains(tt.want, "PASSWORD"), warned, stderr.String())
	}
}

// opening is a running start or join.
type opening struct {
	*testing.T
	cmd    *exec.Cmd
	stderr *bufio.Reader
	url    string
}

// startOpening starts a command whose xdg-open is the given shell script.
func startOpening(t *testing.T, xdgOpen string, args ...string) *opening {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\n"+xdgOpen), 0o700))
	o := &opening{T: t, cmd: newCommand(t, t.TempDir(), []string{"PATH=" + dir}, args...)}
	stderr, err := o.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, o.cmd.Start())
	o.stderr = bufio.NewReader(stderr)
	line, err := o.stderr.ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^Opening your browser\. If nothing happens, open http://127\.0\.0\.1:\d+/[A-Z2-7]{26}\n$`, line)
	o.url = line[strings.Index(line, "http") : len(line)-1]
	return o
}

// get sends a request to the page, and returns the status of the response and its body.
func (o *opening) get(method, url, host string) (int, string) {
	o.Helper()
	req, err := http.NewRequest(method, url, nil)
	require.NoError(o, err)
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	require.NoError(o, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(o, err)
	return res.StatusCode, string(body)
}

// wait waits for the end of the command, and returns what else it wrote.
func (o *opening) wait() string {
	o.Helper()
	rest, err := io.ReadAll(o.stderr)
	require.NoError(o, err)
	require.NoError(o, o.cmd.Wait())
	return string(rest)
}

// TestOpen enters a meeting by the page of start. The browser is not in the session of
// the terminal, whose end would end it too.
func TestOpen(t *testing.T) {
	service := newService(t)
	opened := filepath.Join(t.TempDir(), "opened")
	o := startOpening(t, `read -r _ _ _ _ _ session _ </proc/$$/stat; echo "$@" $(($$ - session)) >`+opened,
		"start", "-password-file", "FILE", "-site", service.URL, "-host", alice.Email)
	require.Eventually(t, func() bool {
		address, err := os.ReadFile(opened)
		return err == nil && string(address) == o.url+" 0\n"
	}, time.Minute, time.Millisecond, "the browser gets the address, and nothing else")
	for _, request := range []struct{ method, url, host string }{
		{method: "GET", url: o.url[:len(o.url)-26]},
		{method: "GET", url: o.url + "x"},
		{method: "HEAD", url: o.url},
		{method: "POST", url: o.url},
		{method: "GET", url: o.url, host: "evil.example"},
	} {
		status, body := o.get(request.method, request.url, request.host)
		assert.Equal(t, 404, status, request)
		assert.NotContains(t, body, canary)
	}
	status, page := o.get("GET", o.url, "")
	assert.Equal(t, 200, status)
	require.NoError(t, service.Submit(strings.NewReader(page)))
	assert.Empty(t, o.wait())
	_, err := http.Get(o.url)
	require.Error(t, err, "the page is gone")
}

// TestOpenByHand has browsers that do not start.
func TestOpenByHand(t *testing.T) {
	o := startOpening(t, "exit 3", "join", "-site", site, "-meeting", "000042")
	line, err := o.stderr.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "No browser could be started: xdg-open: exit status 3. Open the address yourself on this machine, or get the link with -url.\n", line)
	status, _ := o.get("GET", o.url, "")
	assert.Equal(t, 200, status)
	assert.Empty(t, o.wait())

	t.Setenv("PATH", "")
	assert.Equal(t, exit{2, errors.New("no browser opened the page within 1ns")}, open(iomeeting.Link{}, time.Nanosecond))
}

func TestPageIsServedOnce(t *testing.T) {
	served := make(chan struct{})
	link, err := newService(t).Client().JoinByID("000042", nil)
	require.NoError(t, err)
	page := servePage(link, "example.com", "/page", served)
	for _, want := range []int{200, 404} {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest("GET", "/page", nil))
		assert.Equal(t, want, w.Code)
		<-served
	}
}
