package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestQuickstart(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	shown := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(out.String(), "SERVICE")
	assert.Equal(t, `Query: host@example.com is available.
Schedule: the service created meeting 000001.
Browser: opened the start link and entered the meeting.
  http://SERVICE/ssm.do?hostPass=REDACTED&meetingID=000001
Query: host@example.com is in meeting 000001.
Browser: opened the join link and entered the meeting.
  http://SERVICE/jm.do?meetingID=000001&meetingPass=REDACTED&userName=Ren_C3_A9e+O_27Brien
Query with a wrong password: ErrWrongPassword (iomeeting: query: wrong host password).
Query with an unknown host: ErrHostNotFound (iomeeting: query: host not found).
End: the service reported that "booking-7" is over.
Query: host@example.com is available.
`, shown)
}
