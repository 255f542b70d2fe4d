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

// linkWays are the ways to the address that starts a meeting.
func linkWays(client *iomeeting.Client) map[string]func() (string, error) {
	return map[string]func() (string, error){
		"iomeeting": func() (string, error) {
			link, err := client.Start(host, &startOptions)
			return link.URL(), err
		},
		"go-querystring": func() (string, error) {
			values, err := query.Values(linkFields)
			return site + "/snm.do?" + values.Encode(), err
		},
		"hand-written": func() (string, error) { return buildLink(linkFields), nil },
	}
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
	for name, way := range linkWays(newClient(t, site)) {
		got, err := way()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got != want {
			t.Errorf("%s makes %s, and not %s", name, got, want)
		}
	}
}

func BenchmarkLink(b *testing.B) {
	ways := linkWays(newClient(b, site))
	for _, name := range []string{"iomeeting", "go-querystring", "hand-written"} {
		way := ways[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := way(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
