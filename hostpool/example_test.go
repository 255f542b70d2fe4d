package hostpool_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// The examples run against an in-process server. Its accounts:
var (
	alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("correct horse")}
	bob   = iomeeting.Host{Email: "bob@example.com", Password: iomeeting.NewSecret("battery staple")}
)

// must returns v, for examples that are about something else.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func Example() {
	service := iomeetingtest.NewServer(alice, bob)
	defer service.Close()
	mux := http.NewServeMux() // before the pool, which needs its address
	website := httptest.NewServer(mux)
	defer website.Close()
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret("3Hq0aSuP0cXWmYg3cb8a4qYx6oAV3BfC")) // from a secret store
	if err != nil {
		log.Fatal(err)
	}

	pool, err := hostpool.New(service.Client(), hostpool.NewMemoryStore(), []iomeeting.Host{alice, bob},
		hostpool.WithEnd(website.URL+"/meeting-ended", signer))
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/meeting-ended", pool.EndHandler(func(_ context.Context, ended hostpool.Ended) error {
		fmt.Println(ended.OperatorID, "is over") // close the booking, perhaps for the second time
		return nil
	}))

	book := func(ctx context.Context, booking string) (hostpool.Meeting, error) {
		return pool.Schedule(ctx, &iomeeting.ScheduleOptions{OperatorID: booking})
	}
	ctx := context.Background()
	first, err := book(ctx, "booking 1")
	if err != nil {
		log.Fatal(err)
	}
	if err := service.Open(first.StartLink); err != nil { // in the host's browser
		log.Fatal(err)
	}
	if _, err := book(ctx, "booking 2"); err != nil {
		log.Fatal(err)
	}
	_, err = book(ctx, "booking 3")
	fmt.Println("booking 3:", err)

	if err := service.EndMeeting(first.ID); err != nil {
		log.Fatal(err)
	}
	third, err := book(ctx, "booking 3")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("booking 3 has the account of booking 1:", third.Host == first.Host)
	// Output:
	// booking 3: iomeeting: no host account is free
	// booking 1 is over
	// booking 3 has the account of booking 1: true
}

// What to tell a visitor whose meeting cannot be made.
func ExamplePool_Schedule() {
	explain := func(err error) (status int, text string) {
		switch {
		case err == nil:
			return http.StatusOK, "Your meeting is ready."
		case errors.Is(err, hostpool.ErrNoneFree):
			return http.StatusTooManyRequests, "All accounts are in use. Please try again later."
		case errors.Is(err, iomeeting.ErrOutcomeUnknown): // it may exist, but its ID is unknown
			return http.StatusBadGateway, "Your meeting was not confirmed. Please try again."
		case errors.Is(err, iomeeting.ErrInvalidParameter):
			return http.StatusInternalServerError, "This is our mistake." // correct the parameter that err names
		default: // also hostpool.ErrStore and ErrLeaseLost; log err
			return http.StatusBadGateway, "Please try again in a minute."
		}
	}

	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	pool := must(hostpool.New(service.Client(), hostpool.NewMemoryStore(), []iomeeting.Host{alice}))
	for range 2 {
		_, err := pool.Schedule(context.Background(), nil)
		fmt.Println(explain(err))
	}
	// Output:
	// 200 Your meeting is ready.
	// 429 All accounts are in use. Please try again later.
}

// A page of bookings shows what each meeting is doing.
func ExamplePool_Check() {
	service := iomeetingtest.NewServer(alice, bob)
	defer service.Close()
	pool := must(hostpool.New(service.Client(), hostpool.NewMemoryStore(), []iomeeting.Host{alice, bob}))
	ctx := context.Background()
	bookings := []hostpool.Meeting{must(pool.Schedule(ctx, nil)), must(pool.Start(ctx, &iomeeting.StartOptions{Title: "Q3 review"}))}
	if err := service.Open(bookings[1].StartLink); err != nil {
		log.Fatal(err)
	}

	progress, err := pool.Check(ctx, bookings...)
	if err != nil {
		log.Fatal(err)
	}
	for i, p := range progress {
		switch p.State {
		case hostpool.Waiting:
			fmt.Println("booking", i+1, "waits for its host")
		case hostpool.InProgress:
			fmt.Println("booking", i+1, "is in progress; join", p.ID)
		case hostpool.Over: // close the booking
			fmt.Println("booking", i+1, "is over")
		default:
			fmt.Println("booking", i+1, "may be in progress:", p.Err)
		}
	}
	// Output:
	// booking 1 waits for its host
	// booking 2 is in progress; join 000002
}

// The host of a booking comes later, to any of the servers, or comes back.
func ExamplePool_StartLink() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	store := hostpool.NewMemoryStore()
	server1 := must(hostpool.New(service.Client(), store, []iomeeting.Host{alice}))
	server2 := must(hostpool.New(service.Client(), store, []iomeeting.Host{alice}))
	ctx := context.Background()
	meeting := must(server1.Schedule(ctx, nil))
	// What to store with the booking; keep the password secret.
	booking := hostpool.Meeting{Host: meeting.Host, ID: meeting.ID, Password: meeting.Password, Lease: meeting.Lease}

	link, err := server2.StartLink(ctx, booking)
	if err != nil {
		log.Fatal(err)
	}
	if err := service.Open(link); err != nil {
		log.Fatal(err)
	}

	if err := server2.Release(ctx, booking.Lease); err != nil { // the meeting is over
		log.Fatal(err)
	}
	if err := service.EndMeeting(booking.ID); err != nil {
		log.Fatal(err)
	}
	_, err = server1.StartLink(ctx, booking)
	fmt.Println(err)
	// Output:
	// iomeeting: lease lost
}
