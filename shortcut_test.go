package iomeeting_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

var shortcuts = []iomeeting.Shortcut{iomeeting.HTMLShortcut, iomeeting.WindowsShortcut, iomeeting.MacShortcut, iomeeting.LinuxShortcut}

// shortcutOf returns the content of a shortcut.
func shortcutOf(t *testing.T, link iomeeting.Link, s iomeeting.Shortcut, name string) string {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, link.WriteShortcut(&file, s, name))
	return file.String()
}

// TestShortcutFiles shows that the password is in a URL of each file but HTMLShortcut.
func TestShortcutFiles(t *testing.T) {
	link := mustLink(newClient(t).Join(host.Email, &iomeeting.JoinOptions{
		MeetingPassword: iomeeting.NewSecret(`a&b"c\d`), UserName: "会 Joe's",
	}))
	const name = `会议 "Q3" & 100% \o/`
	policy := "default-src 'none'; base-uri 'none'; style-src '" + hash(pageStyle) + "'; script-src '" + hash(pageScript) + "'"
	files := map[iomeeting.Shortcut]string{
		iomeeting.HTMLShortcut: `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="` + strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(policy) + `">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>会议 &#34;Q3&#34; &amp; 100% \o/</title>
<style>` + pageStyle + `</style>
</head>
<body>
<main>
<p>as.iomeeting.cn</p>
<form method="post" action="https://as.iomeeting.cn/jm.do" accept-charset="utf-8" autocomplete="off">
<input type="hidden" name="hostEmail" value="test@abc.com">
<input type="hidden" name="meetingPass" value="a&amp;b&#34;c\d">
<input type="hidden" name="userName" value="_E4_BC_9A Joe_27s">
<button type="submit">会议 &#34;Q3&#34; &amp; 100% \o/</button>
</form>
</main>
<script>` + pageScript + `</script>
</body>
</html>
`,
		iomeeting.WindowsShortcut: "[InternetShortcut]\r\n" +
			"URL=https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&meetingPass=a%26b%22c%5Cd&userName=_E4_BC_9A+Joe_27s\r\n",
		iomeeting.MacShortcut: `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>URL</key>
	<string>https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&amp;meetingPass=a%26b%22c%5Cd&amp;userName=_E4_BC_9A+Joe_27s</string>
</dict>
</plist>
`,
		iomeeting.LinuxShortcut: `[Desktop Entry]
Version=1.0
Type=Link
Name=会议 "Q3" & 100% \\o/
URL=https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&meetingPass=a%26b%22c%5Cd&userName=_E4_BC_9A+Joe_27s
`,
	}
	full, broken := io.Pipe()
	require.NoError(t, full.CloseWithError(io.ErrShortWrite))
	for s, file := range files {
		assert.Equal(t, file, shortcutOf(t, link, s, name))
		assert.Equal(t, io.ErrShortWrite, link.WriteShortcut(broken, s, name))
	}
}

// hash returns the source of a Content-Security-Policy that allows an inline block.
func hash(block string) string {
	sum := sha256.Sum256([]byte(block))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestLongHTMLShortcut(t *testing.T) {
	link := mustLink(newClient(t).Start(host, &iomeeting.StartOptions{Title: strings.Repeat("会", 1000)}))
	require.Greater(t, len(link.URL()), 8000)
	_, fields, labels := readForm(shortcutOf(t, link, iomeeting.HTMLShortcut, "Tea"))
	assert.Equal(t, link.Params(), fields)
	assert.Equal(t, []string{"Tea", "Tea"}, labels)
}

func TestShortcutFormats(t *testing.T) {
	assert.Zero(t, iomeeting.HTMLShortcut, "the default")
	for s, want := range map[iomeeting.Shortcut]struct{ ext, contentType string }{
		iomeeting.HTMLShortcut:    {ext: ".html", contentType: "text/html; charset=utf-8"},
		iomeeting.WindowsShortcut: {ext: ".url", contentType: "application/x-mswinurl"},
		iomeeting.MacShortcut:     {ext: ".webloc", contentType: "application/x-plist"},
		iomeeting.LinuxShortcut:   {ext: ".desktop", contentType: "application/x-desktop"},
		4:                         {},
		-1:                        {},
	} {
		assert.Equal(t, want.ext, s.Ext())
		assert.Equal(t, want.contentType, s.ContentType())
		assert.Equal(t, "meeting"+want.ext, s.FileName(""))
	}
}

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"Tea at four":                  "Tea at four",
		"会议 Q3_Review 🙂 100% C++":      "会议 Q3_Review 🙂 100% C++",
		"می\u200cخواهم 👩\u200d💻":       "می\u200cخواهم 👩\u200d💻",
		`a<b>c:d"e/f\g|h?i*j`:          "a_b_c_d_e_f_g_h_i_j",
		"../../etc/passwd":             "_.._etc_passwd",
		"a\x00b\r\nc\td\x7fe\u0085":    "a_b__c_d_e_",
		"a\u00a0b\u2028c\u202ed\u200b": "a_b_c_d_",
		"a\xffb\xed\xa0\x80":           "a_b_",
		"...":                          "meeting",
		" .profile. . ":                "profile",
		"v1.2.3":                       "v1.2.3",
		// Devices of Windows
		"CON": "_CON", "prn": "_prn", "Aux": "_Aux", "nUl": "_nUl", "CONIN$": "_CONIN$", "conout$": "_conout$",
		"COM0": "_COM0", "lpt9": "_lpt9", "COM¹": "_COM¹", "NUL.txt": "_NUL.txt", "com2.a.b": "_com2.a.b", "CON .a": "_CON .a", ".NUL": "_NUL",
		"CONSOLE": "CONSOLE", "COM": "COM", "COM10": "COM10", "a.CON": "a.CON", "COMLPT1": "COMLPT1",
		// Length
		strings.Repeat("a", 201):          strings.Repeat("a", 200),
		strings.Repeat("会", 67):           strings.Repeat("会", 66),
		"a" + strings.Repeat("🙂", 50):     "a" + strings.Repeat("🙂", 49),
		strings.Repeat("a", 198) + " .bc": strings.Repeat("a", 198),
		"CON." + strings.Repeat("a", 999): "_CON." + strings.Repeat("a", 196),
		strings.Repeat(" ", 300) + "a":    "a",
	} {
		for _, s := range shortcuts {
			got := s.FileName(name)
			assert.Equal(t, want+s.Ext(), got, "%q", name)
			require.NoError(t, os.WriteFile(filepath.Join(t.TempDir(), got), nil, 0o600))
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, name := range append([]string{"", "COM1.a", ". ", "a\xff/", strings.Repeat("会", 100)}, names...) {
		f.Add(name)
	}
	joiners := strings.NewReplacer("\u200c", "", "\u200d", "")
	f.Fuzz(func(t *testing.T, name string) {
		for _, s := range shortcuts {
			base, found := strings.CutSuffix(s.FileName(name), s.Ext())
			require.True(t, found && base != "" && len(base) <= 201 && utf8.ValidString(base))
			require.Equal(t, strings.Trim(base, " ."), base)
			require.NotRegexp(t, `[<>:"/\\|?*\p{C}\p{Zl}\p{Zp}]`, joiners.Replace(base))
			require.NotRegexp(t, `^(CON|CONIN\$|CONOUT\$|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³]) *(\.|$)`, strings.ToUpper(base))
		}
	})
}

// serveShortcut returns the response of ServeShortcut.
func serveShortcut(link iomeeting.Link, method string, s iomeeting.Shortcut, name string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "public")
	link.ServeShortcut(w, httptest.NewRequest(method, "/shortcut", nil), s, name)
	return w
}

func TestServeShortcut(t *testing.T) {
	link := mustLink(newClient(t).StartByID("123456", iomeeting.NewSecret(canary)))
	for name, disposition := range map[string]string{
		"Tea":           "attachment; filename*=UTF-8''Tea",
		"Tea at 4/5":    "attachment; filename*=UTF-8''Tea%20at%204_5",
		`100%2E "a; b'`: "attachment; filename*=UTF-8''100%252E%20_a%3B%20b%27",
		"会议 C++ *~":     "attachment; filename*=UTF-8''%E4%BC%9A%E8%AE%AE%20C%2B%2B%20_~",
		"می\u200cخواهم": "attachment; filename*=UTF-8''%D9%85%DB%8C%E2%80%8C%D8%AE%D9%88%D8%A7%D9%87%D9%85",
	} {
		for _, s := range shortcuts {
			w := serveShortcut(link, http.MethodGet, s, name)
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Equal(t, http.Header{
				"Content-Type":           {s.ContentType()},
				"Content-Disposition":    {disposition + s.Ext()},
				"Cache-Control":          {"no-store"},
				"Referrer-Policy":        {"no-referrer"},
				"X-Frame-Options":        {"DENY"},
				"X-Content-Type-Options": {"nosniff"},
			}, w.Header())
			assert.Equal(t, shortcutOf(t, link, s, name), w.Body.String())
			assert.Equal(t, w.Header(), serveShortcut(link, http.MethodHead, s, name).Header())
		}
	}
	for _, method := range []string{"POST", "PUT", "OPTIONS"} {
		w := serveShortcut(link, method, iomeeting.HTMLShortcut, "Tea")
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		requireNoCanary(t, w.Body.String())
	}
}

func TestBadShortcut(t *testing.T) {
	link := mustLink(newClient(t).JoinByID("123456", nil))
	for _, tt := range []struct {
		link          iomeeting.Link
		shortcut      iomeeting.Shortcut
		name          string
		param, reason string
	}{
		{link: link, name: "", param: "name", reason: isEmpty},
		{link: link, name: "a\nExec=b", shortcut: iomeeting.LinuxShortcut, param: "name", reason: isControl},
		{link: link, name: "a\u2028b", param: "name", reason: "contains a line break"},
		{link: link, name: "a\u2029b", param: "name", reason: "contains a line break"},
		{link: link, name: "a\xff", param: "name", reason: notUTF8},
		{link: link, name: "a", shortcut: 4, param: "shortcut", reason: "is unknown"},
		{link: link, name: "a", shortcut: -1, param: "shortcut", reason: "is unknown"},
		{link: iomeeting.Link{}, name: "a", param: "link", reason: isEmpty},
	} {
		var file bytes.Buffer
		err := tt.link.WriteShortcut(&file, tt.shortcut, tt.name)
		requireParameterError(t, err, tt.param, tt.reason)
		assert.Zero(t, file.Len())
		w := serveShortcut(tt.link, http.MethodGet, tt.shortcut, tt.name)
		assert.Equal(t, http.StatusInternalServerError, w.Code)
		assert.Equal(t, err.Error()+"\n", w.Body.String())
		assert.Empty(t, w.Header().Get("Content-Disposition"))
	}
}

// names are shortcut names that a parser of the file could misread.
var names = append([]string{
	"Meeting", `会议 "Q3_Review" 100% C++`, `\\server\s`, `\n\t\s`, "  spaces  ", "=", "[Group]", "#no comment", ";", "%s %(x)s", "a=b",
}, hostile[:5]...)

// TestShortcutsAreRead uses the parsers of Python's standard library, and
// desktop-file-validate.
func TestShortcutsAreRead(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	type entry struct {
		Name, URL string
		Fields    url.Values // of an HTMLShortcut, whose URL is the form's action
	}
	var want []entry
	arguments := []string{"testdata/read_shortcuts.py"}
	for _, name := range names {
		link := mustLink(newClient(t).Start(
			iomeeting.Host{Email: name, Password: iomeeting.NewSecret(name)}, &iomeeting.StartOptions{Title: name}))
		for _, s := range shortcuts {
			file := filepath.Join(t.TempDir(), "shortcut"+s.Ext())
			require.NoError(t, os.WriteFile(file, []byte(shortcutOf(t, link, s, name)), 0o600))
			arguments = append(arguments, file)
			switch s {
			case iomeeting.HTMLShortcut:
				want = append(want, entry{name, link.Endpoint(), link.Params()})
			case iomeeting.LinuxShortcut:
				want = append(want, entry{name, link.URL(), nil})
				if validate, err := exec.LookPath("desktop-file-validate"); err == nil {
					out, err := exec.Command(validate, file).CombinedOutput()
					require.NoError(t, err, "%q: %s", name, out)
				}
			default:
				want = append(want, entry{"", link.URL(), nil})
			}
		}
	}
	out, err := exec.Command(python, arguments...).Output()
	require.NoError(t, err)
	var got []entry
	require.NoError(t, json.Unmarshal(out, &got))
	assert.Equal(t, want, got)
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
		if link.WriteShortcut(io.Discard, iomeeting.LinuxShortcut, name) != nil {
			return
		}
		lines := strings.Split(shortcutOf(t, link, iomeeting.LinuxShortcut, name), "\n")
		require.Len(t, lines, 6)
		require.Equal(t, "Name="+name, strings.NewReplacer(`\\`, `\`, `\s`, " ").Replace(lines[3]))
		require.Equal(t, "URL="+link.URL(), lines[4])

		var plist struct {
			URL string `xml:"dict>string"`
		}
		require.NoError(t, xml.Unmarshal([]byte(shortcutOf(t, link, iomeeting.MacShortcut, name)), &plist))
		require.Equal(t, link.URL(), plist.URL)
		_, fields, labels := readForm(shortcutOf(t, link, iomeeting.HTMLShortcut, name))
		require.Equal(t, link.Params(), fields)
		require.Equal(t, []string{name, name}, labels)
	})
}
