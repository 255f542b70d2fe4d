package main

import (
	"testing"

	"github.com/iomeeting/iomeeting-go"
)

// newClient returns a client of a site that is not asked, or that the options
// replace.
func newClient(tb testing.TB, site string, opts ...iomeeting.Option) *iomeeting.Client {
	tb.Helper()
	client, err := iomeeting.NewClient(site, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// startOptions fill the five fields of the largest link. Both encodings of
// this title are the same.
var startOptions = iomeeting.StartOptions{
	MeetingPassword:  iomeeting.NewSecret("join us"),
	ObserverPassword: iomeeting.NewSecret("watch us"),
	Title:            "Weekly review",
}
