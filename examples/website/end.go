package main

import (
	"context"
	"log"
	"net/http"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// endPath is where the service notifies this site of the end of a meeting.
const endPath = "/meeting-ended"

// meetingEnded notes that a scheduled meeting is over. The service may report the
// same end more than once.
func (s *site) meetingEnded(_ context.Context, ended hostpool.Ended) error {
	s.books.end(ended.OperatorID)
	return nil
}

// endMeeting ends a meeting of the in-process service, as its host would do in
// the meeting. The API has no call for that.
func (s *site) endMeeting(w http.ResponseWriter, r *http.Request) {
	if err := s.end(r.PostFormValue("meeting")); err != nil {
		log.Print(err) // such as: the meeting has already ended
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
