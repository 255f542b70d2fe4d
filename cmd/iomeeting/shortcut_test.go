package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShortcut(t *testing.T) {
	const url = site + "/snm.do?hostEmail=alice%40example.com&hostPass=" + canary
	start := []string{"-host", "alice@example.com", "-password-file", "FILE"}
	tests := []struct {
		name       string
		args       []string
		file, want string
	}{
		{name: "start", args: start, file: "Meeting.html", want: `<input type="hidden" name="hostPass" value="` + canary + `">`},
		{name: "join", args: []string{"-join", "-meeting", "000042"}, file: "Meeting.html", want: `<input type="hidden" name="meetingID" value="000042">`},
		{name: "name", args: append(start, "-name", "a/b 会"), file: "a_b 会.html", want: "<title>a/b 会</title>"},
		{name: "url", args: append(start, "-format", "url"), file: "Meeting.url", want: "[InternetShortcut]\r\nURL=" + url + "\r\n"},
		{name: "webloc", args: append(start, "-format", "webloc"), file: "Meeting.webloc", want: "<string>" + strings.ReplaceAll(url, "&", "&amp;") + "</string>"},
		{name: "desktop", args: append(start, "-format", "desktop"), file: "Meeting.desktop", want: "Type=Link\nName=Meeting\nURL=" + url + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, tt.file)
			args := append([]string{"shortcut", "-site", site, "-dir", dir}, tt.args...)
			assert.Equal(t, result{0, path + "\n", ""}, iomeetingWith(t, "", args...))
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Contains(t, string(file), tt.want)
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

			assert.Equal(t, result{1, "", "iomeeting: open " + path + ": file exists\n"}, iomeetingWith(t, "", args...))
		})
	}
}

func TestShortcutMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"-join -title Tea":                  "-title is not for a shortcut that joins a meeting",
		"-join -password-file FILE":         "-password-file is not for a shortcut that joins a meeting",
		"-meeting 000042 -user Joe":         "-user is not for a shortcut that starts a meeting",
		"-join -meeting 000042 -format exe": "-format is not html, url, webloc or desktop",
		"-join -meeting 000042 -name \x01":  "invalid parameter: name contains a control character",
		"-host a -command -title a\x01":     "a control character cannot be in a command",
		"-join -command":                    "set -host or IOMEETING_HOST",
	} {
		dir := t.TempDir()
		cmd := append([]string{"shortcut", "-site", site, "-dir", dir}, strings.Split(args, " ")...)
		assert.Equal(t, result{1, "", "iomeeting: " + want + "\n"}, iomeetingWith(t, "", cmd...), args)
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, files)
	}
}

// TestCommandShortcut writes one on this system.
func TestCommandShortcut(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	env := []string{"IOMEETING_SITE=" + site, "IOMEETING_HOST=" + alice.Email}
	args := []string{"shortcut", "-command", "-title", "Q3 100% $HOME\"\\", "-password-file", "secret", "-meeting-password-file", "-"}
	path := filepath.Join(dir, "Meeting.desktop")
	assert.Equal(t, result{0, "Meeting.desktop\n", ""}, finish(t, newCommand(t, dir, env, args...)))
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, `[Desktop Entry]
Version=1.0
Type=Application
Name=Meeting
Exec="`+program+`" "start" "-site" "`+site+`" "-host" "alice@example.com" "-title" "Q3 100%% \\$HOME\\"\\\\" "-password-file" "`+filepath.Join(dir, "secret")+`" "-meeting-password-file" "-"
Terminal=true
`, string(file))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for _, folder := range []string{"TMPDIR", "XDG_CACHE_HOME"} { // where go run keeps programs
		temporary := newCommand(t, t.TempDir(), append(env, folder+"="+filepath.Dir(filepath.Dir(program))), args...)
		assert.Equal(t, result{1, "", "iomeeting: this program is in a temporary folder, as with go run, and the shortcut would soon fail: go install it first\n"},
			finish(t, temporary), folder)
	}
}

// TestCommandFile writes commands of systems other than this one.
func TestCommandFile(t *testing.T) {
	line := []string{`C:\a b\iomeeting`, "start", "-title", `R&D 100% $HOME 'x'`}
	tests := []struct{ system, ext, want string }{
		{"windows", ".cmd", "@chcp 65001 >nul\r\n@" + `"C:\a b\iomeeting" "start" "-title" "R&D 100%% $HOME 'x'" || pause` + "\r\n"},
		{"darwin", ".command", "#!/bin/sh\n" + `exec 'C:\a b\iomeeting' 'start' '-title' 'R&D 100% $HOME '\''x'\'''` + "\n"},
	}
	for _, tt := range tests {
		ext, file, err := commandFile(tt.system, "Meeting", line)
		require.NoError(t, err)
		assert.Equal(t, tt.ext, ext)
		assert.Equal(t, tt.want, file)
	}
	_, _, err := commandFile("windows", "Meeting", []string{"iomeeting", `"`})
	require.EqualError(t, err, `a " cannot be in a command of Windows`)
}
