package iomeetingtest

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/iomeeting/iomeeting-go"
)

// The paths of the two calls.
const (
	queryPath    = "/meetingControl/query"
	schedulePath = "/meetingControl/schedule"
)

// serveQuery writes status,meetingID,meetingPassword. Spec: section 5.
func (s *Server) serveQuery(w http.ResponseWriter, r *http.Request) {
	status, m := s.service.query(credentials(r.PostForm))
	answer(w, "%d,%s,%s", status, m.ID, m.password.Reveal())
}

// serveSchedule writes status,meetingID. Spec: section 6.
func (s *Server) serveSchedule(w http.ResponseWriter, r *http.Request) {
	email, password := credentials(r.PostForm)
	status, id, ended := s.service.schedule(meeting{
		Meeting: Meeting{
			Host:       email,
			EndURL:     r.PostForm.Get("meetingEndUrl"),
			OperatorID: r.PostForm.Get("operatorId"),
		},
		password: iomeeting.NewSecret(r.PostForm.Get("meetingPassword")),
	}, password)
	if ended != nil {
		// The caller does not learn whether the callback was delivered.
		_ = s.notifyEnd(ended.Meeting)
	}
	answer(w, "%d,%s", status, id)
}

func credentials(form url.Values) (email string, password iomeeting.Secret) {
	return form.Get("hostEmail"), iomeeting.NewSecret(form.Get("hostPassword"))
}

func answer(w http.ResponseWriter, format string, args ...any) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, format, args...)
}
