package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// discarding is a ResponseWriter that keeps no body.
type discarding struct {
	header http.Header
	status int
	length int
}

func (d *discarding) Header() http.Header    { return d.header }
func (d *discarding) WriteHeader(status int) { d.status = status }

func (d *discarding) Write(p []byte) (int, error) {
	d.length += len(p)
	return len(p), nil
}

// BenchmarkPage measures the page that POSTs a link, and the form alone.
func BenchmarkPage(b *testing.B) {
	link, err := newClient(b, site).Start(host, &startOptions)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ServeHTTP", func(b *testing.B) {
		r := httptest.NewRequest(http.MethodGet, "/meeting", http.NoBody)
		b.ReportAllocs()
		for b.Loop() {
			w := &discarding{header: make(http.Header)}
			link.ServeHTTP(w, r)
			if w.status > http.StatusOK || w.length == 0 {
				b.Fatal("no page, HTTP status", w.status)
			}
		}
	})
	b.Run("Form", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if link.Form("Start") == "" {
				b.Fatal("no form")
			}
		}
	})
}
