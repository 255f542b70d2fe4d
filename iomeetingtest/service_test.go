package iomeetingtest

import (
	"net/http"
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
	for range maxMeetings {
		s.schedule(meeting{Meeting: Meeting{Host: "ann"}}, password)
	}
	meetings := s.list()
	require.Len(t, meetings, maxMeetings)
	assert.Len(t, s.meetings, maxMeetings)
	assert.Equal(t, "000001", meetings[0].ID, "it is in progress")
	assert.Equal(t, "000003", meetings[1].ID, "the oldest that was not in progress is forgotten")
	assert.Equal(t, "010001", meetings[maxMeetings-1].ID)
	_, err = s.end("000002")
	require.EqualError(t, err, `iomeetingtest: there is no meeting "000002"`)

	for range maxPeople - 1 { // the host is one, too
		_, _, refused := s.join(joining{meetingID: running.ID})
		require.Nil(t, refused)
	}
	_, _, refused = s.join(joining{meetingID: running.ID})
	assert.Equal(t, refuse(http.StatusConflict, "Meeting 000001 is full."), refused)
	_, err = s.end(running.ID)
	require.NoError(t, err)
	assert.Empty(t, s.meetings[running.ID].people)
}
