package iomeeting

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// QueryResult is the result of [Client.Query].
type QueryResult struct {
	InMeeting       bool
	MeetingID       string // of the meeting that the host is in; it may start with zeros
	MeetingPassword Secret // empty if that meeting has none
}

// ScheduleResult is the result of [Client.Schedule].
type ScheduleResult struct {
	MeetingID string // of the new meeting; it may start with zeros
}

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
		return answer{}, errNoID
	case a.status == StatusInMeeting:
		return a, nil
	case a.id != "" || strings.Trim(a.password, " ") != "":
		return answer{}, errStrayValue
	}
	return answer{status: a.status}, nil
}

func parseSchedule(body []byte, charset string) (answer, error) {
	a, err := splitAnswer(body, charset, 2)
	switch {
	case err != nil:
		return answer{}, err
	case a.status == StatusInMeeting:
		return answer{}, errStatus
	case a.status == statusOK && a.id == "":
		return answer{}, errNoID
	case a.status != statusOK && a.id != "":
		return answer{}, errStrayValue
	}
	return a, nil
}

var (
	errStatus     = errors.New("does not start with a status of the spec")
	errNoID       = errors.New("has no meeting ID")
	errStrayValue = errors.New("has a meeting ID or password that does not go with its status")
)

// splitAnswer splits an answer into at most n values. The third is a password, and
// keeps its spaces and commas.
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
		return answer{}, errStatus
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

// decodeCharset returns body as a string. Servlets write ISO-8859-1 unless they name
// another charset, and then mostly UTF-8.
func decodeCharset(body []byte, charset string) (string, error) {
	if strings.EqualFold(charset, "iso-8859-1") || strings.EqualFold(charset, "latin1") {
		runes := make([]rune, len(body))
		for i, b := range body {
			runes[i] = rune(b)
		}
		return string(runes), nil
	}
	isASCII := !strings.ContainsFunc(string(body), func(r rune) bool { return r > unicode.MaxASCII })
	isUTF8 := charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
	switch {
	case isASCII || isUTF8 && utf8.Valid(body):
		return string(body), nil
	case isUTF8:
		return "", errors.New("is not valid UTF-8")
	}
	return "", errors.New("is in an unknown charset")
}

// onlyLine returns the only line of s that is not blank, without what a JSP puts
// around it: indentation, line endings, and the byte order marks of its files.
// Spaces at its end belong to a password.
func onlyLine(s string) (string, error) {
	only := ""
	for line := range strings.Lines(s) {
		line = strings.TrimLeft(line, " \t\r\n\ufeff")
		line = strings.TrimRight(line, "\t\r\n\ufeff")
		switch {
		case line == "":
		case only == "":
			only = line
		default:
			return "", errors.New("has more than one line")
		}
	}
	if only == "" {
		return "", errors.New("is empty")
	}
	return only, nil
}
