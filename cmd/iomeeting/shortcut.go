package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"github.com/iomeeting/iomeeting-go"
)

func shortcut(flags *flag.FlagSet, o *options) func() error {
	name := flags.String("name", "Meeting", "`name` of the shortcut")
	dir := flags.String("dir", ".", "`folder` to write to")
	format := flags.String("format", "html", "`format` of the file: html, url, webloc or desktop")
	joins := flags.Bool("join", false, "join a meeting instead of starting one")
	runs := flags.Bool("command", false, "write a shortcut for this system that runs iomeeting and contains no password")
	return func() error {
		action, accepted, makeLink := "start", startFlags, o.startLink
		if *joins {
			action, accepted, makeLink = "join", joinFlags, o.joinLink
		}
		for _, f := range o.shared() {
			if *f.value != "" && !slices.Contains(strings.Fields(accepted), f.name) {
				return fmt.Errorf("-%s is not for a shortcut that %ss a meeting", f.name, action)
			}
		}
		if *runs {
			return writeCommand(*dir, *name, action, o, makeLink)
		}
		s, err := parseFormat(*format)
		if err != nil {
			return err
		}
		link, err := makeLink()
		if err != nil {
			return err
		}
		var file strings.Builder
		if err := link.WriteShortcut(&file, s, *name); err != nil {
			return err
		}
		return create(filepath.Join(*dir, s.FileName(*name)), 0o600, file.String())
	}
}

func parseFormat(format string) (iomeeting.Shortcut, error) {
	for s := iomeeting.HTMLShortcut; s <= iomeeting.LinuxShortcut; s++ {
		if s.Ext() == "."+format {
			return s, nil
		}
	}
	return 0, errors.New("-format is not html, url, webloc or desktop")
}

// create writes a new file, and prints its name. It does not overwrite a file, since
// others may be able to read that one.
func create(path string, mode os.FileMode, content string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	_, err = fmt.Println(path)
	return err
}

// writeCommand writes a shortcut that runs an action of this program.
func writeCommand(dir, name, action string, o *options, makeLink func() (iomeeting.Link, error)) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cache, _ := os.UserCacheDir() // "" if there is none
	if isIn(os.TempDir(), program) || isIn(cache, program) {
		return errors.New("this program is in a temporary folder, as with go run, and the shortcut would soon fail: go install it first")
	}
	// Without its passwords, the link shows whether the command will work.
	o.read = func(string, string, string) (iomeeting.Secret, error) { return iomeeting.NewSecret("unknown"), nil }
	if _, err := makeLink(); err != nil {
		return err
	}
	line := []string{program, action}
	for _, f := range o.shared() {
		value := *f.value
		if value == "" {
			continue
		}
		if strings.HasSuffix(f.name, "-file") && value != "-" {
			if value, err = filepath.Abs(value); err != nil {
				return err
			}
		}
		line = append(line, "-"+f.name, value)
	}
	ext, file, err := commandFile(runtime.GOOS, name, line)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(iomeeting.HTMLShortcut.FileName(name), iomeeting.HTMLShortcut.Ext())
	return create(filepath.Join(dir, base+ext), 0o700, file)
}

func isIn(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// commandFile returns a file that runs a command line in a terminal of the system, and
// the file's extension.
func commandFile(system, name string, line []string) (ext, file string, err error) {
	text := strings.Join(line, "")
	if strings.ContainsFunc(name+text, unicode.IsControl) {
		return "", "", errors.New("a control character cannot be in a command")
	}
	quoted := func(quote string, escape ...string) string {
		escaped := strings.NewReplacer(escape...).Replace(strings.Join(line, "\x00"))
		return quote + strings.ReplaceAll(escaped, "\x00", quote+" "+quote) + quote
	}
	switch system {
	case "windows": // where a batch file is not UTF-8 until it says so, and its window closes at the end
		if strings.Contains(text, `"`) {
			return "", "", errors.New(`a " cannot be in a command of Windows`)
		}
		return ".cmd", "@chcp 65001 >nul\r\n@" + quoted(`"`, "%", "%%") + " || pause\r\n", nil
	case "darwin":
		return ".command", "#!/bin/sh\nexec " + quoted("'", "'", `'\''`) + "\n", nil
	}
	// An argument is escaped first for itself, and then as a string of a desktop entry.
	exec := quoted(`"`, `\`, `\\\\`, `"`, `\\"`, "`", "\\\\`", "$", `\\$`, "%", "%%")
	return ".desktop", "[Desktop Entry]\nVersion=1.0\nType=Application\nName=" + strings.ReplaceAll(name, `\`, `\\`) +
		"\nExec=" + exec + "\nTerminal=true\n", nil
}
