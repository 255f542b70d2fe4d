package repo

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// invitation is what an invitation says. It has no password: the page asks the
// service for a link when somebody opens it.
type invitation struct {
	key, title string
	page       string // its address, in ASCII
	from, to   time.Time
}

// calendar returns the invitation as an iCalendar file (RFC 5545), which mail and
// calendar programs add to a calendar.
func calendar(i invitation, now time.Time) string {
	const utc = "20060102T150405Z" // in UTC, the file needs no VTIMEZONE
	var file strings.Builder
	for _, line := range []string{
		"BEGIN:VCALENDAR",
		"VERSION:2.0",
		"PRODID:-//example.com//meetings//EN",
		"BEGIN:VEVENT",
		"UID:" + i.key + "@example.com",
		"DTSTAMP:" + now.UTC().Format(utc),
		"DTSTART:" + i.from.UTC().Format(utc),
		"DTEND:" + i.to.UTC().Format(utc),
		"SUMMARY:" + escapeText.Replace(i.title),
		"LOCATION:" + escapeText.Replace(i.page),
		"URL:" + i.page,
		"END:VEVENT",
		"END:VCALENDAR",
	} {
		file.WriteString(fold(line) + "\r\n")
	}
	return file.String()
}

var escapeText = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\r", `\n`, "\n", `\n`)

// fold breaks a line that is longer than 75 bytes, between characters.
func fold(line string) string {
	var folded strings.Builder
	width := 0
	for _, char := range line {
		if width += utf8.RuneLen(char); width > 75 {
			folded.WriteString("\r\n ")
			width = 1 + utf8.RuneLen(char)
		}
		folded.WriteRune(char)
	}
	return folded.String()
}

// An invitation for a calendar, with the address of a page instead of a link.
func Example_calendar() {
	beijing := time.FixedZone("UTC+8", 8*60*60)
	file := calendar(invitation{
		key:   "4PDXN2K7QZ",
		title: "Q3_Review; 会议, part 1",
		page:  "https://www.example.com/meeting/4PDXN2K7QZ",
		from:  time.Date(2030, time.June, 3, 16, 0, 0, 0, beijing),
		to:    time.Date(2030, time.June, 3, 17, 0, 0, 0, beijing),
	}, time.Date(2030, time.May, 31, 9, 30, 0, 0, beijing))
	fmt.Print(strings.ReplaceAll(file, "\r\n", "\n"))
	// Output:
	// BEGIN:VCALENDAR
	// VERSION:2.0
	// PRODID:-//example.com//meetings//EN
	// BEGIN:VEVENT
	// UID:4PDXN2K7QZ@example.com
	// DTSTAMP:20300531T013000Z
	// DTSTART:20300603T080000Z
	// DTEND:20300603T090000Z
	// SUMMARY:Q3_Review\; 会议\, part 1
	// LOCATION:https://www.example.com/meeting/4PDXN2K7QZ
	// URL:https://www.example.com/meeting/4PDXN2K7QZ
	// END:VEVENT
	// END:VCALENDAR
}
