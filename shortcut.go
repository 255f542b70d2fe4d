package iomeeting

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Shortcut is a format of desktop shortcuts: files that open a link.
type Shortcut int

const (
	// HTMLShortcut is a page that POSTs the link's form, .html. Prefer it: it opens
	// on every system, has no limit of length, and puts no password into a URL.
	HTMLShortcut Shortcut = iota
	// WindowsShortcut is an Internet shortcut, .url.
	WindowsShortcut
	// MacShortcut is a web location as an XML property list, .webloc.
	MacShortcut
	// LinuxShortcut is a desktop entry of type Link, .desktop. Not every desktop
	// opens it; GNOME does not.
	LinuxShortcut
)

var shortcuts = [...]struct{ ext, contentType string }{
	HTMLShortcut:    {".html", "text/html; charset=utf-8"},
	WindowsShortcut: {".url", "application/x-mswinurl"},
	MacShortcut:     {".webloc", "application/x-plist"},
	LinuxShortcut:   {".desktop", "application/x-desktop"},
}

func (s Shortcut) isKnown() bool { return 0 <= s && int(s) < len(shortcuts) }

// Ext returns the file name extension, such as ".html".
func (s Shortcut) Ext() string {
	if !s.isKnown() {
		return ""
	}
	return shortcuts[s].ext
}

// ContentType returns the media type of the file.
func (s Shortcut) ContentType() string {
	if !s.isKnown() {
		return ""
	}
	return shortcuts[s].contentType
}

// maxFileName limits a file name without its extension, in bytes. File systems
// allow 255, and some desktops add a number to a name that exists.
const maxFileName = 200

// FileName returns a file name for a shortcut called name, with its extension. It
// is valid on Windows, macOS and Linux: "Tea: at 4/5" becomes "Tea_ at 4_5.html". A
// long name is cut short, and an empty one becomes "meeting". Different names may
// have the same file name.
func (s Shortcut) FileName(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = strings.Map(func(r rune) rune {
		isJoiner := r == '\u200c' || r == '\u200d' // in Persian and in emoji
		if strings.ContainsRune(`<>:"/\|?*`, r) || !unicode.IsPrint(r) && !isJoiner {
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(name, " .") // a dot would hide the file
	for len(name) > maxFileName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	name = strings.TrimRight(name, " .")
	if device.MatchString(name) {
		name = "_" + name
	}
	return cmp.Or(name, "meeting") + s.Ext()
}

// device matches the names of devices on Windows, with any extension.
var device = regexp.MustCompile(`(?i)^(CON|CONIN\$|CONOUT\$|PRN|AUX|NUL|(COM|LPT)[0-9¹²³]) *(\.|$)`)

// WriteShortcut writes to w a desktop shortcut that opens the link. name is what the
// desktop shows of a LinuxShortcut, and the title of an HTMLShortcut;
// [Shortcut.FileName] makes a file name from it.
//
// The file contains the passwords in plain text: create it with mode 0600. Formats
// other than HTMLShortcut contain [Link.URL], and Windows may reject a long one.
//
// If name is empty or cannot be shown in one line, if the Link is empty, or if s is
// unknown, WriteShortcut writes nothing and returns a [*ParameterError]. Otherwise it
// returns the error of w as it is.
func (l Link) WriteShortcut(w io.Writer, s Shortcut, name string) error {
	if err := cmp.Or(checkRequired("name", name), l.checkShortcut(s, name)); err != nil {
		return err
	}
	var file string
	switch s {
	case HTMLShortcut:
		file = execute("page", page{Link: l, Label: name, Policy: filePolicy()})
	case WindowsShortcut:
		file = "[InternetShortcut]\r\nURL=" + l.URL() + "\r\n"
	case MacShortcut:
		file = webloc(l.URL())
	case LinuxShortcut:
		file = "[Desktop Entry]\nVersion=1.0\nType=Link\nName=" + desktopString(name) + "\nURL=" + desktopString(l.URL()) + "\n"
	}
	_, err := io.WriteString(w, file)
	return err
}

// ServeShortcut responds to GET and HEAD with a desktop shortcut that the browser
// downloads. Its arguments are those of [Link.WriteShortcut]; if that returns an
// error, the status is 500. Caches do not store the file, but it stays in the user's
// download folder. Serve it over https, and only to the person it is meant for.
func (l Link) ServeShortcut(w http.ResponseWriter, r *http.Request, s Shortcut, name string) {
	if !isGet(r) {
		refuseMethod(w, "GET, HEAD")
		return
	}
	var file bytes.Buffer
	if err := l.WriteShortcut(&file, s, name); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	ProtectPage(h)
	h.Set("Content-Type", s.ContentType())
	// There is no plain filename=, in which browsers decode a % of the name.
	escaped := strings.ReplaceAll(url.QueryEscape(s.FileName(name)), "+", "%20")
	h.Set("Content-Disposition", "attachment; filename*=UTF-8''"+escaped)
	_, _ = file.WriteTo(w) // an error means that the browser has gone
}

func (l Link) checkShortcut(s Shortcut, name string) error {
	switch {
	case strings.ContainsAny(name, "\u2028\u2029"):
		return &ParameterError{"name", "contains a line break"}
	case l == (Link{}):
		return &ParameterError{"link", "is empty"}
	case !s.isKnown():
		return &ParameterError{"shortcut", "is unknown"}
	}
	return nil
}

// filePolicy returns the Content-Security-Policy of a page in a file. It names the
// page's script and style by their hashes, and has no form-action, as in ServePage.
var filePolicy = sync.OnceValue(func() string {
	policy := "default-src 'none'; base-uri 'none'"
	html := execute("page", page{})
	for _, block := range regexp.MustCompile(`(?s)<(script|style)>(.*?)</`).FindAllStringSubmatch(html, -1) {
		sum := sha256.Sum256([]byte(block[2]))
		policy += "; " + block[1] + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return policy
})

func webloc(url string) string {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(url)) // writing to a bytes.Buffer never fails
	return xml.Header +
		`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + `
<plist version="1.0">
<dict>
	<key>URL</key>
	<string>` + escaped.String() + `</string>
</dict>
</plist>
`
}

// desktopString escapes s as the Desktop Entry specification requires. Unescaped
// spaces at either end of a value are ignored.
func desktopString(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	text := strings.TrimLeft(s, " ")
	before := len(s) - len(text)
	text = strings.TrimRight(text, " ")
	after := len(s) - before - len(text)
	return strings.Repeat(`\s`, before) + text + strings.Repeat(`\s`, after)
}
