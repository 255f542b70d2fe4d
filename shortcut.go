package iomeeting

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shortcut is a format of desktop shortcuts: files that open a link. Spec: "About
// IOMeeting API", desktop shortcuts.
type Shortcut int

const (
	// WindowsShortcut is an Internet shortcut, .url.
	WindowsShortcut Shortcut = iota
	// MacShortcut is a web location as an XML property list, .webloc.
	MacShortcut
	// LinuxShortcut is a desktop entry of type Link, .desktop.
	LinuxShortcut
)

// Ext returns the file name extension: ".url", ".webloc" or ".desktop". It is
// empty for an unknown Shortcut.
func (s Shortcut) Ext() string {
	switch s {
	case WindowsShortcut:
		return ".url"
	case MacShortcut:
		return ".webloc"
	case LinuxShortcut:
		return ".desktop"
	default:
		return ""
	}
}

// ContentType returns the media type of the file: "application/x-mswinurl",
// "application/x-plist" or "application/x-desktop". It is empty for an unknown
// Shortcut.
func (s Shortcut) ContentType() string {
	switch s {
	case WindowsShortcut:
		return "application/x-mswinurl"
	case MacShortcut:
		return "application/x-plist"
	case LinuxShortcut:
		return "application/x-desktop"
	default:
		return ""
	}
}

// maxFileName limits a file name without its extension, in bytes. File systems
// allow 255, and some desktops add a number to a name that exists.
const maxFileName = 200

// FileName returns a file name for a shortcut called name, with its extension. It
// is valid on Windows, macOS and Linux: "Tea: at 4/5" becomes "Tea_ at 4_5.url". A
// long name is cut short, and an empty one becomes "meeting". Different names may
// have the same file name.
func (s Shortcut) FileName(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) || !unicode.IsPrint(r) {
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
	if isDevice(name) {
		name = "_" + name
	}
	return cmp.Or(name, "meeting") + s.Ext()
}

// isDevice reports whether a file of that name, with any extension, would be a
// device on Windows.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	return device.MatchString(strings.TrimRight(base, " "))
}

var device = regexp.MustCompile(`(?i)^(CON|CONIN\$|CONOUT\$|PRN|AUX|NUL|(COM|LPT)[0-9¹²³])$`)

// WriteShortcut writes to w a desktop shortcut that opens the link. A
// LinuxShortcut contains the name that the desktop shows; for the others, the
// desktop shows the file name. [Shortcut.FileName] makes one from name.
//
// The file contains [Link.URL], with its passwords in plain text. If there are
// any, create it with mode 0600: whoever can read the file can use them. Windows
// may reject a long address that the service would accept.
//
// If name is empty, is not valid UTF-8, or contains a line break or another
// control character, if the Link is the zero Link, or if s is unknown,
// WriteShortcut writes nothing and returns a [*ParameterError] for "name", "link"
// or "shortcut". Otherwise it returns the error of w as it is.
//
// Spec: "About IOMeeting API", desktop shortcuts.
func (l Link) WriteShortcut(w io.Writer, s Shortcut, name string) error {
	if err := cmp.Or(required("name", name), l.checkShortcut(s, name)); err != nil {
		return err
	}
	var file string
	switch s {
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
// downloads. Its arguments are those of [Link.WriteShortcut], and
// [Shortcut.FileName] names the file. Caches do not store it, but it stays in the
// user's download folder. Serve it over https, and only to the person it is meant
// for.
//
// Methods other than GET and HEAD get status 405. If WriteShortcut returns an
// error, such as for an empty name, ServeShortcut responds with status 500.
//
// Spec: "About IOMeeting API", desktop shortcuts.
func (l Link) ServeShortcut(w http.ResponseWriter, r *http.Request, s Shortcut, name string) {
	if !allowGet(w, r) {
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
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": s.FileName(name)}))
	// An error here means that the browser has gone.
	_, _ = file.WriteTo(w)
}

func (l Link) checkShortcut(s Shortcut, name string) error {
	switch {
	case strings.ContainsFunc(name, isLineBreak):
		return &ParameterError{"name", "contains a line break"}
	case l == (Link{}):
		return &ParameterError{"link", "is empty"}
	case s.Ext() == "":
		return &ParameterError{"shortcut", "is unknown"}
	}
	return nil
}

// isLineBreak reports whether r is a line break other than a control character.
func isLineBreak(r rune) bool { return unicode.In(r, unicode.Zl, unicode.Zp) }

func webloc(url string) string {
	var escaped bytes.Buffer
	// Writing to a bytes.Buffer never fails.
	_ = xml.EscapeText(&escaped, []byte(url))
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
