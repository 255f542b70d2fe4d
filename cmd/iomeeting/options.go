package main

import (
	"cmp"
	"errors"
	"os"
	"strings"

	"github.com/iomeeting/iomeeting-go"
)

// options are the flags that several commands share.
type options struct {
	site, host, meeting, title, user                string
	passwordFile, meetingPassword, observerPassword string // files

	read func(flag, file, label string) (iomeeting.Secret, error) // readPassword
}

type sharedFlag struct {
	name  string
	value *string
	usage string
}

func (o *options) shared() []sharedFlag {
	return []sharedFlag{
		{"site", &o.site, "`URL` of the site, such as https://abc.iomeeting.cn (or set IOMEETING_SITE)"},
		{"host", &o.host, "the host's `email` address (or set IOMEETING_HOST)"},
		{"meeting", &o.meeting, "`ID` of the meeting, instead of -host"},
		{"title", &o.title, "`title` of the new meeting"},
		{"user", &o.user, "the participant's `name`"},
		{"password-file", &o.passwordFile, "`file` with the host's password; - is the standard input (default: ask for it)"},
		{"meeting-password-file", &o.meetingPassword, "`file` with the participants' password; - is the standard input"},
		{"observer-password-file", &o.observerPassword, "`file` with the observers' password; - is the standard input"},
	}
}

// client returns the client of the site, and sets o.site and o.host.
func (o *options) client() (*iomeeting.Client, error) {
	o.site = cmp.Or(o.site, os.Getenv("IOMEETING_SITE"))
	if o.meeting == "" {
		o.host = cmp.Or(o.host, os.Getenv("IOMEETING_HOST"))
	}
	switch {
	case o.site == "":
		return nil, errors.New("set -site or IOMEETING_SITE")
	case o.host == "" && o.meeting == "":
		return nil, errors.New("set -host or IOMEETING_HOST")
	case strings.Contains(o.host, ":"): // as for serve
		return nil, errors.New("-host is an email address, without a password")
	}
	return iomeeting.NewClient(o.site)
}

// account returns the client, and the host account with its password.
func (o *options) account() (*iomeeting.Client, iomeeting.Host, error) {
	client, err := o.client()
	if err != nil {
		return nil, iomeeting.Host{}, err
	}
	owner := cmp.Or(o.host, "the host of meeting "+o.meeting)
	password, err := o.read("-password-file", o.passwordFile, "Password of "+owner)
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
	if o.meeting != "" && (o.title != "" || o.meetingPassword != "" || o.observerPassword != "") {
		return iomeeting.Link{}, errors.New("-title and the passwords of a meeting are for new meetings, -meeting is for a scheduled one")
	}
	client, host, err := o.account()
	if err != nil {
		return iomeeting.Link{}, err
	}
	if o.meeting != "" {
		return client.StartByID(o.meeting, host.Password)
	}
	meeting, observer, err := o.meetingPasswords()
	if err != nil {
		return iomeeting.Link{}, err
	}
	return client.Start(host, &iomeeting.StartOptions{MeetingPassword: meeting, ObserverPassword: observer, Title: o.title})
}

// joinLink returns the link of join.
func (o *options) joinLink() (iomeeting.Link, error) {
	client, err := o.client()
	if err != nil {
		return iomeeting.Link{}, err
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
