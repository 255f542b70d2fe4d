package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/iomeeting/iomeeting-go"
)

const maxPassword = 4 << 10 // bytes

// passwords reads passwords from files, the standard input and the terminal.
type passwords struct{ usedStdin bool }

// read reads a password from the file that a flag names, or asks for it if there is
// none. Its errors don't quote the name of the file, which may be a password by mistake.
func (p *passwords) read(flag, file, label string) (iomeeting.Secret, error) {
	var password string
	var err error
	switch isTerminal := term.IsTerminal(int(os.Stdin.Fd())); {
	case (file == "" || file == "-") && isTerminal:
		password, err = ask(label)
	case file == "":
		return iomeeting.Secret{}, fmt.Errorf("there is no terminal to ask for the password: set %s", flag)
	case file == "-" && p.usedStdin:
		return iomeeting.Secret{}, errors.New("the standard input can be only one password: use a file for the other")
	case file == "-":
		p.usedStdin = true
		password, err = readLimited(os.Stdin)
	default:
		password, err = readFile(file)
	}
	if e := (&fs.PathError{}); errors.As(err, &e) {
		err = e.Err
	}
	if err == nil && password == "" {
		err = errors.New("the password is empty")
	}
	if err != nil {
		return iomeeting.Secret{}, fmt.Errorf("%s: %w", flag, err)
	}
	return iomeeting.NewSecret(password), nil
}

func readFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return readLimited(file)
}

// readLimited reads a password to the end of r, without one trailing line break.
func readLimited(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPassword+1))
	if err == nil && len(text) > maxPassword {
		err = errors.New("the password is too long")
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), err
}

// ask asks for a password on the terminal, which does not show it.
func ask(label string) (string, error) {
	fd := int(os.Stdin.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	// An interrupt must not leave the terminal without echo.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, func() {
		_ = term.Restore(fd, state)
		fmt.Fprintln(os.Stderr)
		os.Exit(130) // as a shell reports an interrupt
	})()
	fmt.Fprint(os.Stderr, label+": ")
	password, err := term.ReadPassword(fd)
	fmt.Fprintln(os.Stderr)
	return string(password), err
}
