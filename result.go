package iomeeting

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// QueryResult is the result of [Client.Query]. Spec: section 5, Result.
type QueryResult struct {
	// InMeeting reports whether the host is in a meeting.
	InMeeting bool
	// MeetingID is the ID of the meeting that the host is in, or empty. An ID may
	// start with zeros.
	MeetingID string
	// MeetingPassword is the password of that meeting. It is empty if the meeting
	// has none.
	MeetingPassword Secret
}

// ScheduleResult is the result of [Client.Schedule]. Spec: section 6, Result.
type ScheduleResult struct {
	// MeetingID is the ID of the new meeting. An ID may start with zeros.
	MeetingID string
}

// answer is the service's one line, split into its values.
type answer struct {
	status   Status
	id       string
	password string
}

// parseQuery parses the body of a response to a query, in the named charset.
func parseQuery(body []byte, charset string) (answer, error) {
	a, err := splitAnswer(body, charset, 3)
	switch {
	case err != nil:
		return answer{}, err
	case a.status == StatusInMeeting && a.id == "":
		return answer{}, errors.New("has no meeting ID")
	case a.status == StatusInMeeting:
		return a, nil
	case a.id != "" || strings.Trim(a.password, " ") != "":
		return answer{}, errors.New("has a meeting ID or password that does not go with its status")
	default:
		return answer{status: a.status}, nil
	}
}

// parseSchedule parses the body of a response to a schedule call, in the named
// charset.
func parseSchedule(body []byte, charset string) (answer, error) {
	a, err := splitAnswer(body, charset, 2)
	switch {
	case err != nil:
		return answer{}, err
	case a.status == StatusInMeeting:
		return answer{}, errors.New("does not start with a status of the spec")
	case a.status == statusOK && a.id == "":
		return answer{}, errors.New("has no meeting ID")
	case a.status != statusOK && a.id != "":
		return answer{}, errors.New("has a meeting ID or password that does not go with its status")
	default:
		return a, nil
	}
}

// splitAnswer splits an answer of at most n values. The third value is a password
// and keeps its spaces and commas.
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
		return answer{}, errors.New("contains a control character")
	}
	status, rest, _ := strings.Cut(line, ",")
	id, password, more := strings.Cut(rest, ",")
	status, id = strings.Trim(status, " "), strings.Trim(id, " ")
	if !isID(id) {
		return answer{}, errors.New("has something other than a meeting ID as its second value")
	}
	if len(status) != 1 || status[0] < '0' || status[0] > '3' {
		return answer{}, errors.New("does not start with a status of the spec")
	}
	if more && n < 3 {
		return answer{}, errors.New("has more values than the spec describes")
	}
	return answer{Status(status[0] - '0'), id, password}, nil
}

// isID reports whether s is empty or could be a meeting ID. Those of the spec are
// digits; a word such as "null" is not an ID.
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
			return "", errors.New("is in an unknown charset")
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

// onlyLine returns the only line of s that is not blank, without its indentation
// and its line ending. A JSP that includes others may have a byte order mark at
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
