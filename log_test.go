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

func TestLog(t *testing.T) {
	slow := func(s step) step {
		return func(req *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return s(req)
		}
	}
	tests := []struct {
		name, call string
		steps      []step
		want       string
	}{
		{
			"success after two failures", "Query",
			[]step{slow(answer(503, "canary")), slow(failBeforeSending(errRefused)), slow(answer(200, "3,000042,canary"))},
			`level=DEBUG msg="iomeeting call" op=query attempt=1 status=503 duration=1s retry=true error="iomeeting: query: bad response: the response has HTTP status 503 Service Unavailable"
level=DEBUG msg="iomeeting call" op=query attempt=2 status=0 duration=1s retry=true error="iomeeting: query: dial tcp: connection refused"
level=DEBUG msg="iomeeting call" op=query attempt=3 status=200 duration=1s retry=false
`,
		},
		{
			"failure", "Schedule",
			[]step{answer(502, "canary")},
			`level=WARN msg="iomeeting call" op=schedule attempt=1 status=502 duration=0s retry=false error="iomeeting: schedule: bad response: the response has HTTP status 502 Bad Gateway; the outcome is unknown: call Query before scheduling again"
`,
		},
		{
			"status error", "Query",
			[]step{answer(200, "2,,")},
			`level=DEBUG msg="iomeeting call" op=query attempt=1 status=200 duration=0s retry=false
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, text := logTo()
				c := newClient(t, over(&script{steps: tt.steps}), iomeeting.WithLogger(logger))
				_ = calls[tt.call](t.Context(), c)
				assert.Equal(t, tt.want, text.String())
			})
		})
	}
}

// TestLogOfCanceledCall expects one record for the one attempt.
func TestLogOfCanceledCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	logger, text := logTo()
	service := &script{steps: []step{func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, ctx.Err()
	}}}
	_, err := newClient(t, over(service), iomeeting.WithLogger(logger)).Query(ctx, host)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Regexp(t, `^level=WARN msg="iomeeting call" op=query attempt=1 status=0 duration=\S+ retry=false error="iomeeting: query: context canceled"\n$`, text.String())
}
