package iomeeting

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// stopped is a context in a process that was stopped and goes on: its deadline has
// passed, and its timer has not fired yet.
type stopped struct {
	context.Context
	deadline time.Time
}

func (c stopped) Deadline() (time.Time, bool) { return c.deadline, true }

func TestDeliveryAfterDeadline(t *testing.T) {
	for _, tt := range []struct {
		left     time.Duration
		want     string
		wantErr  error
		wantSent bool
	}{
		{left: 1, want: "form", wantSent: true},
		{left: 0, wantErr: context.DeadlineExceeded},
		{left: -1, wantErr: context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) { // the time stands still
			d := &delivery{ctx: stopped{t.Context(), time.Now().Add(tt.left)}, body: strings.NewReader("form")}
			body, err := io.ReadAll(d)
			assert.Equal(t, tt.want, string(body))
			assert.ErrorIs(t, err, tt.wantErr)
			assert.Equal(t, tt.wantSent, d.seal())
		})
	}
}
