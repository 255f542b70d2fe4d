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
	inMeeting := answer{StatusInMeeting, "123456", "654321"}
	tests := []struct {
		name, body, charset string
		want                answer
	}{
		// The table of section 5.
		{"available", "0,,", "", available},
		{"host not found", "1,,", "", answer{status: StatusHostNotFound}},
		{"wrong password", "2,,", "", answer{status: StatusWrongPassword}},
		{"in a meeting", "3,123456,654321", "", inMeeting},
		// What a JSP may turn it into.
		{"missing fields", "0", "", available},
		{"one missing field", "0,", "", available},
		{"no meeting password", "3,123456", "", answer{StatusInMeeting, "123456", ""}},
		{"empty meeting password", "3,123456,", "", answer{StatusInMeeting, "123456", ""}},
		{"byte order mark", "\ufeff3,123456,654321", "utf-8", inMeeting},
		{"CRLF", "3,123456,654321\r\n", "", inMeeting},
		{"blank lines", "\r\n\n \t\r\n3,123456,654321\r\n \r\n\n", "UTF-8", inMeeting},
		{"byte order marks and blank lines", "\ufeff\r\n\ufeff\ufeff3,123456,654321\r\n\ufeff\n", "", inMeeting},
		{"indented", "\t  3,123456,654321\t\r\n", "", inMeeting},
		{"a space after empty fields", "0,, ", "", available},
		{"byte order marks at the end", "3,123456,654321\ufeff\r\n\ufeff", "", inMeeting},
		{"spaces around the first two", " 3 , 123456 ,654321", "", inMeeting},
		// Values that must not change.
		{"leading zeros", "3,000042,0", "", answer{StatusInMeeting, "000042", "0"}},
		{"commas in the password", "3,1,a,b,,c", "", answer{StatusInMeeting, "1", "a,b,,c"}},
		{"spaces in the password", "3,1, a b ", "", answer{StatusInMeeting, "1", " a b "}},
		{"UTF-8", "3,1,pässwörd", "utf8", answer{StatusInMeeting, "1", "pässwörd"}},
		{"Latin-1", "3,1,p\xe4ss", "ISO-8859-1", answer{StatusInMeeting, "1", "päss"}},
		{"Latin-1 with a byte order mark on a later line", "\r\n\xef\xbb\xbf3,1,p\xe4ss", "latin1", answer{StatusInMeeting, "1", "päss"}},
		{"Latin-1 with a byte order mark", "\xef\xbb\xbf3,1,p\xe4ss", "latin1", answer{StatusInMeeting, "1", "päss"}},
		{"ASCII in an unknown charset", "3,123456,654321", "GBK", inMeeting},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseQuery([]byte(tt.body), tt.charset)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

// TestNamesOfCharsets decodes ä under each name of the charset.
func TestNamesOfCharsets(t *testing.T) {
	for a, names := range map[string][]string{
		"\xc3\xa4": {"", "utf-8", "UTF-8", "utf8", "UTF8"},
		"\xe4":     {"iso-8859-1", "ISO-8859-1", "iso8859-1", "ISO8859-1", "iso_8859-1", "ISO_8859-1", "latin1", "Latin1", "latin-1", "Latin-1", "l1", "L1"},
	} {
		for _, name := range names {
			got, err := parseQuery([]byte("3,1,"+a), name)
			require.NoError(t, err, name)
			assert.Equal(t, "ä", got.password, name)
		}
	}
}

func TestParseSchedule(t *testing.T) {
	tests := []struct {
		name, body string
		want       answer
	}{
		{"success", "0,123456", answer{status: statusOK, id: "123456"}},
		{"host not found", "1,", answer{status: StatusHostNotFound}},
		{"wrong password", "2,", answer{status: StatusWrongPassword}},
		{"missing field", "2", answer{status: StatusWrongPassword}},
		{"leading zeros", "0,000042", answer{status: statusOK, id: "000042"}},
		{"letters and marks", "0,aZ-1_2.3", answer{status: statusOK, id: "aZ-1_2.3"}},
		{"byte order mark and blank lines", "\ufeff\r\n\r\n0,123456\r\n\r\n", answer{status: statusOK, id: "123456"}},
		{"spaces", " 0 , 123456 ", answer{status: statusOK, id: "123456"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseSchedule([]byte(tt.body), "")
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

// badAnswers are invalid as answers to either call.
var badAnswers = []struct{ name, body, charset, reason string }{
	{"empty", "", "", "is empty"},
	{"blank", " \r\n\t\n", "", "is empty"},
	{"only a byte order mark", "\ufeff", "", "is empty"},
	{"no status", ",1,2", "", "does not start with a status of the spec"},
	{"unknown status", "4,1", "", "does not start with a status of the spec"},
	{"negative status", "-1", "", "does not start with a status of the spec"},
	{"two digits", "00,1", "", "does not start with a status of the spec"},
	{"signed", "+0,1", "", "does not start with a status of the spec"},
	{"a byte before the digits", "/,,", "", "does not start with a status of the spec"},
	{"a hyphen", "-,,", "", "does not start with a status of the spec"},
	{"other digits", "٠,1", "", "does not start with a status of the spec"},
	{"HTML", "<!DOCTYPE html><title>Log in</title>", "utf-8", "does not start with a status of the spec"},
	{"JSON", `{"status":0}`, "", "does not start with a status of the spec"},
	{"two lines", "0,1\n0,1", "", "has more than one line"},
	{"carriage return between lines", "0,1\r0,1", "", "contains a control character"},
	{"NUL", "0,1\x002", "", "contains a control character"},
	{"tab", "0,1\t2", "", "contains a control character"},
	{"escape", "0,\x1b[2J", "", "contains a control character"},
	{"C1 control", "0,1\u0085", "", "contains a control character"},
	{"C1 control in Latin-1", "0,1\x85", "iso-8859-1", "contains a control character"},
	{"not UTF-8", "0,\xe4", "", "is not valid UTF-8"},
	{"not UTF-8, as declared", "0,\xe4", "UTF-8", "is not valid UTF-8"},
	{"unknown charset", "0,\xbb\xe1", "GBK", "is in an unknown charset"},
	{"unknown charset, valid UTF-8", "0,\xc3\xa4", "GBK", "is in an unknown charset"},
	{"UTF-16", "0\x00,\x001\x00", "utf-16le", "contains a control character"},
	{"text instead of an ID", "0,Service unavailable", "", "has something other than a meeting ID as its second value"},
	{"null instead of an ID", "0,null", "", "has something other than a meeting ID as its second value"},
	{"ID with a letter that is not ASCII", "0,12\u00e9", "", "has something other than a meeting ID as its second value"},
	{"ID with a digit that is not ASCII", "0,12\u0663", "", "has something other than a meeting ID as its second value"},
	{"markup instead of an ID", "0,<b>", "", "has something other than a meeting ID as its second value"},
	{"ID with a bidi control", "0,12\u202e3", "", "has something other than a meeting ID as its second value"},
	{"wrong password with a meeting", "2,1", "", "has a meeting ID or password that does not go with its status"},
}

func TestBadAnswers(t *testing.T) {
	for _, tt := range badAnswers {
		t.Run(tt.name, func(t *testing.T) {
			for _, parse := range []func([]byte, string) (answer, error){parseQuery, parseSchedule} {
				got, err := parse([]byte(tt.body), tt.charset)
				require.EqualError(t, err, tt.reason)
				assert.Zero(t, got)
			}
		})
	}
}

func TestBadQueryAnswers(t *testing.T) {
	tests := []struct{ name, body, reason string }{
		{"available with a meeting", "0,1,", "has a meeting ID or password that does not go with its status"},
		{"available with a password", "0,,x", "has a meeting ID or password that does not go with its status"},
		{"one comma too many", "0,,,", "has a meeting ID or password that does not go with its status"},
		{"in a meeting without ID", "3,,654321", "has no meeting ID"},
		{"in a meeting without values", "3", "has no meeting ID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseQuery([]byte(tt.body), "")
			require.EqualError(t, err, tt.reason)
			assert.Zero(t, got)
		})
	}
}

func TestBadScheduleAnswers(t *testing.T) {
	tests := []struct{ name, body, reason string }{
		{"success without ID", "0,", "has no meeting ID"},
		{"success without values", "0", "has no meeting ID"},
		{"status of a query", "3,123456", "does not start with a status of the spec"},
		{"a third value", "0,123456,654321", "has more values than the spec describes"},
		{"an empty third value", "0,123456,", "has more values than the spec describes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseSchedule([]byte(tt.body), "")
			require.EqualError(t, err, tt.reason)
			assert.Zero(t, got)
		})
	}
}

// TestAnswerFiles parses files with the bytes that servlets and JSPs send.
func TestAnswerFiles(t *testing.T) {
	want := answer{StatusInMeeting, "000042", "pässwörd, 2"}
	files, err := filepath.Glob("testdata/answers/*")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			charset := strings.TrimPrefix(filepath.Ext(file), ".")
			got, err := parseQuery(body, charset)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestStatusString(t *testing.T) {
	for status, want := range map[Status]string{
		statusOK:            "ok",
		StatusHostNotFound:  "host not found",
		StatusWrongPassword: "wrong host password",
		StatusInMeeting:     "host is in a meeting",
		Status(7):           "status 7",
		Status(-1):          "status -1",
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

// TestParseAllocations allows one allocation: the copy that all values share.
func TestParseAllocations(t *testing.T) {
	for _, body := range []string{"0,,", "\r\n3,123456,a,b\r\n", "2,,"} {
		allocations := testing.AllocsPerRun(100, func() {
			_, err := parseQuery([]byte(body), "utf-8")
			require.NoError(t, err)
		})
		assert.LessOrEqual(t, allocations, 1.0, body)
	}
}

func BenchmarkParseQuery(b *testing.B) {
	body := []byte("3,123456,654321\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseQuery(body, "utf-8"); err != nil {
			b.Fatal(err)
		}
	}
}
