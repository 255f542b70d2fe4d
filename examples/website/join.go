package main

import (
	"cmp"
	"net/http"

	"github.com/iomeeting/iomeeting-go"
)

// joinMeeting sends a visitor to a meeting in progress. The form has the ID of
// the booking in the field join or observe.
func (s *site) joinMeeting(w http.ResponseWriter, r *http.Request) {
	link, err := s.joinLink(r)
	if err != nil {
		showError(w, err)
		return
	}
	link.ServePage(w, r, "")
}

func (s *site) joinLink(r *http.Request) (iomeeting.Link, error) {
	name, observe := entered(r, "name"), r.PostFormValue("observe")
	b := s.books.get(cmp.Or(observe, r.PostFormValue("join")))
	switch {
	case name == "":
		return iomeeting.Link{}, errMissing
	case b.hostEmail == "":
		return iomeeting.Link{}, errNotInProgress
	}
	heard := s.watch.ask(r.Context(), b.hostEmail)
	switch {
	case heard.err != nil:
		return iomeeting.Link{}, errNotKnown
	case !heard.isIn(b):
		return iomeeting.Link{}, errNotInProgress
	case observe == "":
		return s.client.JoinByID(heard.state.MeetingID, &iomeeting.JoinOptions{MeetingPassword: b.password, UserName: name})
	case b.observerPassword.IsZero():
		return iomeeting.Link{}, errNoObservers
	default:
		return s.client.JoinByID(heard.state.MeetingID, &iomeeting.JoinOptions{ObserverPassword: b.observerPassword, UserName: name})
	}
}
