package main

import (
	"context"
	"errors"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

var (
	host            = iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)}
	scheduleOptions = iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret(meetingPassword)}
)

// ioMeeting sends a call through an [iomeeting.Client].
type ioMeeting struct {
	client *iomeeting.Client
	send   func(*iomeeting.Client) error
}

// newQuery returns a client with the default settings. It trusts what
// http.DefaultTransport trusts.
func newQuery(t target, _ int) (caller, error) {
	client, err := iomeeting.NewClient(t.Site)
	return ioMeeting{client, sendQuery}, err
}

// newPatientQuery returns a client that waits long for the response and sends
// each call once.
func newPatientQuery(t target, _ int) (caller, error) {
	client, err := iomeeting.NewClient(t.Site, iomeeting.WithTimeout(10*time.Minute), iomeeting.WithRetries(0))
	return ioMeeting{client, sendQuery}, err
}

// newSchedule returns a client with the default settings and a TLS session.
func newSchedule(t target, _ int) (caller, error) {
	client, err := iomeeting.NewClient(t.Site)
	if err != nil {
		return nil, err
	}
	c := ioMeeting{client, sendSchedule}
	return c, c.call(0)
}

func sendQuery(c *iomeeting.Client) error {
	state, err := c.Query(context.Background(), host)
	if err == nil && !state.Available() {
		err = errors.New("the host is not available")
	}
	return err
}

func sendSchedule(c *iomeeting.Client) error {
	meeting, err := c.Schedule(context.Background(), host, &scheduleOptions)
	if err == nil && meeting.MeetingID != meetingID {
		err = errors.New("another meeting ID than the server's")
	}
	return err
}

func (c ioMeeting) call(int) error { return c.send(c.client) }

// close does nothing: a Client closes its idle connections by itself.
func (ioMeeting) close() {}
