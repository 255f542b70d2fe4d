package main

import (
	"net/url"
	"testing"

	"github.com/iomeeting/iomeeting-go"
)

// texts are titles of meetings.
var texts = []struct{ name, text string }{
	{"ASCII", "Weekly review of Q3_Review: 100% done, what is next?"},
	{"CJK", "第三季度评审会议：进度与下一步计划"},
}

func BenchmarkEncodeText(b *testing.B) {
	for _, t := range texts {
		b.Run(t.name, func(b *testing.B) {
			compareWays(b,
				way{"EncodeText", func() error { _, err := iomeeting.EncodeText(t.text); return err }},
				way{"url.QueryEscape", func() error { url.QueryEscape(t.text); return nil }},
			)
		})
	}
}

func BenchmarkDecodeText(b *testing.B) {
	for _, t := range texts {
		encoded, err := iomeeting.EncodeText(t.text)
		if err != nil {
			b.Fatal(err)
		}
		escaped := url.QueryEscape(t.text)
		b.Run(t.name, func(b *testing.B) {
			compareWays(b,
				way{"DecodeText", func() error { _, err := iomeeting.DecodeText(encoded); return err }},
				way{"url.QueryUnescape", func() error { _, err := url.QueryUnescape(escaped); return err }},
			)
		})
	}
}
