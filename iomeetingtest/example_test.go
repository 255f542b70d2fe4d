package iomeetingtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// alice is the host account of the servers in the examples.
var alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("correct horse")}

func ExampleNewServer() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()

	client, err := iomeeting.NewClient(server.URL) // in the code under test
	if err != nil {
		log.Fatal(err)
	}
	state, err := client.Query(context.Background(), alice)
	fmt.Println(!state.InMeeting, err)
	// Output:
	// true <nil>
}

// A fixed address helps when the site's address is part of a configuration file.
func ExampleListen() {
	server, err := iomeetingtest.Listen("127.0.0.1:0", alice) // such as 127.0.0.1:8080
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	state, err := server.Client().Query(context.Background(), alice)
	fmt.Println(!state.InMeeting, err)

	_, err = iomeetingtest.Listen(strings.TrimPrefix(server.URL, "http://"), alice)
	var inUse *net.OpError
	fmt.Println(errors.As(err, &inUse) && inUse.Op == "listen")
	// Output:
	// true <nil>
	// true
}

func ExampleServer_Client() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	client := server.Client(iomeeting.WithRetries(0))

	meeting, err := client.Schedule(context.Background(), alice, nil)
	fmt.Println(meeting.MeetingID, err)
	// Output:
	// 000001 <nil>
}

// Closing the server simulates a service that is down.
func ExampleServer_Close() {
	server := iomeetingtest.NewServer(alice)
	client := server.Client(iomeeting.WithRetries(0))
	server.Close()

	_, err := client.Query(context.Background(), alice)
	var network *net.OpError
	fmt.Println(errors.As(err, &network) && network.Op == "dial")
	// Output:
	// true
}

func ExampleServer_EndMeeting() {
	partner := httptest.NewServer(iomeeting.UnsignedEndHandler(func(_ context.Context, operatorID string) error {
		fmt.Println("ended:", operatorID)
		return nil
	}))
	defer partner.Close()
	server := iomeetingtest.NewServer(alice)
	defer server.Close()

	meeting, err := server.Client().Schedule(context.Background(), alice, &iomeeting.ScheduleOptions{
		EndURL:     partner.URL,
		OperatorID: "booking-7",
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.EndMeeting(meeting.MeetingID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(server.EndMeeting(meeting.MeetingID))
	// Output:
	// ended: booking-7
	// iomeetingtest: meeting 000001 has already ended
}

func ExampleServer_Requests() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()

	_, err := server.Client().ScheduleIfAvailable(context.Background(), alice, &iomeeting.ScheduleOptions{
		EndURL:     "https://partner.example/meeting-ended",
		OperatorID: "booking-7",
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, request := range server.Requests() {
		fmt.Printf("%s %s %q\n", request.Method, request.Path, request.PostForm.Get("operatorId"))
	}
	// Output:
	// POST /meetingControl/query ""
	// POST /meetingControl/schedule "booking-7"
}

// Preparations are requests too. ClearRequests forgets them.
func ExampleServer_ClearRequests() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	client := server.Client()
	if _, err := client.Schedule(context.Background(), alice, nil); err != nil {
		log.Fatal(err)
	}

	server.ClearRequests()
	if _, err := client.Query(context.Background(), alice); err != nil { // in the code under test
		log.Fatal(err)
	}
	for _, request := range server.Requests() {
		fmt.Println(request.Method, request.Path)
	}
	// Output:
	// POST /meetingControl/query
}

func ExampleServer_Meetings() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	client := server.Client()
	for _, booking := range []string{"booking-7", "booking-8"} {
		_, err := client.Schedule(context.Background(), alice, &iomeeting.ScheduleOptions{
			EndURL:     "https://partner.example/ended",
			OperatorID: booking,
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	link, err := client.StartByID("000002", alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	page, err := http.PostForm(link.Endpoint(), link.Params()) // as a browser does
	if err != nil {
		log.Fatal(err)
	}
	page.Body.Close()

	for _, m := range server.Meetings() {
		fmt.Println(m.ID, m.Host, m.OperatorID, m.State)
	}
	// Output:
	// 000001 alice@example.com booking-7 scheduled
	// 000002 alice@example.com booking-8 in progress
}

func ExampleState_String() {
	fmt.Println(iomeetingtest.Scheduled, iomeetingtest.InProgress, iomeetingtest.Ended)
	// Output:
	// scheduled in progress ended
}

// A wrapper sees every request and every response. This one prints them.
func ExampleServer_Wrap() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	server.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			fmt.Println(r.Method, r.URL.Path, r.Form.Get("hostEmail"))
		})
	})

	if _, err := server.Client().Query(context.Background(), alice); err != nil {
		log.Fatal(err)
	}
	// Output:
	// POST /meetingControl/query alice@example.com
}

func ExampleServer_FailNext() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	client := server.Client(iomeeting.WithRetries(0)) // with retries, Query would succeed

	server.FailNext(iomeetingtest.HTTPStatus(http.StatusBadGateway), iomeetingtest.RawAnswer(""))
	for range 3 {
		_, err := client.Query(context.Background(), alice)
		fmt.Println(errors.Is(err, iomeeting.ErrBadResponse))
	}
	// Output:
	// true
	// true
	// false
}

// One host's calls fail, the other's succeed.
func ExampleFault_ForHost() {
	bob := iomeeting.Host{Email: "bob@example.com", Password: iomeeting.NewSecret("battery staple")}
	server := iomeetingtest.NewServer(alice, bob)
	defer server.Close()
	server.FailNext(iomeetingtest.HTTPStatus(http.StatusNotFound).ForHost(bob.Email))

	for _, host := range []iomeeting.Host{alice, bob} {
		_, err := server.Client().Query(context.Background(), host)
		fmt.Println(host.Email, errors.Is(err, iomeeting.ErrBadResponse))
	}
	// Output:
	// alice@example.com false
	// bob@example.com true
}

// The first schedule fails, no matter how many queries come before it.
func ExampleFault_ForPath() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	server.FailNext(iomeetingtest.Drop().ForPath("/meetingControl/schedule"))

	_, err := server.Client().ScheduleIfAvailable(context.Background(), alice, nil)
	fmt.Println(errors.Is(err, iomeeting.ErrOutcomeUnknown))
	// Output:
	// true
}

func ExampleHTTPStatus() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	server.FailNext(iomeetingtest.HTTPStatus(http.StatusForbidden)) // as a firewall would

	_, err := server.Client().Schedule(context.Background(), alice, nil)
	var response *iomeeting.ResponseError
	fmt.Println(errors.As(err, &response) && response.StatusCode == http.StatusForbidden)
	// Output:
	// true
}

// Some tests need a particular answer, such as an ID of a different form.
func ExampleRawAnswer() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	server.FailNext(iomeetingtest.RawAnswer("3,a-42,tea"))

	state, err := server.Client().Query(context.Background(), alice)
	fmt.Println(state.InMeeting, state.MeetingID, err)
	// Output:
	// true a-42 <nil>
}

// A long delay does not make the test slow: it ends when the client times out.
func ExampleDelay() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	server.FailNext(iomeetingtest.Delay(time.Hour))

	client := server.Client(iomeeting.WithTimeout(10*time.Millisecond), iomeeting.WithRetries(0))
	_, err := client.Query(context.Background(), alice)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// true
}

func ExampleDrop() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	server.FailNext(iomeetingtest.Drop())

	_, err := server.Client().Schedule(context.Background(), alice, nil)
	fmt.Println(errors.Is(err, iomeeting.ErrOutcomeUnknown))
	// Output:
	// true
}

// The query succeeds and the schedule that follows it fails.
func ExamplePass() {
	server := iomeetingtest.NewServer(alice)
	defer server.Close()
	server.FailNext(iomeetingtest.Pass(), iomeetingtest.HTTPStatus(http.StatusNotImplemented))

	_, err := server.Client().ScheduleIfAvailable(context.Background(), alice, nil)
	var response *iomeeting.ResponseError
	fmt.Println(errors.As(err, &response) && response.Op == "schedule")
	// Output:
	// true
}
