package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/iomeeting/iomeeting-go"
)

func query(flags *flag.FlagSet, o *options) func() error {
	asJSON := flags.Bool("json", false, "print a JSON object")
	return func() error {
		client, host, err := o.account()
		if err != nil {
			return err
		}
		state, err := client.Query(context.Background(), host)
		if err != nil {
			return failed(err)
		}
		switch {
		case *asJSON:
			err = json.NewEncoder(os.Stdout).Encode(struct {
				Host      string `json:"host"`
				InMeeting bool   `json:"inMeeting"`
				MeetingID string `json:"meetingID,omitempty"`
			}{host.Email, state.InMeeting, state.MeetingID})
		case state.InMeeting:
			_, err = fmt.Printf("%s is in meeting %s.\n", host.Email, state.MeetingID)
		default:
			_, err = fmt.Printf("%s is available.\n", host.Email)
		}
		if err == nil && state.InMeeting {
			return exit{3, nil}
		}
		return err
	}
}

func schedule(flags *flag.FlagSet, o *options) func() error {
	var options iomeeting.ScheduleOptions
	force := flags.Bool("force", false, "schedule even if that ends a meeting of the host")
	flags.StringVar(&options.EndURL, "end-url", "", "`URL` to which the service POSTs when the meeting ends")
	flags.StringVar(&options.OperatorID, "operator-id", "", "`text` that the service POSTs to that URL")
	return func() error {
		client, host, err := o.account()
		if err != nil {
			return err
		}
		options.MeetingPassword, _, err = o.meetingPasswords()
		if err != nil {
			return err
		}
		send := client.ScheduleIfAvailable
		if *force {
			send = client.Schedule
		}
		meeting, err := send(context.Background(), host, &options)
		if running := new(iomeeting.StatusError); errors.Is(err, iomeeting.ErrInMeeting) && errors.As(err, &running) {
			return exit{3, fmt.Errorf("%s is in meeting %s, which -force would end", host.Email, running.MeetingID)}
		}
		if err != nil {
			return failed(err)
		}
		_, err = fmt.Println(meeting.MeetingID)
		return err
	}
}
