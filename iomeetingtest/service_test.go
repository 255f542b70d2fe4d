package iomeetingtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLifeOfAScheduledMeeting(t *testing.T) {
	s := serve(t, tess)
	require.Equal(t, line("0,000001"), s.schedule(tess, "meetingPassword", "654321"))
	join := func() view {
		return s.open("/jm.do", "meetingID", "000001", "meetingPass", "654321", "userName", "Joe")
	}
	joinHost := func() view {
		return s.open("/jm.do", "hostEmail", "test@abc.com", "meetingPass", "654321", "userName", "Ann")
	}

	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, refused(409, "Meeting 000001 has not started."), join())
	assert.Equal(t, refused(409, "test@abc.com is in no meeting."), joinHost())

	assert.Equal(t, view{
		Status: 200, Title: "Meeting without a title", Name: "test@abc.com", Role: "host",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)"},
	}, s.startByID("000001", tess))
	assert.Equal(t, line("3,000001,654321"), s.query(tess))
	assert.Equal(t, view{
		Status: 200, Title: "Meeting without a title", Name: "Joe", Role: "participant",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)", "Joe (participant)"},
	}, join())
	assert.Equal(t, view{
		Status: 200, Title: "Meeting without a title", Name: "Ann", Role: "participant",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)", "Joe (participant)", "Ann (participant)"},
	}, joinHost())

	require.NoError(t, s.EndMeeting("000001"))
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), join())
	assert.Equal(t, refused(409, "test@abc.com is in no meeting."), joinHost())
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.startByID("000001", tess))
	require.EqualError(t, s.EndMeeting("000001"), "iomeetingtest: meeting 000001 has ended already")
}

func TestLifeOfAMeetingStartedWithoutAnID(t *testing.T) {
	s := serve(t, tess)
	assert.Equal(t, view{
		Status: 200, Title: "Marketing", Name: "test@abc.com", Role: "host",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)"},
	}, s.start(tess, "title", "Marketing"))
	assert.Equal(t, line("3,000001,"), s.query(tess))
	assert.Equal(t, view{
		Status: 200, Title: "Marketing", Name: "Guest", Role: "participant",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)", "Guest (participant)"},
	}, s.joinByID("000001"))

	require.NoError(t, s.EndMeeting("000001"))
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID("000001"))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.startByID("000001", tess))
	require.EqualError(t, s.EndMeeting("000001"), "iomeetingtest: meeting 000001 has ended already")
	assert.Equal(t, "000002", s.started(tess))
}

func TestMeetingThatEndsBeforeItStarts(t *testing.T) {
	s := serve(t, tess)
	id := s.scheduled(tess)
	require.NoError(t, s.EndMeeting(id))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.startByID(id, tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(id))
	require.EqualError(t, s.EndMeeting(id), "iomeetingtest: meeting 000001 has ended already")
}

// TestEndOfAScheduledMeetingLeavesTheRunningOne has a host with one of each.
func TestEndOfAScheduledMeetingLeavesTheRunningOne(t *testing.T) {
	s := serve(t, tess)
	planned := s.scheduled(tess)
	s.started(tess)
	require.NoError(t, s.EndMeeting(planned))
	assert.Equal(t, line("3,000002,"), s.query(tess))
}

func TestEndOfAnUnknownMeeting(t *testing.T) {
	s := serve(t, tess)
	require.EqualError(t, s.EndMeeting("000001"), "iomeetingtest: there is no meeting 000001")
	require.EqualError(t, s.EndMeeting(""), "iomeetingtest: there is no meeting ")
	s.scheduled(tess)
	require.EqualError(t, s.EndMeeting("1"), "iomeetingtest: there is no meeting 1")
}

func TestHostIsInOneMeetingAtATime(t *testing.T) {
	s := serve(t, tess, rene)
	planned := s.scheduled(tess)
	running := s.started(tess)
	inMeeting := refused(409, "test@abc.com is already in meeting 000002.")
	assert.Equal(t, inMeeting, s.start(tess))
	assert.Equal(t, inMeeting, s.startByID(planned, tess))
	assert.Equal(t, line("3,000002,"), s.query(tess))
	assert.Equal(t, "000003", s.started(rene), "a refused start takes no ID, and other hosts are free")

	require.NoError(t, s.EndMeeting(running))
	assert.Equal(t, 200, s.startByID(planned, tess).Status)
	assert.Equal(t, refused(409, "test@abc.com is already in meeting 000001."), s.start(tess))
}

func TestHostComesBack(t *testing.T) {
	s := serve(t, tess)
	id := s.running(tess)
	s.joinByID(id)
	want := view{
		Status: 200, Title: "Meeting without a title", Name: "test@abc.com", Role: "host",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)", "Guest (participant)"},
	}
	assert.Equal(t, want, s.startByID(id, tess))
	assert.Equal(t, want, s.startByID(id, tess))
	assert.Equal(t, line("3,000001,"), s.query(tess))
}

func TestHostComesBackToAMeetingStartedWithoutAnID(t *testing.T) {
	s := serve(t, tess)
	want := s.start(tess, "title", "Marketing")
	assert.Equal(t, want, s.startByID("000001", tess))
}

func TestIDs(t *testing.T) {
	s := serve(t, tess, rene)
	var ids, want []string
	for i := range 6 {
		ids = append(ids, s.scheduled(tess), s.started(rene))
		want = append(want, fmt.Sprintf("%06d", 2*i+1), fmt.Sprintf("%06d", 2*i+2))
		require.NoError(t, s.EndMeeting(ids[len(ids)-1]))
	}
	assert.Equal(t, want, ids)
}

func TestHostsMeetingIsNobodyElses(t *testing.T) {
	s := serve(t, tess, rene)
	id := s.scheduled(tess)
	assert.Equal(t, refused(403, "The host password is wrong."), s.startByID(id, rene))
	assert.Equal(t, line("0,,"), s.query(rene))
	assert.Equal(t, line("0,,"), s.query(tess))
}
