package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/iomeeting/iomeeting-go"
)

// memoryTransport answers without a network, so that only the work of the client
// remains.
type memoryTransport struct{ answer string }

func (t memoryTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return nil, err
	}
	return &http.Response{
		Status:        "200 OK",
		StatusCode:    http.StatusOK,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		ContentLength: int64(len(t.answer)),
		Body:          io.NopCloser(strings.NewReader(t.answer)),
		Request:       req,
	}, nil
}

func BenchmarkQueryOverMemory(b *testing.B) {
	transport := memoryTransport{queryAnswer}
	client := newClient(b, site, iomeeting.WithHTTPClient(&http.Client{Transport: transport}))
	own := ioMeeting{client, sendQuery}
	peer := overNetHTTP(transport, site)
	compareWays(b,
		way{ours, func() error { return own.call(0) }},
		way{"bare", func() error { return peer.call(0) }},
	)
}
