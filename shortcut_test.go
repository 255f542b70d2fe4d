package iomeeting_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

var shortcuts = []iomeeting.Shortcut{iomeeting.WindowsShortcut, iomeeting.MacShortcut, iomeeting.LinuxShortcut}

// shortcutOf returns the file of a shortcut.
func shortcutOf(t *testing.T, link iomeeting.Link, s iomeeting.Shortcut, name string) string {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, link.WriteShortcut(&file, s, name))
	return file.String()
}

func TestShortcutFiles(t *testing.T) {
	link, err := newClient(t).Join(host.Email, &iomeeting.JoinOptions{
		MeetingPassword: iomeeting.NewSecret(`a&b"c\d`), UserName: "会 Joe's",
	})
	require.NoError(t, err)
	const name = `会议 "Q3" & 100% \o/`
	assert.Equal(t, "[InternetShortcut]\r\n"+
		"URL=https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&meetingPass=a%26b%22c%5Cd&userName=_E4_BC_9A+Joe_27s\r\n",
		shortcutOf(t, link, iomeeting.WindowsShortcut, name))
	assert.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>URL</key>
	<string>https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&amp;meetingPass=a%26b%22c%5Cd&amp;userName=_E4_BC_9A+Joe_27s</string>
</dict>
</plist>
`, shortcutOf(t, link, iomeeting.MacShortcut, name))
	assert.Equal(t, `[Desktop Entry]
Version=1.0
Type=Link
Name=会议 "Q3" & 100% \\o/
URL=https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&meetingPass=a%26b%22c%5Cd&userName=_E4_BC_9A+Joe_27s
`, shortcutOf(t, link, iomeeting.LinuxShortcut, name))
}

func TestShortcutExt(t *testing.T) {
	assert.Equal(t, ".url", iomeeting.WindowsShortcut.Ext())
	assert.Equal(t, ".webloc", iomeeting.MacShortcut.Ext())
	assert.Equal(t, ".desktop", iomeeting.LinuxShortcut.Ext())
	assert.Empty(t, iomeeting.Shortcut(3).Ext())
	assert.Empty(t, iomeeting.Shortcut(-1).Ext())
}

func TestBadShortcut(t *testing.T) {
	link, err := newClient(t).JoinByID("123456", nil)
	require.NoError(t, err)
	tests := []struct {
		link          iomeeting.Link
		shortcut      iomeeting.Shortcut
		name          string
		param, reason string
	}{
		{link, iomeeting.LinuxShortcut, "", "name", isEmpty},
		{link, iomeeting.LinuxShortcut, "a\nExec=b", "name", isControl},
		{link, iomeeting.WindowsShortcut, "a\r\nb", "name", isControl},
		{link, iomeeting.MacShortcut, "a\x00", "name", isControl},
		{link, iomeeting.MacShortcut, "a\u0085", "name", isControl},
		{link, iomeeting.MacShortcut, "a\u2028b", "name", "holds a line break"},
		{link, iomeeting.MacShortcut, "a\u2029b", "name", "holds a line break"},
		{link, iomeeting.LinuxShortcut, "a\xff", "name", notUTF8},
		{link, iomeeting.Shortcut(3), "a", "shortcut", "is of no kind that is known"},
		{link, iomeeting.Shortcut(-1), "a", "shortcut", "is of no kind that is known"},
		{iomeeting.Link{}, iomeeting.LinuxShortcut, "a", "link", "opens nothing"},
	}
	for _, tt := range tests {
		var file bytes.Buffer
		requireParameterError(t, tt.link.WriteShortcut(&file, tt.shortcut, tt.name), tt.param, tt.reason)
		assert.Zero(t, file.Len())
	}
}

func TestShortcutThatCannotBeWritten(t *testing.T) {
	link, err := newClient(t).JoinByID("123456", nil)
	require.NoError(t, err)
	full := errors.New("disk full")
	for _, s := range shortcuts {
		require.ErrorIs(t, link.WriteShortcut(failingWriter{full}, s, "a"), full)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// names are names that a reader could take for something else.
var names = []string{
	"Meeting", `会议 "Q3_Review" 100% C++`, `\\server\s`, `\n\t\s`, "  spaces  ", "a & b < c > 'd'", "=", "[Group]", "#no comment", ";", "%s %(x)s", "a=b",
}

// TestShortcutsComeBack reads shortcuts with the readers of Python.
func TestShortcutsComeBack(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	for _, name := range names {
		link, err := newClient(t).Start(
			iomeeting.Host{Email: name, Password: iomeeting.NewSecret(name)}, &iomeeting.StartOptions{Title: name},
		)
		require.NoError(t, err)
		for _, s := range shortcuts {
			file := filepath.Join(t.TempDir(), "shortcut"+s.Ext())
			require.NoError(t, os.WriteFile(file, []byte(shortcutOf(t, link, s, name)), 0o600))
			out, err := exec.Command(python, "testdata/read_shortcut.py", file).Output()
			require.NoError(t, err)
			var got struct{ Name, URL string }
			require.NoError(t, json.Unmarshal(out, &got))
			assert.Equal(t, link.URL(), got.URL)
			if s == iomeeting.LinuxShortcut {
				assert.Equal(t, name, got.Name)
			}
		}
	}
}

func TestDesktopEntriesAreValid(t *testing.T) {
	validate, err := exec.LookPath("desktop-file-validate")
	if err != nil {
		t.Skip("there is no desktop-file-validate")
	}
	link, err := newClient(t).Start(host, &iomeeting.StartOptions{Title: "会议"})
	require.NoError(t, err)
	for _, name := range names {
		file := filepath.Join(t.TempDir(), "shortcut.desktop")
		require.NoError(t, os.WriteFile(file, []byte(shortcutOf(t, link, iomeeting.LinuxShortcut, name)), 0o600))
		out, err := exec.Command(validate, file).CombinedOutput()
		require.NoError(t, err, "%q: %s", name, out)
	}
}

func FuzzShortcut(f *testing.F) {
	for _, name := range names {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, name, id string) {
		link, err := newClient(t).JoinByID(id, nil)
		if err != nil {
			return
		}
		var file bytes.Buffer
		if err := link.WriteShortcut(&file, iomeeting.LinuxShortcut, name); err != nil {
			require.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
			require.Zero(t, file.Len())
			return
		}
		lines := strings.Split(file.String(), "\n")
		require.Len(t, lines, 6)
		unescape := strings.NewReplacer(`\\`, `\`, `\s`, " ")
		require.Equal(t, name, unescape.Replace(strings.TrimPrefix(lines[3], "Name=")))
		require.Equal(t, link.URL(), strings.TrimPrefix(lines[4], "URL="))

		var plist struct {
			URL string `xml:"dict>string"`
		}
		require.NoError(t, xml.Unmarshal([]byte(shortcutOf(t, link, iomeeting.MacShortcut, name)), &plist))
		require.Equal(t, link.URL(), plist.URL)
		require.Equal(t, "[InternetShortcut]\r\nURL="+link.URL()+"\r\n", shortcutOf(t, link, iomeeting.WindowsShortcut, name))
	})
}
