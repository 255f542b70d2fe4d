package servers_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestServersEndWithTheirProcess kills a process that has started servers.
func TestServersEndWithTheirProcess(t *testing.T) {
	if os.Getenv("START_AND_WAIT") != "" {
		startAndWait(t)
		return
	}
	dir := reachableDir(t)
	require.NoError(t, os.Chmod(dir, 0o755))
	cmd := exec.Command(os.Args[0], "-test.run=^TestServersEndWithTheirProcess$")
	cmd.Env = append(os.Environ(), "START_AND_WAIT=1", "TMPDIR="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	_, err = cmd.StdinPipe() // stays open
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var n int
	_, err = fmt.Fscanln(out, &n)
	require.NoError(t, err)
	assert.Equal(t, len(kinds), n)
	assert.NotZero(t, processesIn(t, dir))
	require.NoError(t, cmd.Process.Kill())
	assert.Error(t, cmd.Wait())

	for processesIn(t, dir) > 0 { // the time limit of the test run ends this if nothing else does
		time.Sleep(10 * time.Millisecond)
	}
}

// startAndWait starts a server of each kind, prints how many these are, and waits
// to be killed.
func startAndWait(t *testing.T) {
	for _, k := range kinds {
		servers.ForTest(t, k.start)
	}
	fmt.Println(len(kinds))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// processesIn returns how many processes have dir in their command line.
func processesIn(t *testing.T, dir string) (n int) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range paths {
		if line, err := os.ReadFile(path); err == nil && bytes.Contains(line, []byte(dir)) {
			n++
		}
	}
	return n
}

// TestServersOfAnOrdinaryUser runs another test as the user nobody.
func TestServersOfAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the other tests run as an ordinary user already")
	}
	for _, k := range kinds {
		servers.ForTest(t, k.start) // is it installed?
	}
	dir := reachableDir(t)
	require.NoError(t, os.Chmod(dir, 0o777))
	program, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	path := filepath.Join(dir, "servers.test")
	require.NoError(t, os.WriteFile(path, program, 0o755))

	cmd := exec.Command(path, "-test.v", "-test.run=^TestServerKeepsItsDataAndAddress$")
	cmd.Dir, cmd.Env = dir, []string{"TMPDIR=" + dir, "PATH=/usr/bin:/bin", "HOME=" + dir, "CI=true"}
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "--- PASS: TestServerKeepsItsDataAndAddress")
}
