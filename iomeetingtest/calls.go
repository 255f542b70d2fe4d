package iomeetingtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/iomeeting/iomeeting-go"
)

// serveQuery answers status,meetingID,meetingPassword. Spec: section 5.
func (s *Server) serveQuery(w http.ResponseWriter, r *http.Request) {
	status, m := s.service.query(credentials(r.PostForm))
	answer(w, "%d,%s,%s", status, m.id, m.password.Reveal())
}

// serveSchedule answers status,meetingID. Spec: section 6.
func (s *Server) serveSchedule(w http.ResponseWriter, r *http.Request) {
	email, password := credentials(r.PostForm)
	status, id, over := s.service.schedule(meeting{
		host:       email,
		password:   iomeeting.NewSecret(r.PostForm.Get("meetingPassword")),
		endURL:     r.PostForm.Get("meetingEndUrl"),
		operatorID: r.PostForm.Get("operatorId"),
	}, password)
	if over != nil {
		// The host who schedules is not told what the end URL made of it.
		_ = s.tellEnd(*over)
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

// tellEnd POSTs operatorId to the end URL of m. As a JDK does, it POSTs once
// more where the connection drops before an answer. Spec: section 6, Result.
func (s *Server) tellEnd(m meeting) error {
	if m.endURL == "" {
		return nil
	}
	res, err := s.postEnd(m)
	if isDropped(err) {
		res, err = s.postEnd(m)
	}
	if err != nil {
		return fmt.Errorf("iomeetingtest: end URL of meeting %s: %w", m.id, err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("iomeetingtest: end URL of meeting %s: HTTP status %d", m.id, res.StatusCode)
	}
	return nil
}

// isDropped reports whether a connection was closed or reset before a response.
func isDropped(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.As(err, &op) && op.Op != "dial" && !op.Timeout()
}

func (s *Server) postEnd(m meeting) (*http.Response, error) {
	form := url.Values{"operatorId": {m.operatorID}}
	req, err := http.NewRequestWithContext(s.closing, http.MethodPost, m.endURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.toUsers.Do(req)
}
