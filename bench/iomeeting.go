package main

import (
	"context"
	"errors"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

var host = iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)}

// ioMeeting is [iomeeting.Client.Query].
type ioMeeting struct{ client *iomeeting.Client }

// newIOMeeting returns a client as it comes, which trusts what
// http.DefaultTransport does.
func newIOMeeting(t target, _ int) (caller, error) {
	client, err := iomeeting.NewClient(t.Site)
	return ioMeeting{client}, err
}

// newPatientIOMeeting returns a client whose calls may be held back for long.
// Without further tries, each call reaches the server once.
func newPatientIOMeeting(t target, _ int) (caller, error) {
	client, err := iomeeting.NewClient(t.Site, iomeeting.WithTimeout(10*time.Minute), iomeeting.WithRetries(0))
	return ioMeeting{client}, err
}

func (c ioMeeting) call(int) error {
	state, err := c.client.Query(context.Background(), host)
	if err == nil && !state.Available() {
		err = errors.New("the host is not available")
	}
	return err
}

// close does nothing: the client has no such method, since idle connections end
// by themselves.
func (ioMeeting) close() {}
