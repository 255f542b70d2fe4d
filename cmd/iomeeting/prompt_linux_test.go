package main

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// newTerminal returns both ends of a terminal: the user's and the program's.
func newTerminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = user.Close() })
	fd := int(user.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	program, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = program.Close() })
	return user, program
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return state.Lflag&unix.ECHO != 0
}

// TestPrompt types passwords on a terminal, and interrupts a prompt.
func TestPrompt(t *testing.T) {
	service := newService(t)
	args := []string{"schedule", "-site", service.URL, "-host", alice.Email, "-meeting-password-file", "-"}
	tests := []struct {
		name, typed, shown string
		want               result
	}{
		{
			name: "passwords", typed: canary + "\n" + "m" + canary + "\n",
			want: result{0, "000001\n", "Password of alice@example.com: \nPassword of the meeting: \n"},
		},
		{name: "empty", typed: "\n", want: result{1, "", "Password of alice@example.com: \niomeeting: -password-file: the password is empty\n"}},
		{name: "interrupt", typed: "\x03", want: result{130, "", "Password of alice@example.com: \n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			user, program := newTerminal(t)
			cmd := newCommand(t, t.TempDir(), nil, append([]string{}, args...)...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // else ^C interrupts nothing
			stderr, write, err := os.Pipe()
			require.NoError(t, err)
			defer stderr.Close()
			var stdout, messages bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = program, &stdout, write
			require.NoError(t, cmd.Start())
			require.NoError(t, write.Close())
			// Type each line once there is a prompt without echo.
			for typed := range strings.Lines(tt.typed) {
				for !strings.HasSuffix(messages.String(), ": ") {
					_, err := io.CopyN(&messages, stderr, 1)
					require.NoError(t, err)
				}
				for echoes(t, program) {
				}
				_, err := user.WriteString(typed)
				require.NoError(t, err)
				_, err = io.CopyN(&messages, stderr, 1)
				require.NoError(t, err)
			}
			_, err = io.Copy(&messages, stderr)
			require.NoError(t, err)
			_ = cmd.Wait()
			assert.Equal(t, tt.want, result{cmd.ProcessState.ExitCode(), stdout.String(), messages.String()})
			assert.True(t, echoes(t, program))
			require.NoError(t, program.Close())
			shown, _ := io.ReadAll(user) // ends with EIO
			assert.NotContains(t, string(shown), canary)
		})
	}
	requests := service.Requests()
	assert.Equal(t, "m"+canary, requests[len(requests)-1].PostForm.Get("meetingPassword"))
}
