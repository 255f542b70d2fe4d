// Quickstart shows a meeting from start to end with package iomeeting, on an in-process
// IOMeeting server. To ask a real site about a host, run iomeeting query, the command in
// cmd/iomeeting.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	host := iomeeting.Host{Email: "host@example.com", Password: iomeeting.NewSecret("correct horse")}
	service := iomeetingtest.NewServer(host)
	defer service.Close()
	client, err := iomeeting.NewClient(service.URL)
	if err != nil {
		return err
	}
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret(rand.Text() + rand.Text()))
	if err != nil {
		return err
	}
	ended := make(chan string, 1)
	endPage := httptest.NewServer(signer.Handler(func(_ context.Context, operatorID string) error {
		ended <- operatorID
		return nil
	}))
	defer endPage.Close()

	if err := showState(ctx, out, client, host); err != nil {
		return err
	}

	meeting, err := client.Schedule(ctx, host, &iomeeting.ScheduleOptions{
		MeetingPassword: iomeeting.NewSecret("tea, please"),
		EndURL:          endPage.URL,
		OperatorID:      signer.Sign("booking-7"),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Schedule: the service created meeting %s.\n", meeting.MeetingID)

	startLink, err := client.StartByID(meeting.MeetingID, host.Password)
	if err != nil {
		return err
	}
	if err := service.Open(startLink); err != nil {
		return err
	}
	fmt.Fprintf(out, "Browser: opened the start link and entered the meeting.\n  %s\n", startLink)
	if err := showState(ctx, out, client, host); err != nil {
		return err
	}

	joinLink, err := client.JoinByID(meeting.MeetingID, &iomeeting.JoinOptions{
		MeetingPassword: iomeeting.NewSecret("tea, please"),
		UserName:        "Renée O'Brien",
	})
	if err != nil {
		return err
	}
	if err := service.Open(joinLink); err != nil {
		return err
	}
	fmt.Fprintf(out, "Browser: opened the join link and entered the meeting.\n  %s\n", joinLink)

	showMistake(ctx, out, client, "a wrong password",
		iomeeting.Host{Email: host.Email, Password: iomeeting.NewSecret("guess")})
	showMistake(ctx, out, client, "an unknown host",
		iomeeting.Host{Email: "nobody@example.com", Password: host.Password})

	if err := service.EndMeeting(meeting.MeetingID); err != nil {
		return err
	}
	fmt.Fprintf(out, "End: the service reported that %q is over.\n", <-ended)
	return showState(ctx, out, client, host)
}

// showState prints whether the host is in a meeting.
func showState(ctx context.Context, out io.Writer, client *iomeeting.Client, host iomeeting.Host) error {
	state, err := client.Query(ctx, host)
	if err != nil {
		return err
	}
	if state.InMeeting {
		fmt.Fprintf(out, "Query: %s is in meeting %s.\n", host.Email, state.MeetingID)
	} else {
		fmt.Fprintf(out, "Query: %s is available.\n", host.Email)
	}
	return nil
}

// showMistake prints which error a mistake causes.
func showMistake(ctx context.Context, out io.Writer, client *iomeeting.Client, what string, host iomeeting.Host) {
	_, err := client.Query(ctx, host)
	switch {
	case errors.Is(err, iomeeting.ErrWrongPassword):
		fmt.Fprintf(out, "Query with %s: ErrWrongPassword (%v).\n", what, err)
	case errors.Is(err, iomeeting.ErrHostNotFound):
		fmt.Fprintf(out, "Query with %s: ErrHostNotFound (%v).\n", what, err)
	default:
		fmt.Fprintf(out, "Query with %s: %v.\n", what, err)
	}
}
