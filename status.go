package iomeeting

import "strconv"

// Status is the first value in the service's response. Spec: sections 5 and 6,
// Result.
type Status int

const (
	// statusOK means that the host is available (query), or that a meeting was
	// scheduled (schedule).
	statusOK Status = iota
	// StatusHostNotFound means that no host account has that email address.
	StatusHostNotFound
	// StatusWrongPassword means that the host's password is wrong.
	StatusWrongPassword
	// StatusInMeeting means that the host is in a meeting (query).
	StatusInMeeting
)

// String returns the meaning of the status: "ok", "host not found", "wrong host
// password" or "host is in a meeting", and "status N" for any other number N.
func (s Status) String() string {
	switch s {
	case statusOK:
		return "ok"
	case StatusHostNotFound:
		return "host not found"
	case StatusWrongPassword:
		return "wrong host password"
	case StatusInMeeting:
		return "host is in a meeting"
	default:
		return "status " + strconv.Itoa(int(s))
	}
}
