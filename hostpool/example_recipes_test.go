package hostpool_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// Participants join by the meeting's ID and its password, so that nobody with an old
// link enters the next meeting of the account.
func Example_join() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()
	pool := must(hostpool.New(client, hostpool.NewMemoryStore(), []iomeeting.Host{alice}))
	meeting := must(pool.Schedule(context.Background(), nil))
	if err := service.Open(meeting.StartLink); err != nil {
		log.Fatal(err)
	}

	link, err := client.JoinByID(meeting.ID, &iomeeting.JoinOptions{
		MeetingPassword: meeting.Password,
		UserName:        "Renée",
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := service.Open(link); err != nil {
		log.Fatal(err)
	}
	fmt.Println("Renée is in meeting", meeting.ID)
	// Output:
	// Renée is in meeting 000001
}

// Two accounts in a hundred are kept for important meetings: they have a pool of their
// own, on the same store.
func Example_reserve() {
	service := iomeetingtest.NewServer(alice, bob)
	defer service.Close()
	client, store := service.Client(), hostpool.NewMemoryStore()
	everyone := must(hostpool.New(client, store, []iomeeting.Host{alice}))
	reserve := must(hostpool.New(client, store, []iomeeting.Host{bob}))

	book := func(ctx context.Context, isImportant bool) (hostpool.Meeting, error) {
		meeting, err := everyone.Schedule(ctx, nil)
		if isImportant && errors.Is(err, hostpool.ErrNoneFree) {
			meeting, err = reserve.Schedule(ctx, nil)
		}
		return meeting, err
	}

	for _, isImportant := range []bool{false, false, true} {
		meeting, err := book(context.Background(), isImportant)
		fmt.Println(meeting.Host, err)
	}
	// Output:
	// alice@example.com <nil>
	//  iomeeting: no host account is free
	// bob@example.com <nil>
}

// Meetings of next week need no accounts yet, only so many accounts at any time. Each
// gets one when its host arrives.
func Example_bookAhead() {
	type slot struct{ from, to time.Time }
	fits := func(booked []slot, s slot, accounts int) bool {
		overlapping := func(at time.Time) (n int) {
			for _, b := range booked {
				if !at.Before(b.from) && at.Before(b.to) {
					n++
				}
			}
			return n
		}
		for _, b := range append(booked, s) { // most overlap when one begins
			if !b.from.Before(s.from) && b.from.Before(s.to) && overlapping(b.from) >= accounts {
				return false
			}
		}
		return true
	}

	monday := time.Date(2030, 6, 3, 0, 0, 0, 0, time.UTC)
	at := func(from, to int) slot {
		return slot{monday.Add(time.Duration(from) * time.Hour), monday.Add(time.Duration(to) * time.Hour)}
	}
	var booked []slot
	for _, s := range []slot{at(9, 11), at(10, 12), at(10, 11), at(11, 12)} {
		ok := fits(booked, s, 2)
		if ok {
			booked = append(booked, s)
		}
		fmt.Println(s.from.Hour(), "to", s.to.Hour(), ok)
	}
	// Output:
	// 9 to 11 true
	// 10 to 12 true
	// 10 to 11 false
	// 11 to 12 true
}

// The API has no call that ends a meeting, but scheduling another one on the account
// does. The meeting still holds the account then, so no other is ended. If the outcome
// is unknown, do not release the account for three minutes.
func Example_endMeeting() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	mux := http.NewServeMux()
	website := httptest.NewServer(mux)
	defer website.Close()
	signer := must(iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("k", 32))))
	client, hosts := service.Client(), map[string]iomeeting.Host{alice.Email: alice}
	pool := must(hostpool.New(client, hostpool.NewMemoryStore(), []iomeeting.Host{alice}, hostpool.WithEnd(website.URL, signer)))
	mux.Handle("/", pool.EndHandler(func(_ context.Context, ended hostpool.Ended) error {
		fmt.Println(ended.OperatorID, "is over")
		return nil
	}))
	ctx := context.Background()
	meeting := must(pool.Schedule(ctx, &iomeeting.ScheduleOptions{OperatorID: "booking 7"}))
	if err := service.Open(meeting.StartLink); err != nil {
		log.Fatal(err)
	}

	end := func(ctx context.Context, m hostpool.Meeting) error {
		progress, err := pool.Check(ctx, m)
		if err != nil {
			return err
		}
		if progress[0].State != hostpool.InProgress {
			return progress[0].Err
		}
		_, err = client.Schedule(ctx, hosts[m.Host], nil)
		return err
	}
	fmt.Println(end(ctx, meeting))
	// Output:
	// booking 7 is over
	// <nil>
}

// An account is taken out of the configuration. Its meetings go on, and once it has no
// lease any more, it can be closed. Servers that were started without it do not know
// it, so one of them releases what is left.
func Example_removedAccounts() {
	service := iomeetingtest.NewServer(alice, bob)
	defer service.Close()
	client, store := service.Client(), hostpool.NewMemoryStore()
	pool := must(hostpool.New(client, store, []iomeeting.Host{alice}))
	ctx := context.Background()
	meeting := must(pool.Schedule(ctx, nil))
	if err := pool.SetHosts([]iomeeting.Host{bob}); err != nil {
		log.Fatal(err)
	}
	if err := service.Open(must(pool.StartLink(ctx, meeting))); err != nil { // its meeting can still be started
		log.Fatal(err)
	}
	if err := service.EndMeeting(meeting.ID); err != nil {
		log.Fatal(err)
	}
	if err := pool.Renew(ctx, meeting.Lease, time.Millisecond); err != nil { // in a test, time flies
		log.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)

	restarted := must(hostpool.New(client, store, []iomeeting.Host{bob}))
	configured := map[string]bool{bob.Email: true}
	leases, err := restarted.Leases(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, lease := range leases {
		if lease.Left <= 0 && !configured[lease.Host] {
			fmt.Println("release the account of", lease.Host, restarted.Release(ctx, lease.String()))
		}
	}
	// Output:
	// release the account of alice@example.com <nil>
}
