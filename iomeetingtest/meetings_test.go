package iomeetingtest_test

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestLifeOfAScheduledMeeting(t *testing.T) {
	const guest = "meetingPass=654321&userName=Joe"
	s := serve(t, tess)
	require.Equal(t, "200 0,000001", s.schedule(tess, "meetingPassword=654321"))
	assert.Equal(t, "200 0,,", s.query(tess))
	assert.Equal(t, refused(409, "Meeting 000001 has not started."), s.open("/jm.do?meetingID=000001&"+guest))
	assert.Equal(t, refused(409, "test@abc.com is not in a meeting."), s.open("/jm.do?hostEmail=test@abc.com&"+guest))

	host := view{
		Status: 200, Title: "Untitled meeting", Name: "test@abc.com", Role: "host", ID: "000001", Host: "test@abc.com",
		People: "test@abc.com (host)",
	}
	assert.Equal(t, host, s.startByID("000001", tess))
	assert.Equal(t, "200 3,000001,654321", s.query(tess))
	joe := host
	joe.Name, joe.Role, joe.People = "Joe", "participant", "test@abc.com (host), Joe (participant)"
	assert.Equal(t, joe, s.open("/jm.do?meetingID=000001&"+guest))
	host.People = joe.People
	assert.Equal(t, host, s.startByID("000001", tess), "the host returns")
	joe.People += ", Joe (participant)"
	assert.Equal(t, joe, s.open("/jm.do?hostEmail=test@abc.com&"+guest))

	require.NoError(t, s.EndMeeting("000001"))
	assert.Equal(t, "200 0,,", s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.open("/jm.do?meetingID=000001&"+guest))
	assert.Equal(t, refused(409, "test@abc.com is not in a meeting."), s.open("/jm.do?hostEmail=test@abc.com&"+guest))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.startByID("000001", tess))
	require.EqualError(t, s.EndMeeting("000001"), "iomeetingtest: meeting 000001 has already ended")
}

func TestLifeOfAMeetingStartedWithoutAnID(t *testing.T) {
	s := serve(t, tess)
	host := view{
		Status: 200, Title: "Marketing", Name: "test@abc.com", Role: "host", ID: "000001", Host: "test@abc.com",
		People: "test@abc.com (host)",
	}
	assert.Equal(t, host, s.start(tess, "title=Marketing&meetingPass=654321"))
	assert.Equal(t, "200 3,000001,654321", s.query(tess))
	assert.Equal(t, host, s.startByID("000001", tess), "the host returns")
	require.NoError(t, s.EndMeeting("000001"))
	assert.Equal(t, "200 0,,", s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.startByID("000001", tess))
	assert.Equal(t, "000002", s.start(tess).ID)
}

func TestHostIsInOneMeetingAtATime(t *testing.T) {
	s := serve(t, tess, ann)
	s.scheduled(tess)
	s.scheduled(tess)
	s.start(tess)
	assert.Equal(t, refused(409, "test@abc.com is already in meeting 000003."), s.start(tess))
	assert.Equal(t, refused(409, "test@abc.com is already in meeting 000003."), s.startByID("000001", tess))
	assert.Equal(t, "000004", s.start(ann).ID, "a refused start uses no ID, and other hosts are available")

	require.NoError(t, s.EndMeeting("000001"), "it has not started")
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.startByID("000001", tess))
	assert.Equal(t, "200 3,000003,", s.query(tess), "the meeting in progress goes on")
	require.NoError(t, s.EndMeeting("000003"))
	assert.Equal(t, 200, s.startByID("000002", tess).Status)
	require.EqualError(t, s.EndMeeting("1"), `iomeetingtest: there is no meeting "1"`)
}

func TestMeetings(t *testing.T) {
	s, p := serve(t, tess, ann), newPartner(t, respond(200))
	assert.Empty(t, s.Meetings())
	s.scheduled(tess, "meetingPassword=654321&operatorId=op+1&meetingEndUrl="+p.URL)
	s.start(ann, "title=Q3_5FReview")
	want := []iomeetingtest.Meeting{
		{ID: "000001", Host: "test@abc.com", EndURL: p.URL, OperatorID: "op 1", State: iomeetingtest.Scheduled},
		{ID: "000002", Host: "ann@abc.com", Title: "Q3_Review", State: iomeetingtest.InProgress},
	}
	got := s.Meetings()
	assert.Equal(t, want, got)

	s.startByID("000001", tess)
	s.scheduled(ann)
	assert.Equal(t, want, got, "the list is a copy")
	want[0].State, want[1].State = iomeetingtest.InProgress, iomeetingtest.Ended
	want = append(want, iomeetingtest.Meeting{ID: "000003", Host: "ann@abc.com", State: iomeetingtest.Scheduled})
	assert.Equal(t, want, s.Meetings())
	for range 8 {
		s.scheduled(tess)
	}
	assert.Equal(t, "000011", s.Meetings()[10].ID)
	assert.Equal(t, "state 3", iomeetingtest.State(3).String())
}

func TestScheduleEndsTheMeetingInProgress(t *testing.T) {
	s, p := serve(t, tess, ann), newPartner(t, respond(200))
	s.scheduled(tess, "meetingEndUrl="+p.URL+"/1")
	s.running(ann, "meetingEndUrl="+p.URL+"/2")
	s.running(tess, "operatorId=42&meetingEndUrl="+p.URL+"/3?x=a%2520b")
	assert.Equal(t, "200 2,", s.schedule(iomeeting.Host{Email: tess.Email, Password: ann.Password}))
	require.Equal(t, "scheduled, in progress, in progress", s.states())
	require.Empty(t, p.callbacks())

	assert.Equal(t, "200 0,000004", s.schedule(tess))
	assert.Equal(t, "scheduled, in progress, ended, scheduled", s.states())
	assert.Equal(t, []string{"POST /3?x=a%20b operatorId=42"}, p.callbacks())
	assert.Equal(t, "200 0,,", s.query(tess))
}

// TestScheduleWaitsForTheEndURL holds the response of the end URL back. Other calls
// must not wait for it.
func TestScheduleWaitsForTheEndURL(t *testing.T) {
	arrived, release, answered := make(chan struct{}), make(chan struct{}), make(chan string)
	p := newPartner(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	s := serve(t, tess)
	s.running(tess, "meetingEndUrl="+p.URL)
	s.ClearRequests()

	go func() { answered <- s.schedule(tess) }()
	receive(t, arrived)
	assert.Equal(t, "200 0,,", s.query(tess))
	assert.Len(t, s.Requests(), 2, "a request is recorded before the response is sent")
	select {
	case <-answered:
		assert.Fail(t, "Schedule did not wait for the end URL")
	default:
	}
	close(release)
	assert.Equal(t, "200 0,000002", receive(t, answered))
	assert.Len(t, p.callbacks(), 1)
}

func TestEndURL(t *testing.T) {
	for _, code := range []int{200, 204, 299} {
		s, p := serve(t, tess), newPartner(t, respond(code))
		require.NoError(t, s.EndMeeting(s.running(tess, "operatorId=+%3Da%26b%3Bc%25+%E4%BC%9A%0D%0A&meetingEndUrl="+p.URL+"/ended")))
		require.NoError(t, s.EndMeeting(s.scheduled(tess, "meetingEndUrl="+p.URL+"/unstarted")))
		require.NoError(t, s.EndMeeting(s.scheduled(tess, "operatorId=42")), "no end URL")
		assert.Equal(t, []string{
			"POST /ended operatorId=+%3Da%26b%3Bc%25+%E4%BC%9A%0D%0A",
			"POST /unstarted operatorId=",
		}, p.callbacks())
	}
}

// TestEndURLThatFails has end URLs that cannot be notified. The meeting ends
// nevertheless, and each failure is met once.
func TestEndURLThatFails(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	tests := []struct {
		name    string
		endURL  string           // if empty, that of a partner
		respond http.HandlerFunc // the partner's response
		arrived int              // at the partner
		message string
	}{
		{name: "500", respond: respond(500), arrived: 1, message: "HTTP status 500"},
		{name: "101", respond: respond(101), arrived: 1, message: "HTTP status 101"},
		{name: "300", respond: respond(300), arrived: 1, message: "HTTP status 300"},
		{name: "redirect", respond: http.RedirectHandler("/again", http.StatusTemporaryRedirect).ServeHTTP, arrived: 1, message: "HTTP status 307"},
		{name: "down", endURL: down.URL, message: `Post "` + down.URL + `": dial tcp `},
		{name: "no scheme", endURL: "end", message: `Post "end": unsupported protocol scheme ""`},
		{name: "not a URL", endURL: "http://[", message: `parse "http://[": missing ']' in host`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, p := serve(t, tess), newPartner(t, tt.respond)
			endURL := "meetingEndUrl=" + cmp.Or(tt.endURL, p.URL)
			require.ErrorContains(t, s.EndMeeting(s.running(tess, endURL)), "iomeetingtest: meeting 000001 has ended, but its end URL failed: "+tt.message)
			assert.Len(t, p.callbacks(), tt.arrived)
			s.running(tess, endURL)
			assert.Equal(t, "200 0,000003", s.schedule(tess), "the caller does not learn of it")
			assert.Equal(t, "ended, ended, scheduled", s.states())
		})
	}
}

// TestEndURLThatDrops has end URLs that drop the connection once or twice.
func TestEndURLThatDrops(t *testing.T) {
	closeConn := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	resetConn := func(w http.ResponseWriter) {
		conn, _, err := http.NewResponseController(w).Hijack()
		assert.NoError(t, err)
		assert.NoError(t, conn.(*net.TCPConn).SetLinger(0))
		assert.NoError(t, conn.Close())
	}
	tests := []struct {
		name  string
		drop  func(http.ResponseWriter)
		drops int32
		want  error
	}{
		{name: "closed once", drop: closeConn, drops: 1},
		{name: "closed twice", drop: closeConn, drops: 2, want: io.EOF},
		{name: "reset once", drop: resetConn, drops: 1},
		{name: "reset twice", drop: resetConn, drops: 2, want: syscall.ECONNRESET},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			var arrived atomic.Int32 // each connection has its own goroutine
			p := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
				if arrived.Add(1) <= tt.drops {
					tt.drop(w)
				}
			})
			require.ErrorIs(t, s.EndMeeting(s.scheduled(tess, "operatorId=7&meetingEndUrl="+p.URL)), tt.want)
			assert.Equal(t, []string{"POST / operatorId=7", "POST / operatorId=7"}, p.callbacks())
		})
	}
}

func TestCloseEndsTheWaitForAnEndURL(t *testing.T) {
	arrived, failed, answered := make(chan struct{}), make(chan error), make(chan string)
	s, p := serve(t, tess, ann), newPartner(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	s.running(tess, "meetingEndUrl="+p.URL)
	s.running(ann, "meetingEndUrl="+p.URL)
	go func() { failed <- s.EndMeeting("000001") }()
	go func() { answered <- s.schedule(ann) }()
	receive(t, arrived)
	receive(t, arrived)
	s.Close()
	require.ErrorIs(t, receive(t, failed), context.Canceled)
	assert.Equal(t, "200 0,000003", receive(t, answered), "a call in progress gets its response")
}
