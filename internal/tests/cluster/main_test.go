package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary a web server when the test starts it as one.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		exit("server", runChild(os.Stdin, os.Stdout))
		return
	}
	os.Exit(m.Run())
}

// TestRun runs a small cluster whose servers share SQLite.
func TestRun(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer out.Close()
	err = run(t.Context(), out, plan{servers: 2, accounts: 6, visitors: 60, startWithin: 2 * time.Second})
	require.NoError(t, err)

	shown, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	assert.Contains(t, string(shown), "visitors  60 of 60")
	assert.Contains(t, string(shown), `
60 visitors got a meeting each, on 6 accounts and 2 servers, none of which was killed.
  1 of them never opened their start link
`)
	assert.Contains(t, string(shown), "\nmeetings ended by another start: 0\nstart links refused by the service: 0\n")
}

func TestBadPlan(t *testing.T) {
	for name, p := range map[string]plan{
		"no servers":  {accounts: 1, visitors: 1, startWithin: 1},
		"no accounts": {servers: 1, visitors: 1, startWithin: 1},
		"no visitors": {servers: 1, accounts: 1, startWithin: 1},
		"no time":     {servers: 1, accounts: 1, visitors: 1},
		"kills":       {servers: 1, accounts: 1, visitors: 1, startWithin: 1, kills: -1},
	} {
		assert.Error(t, run(t.Context(), nil, p), name)
	}
	assert.EqualError(t, checkLeases("oracle://x"), `unknown store "oracle"`)
	for _, url := range []string{"sqlite:x", "postgres://x", "mysql://x", "redis://x", "none"} {
		assert.NoError(t, checkLeases(url))
	}
}

// TestVerdict shows that a run fails for each promise that is broken.
func TestVerdict(t *testing.T) {
	for name, breakIt := range map[string]func(*world){
		"meetings were ended by another start":         func(w *world) { w.endedOther.Add(1) },
		"start links were refused":                     func(w *world) { w.refused.Add(1) },
		"accounts took longer than 1m16s to come back": func(w *world) { w.back = time.Hour },
		"only 49 of 50 accounts came back":             func(w *world) { w.missing = 1 },
	} {
		w := &world{plan: plan{accounts: 50, startWithin: time.Second, kills: 1}}
		var out bytes.Buffer
		require.NoError(t, w.verdict(&out))
		assert.Contains(t, out.String(), "\nmeetings ended by another start: 0\n")
		assert.Contains(t, out.String(), "\nall accounts back after 0.0 s\n")
		breakIt(w)
		assert.EqualError(t, w.verdict(&out), name)
	}
}

// TestVerdictWithoutAllAccounts shows that an account that does not come back hides
// nothing else.
func TestVerdictWithoutAllAccounts(t *testing.T) {
	w := &world{plan: plan{accounts: 50}, missing: 1}
	w.endedOther.Add(18)
	var out bytes.Buffer
	assert.EqualError(t, w.verdict(&out), "meetings were ended by another start\nonly 49 of 50 accounts came back")
	assert.Contains(t, out.String(), "\nmeetings ended by another start: 18\n")
	assert.Contains(t, out.String(), "\n49 of 50 accounts back after 0.0 s\n")
}

// TestGoesOn shows that a meeting that the service has ended is noticed.
func TestGoesOn(t *testing.T) {
	w, err := newWorld(plan{leases: []string{"none"}, servers: 1, accounts: 1, visitors: 1, startWithin: time.Minute})
	require.NoError(t, err)
	defer w.close()
	s, ok := w.tryStart(t.Context())
	require.True(t, ok)
	require.True(t, w.open(s))
	assert.True(t, w.goesOn(t.Context(), s))
	assert.Zero(t, w.endedOther.Load())

	_, err = w.client.Schedule(context.Background(), w.hosts[s.Host], nil)
	require.NoError(t, err)
	assert.False(t, w.goesOn(t.Context(), s))
	assert.EqualValues(t, 1, w.endedOther.Load())
	assert.False(t, w.open(s), "the meeting has ended")
	assert.EqualValues(t, 1, w.refused.Load())
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		assert.Equal(t, want, count(n))
	}
}
