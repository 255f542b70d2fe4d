// Iomeeting starts, joins, queries and schedules meetings of an IOMeeting site, writes
// desktop shortcuts, and serves a fake of the service for tests.
//
//	export IOMEETING_SITE=https://abc.iomeeting.cn IOMEETING_HOST=alice@example.com
//	iomeeting query
//	iomeeting start -title "Q3 Review"
//	iomeeting join -meeting 000042 -user "Joe Smith"
//	iomeeting schedule -end-url https://partner.example/ended -operator-id booking-7
//	iomeeting shortcut -join -name "Join Alice"
//	iomeeting serve -host alice@example.com:secret
//
// iomeeting help lists the commands, and iomeeting help start the flags of one.
//
// # Passwords
//
// The host's password is read from the file that -password-file names. Without that flag,
// the command asks for it on the terminal. -meeting-password-file and
// -observer-password-file name files with the passwords of a meeting. The file - is the
// standard input or, if that is a terminal, a prompt. One trailing line break is ignored.
// Only start -url and join -url print a password of a site.
//
// # Start and join
//
// start starts a new meeting of the host, or with -meeting a scheduled one. join joins
// the meeting that the host is in, or with -meeting one by its ID. Both serve a page once,
// at a random address of this machine, and open it in the browser, which POSTs it on to
// the service: no password is in a URL or in the browser's history. They end when the
// browser has the page, or after five minutes. Until then, whoever learns the address on
// this machine can open it instead of you.
//
// # Shortcut
//
// shortcut writes a file that does what start or, with -join, what join would. It contains
// the passwords in plain text, and only you can read it. With -command it runs iomeeting
// instead, which asks for the password or reads it from your file each time.
//
// # Serve
//
// serve runs the server of package iomeetingtest for tests in any language, until you
// interrupt it. Let only your tests reach it. It prints its accounts and some requests to
// try, and logs each request without passwords. POST meetingID to /end to end a meeting,
// which POSTs to its end URL. POST kind to /fault to make the next query or schedule fail:
//
//	status  respond with the HTTP status code
//	answer  respond with body
//	delay   carry the call out, and respond after delay, such as 5s
//	drop    carry the call out, and close the connection without a response
//	pass    let the call succeed, so that the fault after it applies to a later call
//
// path limits a fault to /meetingControl/query or /meetingControl/schedule, and host to
// the calls for one account. Query retries: for the package's client, add three faults.
//
// # Exit status
//
//	0  done; for query, the host is available
//	1  a mistake of yours, such as a wrong flag, an unknown host or a wrong password
//	2  the service, the network or the browser failed
//	3  the host is in a meeting (query, schedule)
//
// go run turns each but 0 into 1.
//
// Guides: https://github.com/iomeeting/iomeeting-go/blob/main/docs/shortcuts.md and, for
// serve, https://github.com/iomeeting/iomeeting-go/blob/main/docs/testing.md
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/iomeeting/iomeeting-go"
)

// command is one of the program's commands.
type command struct {
	name, summary string
	shared        string // the names of the flags of options that it has
	// define defines the flags that only this command has, and returns what the
	// command does once all flags are parsed.
	define func(*flag.FlagSet, *options) func() error
}

const (
	startFlags = "site host meeting title password-file meeting-password-file observer-password-file"
	joinFlags  = "site host meeting user meeting-password-file observer-password-file"
)

var commands = []command{
	{"start", "start a meeting in the browser", startFlags, start},
	{"join", "join a meeting in the browser", joinFlags, join},
	{"query", "report whether a host is in a meeting (exit status 3) or not (0)", "site host password-file", query},
	{"schedule", "schedule a meeting and print its ID", "site host password-file meeting-password-file", schedule},
	{"shortcut", "write a desktop shortcut that starts or joins a meeting", startFlags + " user", shortcut},
	{"serve", "serve a fake of the service for tests", "", serve},
}

// exit is an error with an exit status other than 1.
type exit struct {
	status int
	error  // nil if there is nothing to say
}

func main() { os.Exit(run(os.Args[1:])) }

// run returns the program's exit status.
func run(args []string) int {
	if len(args) == 0 {
		list(os.Stderr)
		return 1
	}
	name, args := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(args) == 0 {
			list(os.Stdout)
			return 0
		}
		name, args = args[0], []string{"-help"}
	}
	for _, c := range commands {
		if c.name == name {
			return report(c.run(args))
		}
	}
	return report(fmt.Errorf("there is no command %q; see iomeeting help", name))
}

func list(w io.Writer) {
	fmt.Fprint(w, "Usage: iomeeting COMMAND [flags]\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nRun \"iomeeting help COMMAND\" for its flags.\n")
}

func (c command) run(args []string) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // it would print all flags after an error
	o := &options{read: readPassword}
	for _, f := range o.shared() {
		if slices.Contains(strings.Fields(c.shared), f.name) {
			flags.StringVar(f.value, f.name, "", f.usage)
		}
	}
	do := c.define(flags, o)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Printf("Usage: iomeeting %s [flags]\n\n%s.\n\n", c.name, strings.ToUpper(c.summary[:1])+c.summary[1:])
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		return nil
	}
	if err == nil && flags.NArg() > 0 {
		err = errors.New("there are arguments after the flags") // not quoted: one may be a password
	}
	flags.Visit(func(f *flag.Flag) {
		// As by an unset variable of a shell. Without a flag, another meeting may be meant.
		if v, ok := f.Value.(flag.Getter); ok && v.Get() == "" {
			err = fmt.Errorf("-%s is empty", f.Name)
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %w; see iomeeting help %s", c.name, err, c.name)
	}
	return do()
}

// report prints an error and returns the exit status for it.
func report(err error) int {
	if err == nil {
		return 0
	}
	e, ok := err.(exit)
	if !ok {
		e = exit{1, err}
	}
	if e.error != nil {
		text := strings.NewReplacer("iomeeting: ", "", "iomeetingtest: ", "").Replace(e.Error())
		fmt.Fprintln(os.Stderr, "iomeeting:", text)
	}
	return e.status
}

// failed returns the error of a call with its exit status.
func failed(err error) error {
	switch {
	case errors.Is(err, iomeeting.ErrOutcomeUnknown):
		return exit{2, fmt.Errorf("%w\nthe meeting may have been scheduled, but its ID is lost: to schedule another, repeat the command without -force", err)}
	case errors.Is(err, iomeeting.ErrInvalidParameter), errors.Is(err, iomeeting.ErrHostNotFound), errors.Is(err, iomeeting.ErrWrongPassword):
		return err
	}
	return exit{2, err}
}
