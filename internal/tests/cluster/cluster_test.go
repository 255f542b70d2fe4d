// Package experiments runs several web servers that share host accounts, and breaks
// what can break: it kills servers, restarts the database, and cuts a server off
// from it. The verdict is that of the IOMeeting server.
package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// program is examples/cluster.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "experiments")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "cluster")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join("..", "..", "examples", "cluster")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*NoopToxic).Pipe"), // outlives its connection
		goleak.Cleanup(func(status int) {
			_ = os.RemoveAll(dir)
			os.Exit(status)
		}))
}

// engine is a kind of database server.
type engine struct {
	name   string
	scheme string // what the program wants before the DSN
	start  func(dir string, args ...string) (*servers.Server, error)
}

var engines = []engine{
	{"PostgreSQL", "", servers.Postgres},
	{"MariaDB", "mysql://", servers.MariaDB},
	{"Redis", "", servers.Redis},
}

// run runs the program to its end, and calls halfway once when half of the visitors
// have left. It returns the verdict. The test fails if a promise was broken.
func run(t *testing.T, halfway func(), args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	progress := regexp.MustCompile(`^visitors  ([\d,]+) of ([\d,]+)`)
	var shown strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		shown.WriteString(lines.Text() + "\n")
		at := progress.FindStringSubmatch(lines.Text())
		if halfway != nil && at != nil && number(t, at[1]) >= number(t, at[2])/2 {
			halfway()
			halfway = nil
		}
	}
	require.NoError(t, cmd.Wait(), "%s\n%s", &shown, &errors)
	assert.Nil(t, halfway, "the run was over before half of it was seen")
	_, verdict, _ := strings.Cut(shown.String(), "\n\n")
	t.Log(verdict)
	return verdict
}

// number reads a number with thousands separators.
func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	require.NoError(t, err)
	return n
}

// failures returns how many starts failed, from a verdict.
func failures(t *testing.T, verdict string) int {
	t.Helper()
	found := regexp.MustCompile(`and ([\d,]+) failed`).FindStringSubmatch(verdict)
	require.NotNil(t, found, verdict)
	return number(t, found[1])
}
