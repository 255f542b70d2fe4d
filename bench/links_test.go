package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-querystring/query"

	"github.com/iomeeting/iomeeting-go"
)

const site = "https://abc.iomeeting.cn"

// fields are the fields of a link, for go-querystring.
type fields struct {
	HostEmail    string `url:"hostEmail"`
	HostPass     string `url:"hostPass"`
	MeetingPass  string `url:"meetingPass,omitempty"`
	ObserverPass string `url:"observerPass,omitempty"`
	Title        string `url:"title,omitempty"`
}

var linkFields = fields{
	HostEmail:    email,
	HostPass:     password,
	MeetingPass:  startOptions.MeetingPassword.Reveal(),
	ObserverPass: startOptions.ObserverPassword.Reveal(),
	Title:        startOptions.Title,
}

func byIOMeeting(client *iomeeting.Client) (string, error) {
	link, err := client.Start(host, &startOptions)
	return link.URL(), err
}

func byQuerystring() (string, error) {
	values, err := query.Values(linkFields)
	return site + "/snm.do?" + values.Encode(), err
}

// buildLink writes constants where the others encode: the limit.
func buildLink(f fields) string {
	var b strings.Builder
	b.Grow(256)
	b.WriteString(site + "/snm.do?hostEmail=")
	b.WriteString(url.QueryEscape(f.HostEmail))
	b.WriteString("&hostPass=")
	b.WriteString(url.QueryEscape(f.HostPass))
	b.WriteString("&meetingPass=")
	b.WriteString(url.QueryEscape(f.MeetingPass))
	b.WriteString("&observerPass=")
	b.WriteString(url.QueryEscape(f.ObserverPass))
	b.WriteString("&title=")
	b.WriteString(url.QueryEscape(f.Title))
	return b.String()
}

// TestLinkWays makes sure that the benchmark compares ways to do the same work.
func TestLinkWays(t *testing.T) {
	want := buildLink(linkFields)
	client := newClient(t, site)
	if got, err := byIOMeeting(client); got != want || err != nil {
		t.Errorf("iomeeting returns %s, %v, want %s", got, err, want)
	}
	if got, err := byQuerystring(); got != want || err != nil {
		t.Errorf("go-querystring returns %s, %v, want %s", got, err, want)
	}
}

func BenchmarkLink(b *testing.B) {
	client := newClient(b, site)
	compareWays(b,
		way{ours, func() error { _, err := byIOMeeting(client); return err }},
		way{"go-querystring", func() error { _, err := byQuerystring(); return err }},
		way{"hand-written", func() error { buildLink(linkFields); return nil }},
	)
}
