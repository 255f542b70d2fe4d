package iomeetingtest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// TestBounds fills a service that runs for a long time.
func TestBounds(t *testing.T) {
	password := iomeeting.NewSecret("123456")
	s, err := newService([]iomeeting.Host{{Email: "tess", Password: password}, {Email: "ann", Password: password}})
	require.NoError(t, err)
	running, refused := s.start(meeting{Meeting: Meeting{Host: "tess"}}, password)
	require.Nil(t, refused)
	for range maxKept {
		s.schedule(meeting{Meeting: Meeting{Host: "ann"}}, password)
	}
	meetings := s.list()
	require.Len(t, meetings, maxKept)
	assert.Len(t, s.meetings, maxKept)
	assert.Equal(t, "000001", meetings[0].ID, "it is in progress")
	assert.Equal(t, "000003", meetings[1].ID, "the oldest that was not in progress is forgotten")
	assert.Equal(t, "010001", meetings[maxKept-1].ID)
	_, err = s.end("000002")
	require.EqualError(t, err, `iomeetingtest: there is no meeting "000002"`)

	joiner := joining{meetingID: running.ID}
	for range maxKept {
		_, _, refused := s.join(joiner)
		require.Nil(t, refused)
	}
	now, _, refused := s.join(joiner)
	require.Nil(t, refused, "a meeting is never full")
	assert.Len(t, now.people, maxKept)
	_, err = s.end(running.ID)
	require.NoError(t, err)
	assert.Empty(t, s.meetings[running.ID].people)

	server := &Server{}
	server.FailNext(slices.Repeat([]Fault{Pass()}, maxKept+1)...)
	assert.Len(t, server.faults, maxKept)
}
