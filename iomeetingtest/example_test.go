package iomeetingtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// alice is the host account of the servers in the examples.
var alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("correct horse")}

// startMeeting is the code under test.
func startMeeting(ctx context.Context, client *iomeeting.Client, host iomeeting.Host) (iomeeting.Link, error) {
	meeting, err := client.ScheduleIfAvailable(ctx, host, nil)
	if err != nil {
		return iomeeting.Link{}, err
	}
	return client.StartByID(meeting.MeetingID, host.Password)
}

func Example() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()
	ctx := context.Background()

	link, err := startMeeting(ctx, client, alice)
	if err != nil {
		log.Fatal(err)
	}
	if err := service.Open(link); err != nil { // as the host's browser does
		log.Fatal(err)
	}
	_, err = startMeeting(ctx, client, alice)
	fmt.Println(errors.Is(err, iomeeting.ErrInMeeting))
	if err := service.EndMeeting("000001"); err != nil {
		log.Fatal(err)
	}

	service.ClearRequests()
	service.FailNext(iomeetingtest.Drop().ForPath("/meetingControl/schedule"))
	_, err = startMeeting(ctx, client, alice)
	fmt.Println(errors.Is(err, iomeeting.ErrOutcomeUnknown))
	for _, request := range service.Requests() {
		fmt.Println(request.Method, request.Path)
	}
	// Output:
	// true
	// true
	// POST /meetingControl/query
	// POST /meetingControl/schedule
}

// A test of a handler has a response instead of a Link.
func ExampleServer_Submit() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()
	start := func(w http.ResponseWriter, r *http.Request) { // the code under test
		link, err := client.Start(alice, &iomeeting.StartOptions{Title: r.FormValue("title")})
		if err != nil {
			http.Error(w, "The meeting cannot be started.", http.StatusBadRequest)
			return
		}
		link.ServePage(w, r, "进入会议")
	}

	w := httptest.NewRecorder()
	start(w, httptest.NewRequest(http.MethodPost, "/start?title=周会", nil))
	fmt.Println(service.Submit(w.Body))
	fmt.Println(service.Meetings()[0].State)
	// Output:
	// <nil>
	// in progress
}

func ExampleServer_EndMeeting() {
	partner := httptest.NewServer(iomeeting.UnsignedEndHandler(func(_ context.Context, operatorID string) error {
		fmt.Println("ended:", operatorID)
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
	fmt.Println(service.EndMeeting(meeting.MeetingID))
	// Output:
	// ended: booking-7
	// <nil>
}

// The faults are used up in order. Query would be retried, and succeed.
func ExampleServer_FailNext() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client(iomeeting.WithRetries(0))

	service.FailNext(iomeetingtest.HTTPStatus(http.StatusBadGateway), iomeetingtest.RawAnswer("3,a-42,tea"))
	for range 3 {
		state, err := client.Query(context.Background(), alice)
		fmt.Println(state.InMeeting, errors.Is(err, iomeeting.ErrBadResponse))
	}
	// Output:
	// false true
	// true false
	// false false
}
