// Quickstart shows the whole life of a meeting with package iomeeting, on an
// in-process IOMeeting server.
//
// With IOMEETING_SITE, IOMEETING_HOST_EMAIL and IOMEETING_HOST_PASSWORD set it
// uses that site instead, and changes nothing there: it asks whether the host is
// in a meeting, and makes links. With the flag -schedule it also schedules a
// meeting, unless the host is in one.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/signal"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func main() {
	flags := flag.NewFlagSet("quickstart", flag.ExitOnError)
	schedule := flags.Bool("schedule", false, "on a real site, schedule a meeting unless the host is in one")
	_ = flags.Parse(os.Args[1:]) // it exits on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv, *schedule); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string, schedule bool) error {
	site := getenv("IOMEETING_SITE")
	host := iomeeting.Host{
		Email:    getenv("IOMEETING_HOST_EMAIL"),
		Password: iomeeting.NewSecret(getenv("IOMEETING_HOST_PASSWORD")),
	}
	if site == "" && host == (iomeeting.Host{}) && !schedule {
		return walk(ctx, out)
	}
	if site == "" || host.Email == "" || host.Password.IsZero() {
		return errors.New("a real site needs IOMEETING_SITE, IOMEETING_HOST_EMAIL and IOMEETING_HOST_PASSWORD")
	}
	return visit(ctx, out, site, host, schedule)
}

// walk shows a meeting from its start to its end.
func walk(ctx context.Context, out io.Writer) error {
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

// visit uses a real site. It changes nothing there unless schedule is true.
func visit(ctx context.Context, out io.Writer, site string, host iomeeting.Host, schedule bool) error {
	client, err := iomeeting.NewClient(site)
	if err != nil {
		return err
	}
	if err := showState(ctx, out, client, host); err != nil {
		return err
	}
	startLink, err := client.Start(host, &iomeeting.StartOptions{Title: "Quickstart"})
	if err != nil {
		return err
	}
	joinLink, err := client.Join(host.Email, &iomeeting.JoinOptions{UserName: "Joe Smith"})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Start link, with passwords redacted:", startLink)
	fmt.Fprintln(out, "Join link:", joinLink)
	if !schedule {
		fmt.Fprintln(out, "Nothing was scheduled. To schedule a meeting, add -schedule.")
		return nil
	}
	meeting, err := client.ScheduleIfAvailable(ctx, host, nil)
	if errors.Is(err, iomeeting.ErrInMeeting) {
		fmt.Fprintln(out, "Schedule: the host is in a meeting, so nothing was scheduled.")
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Schedule: the service created meeting %s.\n", meeting.MeetingID)
	return nil
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
