package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

	"github.com/iomeeting/iomeeting-go"
)

func shortcut(flags *flag.FlagSet, o *options) func() error {
	name := flags.String("name", "Meeting", "`name` of the shortcut")
	dir := flags.String("dir", ".", "`folder` to write to")
	format := flags.String("format", "", "`format` of the file: html, url, webloc or desktop (default html)")
	joins := flags.Bool("join", false, "join a meeting instead of starting one")
	runs := flags.Bool("command", false, "write one that runs this program, and contains no password")
	return func() error {
		action, makeLink := "start", o.startLink
		if *joins {
			action, makeLink = "join", o.joinLink
		}
		if err := o.checkShortcut(*joins); err != nil {
			return err
		}
		if *runs {
			if *format != "" {
				return errors.New("set either -command or -format: a command has the format of this system")
			}
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
		return create(filepath.Join(*dir, s.FileName(*name)), 0o600, func(w io.Writer) error {
			return link.WriteShortcut(w, s, *name)
		})
	}
}

// checkShortcut refuses flags that the other kind of shortcut has.
func (o *options) checkShortcut(joins bool) error {
	switch {
	case !joins && o.user != "":
		return errors.New("-user is for joining a meeting: add -join")
	case joins && o.title != "":
		return errors.New("-title is for starting a meeting: remove -join")
	case joins && o.passwordFile != "":
		return errors.New("-password-file is for starting a meeting: remove -join")
	}
	return nil
}

func parseFormat(format string) (iomeeting.Shortcut, error) {
	if format == "" {
		return iomeeting.HTMLShortcut, nil
	}
	for s := iomeeting.HTMLShortcut; s <= iomeeting.LinuxShortcut; s++ {
		if s.Ext() == "."+format {
			return s, nil
		}
	}
	return 0, errors.New("-format is not html, url, webloc or desktop")
}

// create writes a new file, and prints its name. It does not overwrite a file, since
// others may be able to read that one.
func create(path string, mode os.FileMode, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
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
	if rel, err := filepath.Rel(os.TempDir(), program); err == nil && filepath.IsLocal(rel) {
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
		if strings.HasSuffix(f.name, "-file") && value != "" && value != "-" {
			if value, err = filepath.Abs(value); err != nil {
				return err
			}
		}
		if value != "" {
			line = append(line, "-"+f.name, value)
		}
	}
	if strings.ContainsFunc(name+strings.Join(line, ""), unicode.IsControl) {
		return errors.New("a control character cannot be in a command")
	}
	ext, file, err := commandFile(runtime.GOOS, name, line)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(iomeeting.HTMLShortcut.FileName(name), iomeeting.HTMLShortcut.Ext())
	return create(filepath.Join(dir, base+ext), 0o700, func(w io.Writer) error {
		_, err := io.WriteString(w, file)
		return err
	})
}

// commandFile returns a file that runs a command line in a terminal of the system, and
// the file's extension.
func commandFile(system, name string, line []string) (ext, file string, err error) {
	quoted := make([]string, len(line))
	for i, arg := range line {
		switch system {
		case "windows":
			if strings.Contains(arg, `"`) {
				return "", "", errors.New(`a " cannot be in a command of Windows`)
			}
			body := strings.TrimRight(arg, `\`) // a backslash would escape the quote
			quoted[i] = `"` + strings.ReplaceAll(arg, "%", "%%") + arg[len(body):] + `"`
		case "darwin":
			quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		default: // first as an argument, then as a string of a desktop entry
			arg = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`, "%", "%%").Replace(arg)
			quoted[i] = `"` + strings.ReplaceAll(arg, `\`, `\\`) + `"`
		}
	}
	command := strings.Join(quoted, " ")
	switch system {
	case "windows": // where a batch file is not UTF-8 until it says so, and its window closes at the end
		return ".cmd", "@chcp 65001 >nul\r\n@" + command + " || pause\r\n", nil
	case "darwin":
		return ".command", "#!/bin/sh\nexec " + command + "\n", nil
	}
	return ".desktop", "[Desktop Entry]\nVersion=1.0\nType=Application\nName=" + strings.ReplaceAll(name, `\`, `\\`) +
		"\nExec=" + command + "\nTerminal=true\n", nil
}
