package iomeetingtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// endURLTimeout bounds how long the server waits for a response of an end URL.
const endURLTimeout = 5 * time.Second

// State is the state of a meeting.
type State int

const (
	Scheduled  State = iota // its host has not started it yet
	InProgress              // its host has started it, and people can join it
	Ended                   // nobody can start or join it anymore
)

// String returns "scheduled", "in progress" or "ended".
func (s State) String() string {
	switch s {
	case Scheduled:
		return "scheduled"
	case InProgress:
		return "in progress"
	case Ended:
		return "ended"
	default:
		return "state " + strconv.Itoa(int(s))
	}
}

// Meeting is a meeting of a [Server].
type Meeting struct {
	// ID is the meeting's ID. The first meeting of a server has 000001.
	ID string
	// Host is the email address of the host account.
	Host string
	// Title is the decoded title. The spec has none for scheduled meetings.
	Title string
	// EndURL is where the server POSTs OperatorID when the meeting ends. If it is
	// empty, the server notifies nobody.
	EndURL     string
	OperatorID string
	State      State
}

// Meetings returns all meetings, including those that have ended, in the order of their
// IDs. Of more than 10,000, the server forgets the oldest that is not in progress.
func (s *Server) Meetings() []Meeting { return s.service.list() }

// EndMeeting ends a meeting that is in progress or only scheduled. If the meeting has
// an end URL, EndMeeting POSTs operatorId to it and returns when the response has
// arrived. If the end URL does not respond with an HTTP status 2xx within 5 seconds,
// EndMeeting returns an error, and has ended the meeting nevertheless.
func (s *Server) EndMeeting(meetingID string) error {
	m, err := s.service.end(meetingID)
	if err != nil {
		return err
	}
	return s.notifyEnd(m)
}

// newCallbackClient returns the client for end URLs. It keeps no connection, so that
// nothing is left running, and follows no redirect.
func newCallbackClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		Timeout:       endURLTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// notifyEnd POSTs operatorId to the end URL of m. If the connection drops before
// a response, it POSTs once more, as a JDK does. Spec: section 6, Result.
func (s *Server) notifyEnd(m Meeting) error {
	if m.EndURL == "" {
		return nil
	}
	res, err := s.postEnd(m)
	if isDropped(err) {
		res, err = s.postEnd(m)
	}
	if err != nil {
		return fmt.Errorf("iomeetingtest: meeting %s has ended, but its end URL failed: %w", m.ID, err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("iomeetingtest: meeting %s has ended, but its end URL failed: HTTP status %d", m.ID, res.StatusCode)
	}
	return nil
}

// isDropped reports whether a connection was closed or reset before a response.
func isDropped(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.As(err, &op) && op.Op != "dial" && !op.Timeout()
}

func (s *Server) postEnd(m Meeting) (*http.Response, error) {
	form := url.Values{"operatorId": {m.OperatorID}}
	req, err := http.NewRequestWithContext(s.closing, http.MethodPost, m.EndURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.callbacks.Do(req)
}
