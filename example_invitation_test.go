package iomeeting_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// scheduled is what a website stores of a meeting, under the random key of its booking.
type scheduled struct {
	id       string
	password iomeeting.Secret
}

// newInvitationPage returns the page whose address is in the invitations of a website.
func newInvitationPage(client *iomeeting.Client, bookings map[string]scheduled) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /meeting/{key}", func(w http.ResponseWriter, _ *http.Request) {
		// Programs that preview links open this page too, so it has only a form.
		_, _ = io.WriteString(w, `<form method="post"><label>Name <input name="name"></label> <button>Join the meeting</button></form>`)
	})
	mux.HandleFunc("POST /meeting/{key}", func(w http.ResponseWriter, r *http.Request) {
		meeting, found := bookings[r.PathValue("key")]
		if !found {
			http.Error(w, "The meeting has not started yet.", http.StatusNotFound)
			return
		}
		link, err := client.JoinByID(meeting.id, &iomeeting.JoinOptions{
			MeetingPassword: meeting.password,
			UserName:        r.PostFormValue("name"),
		})
		if err != nil { // the name is not UTF-8
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		link.ServePage(w, r, "Join the meeting")
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// An invitation leads to a page that makes the link when somebody joins.
func Example_invitation() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()
	bookings := make(map[string]scheduled)
	website := newInvitationPage(client, bookings)
	join := func() *httptest.ResponseRecorder {
		form := strings.NewReader(url.Values{"name": {"Renée"}}.Encode())
		r := httptest.NewRequest(http.MethodPost, "/meeting/4PDXN2K7QZ", form)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		website.ServeHTTP(w, r)
		return w
	}

	fmt.Print(join().Body)
	password := iomeeting.NewSecret("tea, please")
	meeting, err := client.Schedule(context.Background(), alice, &iomeeting.ScheduleOptions{MeetingPassword: password})
	if err != nil {
		log.Fatal(err)
	}
	bookings["4PDXN2K7QZ"] = scheduled{meeting.MeetingID, password}
	start, err := client.StartByID(meeting.MeetingID, alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the host starts:", service.Open(start))
	fmt.Println("Renée joins:", service.Submit(join().Body))
	// Output:
	// The meeting has not started yet.
	// the host starts: <nil>
	// Renée joins: <nil>
}
