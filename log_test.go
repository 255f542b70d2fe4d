package iomeeting_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
)

// logTo returns a logger whose records have no time, and its output.
func logTo() (*slog.Logger, *bytes.Buffer) {
	text := new(bytes.Buffer)
	return slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})), text
}

// TestLog expects one record for each attempt.
func TestLog(t *testing.T) {
	for _, tt := range []struct {
		name, call  string
		cancelAfter time.Duration // no cancellation if 0
		wantErr     error         // of a canceled call
		steps       []step
		want        string
	}{
		{name: "success after two failures", call: "Query",
			steps: []step{slow(time.Second, answer(503, "123456")), slow(time.Second, failBeforeSending(errRefused)), slow(time.Second, answer(200, "3,000042,123456"))},
			want: `level=DEBUG msg="iomeeting call" op=query attempt=1 status=503 duration=1s retry=true error="iomeeting: query: bad response: the response has HTTP status 503 Service Unavailable"
level=DEBUG msg="iomeeting call" op=query attempt=2 status=0 duration=1s retry=true error="iomeeting: query: dial tcp: connection refused"
level=DEBUG msg="iomeeting call" op=query attempt=3 status=200 duration=1s retry=false
`},
		{name: "failure", call: "Schedule", steps: []step{answer(502, "123456")},
			want: `level=WARN msg="iomeeting call" op=schedule attempt=1 status=502 duration=0s retry=false error="iomeeting: schedule: bad response: the response has HTTP status 502 Bad Gateway; the outcome is unknown"
`},
		{name: "status error", call: "Query", steps: []step{answer(200, "2,,")},
			want: `level=DEBUG msg="iomeeting call" op=query attempt=1 status=200 duration=0s retry=false
`},
		{name: "canceled before the first attempt", call: "Query", cancelAfter: -1, wantErr: context.Canceled,
			want: `level=WARN msg="iomeeting call" op=query attempt=1 status=0 duration=0s retry=false error="iomeeting: query: context canceled"
`},
		{name: "canceled during an attempt", call: "Query", cancelAfter: time.Second, wantErr: context.Canceled, steps: []step{silence},
			want: `level=WARN msg="iomeeting call" op=query attempt=1 status=0 duration=1s retry=false error="iomeeting: query: context canceled"
`},
		{name: "canceled as the response arrives", call: "Query", cancelAfter: time.Second, wantErr: iomeeting.ErrBadResponse,
			steps: []step{func(req *http.Request) (*http.Response, error) { <-req.Context().Done(); return respond(503, ""), nil }},
			want: `level=WARN msg="iomeeting call" op=query attempt=1 status=503 duration=1s retry=false error="iomeeting: query: bad response: the response has HTTP status 503 Service Unavailable"
`},
		{name: "canceled during the wait", call: "Query", cancelAfter: time.Second, wantErr: context.Canceled, steps: []step{answer(429, "", "Retry-After", "20")},
			want: `level=DEBUG msg="iomeeting call" op=query attempt=1 status=429 duration=0s retry=true error="iomeeting: query: bad response: the response has HTTP status 429 Too Many Requests"
level=WARN msg="iomeeting call" op=query attempt=2 status=0 duration=0s retry=false error="iomeeting: query: context canceled"
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancelAfter != 0 {
					time.AfterFunc(tt.cancelAfter, cancel)
					synctest.Wait()
				}
				logger, text := logTo()
				service := &script{steps: tt.steps}
				err := calls[tt.call](ctx, newClient(t, over(service), iomeeting.WithLogger(logger)))
				assert.Equal(t, tt.want, text.String())
				assert.Len(t, service.times, len(tt.steps))
				if tt.cancelAfter != 0 {
					assert.ErrorIs(t, err, tt.wantErr)
					assert.Equal(t, max(0, tt.cancelAfter), time.Since(start))
				}
			})
		})
	}
}
