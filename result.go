package iomeeting

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Status is the first value of an answer. Spec: sections 5 and 6, Result.
type Status int

const (
	// StatusOK says that the host is available (query), or that a meeting was
	// scheduled (schedule).
	StatusOK Status = iota
	// StatusHostNotFound says that there is no host account of that e-mail
	// address.
	StatusHostNotFound
	// StatusWrongPassword says that the host's password is wrong.
	StatusWrongPassword
	// StatusInMeeting says that the host is in a meeting (query).
	StatusInMeeting

	// statusNone stands in the result of a call that failed, which must not
	// pass for an available host.
	statusNone Status = -1
)

// String returns the meaning of the status: "ok", "host not found", "wrong host
// password", "host is in a meeting", and "status N" for another number N.
func (s Status) String() string {
	switch s {
	case StatusOK:
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

// QueryResult is the answer of [Client.Query]. Spec: section 5, Result.
type QueryResult struct {
	// Status is StatusOK or StatusInMeeting. Beside an error it is the status
	// that a [*StatusError] holds, and otherwise negative.
	Status Status
	// MeetingID names the meeting that the host is in; empty if in none. IDs
	// may start with zeros.
	MeetingID string
	// MeetingPassword is the password of that meeting; empty if it has none.
	MeetingPassword Secret
}

// Available reports whether the host is free to start a meeting. The result of
// a call that failed is never available; the zero QueryResult is.
func (r QueryResult) Available() bool { return r.Status == StatusOK }

// InMeeting reports whether the host is in a meeting.
func (r QueryResult) InMeeting() bool { return r.Status == StatusInMeeting }

// ScheduleResult is the answer of [Client.Schedule]. Spec: section 6, Result.
type ScheduleResult struct {
	// MeetingID names the new meeting. IDs may start with zeros.
	MeetingID string
}

// answer holds the values of an answer.
type answer struct {
	status   Status
	id       string
	password string
}

// parseQuery reads the body of an answer to a query, in the named charset.
func parseQuery(body []byte, charset string) (answer, error) {
	a, err := splitAnswer(body, charset, 3)
	switch {
	case err != nil:
		return answer{}, err
	case a.status == StatusInMeeting && a.id == "":
		return answer{}, errors.New("names no meeting")
	case a.status == StatusInMeeting:
		return a, nil
	case a.id != "" || strings.Trim(a.password, " ") != "":
		return answer{}, errors.New("names a meeting that its status rules out")
	default:
		return answer{status: a.status}, nil
	}
}

// parseSchedule reads the body of an answer to a schedule call, in the named
// charset.
func parseSchedule(body []byte, charset string) (answer, error) {
	a, err := splitAnswer(body, charset, 2)
	switch {
	case err != nil:
		return answer{}, err
	case a.status == StatusInMeeting:
		return answer{}, errors.New("does not start with a status that the spec knows")
	case a.status == StatusOK && a.id == "":
		return answer{}, errors.New("names no meeting")
	case a.status != StatusOK && a.id != "":
		return answer{}, errors.New("names a meeting that its status rules out")
	default:
		return a, nil
	}
}

// splitAnswer reads an answer of n values at the most. The last value keeps its
// spaces, and of three values also its commas: it is a password.
func splitAnswer(body []byte, charset string, n int) (answer, error) {
	s, err := decodeCharset(body, charset)
	if err != nil {
		return answer{}, err
	}
	line, err := onlyLine(s)
	if err != nil {
		return answer{}, err
	}
	if strings.ContainsFunc(line, unicode.IsControl) {
		return answer{}, errors.New("holds a control character")
	}
	status, rest, _ := strings.Cut(line, ",")
	id, password, more := strings.Cut(rest, ",")
	status, id = strings.Trim(status, " "), strings.Trim(id, " ")
	if !isID(id) {
		return answer{}, errors.New("names a meeting by something other than an ID")
	}
	if len(status) != 1 || status[0] < '0' || status[0] > '3' {
		return answer{}, errors.New("does not start with a status that the spec knows")
	}
	if more && n < 3 {
		return answer{}, errors.New("has more values than the spec knows")
	}
	return answer{Status(status[0] - '0'), id, password}, nil
}

// isID reports whether s is empty or could be a meeting ID. The spec's are
// digits; a word such as "null" is a message of something else.
func isID(s string) bool {
	return s == "" || strings.ContainsAny(s, "0123456789") && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	})
}

// decodeCharset returns body as a string. An empty charset is UTF-8.
func decodeCharset(body []byte, charset string) (string, error) {
	s := string(body)
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8":
		if !utf8.ValidString(s) {
			return "", errors.New("is not valid UTF-8")
		}
		return s, nil
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "l1":
		return decodeLatin1(strings.ReplaceAll(s, byteOrderMark, "")), nil
	default:
		if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return "", errors.New("is in a charset that is not known here")
		}
		return s, nil
	}
}

func decodeLatin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

const byteOrderMark = "\ufeff"

// onlyLine returns the one line of s that is not blank, without its indent and
// its line end. A page that is built from others may have a byte order mark at
// either end of a line.
func onlyLine(s string) (string, error) {
	only := ""
	for line := range strings.Lines(s) {
		line = strings.TrimLeft(line, " \t\r\n"+byteOrderMark)
		line = strings.TrimRight(line, "\t\r\n"+byteOrderMark)
		if line == "" {
			continue
		}
		if only != "" {
			return "", errors.New("has more than one line")
		}
		only = line
	}
	if only == "" {
		return "", errors.New("is empty")
	}
	return only, nil
}
