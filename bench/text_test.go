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
		b.Run(t.name+"/EncodeText", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := iomeeting.EncodeText(t.text); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(t.name+"/url.QueryEscape", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				url.QueryEscape(t.text)
			}
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
		b.Run(t.name+"/DecodeText", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := iomeeting.DecodeText(encoded); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(t.name+"/url.QueryUnescape", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := url.QueryUnescape(escaped); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
