package hostpool_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// The examples run against an in-process server. Its accounts:
var (
	alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("correct horse")}
	bob   = iomeeting.Host{Email: "bob@example.com", Password: iomeeting.NewSecret("battery staple")}
)

// visit opens a link as the browser of a host does.
func visit(link iomeeting.Link) {
	res, err := http.PostForm(link.Endpoint(), link.Params())
	if err != nil {
		log.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		log.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		log.Fatal(res.Status)
	}
}

// mustNewPool returns a pool of the server.
func mustNewPool(service *iomeetingtest.Server, hosts []iomeeting.Host, opts ...hostpool.Option) *hostpool.Pool {
	pool, err := hostpool.New(service.Client(), hosts, opts...)
	if err != nil {
		log.Fatal(err)
	}
	return pool
}

// mustNewSigner returns an EndSigner. Its key would come from a secret store.
func mustNewSigner() *iomeeting.EndSigner {
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret("3Hq0aSuP0cXWmYg3cb8a4qYx6oAV3BfC"))
	if err != nil {
		log.Fatal(err)
	}
	return signer
}

func Example() {
	service := iomeetingtest.NewServer(alice, bob)
	defer service.Close()
	signer := mustNewSigner()
	pool, err := hostpool.New(service.Client(), []iomeeting.Host{alice, bob}, hostpool.WithEndSigner(signer))
	if err != nil {
		log.Fatal(err)
	}
	website := httptest.NewServer(pool.EndHandler(func(_ context.Context, operatorID string) error {
		fmt.Println(operatorID, "is over")
		return nil
	}))
	defer website.Close()
	ctx := context.Background()

	book := func(booking string) (hostpool.Meeting, error) {
		return pool.Schedule(ctx, &iomeeting.ScheduleOptions{EndURL: website.URL, OperatorID: booking})
	}
	first, err := book("booking 1")
	if err != nil {
		log.Fatal(err)
	}
	visit(first.StartLink) // in the host's browser
	if _, err := book("booking 2"); err != nil {
		log.Fatal(err)
	}
	_, err = book("booking 3")
	fmt.Println("booking 3:", err)

	if err := service.EndMeeting(first.MeetingID); err != nil {
		log.Fatal(err)
	}
	third, err := book("booking 3")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("booking 3 has the account of booking 1:", third.Host == first.Host)
	// Output:
	// booking 3: iomeeting: no host account is free
	// booking 1 is over
	// booking 3 has the account of booking 1: true
}

func ExampleNew() {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	if err != nil {
		log.Fatal(err)
	}
	pool, err := hostpool.New(client, []iomeeting.Host{alice, bob},
		hostpool.WithStartWithin(30*time.Minute),
		hostpool.WithEndSigner(mustNewSigner()),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, known := pool.Host("alice@example.com")
	fmt.Println(known)

	_, err = hostpool.New(client, []iomeeting.Host{alice, alice})
	fmt.Println(err)
	// Output:
	// true
	// iomeeting: invalid parameter: hosts contains two accounts with the same email address
}

// Two servers share their accounts, because they share a store. Here it is in
// memory; servers on different machines use one of package sqlstore.
func ExampleWithStore() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	store := hostpool.NewMemoryStore()
	server1 := mustNewPool(service, []iomeeting.Host{alice}, hostpool.WithStore(store))
	server2 := mustNewPool(service, []iomeeting.Host{alice}, hostpool.WithStore(store))

	_, err := server1.Schedule(context.Background(), nil)
	fmt.Println(err)
	_, err = server2.Schedule(context.Background(), nil)
	fmt.Println(err)
	// Output:
	// <nil>
	// iomeeting: no host account is free
}

func ExampleNewMemoryStore() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	pool, err := hostpool.New(service.Client(), []iomeeting.Host{alice},
		hostpool.WithStore(hostpool.NewMemoryStore())) // the default
	if err != nil {
		log.Fatal(err)
	}
	leases, err := pool.Leases(context.Background())
	fmt.Println(len(leases), err)
	// Output:
	// 0 <nil>
}

// A meeting with an EndURL needs a signer, so that nobody else can report its end.
func ExampleWithEndSigner() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	opts := &iomeeting.ScheduleOptions{EndURL: "https://www.example.com/meeting-ended"}

	pool := mustNewPool(service, []iomeeting.Host{alice})
	_, err := pool.Schedule(context.Background(), opts)
	fmt.Println(err)

	pool = mustNewPool(service, []iomeeting.Host{alice}, hostpool.WithEndSigner(mustNewSigner()))
	_, err = pool.Schedule(context.Background(), opts)
	fmt.Println(err)
	// Output:
	// iomeeting: invalid parameter: meetingEndUrl needs a pool with WithEndSigner
	// <nil>
}

func ExampleWithStartWithin() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	pool := mustNewPool(service, []iomeeting.Host{alice}, hostpool.WithStartWithin(time.Hour))

	meeting, err := pool.Schedule(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("to be started within", time.Until(meeting.StartBy).Round(time.Minute))
	// Output:
	// to be started within 1h0m0s
}

// Alice has started a meeting without the pool. Her account is left alone, and the
// pool asks again after five minutes, if it needs the account then.
func ExampleWithCheckEvery() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	link, err := service.Client().Start(alice, nil)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)
	pool := mustNewPool(service, []iomeeting.Host{alice}, hostpool.WithCheckEvery(5*time.Minute))

	_, err = pool.Schedule(context.Background(), nil)
	fmt.Println(err)
	leases, err := pool.Leases(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("held for", time.Until(leases[0].Expires).Round(time.Minute))
	// Output:
	// iomeeting: no host account is free
	// held for 5m0s
}

// Bob's password was changed, and the pool does not know the new one.
func ExampleWithLogger() {
	service := iomeetingtest.NewServer(bob)
	defer service.Close()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "lease" { // differ each time
				return slog.Attr{}
			}
			return a
		},
	}))
	old := iomeeting.Host{Email: bob.Email, Password: iomeeting.NewSecret("old password")}
	pool := mustNewPool(service, []iomeeting.Host{old}, hostpool.WithLogger(logger))

	_, err := pool.Schedule(context.Background(), nil)
	fmt.Println(errors.Is(err, iomeeting.ErrWrongPassword))
	// Output:
	// level=WARN msg="iomeeting pool: account left out" host=bob@example.com error="iomeeting: query: wrong host password"
	// true
}

func ExamplePool_Schedule() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	pool := mustNewPool(service, []iomeeting.Host{alice})
	ctx := context.Background() // or context.WithoutCancel(r.Context())

	meeting, err := pool.Schedule(ctx, &iomeeting.ScheduleOptions{
		MeetingPassword: iomeeting.NewSecret("tea, please"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("host:", meeting.Host.Email)
	fmt.Println("meeting:", meeting.MeetingID)
	visit(meeting.StartLink)

	_, err = pool.Schedule(ctx, nil)
	if errors.Is(err, hostpool.ErrNoneFree) {
		fmt.Println("Every account is in use. Please try again later.")
	}
	// Output:
	// host: alice@example.com
	// meeting: 000001
	// Every account is in use. Please try again later.
}

// A meeting with a title. To join it, a participant needs its ID, or the email address
// of its host.
func ExamplePool_Start() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()
	pool := mustNewPool(service, []iomeeting.Host{alice})

	meeting, err := pool.Start(context.Background(), &iomeeting.StartOptions{Title: "Q3 review"})
	if err != nil {
		log.Fatal(err)
	}
	visit(meeting.StartLink)
	state, err := client.Query(context.Background(), meeting.Host)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("in progress:", state.MeetingID)
	// Output:
	// in progress: 000001
}

// The host is late. Any server that shares the store can extend the lease that was
// stored with the booking.
func ExamplePool_Renew() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	pool := mustNewPool(service, []iomeeting.Host{alice})
	ctx := context.Background()
	meeting, err := pool.Schedule(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(pool.Renew(ctx, meeting.Lease, time.Hour))

	// Once the account is free, or somebody else's, it is too late.
	if err := pool.Release(ctx, meeting.Lease); err != nil {
		log.Fatal(err)
	}
	err = pool.Renew(ctx, meeting.Lease, time.Hour)
	fmt.Println(errors.Is(err, hostpool.ErrLeaseLost))
	// Output:
	// <nil>
	// true
}

// The meeting is canceled before it has started.
func ExamplePool_Release() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	pool := mustNewPool(service, []iomeeting.Host{alice})
	ctx := context.Background()
	meeting, err := pool.Schedule(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}

	if err := pool.Release(ctx, meeting.Lease); err != nil {
		log.Fatal(err)
	}
	_, err = pool.Schedule(ctx, nil)
	fmt.Println(err)
	// Output:
	// <nil>
}

func ExamplePool_EndHandler() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	pool := mustNewPool(service, []iomeeting.Host{alice}, hostpool.WithEndSigner(mustNewSigner()))
	mux := http.NewServeMux()
	mux.Handle("/meeting-ended", pool.EndHandler(func(_ context.Context, operatorID string) error {
		fmt.Println("over:", operatorID)
		return nil
	}))
	website := httptest.NewServer(mux)
	defer website.Close()

	meeting, err := pool.Schedule(context.Background(), &iomeeting.ScheduleOptions{
		EndURL:     website.URL + "/meeting-ended", // an address that the service can reach
		OperatorID: "booking 7",
	})
	if err != nil {
		log.Fatal(err)
	}
	visit(meeting.StartLink)
	if err := service.EndMeeting(meeting.MeetingID); err != nil {
		log.Fatal(err)
	}
	leases, err := pool.Leases(context.Background())
	fmt.Println(len(leases), err)
	// Output:
	// over: booking 7
	// 0 <nil>
}

// A page of all accounts for those who run the website.
func ExamplePool_Leases() {
	service := iomeetingtest.NewServer(alice, bob)
	defer service.Close()
	hosts := []iomeeting.Host{alice, bob}
	pool := mustNewPool(service, hosts)
	ctx := context.Background()
	for range 2 {
		if _, err := pool.Schedule(ctx, nil); err != nil {
			log.Fatal(err)
		}
	}

	leases, err := pool.Leases(ctx)
	if err != nil {
		log.Fatal(err)
	}
	expires := make(map[string]time.Time)
	for _, lease := range leases {
		expires[lease.Host] = lease.Expires
	}
	for _, host := range hosts {
		fmt.Println(host.Email, "is leased for", time.Until(expires[host.Email]).Round(time.Minute))
	}
	// Output:
	// alice@example.com is leased for 15m0s
	// bob@example.com is leased for 15m0s
}

// The host of a booking comes later, to any of the servers, or comes back.
func ExamplePool_Host() {
	service := iomeetingtest.NewServer(alice, bob)
	defer service.Close()
	client := service.Client()
	pool, err := hostpool.New(client, []iomeeting.Host{alice, bob})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	type booking struct {
		hostEmail, meetingID, lease string
		startBy                     time.Time
	}
	startLink := func(b booking) (iomeeting.Link, error) {
		host, ok := pool.Host(b.hostEmail)
		if !ok {
			return iomeeting.Link{}, errors.New("this server does not have the account")
		}
		if left := time.Until(b.startBy); left > 0 {
			ctx, cancel := context.WithDeadline(ctx, b.startBy)
			defer cancel()
			if err := pool.Renew(ctx, b.lease, left); err != nil {
				return iomeeting.Link{}, err
			}
		} else if state, err := client.Query(ctx, host); err != nil {
			return iomeeting.Link{}, err
		} else if state.MeetingID != b.meetingID {
			return iomeeting.Link{}, errors.New("too late: the meeting is over, or has lost its account")
		}
		return client.StartByID(b.meetingID, host.Password)
	}

	meeting, err := pool.Schedule(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	b := booking{meeting.Host.Email, meeting.MeetingID, meeting.Lease, meeting.StartBy}
	link, err := startLink(b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link.Params().Get("meetingID"))
	visit(link)

	b.startBy = time.Now() // the meeting is in progress
	_, err = startLink(b)
	fmt.Println(err)
	if err := service.EndMeeting(meeting.MeetingID); err != nil {
		log.Fatal(err)
	}
	_, err = startLink(b)
	fmt.Println(err)
	// Output:
	// 000001
	// <nil>
	// too late: the meeting is over, or has lost its account
}

// A page of leases can release one of them.
func ExampleLease_String() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	pool := mustNewPool(service, []iomeeting.Host{alice})
	ctx := context.Background()
	meeting, err := pool.Schedule(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}

	leases, err := pool.Leases(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(leases[0].String() == meeting.Lease)
	fmt.Println(pool.Release(ctx, leases[0].String()))
	// Output:
	// true
	// <nil>
}
