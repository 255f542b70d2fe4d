package repo

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestCalendar compares the invitation of the guide, whose title has everything that
// must be escaped, and is too long for a line.
func TestCalendar(t *testing.T) {
	at := time.Date(2030, time.June, 3, 23, 30, 0, 0, time.FixedZone("UTC-5", -5*60*60))
	got := calendar(invitation{
		key:   "K",
		title: "a\\b;c,d\ne\r\nf\rEND:VEVENT " + strings.Repeat("会议", 16) + "!",
		page:  "https://www.example.com/meeting/K",
		from:  at,
		to:    at.Add(time.Hour),
	}, at.Add(-time.Minute))
	assert.Equal(t, strings.Join([]string{
		"BEGIN:VCALENDAR",
		"VERSION:2.0",
		"PRODID:-//example.com//meetings//EN",
		"BEGIN:VEVENT",
		"UID:K@example.com",
		"DTSTAMP:20300604T042900Z",
		"DTSTART:20300604T043000Z",
		"DTEND:20300604T053000Z",
		`SUMMARY:a\\b\;c\,d\ne\nf\nEND:VEVENT 会议会议会议会议会议会议`,
		" 会议会议会议会议会议会议会议会议会议会议!",
		"LOCATION:https://www.example.com/meeting/K",
		"URL:https://www.example.com/meeting/K",
		"END:VEVENT",
		"END:VCALENDAR",
		"",
	}, "\r\n"), got)
}

func TestFold(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{name: "empty"},
		{name: "75 bytes", line: strings.Repeat("a", 75), want: strings.Repeat("a", 75)},
		{name: "76 bytes", line: strings.Repeat("a", 76), want: strings.Repeat("a", 75) + "\r\n a"},
		{
			name: "150 bytes: a space counts for the second line",
			line: strings.Repeat("a", 150),
			want: strings.Repeat("a", 75) + "\r\n " + strings.Repeat("a", 74) + "\r\n a",
		},
		{name: "a character is not split", line: strings.Repeat("a", 74) + "会", want: strings.Repeat("a", 74) + "\r\n 会"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, fold(test.line)) })
	}
}
