package iomeetingtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/iomeetingtest"
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
	assert.Equal(t, refused(409, "test@abc.com is not in a meeting."), joinHost())

	assert.Equal(t, view{
		Status: 200, Title: "Untitled meeting", Name: "test@abc.com", Role: "host",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)"},
	}, s.startByID("000001", tess))
	assert.Equal(t, line("3,000001,654321"), s.query(tess))
	assert.Equal(t, view{
		Status: 200, Title: "Untitled meeting", Name: "Joe", Role: "participant",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)", "Joe (participant)"},
	}, join())
	assert.Equal(t, view{
		Status: 200, Title: "Untitled meeting", Name: "Ann", Role: "participant",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)", "Joe (participant)", "Ann (participant)"},
	}, joinHost())

	require.NoError(t, s.EndMeeting("000001"))
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), join())
	assert.Equal(t, refused(409, "test@abc.com is not in a meeting."), joinHost())
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.startByID("000001", tess))
	require.EqualError(t, s.EndMeeting("000001"), "iomeetingtest: meeting 000001 has already ended")
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
	require.EqualError(t, s.EndMeeting("000001"), "iomeetingtest: meeting 000001 has already ended")
	assert.Equal(t, "000002", s.started(tess))
}

// TestEndOfAMeetingThatHasNotStarted has a host who is in another meeting.
func TestEndOfAMeetingThatHasNotStarted(t *testing.T) {
	s := serve(t, tess)
	id := s.scheduled(tess)
	s.started(tess)
	require.NoError(t, s.EndMeeting(id))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.startByID(id, tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(id))
	require.EqualError(t, s.EndMeeting(id), "iomeetingtest: meeting 000001 has already ended")
	assert.Equal(t, line("3,000002,"), s.query(tess), "the meeting in progress goes on")
}

func TestEndOfAnUnknownMeeting(t *testing.T) {
	s := serve(t, tess)
	require.EqualError(t, s.EndMeeting("000001"), `iomeetingtest: there is no meeting "000001"`)
	require.EqualError(t, s.EndMeeting(""), `iomeetingtest: there is no meeting ""`)
	s.scheduled(tess)
	require.EqualError(t, s.EndMeeting("1"), `iomeetingtest: there is no meeting "1"`)
}

func TestHostIsInOneMeetingAtATime(t *testing.T) {
	s := serve(t, tess, rene)
	planned := s.scheduled(tess)
	running := s.started(tess)
	inMeeting := refused(409, "test@abc.com is already in meeting 000002.")
	assert.Equal(t, inMeeting, s.start(tess))
	assert.Equal(t, inMeeting, s.startByID(planned, tess))
	assert.Equal(t, line("3,000002,"), s.query(tess))
	assert.Equal(t, "000003", s.started(rene), "a refused start uses no ID, and other hosts are available")

	require.NoError(t, s.EndMeeting(running))
	assert.Equal(t, 200, s.startByID(planned, tess).Status)
	assert.Equal(t, refused(409, "test@abc.com is already in meeting 000001."), s.start(tess))
}

func TestHostReturns(t *testing.T) {
	s := serve(t, tess, rene)
	id := s.running(tess)
	s.joinByID(id)
	want := view{
		Status: 200, Title: "Untitled meeting", Name: "test@abc.com", Role: "host",
		Meeting: "000001", Host: "test@abc.com", People: []string{"test@abc.com (host)", "Guest (participant)"},
	}
	assert.Equal(t, want, s.startByID(id, tess))
	assert.Equal(t, want, s.startByID(id, tess))
	assert.Equal(t, line("3,000001,"), s.query(tess))

	want = s.start(rene, "title", "Marketing")
	assert.Equal(t, want, s.startByID("000002", rene), "a meeting started without an ID")
}

func TestIDs(t *testing.T) {
	s := serve(t, tess, rene)
	var want, got, listed []string
	for i := range 6 {
		got = append(got, s.scheduled(tess), s.started(rene))
		want = append(want, fmt.Sprintf("%06d", 2*i+1), fmt.Sprintf("%06d", 2*i+2))
		require.NoError(t, s.EndMeeting(got[len(got)-1]))
	}
	for _, m := range s.Meetings() {
		listed = append(listed, m.ID)
	}
	assert.Equal(t, want, got)
	assert.Equal(t, want, listed)
}

func TestHostCannotStartAMeetingOfAnother(t *testing.T) {
	s := serve(t, tess, rene)
	id := s.scheduled(tess)
	assert.Equal(t, refused(403, "The host password is wrong."), s.startByID(id, rene))
	assert.Equal(t, line("0,,"), s.query(rene))
	assert.Equal(t, line("0,,"), s.query(tess))
}

func TestMeetings(t *testing.T) {
	s, p := serve(t, tess, rene), newPartner(t, accept)
	assert.Empty(t, s.Meetings())

	s.scheduled(tess, "meetingEndUrl", p.URL, "operatorId", "op 1", "meetingPassword", "654321")
	s.started(rene, "title", "Q3_5FReview")
	s.scheduled(tess, "operatorId", "op 3")
	want := []iomeetingtest.Meeting{
		{ID: "000001", Host: "test@abc.com", EndURL: p.URL, OperatorID: "op 1", State: iomeetingtest.Scheduled},
		{ID: "000002", Host: "renée+1@abc.com", Title: "Q3_Review", State: iomeetingtest.InProgress},
		{ID: "000003", Host: "test@abc.com", OperatorID: "op 3", State: iomeetingtest.Scheduled},
	}
	got := s.Meetings()
	assert.Equal(t, want, got)

	s.startByID("000001", tess)
	require.NoError(t, s.EndMeeting("000003"))
	s.schedule(rene)
	assert.Equal(t, want, got, "the list is a copy")
	want[0].State, want[1].State, want[2].State = iomeetingtest.InProgress, iomeetingtest.Ended, iomeetingtest.Ended
	want = append(want, iomeetingtest.Meeting{ID: "000004", Host: "renée+1@abc.com", State: iomeetingtest.Scheduled})
	assert.Equal(t, want, s.Meetings())
}

func TestStateString(t *testing.T) {
	for state, want := range map[iomeetingtest.State]string{
		iomeetingtest.Scheduled: "scheduled", iomeetingtest.InProgress: "in progress", iomeetingtest.Ended: "ended",
		3: "state 3", -1: "state -1",
	} {
		assert.Equal(t, want, state.String())
	}
}
