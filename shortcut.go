package iomeeting

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"io"
	"strings"
	"unicode"
)

// Shortcut is a kind of file that opens a link from a desktop. Spec: "About
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

// Ext returns the file name extension of the shortcut: ".url", ".webloc" or
// ".desktop", and "" for a Shortcut that is none of the constants.
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

// WriteShortcut writes a file to w that opens the link. The name is what a
// desktop shows for it: a LinuxShortcut holds the name, and the others are shown
// by their file names.
//
// The file holds [Link.URL], passwords in clear. Where the link has one, the
// file is to be created with mode 0600, and whoever gets the file can use the
// password. What URL says of long addresses holds here too; Windows may refuse
// shorter ones.
//
// The name may hold what a file name must not, such as a slash: who makes a file
// name of it has to see to that.
//
// The error is a [*ParameterError] for "name", where it is empty, not valid
// UTF-8 or holds a line break or another control character, for "link", where
// it is the zero Link, and for "shortcut", where it is none of the constants;
// then nothing was written. Otherwise it is the error of w.
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

func (l Link) checkShortcut(s Shortcut, name string) error {
	switch {
	case strings.ContainsFunc(name, isLineBreak):
		return &ParameterError{"name", "holds a line break"}
	case l == (Link{}):
		return &ParameterError{"link", "opens nothing"}
	case s.Ext() == "":
		return &ParameterError{"shortcut", "is of no kind that is known"}
	}
	return nil
}

// isLineBreak reports whether r breaks lines and is no control character.
func isLineBreak(r rune) bool { return unicode.In(r, unicode.Zl, unicode.Zp) }

func webloc(url string) string {
	var escaped bytes.Buffer
	// A bytes.Buffer takes everything.
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

// desktopString escapes s by the Desktop Entry specification. Readers ignore
// spaces at the ends of a value, unless they are escaped.
func desktopString(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	text := strings.TrimLeft(s, " ")
	before := len(s) - len(text)
	text = strings.TrimRight(text, " ")
	after := len(s) - before - len(text)
	return strings.Repeat(`\s`, before) + text + strings.Repeat(`\s`, after)
}
