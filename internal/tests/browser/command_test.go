package browser

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// TestCommand starts and joins a meeting with the command, whose xdg-open hands the
// address to the browser of the test.
func TestCommand(t *testing.T) {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	require.NoError(t, os.WriteFile(password, []byte(hostPassword+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\necho \"$1\" >opening && mv opening opened\n"), 0o700))
	program := build(t, "./cmd/iomeeting")
	b := newBrowser(t)
	tests := []struct {
		args         []string
		path, person string
	}{
		{args: []string{"start", "-host", alice.Email, "-title", title, "-password-file", password}, path: "/snm.do", person: "alice@example.com (host)"},
		{args: []string{"join", "-host", alice.Email, "-user", "Joe Smith"}, path: "/jm.do", person: "Joe Smith (participant)"},
	}
	for _, tt := range tests {
		service.ClearRequests()
		cmd := exec.CommandContext(b.ctx, program, append(tt.args, "-site", service.URL)...)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		require.NoError(t, cmd.Start())
		var address []byte
		require.Eventually(t, func() bool {
			var err error
			address, err = os.ReadFile(filepath.Join(cmd.Dir, "opened"))
			return err == nil
		}, patience, 10*time.Millisecond)

		tb := b.newTab()
		tb.open(string(bytes.TrimSpace(address)))
		assert.Equal(t, title, tb.text("#title"))
		assert.Contains(t, tb.text("#people"), tt.person)
		require.NoError(t, cmd.Wait())
		assert.Equal(t, "Opening your browser. If nothing happens, open "+string(address), output.String())
		var entered []string
		for _, r := range service.Requests() {
			if strings.HasSuffix(r.Path, ".do") {
				entered = append(entered, r.Method+" "+r.Path+" "+r.Query.Encode())
			}
		}
		assert.Equal(t, []string{"POST " + tt.path + " "}, entered)
		var addresses []string
		for _, entry := range ask(tb, chromedp.NavigationEntries()).Entries {
			addresses = append(addresses, entry.URL)
		}
		assert.Equal(t, []string{"about:blank", service.URL + tt.path}, addresses, "the page has no entry")
	}
	b.requireSecretive(service.URL)
}
