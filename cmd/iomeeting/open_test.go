package main

import (
	"bufio"
	"bytes"
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
	meetingPassword, observerPassword := newFile(t, "m"+canary), newFile(t, "o"+canary)
	tests := []struct {
		args, path, query string
	}{
		{args: "start -host alice@example.com -title Q3_Review", path: "/snm.do", query: "hostEmail=alice%40example.com&hostPass=PASSWORD&title=Q3_5FReview"},
		{
			args: "start -host alice@example.com -meeting-password-file M -observer-password-file O", path: "/snm.do",
			query: "hostEmail=alice%40example.com&hostPass=PASSWORD&meetingPass=mPASSWORD&observerPass=oPASSWORD",
		},
		{args: "start -meeting 000042", path: "/ssm.do", query: "hostPass=PASSWORD&meetingID=000042"},
		{args: "start -meeting 000042 -host alice@example.com", path: "/ssm.do", query: "hostPass=PASSWORD&meetingID=000042"},
		{args: "join -host alice@example.com -user Joe", path: "/jm.do", query: "hostEmail=alice%40example.com&userName=Joe"},
		{args: "join -meeting 000042 -meeting-password-file M", path: "/jm.do", query: "meetingID=000042&meetingPass=mPASSWORD"},
		{args: "join -meeting 000042 -observer-password-file O", path: "/jm.do", query: "meetingID=000042&observerPass=oPASSWORD"},
	}
	for _, tt := range tests {
		args := strings.Fields(strings.NewReplacer(" M", " "+meetingPassword, " O", " "+observerPassword).Replace(tt.args))
		args = append(args, "-site", site)
		if args[0] == "start" {
			args = append(args, "-password-file", "FILE")
		}
		redacted := regexp.MustCompile(`[mo]?PASSWORD`).ReplaceAllString(tt.query, "REDACTED")
		assert.Equal(t, result{0, site + tt.path + "?" + redacted + "\n", ""}, iomeetingWith(t, "", append(args, "-print")...))

		var stderr bytes.Buffer
		cmd := newCommand(t, t.TempDir(), nil, append(args, "-url")...)
		cmd.Stderr = &stderr
		stdout, err := cmd.Output()
		require.NoError(t, err)
		assert.Equal(t, site+tt.path+"?"+strings.ReplaceAll(tt.query, "PASSWORD", canary)+"\n", string(stdout))
		if strings.Contains(tt.query, "PASSWORD") {
			assert.Equal(t, "WARNING: this link contains passwords. Whoever has it can use them.\n", stderr.String())
		} else {
			assert.Empty(t, stderr.String())
		}
	}
}

// opening is a running start or join.
type opening struct {
	*testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr *bufio.Reader
	url    string
}

// open starts a command whose xdg-open is the given shell script.
func startOpening(t *testing.T, xdgOpen string, args ...string) *opening {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\n"+xdgOpen), 0o700))
	o := &opening{T: t, cmd: newCommand(t, t.TempDir(), []string{"PATH=" + dir}, args...)}
	o.cmd.Stdout = &o.stdout
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
	assert.Empty(o, o.stdout.String())
	return string(rest)
}

// TestOpen enters a meeting by the page of start, and by that of join. The browser is not
// in the session of the terminal, whose end would end it too.
func TestOpen(t *testing.T) {
	service := newService(t)
	for _, args := range [][]string{
		{"start", "-password-file", "FILE", "-site", service.URL, "-host", alice.Email},
		{"join", "-site", service.URL, "-host", alice.Email},
	} {
		opened := filepath.Join(t.TempDir(), "opened")
		o := startOpening(t, `read -r _ _ _ _ _ session _ </proc/$$/stat; echo "$@" $(($$ - session)) >`+opened, args...)
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
}

// TestOpenByHand has browsers that do not start.
func TestOpenByHand(t *testing.T) {
	o := startOpening(t, "exit 3", "join", "-site", site, "-meeting", "000042")
	line, err := o.stderr.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "No browser could be started (exit status 3). Open the address yourself.\n", line)
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
