package main

import (
	"fmt"
	"net/http"
	"net/url"
)

// What goes over the wire, whoever sends it.
const (
	queryPath    = "/meetingControl/query"
	schedulePath = "/meetingControl/schedule"

	email           = "alice@example.com"
	password        = "correct horse"
	meetingPassword = "join us"

	meetingID      = "123456789"
	queryAnswer    = "0,," // the host is available
	scheduleAnswer = "0," + meetingID
)

// queryForm is made anew for each call, because a program gets the fields anew
// as well.
func queryForm() url.Values {
	return url.Values{"hostEmail": {email}, "hostPassword": {password}}
}

// scheduleForm has every field of the specification, as the client sends them.
func scheduleForm() url.Values {
	return url.Values{
		"hostEmail":       {email},
		"hostPassword":    {password},
		"meetingPassword": {meetingPassword},
		"meetingEndUrl":   {""},
		"operatorId":      {""},
	}
}

// checkAnswer keeps a contender from winning with failures.
func checkAnswer(status int, body []byte, want string) error {
	if status != http.StatusOK || string(body) != want {
		return fmt.Errorf("the server responded with HTTP status %d and %q", status, body)
	}
	return nil
}
