package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// TestMain runs the tests, or the command where a test starts this binary as it.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_IOMEETING") != "" {
		main()
	}
	os.Exit(m.Run())
}

// canary is the host's password, and part of all others. No output may contain it.
const canary = "canary4711"

var alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret(canary)}

const site = "https://abc.iomeeting.cn"

func newService(t *testing.T) *iomeetingtest.Server {
	t.Helper()
	service := iomeetingtest.NewServer(alice)
	t.Cleanup(service.Close)
	return service
}

// newCommand returns the command as a process in the folder dir, whose environment has
// only env. In its arguments, FILE stands for a file with the host's password.
func newCommand(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	for i, arg := range args {
		if arg == "FILE" {
			args[i] = newFile(t, canary+"\n")
		}
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"RUN_IOMEETING=1", "TMPDIR=" + filepath.Join(dir, "tmp"), "GORACE=atexit_sleep_ms=0"}, env...)
	return cmd
}

func newFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// result is how a process ended.
type result struct {
	status         int
	stdout, stderr string
}

// finish waits for a process that was not started.
func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	for _, text := range append(cmd.Args, stdout.String(), stderr.String()) {
		assert.NotContains(t, text, canary)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// iomeetingWith runs the command with a standard input.
func iomeetingWith(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	cmd := newCommand(t, t.TempDir(), nil, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return finish(t, cmd)
}

const commandList = `Usage: iomeeting COMMAND [flags]

  start     start a meeting in the browser
  join      join a meeting in the browser
  query     report whether a host is in a meeting (exit status 3) or not (0)
  schedule  schedule a meeting and print its ID
  shortcut  write a desktop shortcut that starts or joins a meeting
  serve     serve a fake of the service for tests

Run "iomeeting help COMMAND" for its flags.
`

func TestUsage(t *testing.T) {
	tests := []struct {
		args string
		want result
	}{
		{args: "help", want: result{0, commandList, ""}},
		{args: "-h", want: result{0, commandList, ""}},
		{args: "", want: result{1, "", commandList}},
		{args: "strat", want: result{1, "", "iomeeting: there is no command \"strat\"; see iomeeting help\n"}},
		{args: "query -password=secret", want: result{1, "", "iomeeting: query: flag provided but not defined: -password; see iomeeting help query\n"}},
		{args: "query secret", want: result{1, "", "iomeeting: query: there are arguments after the flags; see iomeeting help query\n"}},
		{args: "start -meeting=", want: result{1, "", "iomeeting: start: -meeting is empty; see iomeeting help start\n"}},
		{args: "join -title Tea", want: result{1, "", "iomeeting: join: flag provided but not defined: -title; see iomeeting help join\n"}},
		{args: "serve -addr 127.0.0.1", want: result{1, "", "iomeeting: listen tcp: address 127.0.0.1: missing port in address\n"}},
		{args: "serve -host :secret", want: result{1, "", "iomeeting: hosts[0]: invalid parameter: hostEmail is empty\n"}},
		{args: "query", want: result{1, "", "iomeeting: set -site or IOMEETING_SITE\n"}},
		{args: "query -site " + site, want: result{1, "", "iomeeting: set -host or IOMEETING_HOST\n"}},
		{args: "join -site " + site + " -host a@example.com:secret", want: result{1, "", "iomeeting: -host is an email address, without a password\n"}},
		{args: "query -site http://abc.iomeeting.cn -host a", want: result{1, "", "iomeeting: invalid parameter: site must start with https://, because http sends passwords in plain text; WithInsecureHTTP allows it\n"}},
		{args: "query -site " + site + " -host a", want: result{1, "", "iomeeting: there is no terminal to ask for the password: set -password-file\n"}},
		{args: "start -meeting 1 -title Tea", want: result{1, "", "iomeeting: -title and the passwords of a meeting are for new meetings, -meeting is for a scheduled one\n"}},
		{args: "start -meeting 1 -meeting-password-file -", want: result{1, "", "iomeeting: -title and the passwords of a meeting are for new meetings, -meeting is for a scheduled one\n"}},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, iomeetingWith(t, "", strings.Fields(tt.args)...), tt.args)
	}
	help := iomeetingWith(t, "", "help", "query")
	assert.Contains(t, help.stdout, "Usage: iomeeting query [flags]\n\nReport whether a host is in a meeting (exit status 3) or not (0).\n\n  -host email\n")
	assert.Equal(t, help, iomeetingWith(t, "", "query", "-h"))
}

func TestPasswordFiles(t *testing.T) {
	service := newService(t)
	tests := []struct {
		name, file, stdin string
		want              result
	}{
		{name: "no line break", file: newFile(t, canary)},
		{name: "line break", file: newFile(t, canary+"\n")},
		{name: "line break of Windows", file: newFile(t, canary+"\r\n")},
		{name: "standard input", file: "-", stdin: canary + "\n"},
		{name: "two line breaks", file: newFile(t, canary+"\n\n"), want: result{1, "", "iomeeting: invalid parameter: hostPassword contains a control character\n"}},
		{name: "empty", file: newFile(t, "\n"), want: result{1, "", "iomeeting: -password-file: the password is empty\n"}},
		{name: "no file", file: "secret", want: result{1, "", "iomeeting: -password-file: no such file or directory\n"}},
	}
	for _, tt := range tests {
		if tt.want.status == 0 {
			tt.want.stdout = "alice@example.com is available.\n"
		}
		assert.Equal(t, tt.want, iomeetingWith(t, tt.stdin, "query", "-site", service.URL, "-host", alice.Email, "-password-file", tt.file), tt.name)
	}
	assert.Equal(t, result{1, "", "iomeeting: -meeting-password-file: the password is empty\n"},
		iomeetingWith(t, canary, "schedule", "-site", service.URL, "-host", alice.Email, "-password-file", "-", "-meeting-password-file", "-"))
}

func TestQuery(t *testing.T) {
	service := newService(t)
	query := func(args ...string) result {
		return iomeetingWith(t, "", append([]string{"query", "-site", service.URL, "-host", alice.Email, "-password-file", "FILE"}, args...)...)
	}
	assert.Equal(t, result{0, "alice@example.com is available.\n", ""}, query())
	assert.Equal(t, result{0, `{"host":"alice@example.com","inMeeting":false}` + "\n", ""}, query("-json"))
	link, err := service.Client().Start(alice, &iomeeting.StartOptions{MeetingPassword: iomeeting.NewSecret("m" + canary)})
	require.NoError(t, err)
	require.NoError(t, service.Open(link))
	assert.Equal(t, result{3, "alice@example.com is in meeting 000001.\n", ""}, query())
	assert.Equal(t, result{3, `{"host":"alice@example.com","inMeeting":true,"meetingID":"000001"}` + "\n", ""}, query("-json"))

	env := []string{"IOMEETING_SITE=" + service.URL, "IOMEETING_HOST=" + alice.Email}
	assert.Equal(t, result{3, "alice@example.com is in meeting 000001.\n", ""},
		finish(t, newCommand(t, t.TempDir(), env, "query", "-password-file", "FILE")))

	assert.Equal(t, result{1, "", "iomeeting: query: host not found\n"}, query("-host", "bob@example.com"))
	assert.Equal(t, result{1, "", "iomeeting: query: wrong host password\n"}, query("-password-file", newFile(t, canary+"2")))
	for range 3 {
		service.FailNext(iomeetingtest.HTTPStatus(503))
	}
	assert.Equal(t, result{2, "", "iomeeting: query: bad response: the response has HTTP status 503 Service Unavailable\n"}, query())
	service.Close()
	down := query()
	assert.Equal(t, 2, down.status)
	assert.Regexp(t, `^iomeeting: query: dial tcp 127\.0\.0\.1:\d+: connect: connection refused\n$`, down.stderr)
}

func TestSchedule(t *testing.T) {
	service := newService(t)
	schedule := func(args ...string) result {
		return iomeetingWith(t, "m"+canary, append([]string{"schedule", "-site", service.URL, "-host", alice.Email, "-password-file", "FILE"}, args...)...)
	}
	assert.Equal(t, result{0, "000001\n", ""}, schedule("-end-url", "http://127.0.0.1:9/ended", "-operator-id", "booking-7", "-meeting-password-file", "-"))
	assert.Equal(t, []iomeetingtest.Meeting{{ID: "000001", Host: alice.Email, EndURL: "http://127.0.0.1:9/ended", OperatorID: "booking-7"}}, service.Meetings())
	requests := service.Requests()
	assert.Equal(t, "m"+canary, requests[len(requests)-1].PostForm.Get("meetingPassword"))

	link, err := service.Client().Start(alice, nil)
	require.NoError(t, err)
	require.NoError(t, service.Open(link))
	assert.Equal(t, result{3, "", "iomeeting: alice@example.com is in meeting 000002, which -force would end\n"}, schedule())
	assert.Equal(t, iomeetingtest.InProgress, service.Meetings()[1].State)
	assert.Equal(t, result{0, "000003\n", ""}, schedule("-force"))
	assert.Equal(t, iomeetingtest.Ended, service.Meetings()[1].State)

	service.FailNext(iomeetingtest.Drop().ForPath("/meetingControl/schedule"))
	assert.Equal(t, result{2, "", "iomeeting: schedule: EOF; the outcome is unknown\n" +
		"the meeting may have been scheduled, but its ID is lost: to schedule another, repeat the command without -force\n"}, schedule())
}
