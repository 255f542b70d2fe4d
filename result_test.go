package iomeeting

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseQuery(t *testing.T) {
	available := answer{status: statusOK}
	inMeeting := answer{status: StatusInMeeting, id: "123456", password: "654321"}
	for _, tt := range []struct {
		name, body, charset string
		want                answer
	}{
		// The table of section 5.
		{name: "available", body: "0,,", want: available},
		{name: "host not found", body: "1,,", want: answer{status: StatusHostNotFound}},
		{name: "wrong password", body: "2,,", want: answer{status: StatusWrongPassword}},
		{name: "in a meeting", body: "3,123456,654321", want: inMeeting},
		// What a JSP may turn it into.
		{name: "missing fields", body: "0", want: available},
		{name: "one missing field", body: "0,", want: available},
		{name: "no meeting password", body: "3,123456", want: answer{status: StatusInMeeting, id: "123456"}},
		{name: "empty meeting password", body: "3,123456,", want: answer{status: StatusInMeeting, id: "123456"}},
		{name: "byte order mark", body: "\ufeff3,123456,654321", charset: "utf-8", want: inMeeting},
		{name: "CRLF", body: "3,123456,654321\r\n", want: inMeeting},
		{name: "blank lines", body: "\r\n\n \t\r\n3,123456,654321\r\n \r\n\n", charset: "UTF-8", want: inMeeting},
		{name: "byte order marks of several files", body: "\ufeff\r\n\ufeff\ufeff3,123456,654321\ufeff\r\n\ufeff\n", want: inMeeting},
		{name: "indented", body: "\t  3,123456,654321\t\r\n", want: inMeeting},
		{name: "a space after empty fields", body: "0,, ", want: available},
		{name: "spaces around the first two", body: " 3 , 123456 ,654321", want: inMeeting},
		// Values that must not change.
		{name: "leading zeros", body: "3,000042,0", want: answer{status: StatusInMeeting, id: "000042", password: "0"}},
		{name: "commas in the password", body: "3,1,a,b,,c", want: answer{status: StatusInMeeting, id: "1", password: "a,b,,c"}},
		{name: "spaces in the password", body: "3,1, a b ", want: answer{status: StatusInMeeting, id: "1", password: " a b "}},
		{name: "UTF-8", body: "3,1,pässwörd", charset: "utf8", want: answer{status: StatusInMeeting, id: "1", password: "pässwörd"}},
		{name: "UTF-8 unless declared otherwise", body: "3,1,会", want: answer{status: StatusInMeeting, id: "1", password: "会"}},
		{name: "Latin-1", body: "3,1,p\xe4ss", charset: "ISO-8859-1", want: answer{status: StatusInMeeting, id: "1", password: "päss"}},
		{name: "Latin-1, another name", body: "3,1,p\xe4ss", charset: "latin1", want: answer{status: StatusInMeeting, id: "1", password: "päss"}},
		{name: "ASCII in an unknown charset", body: "3,123456,654321", charset: "GBK", want: inMeeting},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseQuery([]byte(tt.body), tt.charset)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseSchedule(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       answer
	}{
		{name: "success", body: "0,123456", want: answer{status: statusOK, id: "123456"}},
		{name: "host not found", body: "1,", want: answer{status: StatusHostNotFound}},
		{name: "wrong password", body: "2,", want: answer{status: StatusWrongPassword}},
		{name: "missing field", body: "2", want: answer{status: StatusWrongPassword}},
		{name: "letters and marks", body: "0,aZ-1_2.3", want: answer{status: statusOK, id: "aZ-1_2.3"}},
		{name: "of a JSP", body: "\ufeff\r\n\r\n 0 , 000042 \r\n\r\n", want: answer{status: statusOK, id: "000042"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseSchedule([]byte(tt.body), "")
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

const (
	isEmpty      = "is empty"
	noStatus     = "does not start with a status of the spec"
	hasControl   = "contains a control character"
	noID         = "has something other than a meeting ID as its second value"
	missingID    = "has no meeting ID"
	strayValue   = "has a meeting ID or password that does not go with its status"
	tooMany      = "has more values than the spec describes"
	otherCharset = "is in an unknown charset"
)

// badAnswers are invalid as answers to one or both calls.
var badAnswers = []struct {
	name, body, charset string
	query, schedule     string // what is wrong; empty if nothing is
}{
	{name: "empty", query: isEmpty, schedule: isEmpty},
	{name: "blank", body: " \r\n\t\n\ufeff", query: isEmpty, schedule: isEmpty},
	{name: "no status", body: ",1,2", query: noStatus, schedule: noStatus},
	{name: "unknown status", body: "4,1", query: noStatus, schedule: noStatus},
	{name: "negative status", body: "-1", query: noStatus, schedule: noStatus},
	{name: "two digits", body: "00,1", query: noStatus, schedule: noStatus},
	{name: "the byte before 0", body: "/,,", query: noStatus, schedule: noStatus},
	{name: "other digits", body: "٠,1", query: noStatus, schedule: noStatus},
	{name: "HTML", body: "<!DOCTYPE html><title>Log in</title>", charset: "utf-8", query: noStatus, schedule: noStatus},
	{name: "JSON", body: `{"status":0}`, query: noStatus, schedule: noStatus},
	{name: "status of a query", body: "3,123456", schedule: noStatus},
	{name: "two lines", body: "0,1\n0,1", query: "has more than one line", schedule: "has more than one line"},
	{name: "carriage return between lines", body: "0,1\r0,1", query: hasControl, schedule: hasControl},
	{name: "NUL", body: "0,1\x002", query: hasControl, schedule: hasControl},
	{name: "escape", body: "0,\x1b[2J", query: hasControl, schedule: hasControl},
	{name: "C1 control", body: "0,1\u0085", query: hasControl, schedule: hasControl},
	{name: "C1 control in Latin-1", body: "0,1\x85", charset: "iso-8859-1", query: hasControl, schedule: hasControl},
	{name: "UTF-16", body: "0\x00,\x001\x00", charset: "utf-16le", query: hasControl, schedule: hasControl},
	{name: "not UTF-8", body: "0,\xe4", query: "is not valid UTF-8", schedule: "is not valid UTF-8"},
	{name: "not UTF-8, as declared", body: "0,\xe4", charset: "UTF-8", query: "is not valid UTF-8", schedule: "is not valid UTF-8"},
	{name: "unknown charset", body: "0,\xbb\xe1", charset: "GBK", query: otherCharset, schedule: otherCharset},
	{name: "unknown charset, valid UTF-8", body: "0,\xc3\xa4", charset: "GBK", query: otherCharset, schedule: otherCharset},
	{name: "text instead of an ID", body: "0,Service unavailable", query: noID, schedule: noID},
	{name: "null instead of an ID", body: "0,null", query: noID, schedule: noID},
	{name: "ID with a letter that is not ASCII", body: "0,12\u00e9", query: noID, schedule: noID},
	{name: "ID with a digit that is not ASCII", body: "0,12\u0663", query: noID, schedule: noID},
	{name: "markup instead of an ID", body: "0,<b>1", query: noID, schedule: noID},
	{name: "wrong password with a meeting", body: "2,1", query: strayValue, schedule: strayValue},
	{name: "available with a meeting", body: "0,1,", query: strayValue, schedule: tooMany},
	{name: "available with a password", body: "0,,x", query: strayValue, schedule: tooMany},
	{name: "one comma too many", body: "0,,,", query: strayValue, schedule: tooMany},
	{name: "no ID", body: "0,", schedule: missingID},
	{name: "no values", body: "0", schedule: missingID},
	{name: "in a meeting without ID", body: "3,,654321", query: missingID, schedule: tooMany},
	{name: "in a meeting without values", body: "3", query: missingID, schedule: noStatus},
}

func TestBadAnswers(t *testing.T) {
	for _, tt := range badAnswers {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseQuery([]byte(tt.body), tt.charset)
			if tt.query != "" {
				require.EqualError(t, err, tt.query)
				assert.Zero(t, got)
			} else {
				require.NoError(t, err)
			}
			got, err = parseSchedule([]byte(tt.body), tt.charset)
			require.EqualError(t, err, tt.schedule)
			assert.Zero(t, got)
		})
	}
}

// TestAnswerFiles parses files with the bytes that servlets and JSPs send.
func TestAnswerFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/answers/*")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			got, err := parseQuery(body, strings.TrimPrefix(filepath.Ext(file), "."))
			require.NoError(t, err)
			assert.Equal(t, answer{status: StatusInMeeting, id: "000042", password: "pässwörd, 2"}, got)
		})
	}
}

func TestStatusString(t *testing.T) {
	for status, want := range map[Status]string{
		statusOK: "ok", StatusHostNotFound: "host not found", StatusWrongPassword: "wrong host password",
		StatusInMeeting: "host is in a meeting", 7: "status 7", -1: "status -1",
	} {
		assert.Equal(t, want, status.String())
	}
}

func fuzzAnswers(f *testing.F) {
	for _, tt := range badAnswers {
		f.Add([]byte(tt.body), tt.charset)
	}
	for _, s := range []string{"0,,", "1,,", "2", "3,000042,a,b", "\ufeff\r\n3,1, p \r\n", "0,123456"} {
		f.Add([]byte(s), "utf-8")
	}
	f.Add([]byte("3,1,p\xe4ss"), "iso-8859-1")
}

func FuzzParseQuery(f *testing.F) {
	fuzzAnswers(f)
	f.Fuzz(func(t *testing.T, body []byte, charset string) {
		got, err := parseQuery(body, charset)
		if err != nil {
			require.Zero(t, got)
			return
		}
		require.Equal(t, got.status == StatusInMeeting, got.id != "")
		if got.id != "" {
			again, err := parseQuery([]byte("3,"+got.id+","+got.password), "")
			require.NoError(t, err)
			require.Equal(t, got, again)
		}
	})
}

func FuzzParseSchedule(f *testing.F) {
	fuzzAnswers(f)
	f.Fuzz(func(t *testing.T, body []byte, charset string) {
		got, err := parseSchedule(body, charset)
		if err != nil {
			require.Zero(t, got)
			return
		}
		require.Equal(t, got.status == statusOK, got.id != "")
		if got.id != "" {
			again, err := parseSchedule([]byte("0,"+got.id), "")
			require.NoError(t, err)
			require.Equal(t, got, again)
		}
	})
}
