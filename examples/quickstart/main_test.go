package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// environment returns a getenv for pairs of names and values.
func environment(pairs ...string) func(string) string {
	values := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func TestWalk(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, environment(), false))
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

func TestVisit(t *testing.T) {
	service := iomeetingtest.NewServer(iomeeting.Host{Email: "a@example.com", Password: iomeeting.NewSecret("canary")})
	defer service.Close()
	env := environment("IOMEETING_SITE", service.URL, "IOMEETING_HOST_EMAIL", "a@example.com", "IOMEETING_HOST_PASSWORD", "canary")

	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, env, false))
	assert.NotContains(t, out.String(), "canary")
	assert.Contains(t, out.String(), "Nothing was scheduled.")
	require.Len(t, service.Requests(), 1)
	assert.Equal(t, "/meetingControl/query", service.Requests()[0].Path)

	out.Reset()
	require.NoError(t, run(t.Context(), &out, env, true))
	assert.NotContains(t, out.String(), "canary")
	assert.Contains(t, out.String(), "Schedule: the service created meeting 000001.")
}

func TestVisitLeavesARunningMeetingAlone(t *testing.T) {
	host := iomeeting.Host{Email: "a@example.com", Password: iomeeting.NewSecret("canary")}
	service := iomeetingtest.NewServer(host)
	defer service.Close()
	link, err := service.Client().Start(host, nil)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, service.Open(link))
	require.NoError(t, visit(t.Context(), &out, service.URL, host, true))
	assert.Contains(t, out.String(), "so nothing was scheduled.")
	state, err := service.Client().Query(t.Context(), host)
	require.NoError(t, err)
	assert.True(t, state.InMeeting)
}

func TestMistakesOfTheUser(t *testing.T) {
	down := iomeetingtest.NewServer()
	down.Close()
	host := []string{"IOMEETING_HOST_EMAIL", "a@example.com", "IOMEETING_HOST_PASSWORD", "canary"}
	tests := []struct {
		name string
		env  []string
		want string
	}{
		{"no site", host, "a real site needs IOMEETING_SITE, IOMEETING_HOST_EMAIL and IOMEETING_HOST_PASSWORD"},
		{"only -schedule", nil, "a real site needs"},
		{"no host", []string{"IOMEETING_SITE", "https://abc.iomeeting.cn"}, "a real site needs"},
		{"bad site", append([]string{"IOMEETING_SITE", "abc.iomeeting.cn"}, host...), "iomeeting: invalid parameter: site must start with https://"},
		{"service down", append([]string{"IOMEETING_SITE", down.URL}, host...), "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), &out, environment(tt.env...), tt.env == nil)
			require.ErrorContains(t, err, tt.want)
			assert.False(t, strings.Contains(err.Error()+out.String(), "canary"))
		})
	}
}
