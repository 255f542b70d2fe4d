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

// TestPrompt types passwords on a terminal, each once there is a prompt without echo.
func TestPrompt(t *testing.T) {
	service := newService(t)
	user, program := newTerminal(t)
	cmd := newCommand(t, t.TempDir(), nil, "schedule", "-site", service.URL, "-host", alice.Email, "-meeting-password-file", "-")
	var stdout, messages bytes.Buffer
	cmd.Stdin, cmd.Stdout = program, &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for _, typed := range []string{canary + "\n", "m" + canary + "\n"} {
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
	require.NoError(t, cmd.Wait())
	assert.Equal(t, "000001\n", stdout.String())
	assert.Equal(t, "Password of alice@example.com: \nPassword of the meeting: \n", messages.String())
	assert.True(t, echoes(t, program))
	require.NoError(t, program.Close())
	shown, _ := io.ReadAll(user) // ends with EIO
	assert.NotContains(t, string(shown), canary)
}
