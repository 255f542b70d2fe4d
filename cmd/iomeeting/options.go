package main

import (
	"errors"
	"flag"
	"os"
	"slices"

	"github.com/iomeeting/iomeeting-go"
)

// options are the flags that several commands share.
type options struct {
	site, host, meeting, title, user                string
	passwordFile, meetingPassword, observerPassword string // files

	read func(flag, file, label string) (iomeeting.Secret, error)
}

type sharedFlag struct {
	name  string
	value *string
	usage string
}

func (o *options) shared() []sharedFlag {
	return []sharedFlag{
		{"site", &o.site, "`URL` of the site, such as https://abc.iomeeting.cn (default $IOMEETING_SITE)"},
		{"host", &o.host, "the host's `email` address (default $IOMEETING_HOST)"},
		{"meeting", &o.meeting, "`ID` of a meeting"},
		{"title", &o.title, "`title` of the new meeting"},
		{"user", &o.user, "the participant's `name`"},
		{"password-file", &o.passwordFile, "`file` with the host's password; - is the standard input (default: ask for it)"},
		{"meeting-password-file", &o.meetingPassword, "`file` with the participants' password; - is the standard input"},
		{"observer-password-file", &o.observerPassword, "`file` with the observers' password; - is the standard input"},
	}
}

// define defines the flags with these names.
func (o *options) define(flags *flag.FlagSet, names []string) {
	o.read = new(passwords).read
	for _, f := range o.shared() {
		if slices.Contains(names, f.name) {
			flags.StringVar(f.value, f.name, "", f.usage)
		}
	}
}

func (o *options) client() (*iomeeting.Client, error) {
	if o.site == "" {
		o.site = os.Getenv("IOMEETING_SITE")
	}
	if o.site == "" {
		return nil, errors.New("set -site or IOMEETING_SITE")
	}
	return iomeeting.NewClient(o.site)
}

// setHost sets the host to that of the environment, unless a flag names one.
func (o *options) setHost() error {
	if o.host == "" {
		o.host = os.Getenv("IOMEETING_HOST")
	}
	if o.host == "" {
		return errors.New("set -host or IOMEETING_HOST")
	}
	return nil
}

// account returns the client, and the host account with its password.
func (o *options) account() (*iomeeting.Client, iomeeting.Host, error) {
	client, err := o.client()
	if err == nil {
		err = o.setHost()
	}
	if err != nil {
		return nil, iomeeting.Host{}, err
	}
	password, err := o.read("-password-file", o.passwordFile, "Password of "+o.host)
	return client, iomeeting.Host{Email: o.host, Password: password}, err
}

// meetingPasswords returns the passwords of a meeting for which there are files.
func (o *options) meetingPasswords() (meeting, observer iomeeting.Secret, err error) {
	if o.meetingPassword != "" {
		meeting, err = o.read("-meeting-password-file", o.meetingPassword, "Password of the meeting")
	}
	if err == nil && o.observerPassword != "" {
		observer, err = o.read("-observer-password-file", o.observerPassword, "Password of the observers")
	}
	return meeting, observer, err
}

// startLink returns the link of start.
func (o *options) startLink() (iomeeting.Link, error) {
	if o.meeting == "" {
		client, host, err := o.account()
		if err != nil {
			return iomeeting.Link{}, err
		}
		meeting, observer, err := o.meetingPasswords()
		if err != nil {
			return iomeeting.Link{}, err
		}
		return client.Start(host, &iomeeting.StartOptions{MeetingPassword: meeting, ObserverPassword: observer, Title: o.title})
	}
	if o.title != "" || o.meetingPassword != "" || o.observerPassword != "" {
		return iomeeting.Link{}, errors.New("-title and the passwords of a meeting are for new meetings: a scheduled one, as by -meeting, has its own")
	}
	client, err := o.client()
	if err != nil {
		return iomeeting.Link{}, err
	}
	password, err := o.read("-password-file", o.passwordFile, "Password of the host of meeting "+o.meeting)
	if err != nil {
		return iomeeting.Link{}, err
	}
	return client.StartByID(o.meeting, password)
}

// joinLink returns the link of join.
func (o *options) joinLink() (iomeeting.Link, error) {
	if o.host != "" && o.meeting != "" {
		return iomeeting.Link{}, errors.New("set either -host or -meeting")
	}
	client, err := o.client()
	if err != nil {
		return iomeeting.Link{}, err
	}
	if o.meeting == "" && o.setHost() != nil {
		return iomeeting.Link{}, errors.New("set -host or -meeting")
	}
	meeting, observer, err := o.meetingPasswords()
	if err != nil {
		return iomeeting.Link{}, err
	}
	join := &iomeeting.JoinOptions{MeetingPassword: meeting, ObserverPassword: observer, UserName: o.user}
	if o.meeting != "" {
		return client.JoinByID(o.meeting, join)
	}
	return client.Join(o.host, join)
}
