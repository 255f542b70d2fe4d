package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-querystring/query"

	"github.com/iomeeting/iomeeting-go"
)

const site = "https://abc.iomeeting.cn"

// fields are those of a link, as go-querystring takes them.
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

// buildLink writes what is known beforehand as it stands: the limit.
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

// TestLinkWays keeps the benchmark from comparing different work.
func TestLinkWays(t *testing.T) {
	want := buildLink(linkFields)
	client := newClient(t, site)
	if got, err := byIOMeeting(client); got != want || err != nil {
		t.Errorf("iomeeting makes %s, %v, and not %s", got, err, want)
	}
	if got, err := byQuerystring(); got != want || err != nil {
		t.Errorf("go-querystring makes %s, %v, and not %s", got, err, want)
	}
}

func BenchmarkLink(b *testing.B) {
	client := newClient(b, site)
	compareWays(b,
		way{"iomeeting", func() error { _, err := byIOMeeting(client); return err }},
		way{"go-querystring", func() error { _, err := byQuerystring(); return err }},
		way{"hand-written", func() error { buildLink(linkFields); return nil }},
	)
}
