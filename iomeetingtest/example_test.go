package iomeetingtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// alice is the account of the service in the examples.
var alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("correct horse")}

func ExampleNewServer() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()

	client, err := iomeeting.NewClient(service.URL) // as the code under test does
	if err != nil {
		log.Fatal(err)
	}
	state, err := client.Query(context.Background(), alice)
	fmt.Println(state.Available(), err)
	// Output:
	// true <nil>
}

func ExampleServer_Client() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client(iomeeting.WithRetries(0))

	meeting, err := client.Schedule(context.Background(), alice, nil)
	fmt.Println(meeting.MeetingID, err)
	// Output:
	// 000001 <nil>
}

// A closed service is one that cannot be reached.
func ExampleServer_Close() {
	service := iomeetingtest.NewServer(alice)
	client := service.Client(iomeeting.WithRetries(0))
	service.Close()

	_, err := client.Query(context.Background(), alice)
	var network *net.OpError
	fmt.Println(errors.As(err, &network) && network.Op == "dial")
	// Output:
	// true
}

func ExampleServer_EndMeeting() {
	partner := httptest.NewServer(iomeeting.UnsignedEndHandler(func(_ context.Context, operatorID string) error {
		fmt.Println("over:", operatorID)
		return nil
	}))
	defer partner.Close()
	service := iomeetingtest.NewServer(alice)
	defer service.Close()

	meeting, err := service.Client().Schedule(context.Background(), alice, &iomeeting.ScheduleOptions{
		EndURL:     partner.URL,
		OperatorID: "booking-7",
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := service.EndMeeting(meeting.MeetingID); err != nil { // tells the end URL
		log.Fatal(err)
	}
	fmt.Println(service.EndMeeting(meeting.MeetingID))
	// Output:
	// over: booking-7
	// iomeetingtest: meeting 000001 has ended already
}

func ExampleServer_Requests() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()

	_, err := service.Client().ScheduleIfAvailable(context.Background(), alice, &iomeeting.ScheduleOptions{
		OperatorID: "booking-7",
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, request := range service.Requests() {
		fmt.Printf("%s %s %q\n", request.Method, request.Path, request.PostForm.Get("operatorId"))
	}
	// Output:
	// POST /meetingControl/query ""
	// POST /meetingControl/schedule "booking-7"
}

func ExampleServer_FailNext() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client(iomeeting.WithRetries(0)) // with retries, Query gets over both faults

	service.FailNext(iomeetingtest.HTTPStatus(http.StatusBadGateway), iomeetingtest.RawAnswer(""))
	for range 3 {
		_, err := client.Query(context.Background(), alice)
		fmt.Println(err)
	}
	// Output:
	// iomeeting: query: bad response: the answer has HTTP status 502 Bad Gateway
	// iomeeting: query: bad response: the answer is empty
	// <nil>
}

func ExampleHTTPStatus() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	service.FailNext(iomeetingtest.HTTPStatus(http.StatusForbidden)) // as a firewall does

	_, err := service.Client().Schedule(context.Background(), alice, nil)
	var response *iomeeting.ResponseError
	fmt.Println(errors.As(err, &response) && response.StatusCode == http.StatusForbidden)
	// Output:
	// true
}

// A test that needs a certain answer, such as an ID of another form, states it.
func ExampleRawAnswer() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	service.FailNext(iomeetingtest.RawAnswer("3,a-42,tea"))

	state, err := service.Client().Query(context.Background(), alice)
	fmt.Println(state.InMeeting(), state.MeetingID, err)
	// Output:
	// true a-42 <nil>
}

// The delay takes no time of a test: it ends when the client has gone.
func ExampleDelay() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	service.FailNext(iomeetingtest.Delay(time.Hour))

	client := service.Client(iomeeting.WithTimeout(10*time.Millisecond), iomeeting.WithRetries(0))
	_, err := client.Query(context.Background(), alice)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// true
}

func ExampleDrop() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	service.FailNext(iomeetingtest.Drop())

	_, err := service.Client().Schedule(context.Background(), alice, nil)
	fmt.Println(errors.Is(err, iomeeting.ErrOutcomeUnknown))
	// Output:
	// true
}

// The first of two calls is to go well, and the second one is not.
func ExamplePass() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	service.FailNext(iomeetingtest.Pass(), iomeetingtest.HTTPStatus(http.StatusNotImplemented))

	_, err := service.Client().ScheduleIfAvailable(context.Background(), alice, nil)
	fmt.Println(err)
	// Output:
	// iomeeting: schedule: bad response: the answer has HTTP status 501 Not Implemented
}
