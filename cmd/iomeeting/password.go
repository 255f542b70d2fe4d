package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/iomeeting/iomeeting-go"
)

// readPassword reads a password from the file that a flag names, or asks for it if there
// is none. Its errors don't quote the name of the file, which may be a password by mistake.
func readPassword(flag, file, label string) (iomeeting.Secret, error) {
	var text []byte
	var err error
	stdin := int(os.Stdin.Fd())
	switch {
	case file != "" && file != "-":
		text, err = os.ReadFile(file)
	case term.IsTerminal(stdin):
		fmt.Fprint(os.Stderr, label+": ")
		text, err = term.ReadPassword(stdin)
		fmt.Fprintln(os.Stderr)
	case file == "-":
		text, err = io.ReadAll(os.Stdin)
	default:
		return iomeeting.Secret{}, fmt.Errorf("there is no terminal to ask for the password: set %s", flag)
	}
	if e := (&fs.PathError{}); errors.As(err, &e) {
		err = e.Err
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if err == nil && password == "" {
		err = errors.New("the password is empty")
	}
	if err != nil {
		return iomeeting.Secret{}, fmt.Errorf("%s: %w", flag, err)
	}
	return iomeeting.NewSecret(password), nil
}
