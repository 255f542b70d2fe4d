// Shortcut writes a desktop shortcut that starts or joins a meeting: an HTML file that
// opens on every system.
//
// To start new meetings with a host account, put its password into the
// environment:
//
//	IOMEETING_HOST_PASSWORD=… shortcut -site https://abc.iomeeting.cn -host alice@example.com -title Marketing
//
// To join a meeting, name it by its ID, or name its host and add -join. If the
// meeting has a password, put that into the environment:
//
//	shortcut -site https://abc.iomeeting.cn -meeting 000042 -user "Joe Smith"
//	IOMEETING_MEETING_PASSWORD=… shortcut -site https://abc.iomeeting.cn -host alice@example.com -join
//
// A shortcut holds its passwords in plain text. The file is created with mode 0600.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/iomeeting/iomeeting-go"
)

func main() {
	err := run(os.Args[1:], os.Getenv, os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "shortcut:", err)
		os.Exit(1)
	}
}

// wish is what the command line asks for.
type wish struct {
	site, dir, name               string
	host, meetingID, title, user  string
	join                          bool
	hostPassword, meetingPassword iomeeting.Secret
}

func run(args []string, getenv func(string) string, out io.Writer) error {
	w := wish{
		hostPassword:    iomeeting.NewSecret(getenv("IOMEETING_HOST_PASSWORD")),
		meetingPassword: iomeeting.NewSecret(getenv("IOMEETING_MEETING_PASSWORD")),
	}
	flags := flag.NewFlagSet("shortcut", flag.ContinueOnError)
	flags.StringVar(&w.site, "site", "", "the service, such as https://abc.iomeeting.cn")
	flags.StringVar(&w.dir, "dir", ".", "the folder to write to")
	flags.StringVar(&w.name, "name", "", "the name of the shortcut")
	flags.StringVar(&w.host, "host", "", "the host's email address")
	flags.StringVar(&w.meetingID, "meeting", "", "the ID of a meeting to join")
	flags.StringVar(&w.title, "title", "", "the title of meetings that the shortcut starts")
	flags.StringVar(&w.user, "user", "", "the name of the participant")
	flags.BoolVar(&w.join, "join", false, "join the host's meeting instead of starting one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	link, err := w.link()
	if err != nil {
		return err
	}
	name := cmp.Or(w.name, "Meeting")
	path, err := write(w.dir, name, link)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, path)
	return nil
}

func (w wish) link() (iomeeting.Link, error) {
	client, err := iomeeting.NewClient(w.site)
	if err != nil {
		return iomeeting.Link{}, err
	}
	options := &iomeeting.JoinOptions{MeetingPassword: w.meetingPassword, UserName: w.user}
	switch {
	case (w.host == "") == (w.meetingID == ""):
		return iomeeting.Link{}, errors.New("set either -host or -meeting")
	case w.meetingID != "":
		return client.JoinByID(w.meetingID, options)
	case w.join:
		return client.Join(w.host, options)
	case w.hostPassword.IsZero():
		return iomeeting.Link{}, errors.New("set IOMEETING_HOST_PASSWORD to start meetings, or add -join to join one")
	default:
		return client.Start(iomeeting.Host{Email: w.host, Password: w.hostPassword},
			&iomeeting.StartOptions{MeetingPassword: w.meetingPassword, Title: w.title})
	}
}

// write writes a shortcut to a new file. It does not overwrite a file, since
// others may be able to read that one.
func write(dir, name string, link iomeeting.Link) (string, error) {
	path := filepath.Join(dir, iomeeting.HTMLShortcut.FileName(name))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	if err := errors.Join(link.WriteShortcut(file, iomeeting.HTMLShortcut, name), file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(path))
	}
	return path, nil
}
