package iomeeting_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

var shortcuts = []iomeeting.Shortcut{iomeeting.WindowsShortcut, iomeeting.MacShortcut, iomeeting.LinuxShortcut}

// shortcutOf returns the content of a shortcut.
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

func TestShortcutFormats(t *testing.T) {
	for s, want := range map[iomeeting.Shortcut]struct{ ext, contentType string }{
		iomeeting.WindowsShortcut: {".url", "application/x-mswinurl"},
		iomeeting.MacShortcut:     {".webloc", "application/x-plist"},
		iomeeting.LinuxShortcut:   {".desktop", "application/x-desktop"},
		iomeeting.Shortcut(4):     {"", ""},
		iomeeting.Shortcut(-1):    {"", ""},
	} {
		assert.Equal(t, want.ext, s.Ext())
		assert.Equal(t, want.contentType, s.ContentType())
		assert.Equal(t, "meeting"+want.ext, s.FileName(""))
	}
}

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"Tea at four":             "Tea at four",
		"会议 Q3_Review 🙂 100% C++": "会议 Q3_Review 🙂 100% C++",
		// Characters
		`a<b>c:d"e/f\g|h?i*j`:    "a_b_c_d_e_f_g_h_i_j",
		"../../etc/passwd":       "_.._etc_passwd",
		`C:\Windows\a`:           "C__Windows_a",
		"a\x00b\r\nc\td\x7fe":    "a_b__c_d_e",
		"a\u0085b\u2028c\u202ed": "a_b_c_d",
		"a\u00a0b\u200bc":        "a_b_c",
		"a\xffb":                 "a_b",
		"\xff\xfe":               "_",
		"a\xed\xa0\x80b":         "a_b",
		"???":                    "___",
		// Ends
		"":              "meeting",
		"...":           "meeting",
		" . . ":         "meeting",
		".profile":      "profile",
		" Tea ":         "Tea",
		"Tea. . ":       "Tea",
		"v1.2.3":        "v1.2.3",
		"a.desktop":     "a.desktop",
		"-rf":           "-rf",
		"Tea\u3000time": "Tea_time",
		// Devices
		"CON": "_CON", "prn": "_prn", "Aux": "_Aux", "nUl": "_nUl", "CONIN$": "_CONIN$", "conout$": "_conout$",
		"COM1": "_COM1", "lpt9": "_lpt9", "COM0": "_COM0", "COM¹": "_COM¹", "LPT³": "_LPT³",
		"NUL.txt": "_NUL.txt", "com2.a.b": "_com2.a.b", "CON .a": "_CON .a", " CON ": "_CON", ".NUL": "_NUL",
		"CONSOLE": "CONSOLE", "COM": "COM", "COM10": "COM10", "COM4a": "COM4a", "LPT": "LPT", "COMLPT1": "COMLPT1",
		"a.CON": "a.CON", "COM⁴": "COM⁴", "_CON": "_CON",
		// Length
		strings.Repeat("a", 200):           strings.Repeat("a", 200),
		strings.Repeat("a", 201):           strings.Repeat("a", 200),
		strings.Repeat("会", 100):           strings.Repeat("会", 66),
		strings.Repeat("🙂", 51):            strings.Repeat("🙂", 50),
		"a" + strings.Repeat("🙂", 50):      "a" + strings.Repeat("🙂", 49),
		strings.Repeat("a", 199) + " b":    strings.Repeat("a", 199),
		strings.Repeat("a", 198) + "..b":   strings.Repeat("a", 198),
		"CON." + strings.Repeat("a", 1000): "_CON." + strings.Repeat("a", 196),
		strings.Repeat(" ", 300) + "a":     "a",
	} {
		for _, s := range shortcuts {
			got := s.FileName(name)
			assert.Equal(t, want+s.Ext(), got, "%q", name)
			file := filepath.Join(t.TempDir(), got)
			require.NoError(t, os.WriteFile(file, nil, 0o600))
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, name := range append([]string{"", "COM1.a", ". ", "a\xff/", strings.Repeat("会", 100)}, names...) {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, s := range shortcuts {
			got := s.FileName(name)
			require.True(t, utf8.ValidString(got))
			require.NotContains(t, got, "\x00")
			require.False(t, strings.ContainsAny(got, `<>:"/\|?*`))
			require.False(t, strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }))
			base, found := strings.CutSuffix(got, s.Ext())
			require.True(t, found)
			require.NotEmpty(t, base)
			require.LessOrEqual(t, len(base), 201)
			require.Equal(t, strings.Trim(base, " ."), base)
			stem, _, _ := strings.Cut(strings.ToUpper(base), ".")
			require.NotContains(t, windowsDevices, strings.TrimRight(stem, " "))
		}
	})
}

// windowsDevices are names that a file cannot have on Windows.
var windowsDevices = []string{
	"CON", "CONIN$", "CONOUT$", "PRN", "AUX", "NUL",
	"COM0", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "COM¹", "COM²", "COM³",
	"LPT0", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9", "LPT¹", "LPT²", "LPT³",
}

// serveShortcut returns the response of ServeShortcut.
func serveShortcut(link iomeeting.Link, method string, s iomeeting.Shortcut, name string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "public")
	link.ServeShortcut(w, httptest.NewRequest(method, "/shortcut", nil), s, name)
	return w
}

func TestServeShortcut(t *testing.T) {
	link, err := newClient(t).StartByID("123456", iomeeting.NewSecret(canary))
	require.NoError(t, err)
	for name, disposition := range map[string]string{
		"Tea":         "attachment; filename=Tea%s",
		"Tea at 4/5":  `attachment; filename="Tea at 4_5%s"`,
		`100% "a; b"`: `attachment; filename="100%% _a; b_%s"`,
		"会议 1":        "attachment; filename*=utf-8''%%E4%%BC%%9A%%E8%%AE%%AE%%201%s",
	} {
		for _, s := range shortcuts {
			w := serveShortcut(link, http.MethodGet, s, name)
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Equal(t, http.Header{
				"Content-Type":           {s.ContentType()},
				"Content-Disposition":    {fmt.Sprintf(disposition, s.Ext())},
				"Cache-Control":          {"no-store"},
				"Referrer-Policy":        {"no-referrer"},
				"X-Frame-Options":        {"DENY"},
				"X-Content-Type-Options": {"nosniff"},
			}, w.Header())
			assert.Equal(t, shortcutOf(t, link, s, name), w.Body.String())

			_, params, err := mime.ParseMediaType(w.Header().Get("Content-Disposition"))
			require.NoError(t, err)
			assert.Equal(t, s.FileName(name), params["filename"])
			assert.Equal(t, w.Header(), serveShortcut(link, http.MethodHead, s, name).Header())
		}
	}
}

func TestServeShortcutRefuses(t *testing.T) {
	link, err := newClient(t).StartByID("123456", iomeeting.NewSecret(canary))
	require.NoError(t, err)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		w := serveShortcut(link, method, iomeeting.WindowsShortcut, "Tea")
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		requireNoCanary(t, w.Body.String())
	}
	for _, tt := range []struct {
		link  iomeeting.Link
		s     iomeeting.Shortcut
		name  string
		fault string
	}{
		{link, iomeeting.WindowsShortcut, "", "name is empty"},
		{link, iomeeting.LinuxShortcut, canary + "\n", "name contains a control character"},
		{link, iomeeting.Shortcut(3), "Tea", "shortcut is unknown"},
		{iomeeting.Link{}, iomeeting.MacShortcut, "Tea", "link is empty"},
	} {
		w := serveShortcut(tt.link, http.MethodGet, tt.s, tt.name)
		assert.Equal(t, http.StatusInternalServerError, w.Code)
		assert.Equal(t, "iomeeting: invalid parameter: "+tt.fault+"\n", w.Body.String())
		assert.Empty(t, w.Header().Get("Content-Disposition"))
		assert.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
	}
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
		{link, iomeeting.MacShortcut, "a\u2028b", "name", "contains a line break"},
		{link, iomeeting.MacShortcut, "a\u2029b", "name", "contains a line break"},
		{link, iomeeting.LinuxShortcut, "a\xff", "name", notUTF8},
		{link, iomeeting.Shortcut(3), "a", "shortcut", "is unknown"},
		{link, iomeeting.Shortcut(-1), "a", "shortcut", "is unknown"},
		{iomeeting.Link{}, iomeeting.LinuxShortcut, "a", "link", "is empty"},
	}
	for _, tt := range tests {
		var file bytes.Buffer
		requireParameterError(t, tt.link.WriteShortcut(&file, tt.shortcut, tt.name), tt.param, tt.reason)
		assert.Zero(t, file.Len())
	}
}

func TestShortcutWriteError(t *testing.T) {
	link, err := newClient(t).JoinByID("123456", nil)
	require.NoError(t, err)
	full := errors.New("disk full")
	for _, s := range shortcuts {
		require.ErrorIs(t, link.WriteShortcut(failingWriter{full}, s, "a"), full)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// names are shortcut names that a parser of the file could misread.
var names = []string{
	"Meeting", `会议 "Q3_Review" 100% C++`, `\\server\s`, `\n\t\s`, "  spaces  ", "a & b < c > 'd'", "=", "[Group]", "#no comment", ";", "%s %(x)s", "a=b",
}

// TestShortcutsAreReadByPython reads shortcuts with the parsers of its standard
// library.
func TestShortcutsAreReadByPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	type entry struct{ Name, URL string } // only a LinuxShortcut has a name
	var want []entry
	arguments := []string{"testdata/read_shortcuts.py"}
	for _, name := range names {
		link, err := newClient(t).Start(
			iomeeting.Host{Email: name, Password: iomeeting.NewSecret(name)}, &iomeeting.StartOptions{Title: name},
		)
		require.NoError(t, err)
		for _, s := range shortcuts {
			file := filepath.Join(t.TempDir(), "shortcut"+s.Ext())
			require.NoError(t, os.WriteFile(file, []byte(shortcutOf(t, link, s, name)), 0o600))
			arguments = append(arguments, file)
			if s == iomeeting.LinuxShortcut {
				want = append(want, entry{name, link.URL()})
			} else {
				want = append(want, entry{"", link.URL()})
			}
		}
	}
	out, err := exec.Command(python, arguments...).Output()
	require.NoError(t, err)
	var got []entry
	require.NoError(t, json.Unmarshal(out, &got))
	assert.Equal(t, want, got)
}

func TestLinuxShortcutsAreValid(t *testing.T) {
	validate, err := exec.LookPath("desktop-file-validate")
	if err != nil {
		t.Skip("desktop-file-validate is not installed")
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
