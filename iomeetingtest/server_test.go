package iomeetingtest_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestClientAndServer(t *testing.T) {
	s := serve(t, tess)
	c := s.Client()
	m, err := c.Schedule(t.Context(), tess, &iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret("a,b")})
	require.NoError(t, err)
	assert.Equal(t, iomeeting.ScheduleResult{MeetingID: "000001"}, m)
	link, err := c.StartByID(m.MeetingID, tess.Password)
	require.NoError(t, err)
	page, err := send(http.MethodGet, link.URL(), "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, page.Status)

	got, err := c.Query(t.Context(), tess)
	require.NoError(t, err)
	assert.Equal(t, iomeeting.QueryResult{
		Status: iomeeting.StatusInMeeting, MeetingID: "000001", MeetingPassword: iomeeting.NewSecret("a,b"),
	}, got)
	_, err = c.Query(t.Context(), rene)
	require.ErrorIs(t, err, iomeeting.ErrHostNotFound)
	_, err = c.Schedule(t.Context(), iomeeting.Host{Email: tess.Email, Password: rene.Password}, nil)
	require.ErrorIs(t, err, iomeeting.ErrWrongPassword)
}

func TestClientTakesOptions(t *testing.T) {
	s := serve(t, tess)
	_, err := s.Client(iomeeting.WithUserAgent("portal/1"), iomeeting.WithRetries(0)).Query(t.Context(), tess)
	require.NoError(t, err)
	require.Len(t, s.Requests(), 1)
	assert.Equal(t, []string{"portal/1"}, s.Requests()[0].Header["User-Agent"])
}

func TestClientPanicsOnABadOption(t *testing.T) {
	s := serve(t)
	assert.PanicsWithError(t, "iomeeting: invalid parameter: timeout is negative", func() {
		s.Client(iomeeting.WithRetries(0), iomeeting.WithTimeout(-time.Second))
	})
}

func TestURL(t *testing.T) {
	s := serve(t)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.URL)
}

func TestServersAreApart(t *testing.T) {
	a, b := serve(t, tess), serve(t, tess)
	a.started(tess)
	assert.NotEqual(t, a.URL, b.URL)
	assert.Equal(t, line("3,000001,"), a.query(tess))
	assert.Equal(t, line("0,,"), b.query(tess))
	assert.Len(t, a.Requests(), 2)
	assert.Len(t, b.Requests(), 1)
}

func TestServerWithoutHosts(t *testing.T) {
	s := serve(t)
	assert.Equal(t, line("1,,"), s.query(tess))
	assert.Equal(t, line("1,"), s.schedule(tess))
	assert.Equal(t, refused(404, "There is no host account test@abc.com."), s.start(tess))
	assert.Equal(t, refused(404, "There is no host account test@abc.com."), s.open("/jm.do", "hostEmail", tess.Email))
}

func TestNewServerPanics(t *testing.T) {
	const incomplete = "iomeetingtest: a host account needs an e-mail address and a password"
	const twice = "iomeetingtest: two host accounts have one e-mail address"
	tests := []struct {
		name    string
		hosts   []iomeeting.Host
		message string
	}{
		{"no e-mail address", []iomeeting.Host{tess, {Password: tess.Password}}, incomplete},
		{"no password", []iomeeting.Host{{Email: "test@abc.com"}, tess}, incomplete},
		{"empty password", []iomeeting.Host{{Email: "test@abc.com", Password: iomeeting.NewSecret("")}}, incomplete},
		{"neither", []iomeeting.Host{{}}, incomplete},
		{"the same host twice", []iomeeting.Host{tess, rene, tess}, twice},
		{"two passwords", []iomeeting.Host{tess, {Email: tess.Email, Password: rene.Password}}, twice},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.PanicsWithValue(t, tt.message, func() { iomeetingtest.NewServer(tt.hosts...) })
		})
	}
}

// TestEndURLThatFails has end URLs that the service cannot tell. The meeting
// ends all the same.
func TestEndURLThatFails(t *testing.T) {
	target := newUser(t, accept)
	redirect := func(code int) string {
		return newUser(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, code)
		}).URL
	}
	answer := func(code int) string { return newUser(t, status(code)).URL }
	tests := []struct{ name, endURL, message string }{
		{"500", answer(500), "iomeetingtest: end URL of meeting 000001: HTTP status 500"},
		{"404", answer(404), "iomeetingtest: end URL of meeting 000001: HTTP status 404"},
		{"101", answer(101), "iomeetingtest: end URL of meeting 000001: HTTP status 101"},
		{"300", answer(300), "iomeetingtest: end URL of meeting 000001: HTTP status 300"},
		{"redirect by GET", redirect(302), "iomeetingtest: end URL of meeting 000001: HTTP status 302"},
		{"redirect by POST", redirect(307), "iomeetingtest: end URL of meeting 000001: HTTP status 307"},
		{"no host", "http:///over", `iomeetingtest: end URL of meeting 000001: Post "http:///over": http: no Host in request URL`},
		{"no scheme", "over", `iomeetingtest: end URL of meeting 000001: Post "over": unsupported protocol scheme ""`},
		{"no URL", "http://[", `iomeetingtest: end URL of meeting 000001: parse "http://[": missing ']' in host`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			id := s.running(tess, "meetingEndUrl", tt.endURL)
			require.EqualError(t, s.EndMeeting(id), tt.message)
			assert.Equal(t, line("0,,"), s.query(tess))
			assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(id))
			require.EqualError(t, s.EndMeeting(id), "iomeetingtest: meeting 000001 has ended already")

			s.running(tess, "meetingEndUrl", tt.endURL)
			assert.Equal(t, line("0,000003"), s.schedule(tess), "who schedules is told nothing")
			assert.Equal(t, line("0,,"), s.query(tess))
		})
	}
	assert.Empty(t, target.wasTold(), "no redirect is followed")
}

func TestEndURLThatCannotBeReached(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s := serve(t, tess)
	id := s.running(tess, "meetingEndUrl", gone.URL)
	err := s.EndMeeting(id)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "iomeetingtest: end URL of meeting 000001: ")
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(id))
}

func TestCloseEndsTheWaitForAnEndURL(t *testing.T) {
	asked := make(chan struct{}, 2)
	ended, scheduled := make(chan error), make(chan reply)
	s, u := serve(t, tess, rene), newUser(t, silence(asked))
	id := s.running(tess, "meetingEndUrl", u.URL)
	s.running(rene, "meetingEndUrl", u.URL)

	go func() { ended <- s.EndMeeting(id) }()
	go func() { scheduled <- s.schedule(rene) }()
	receive(t, asked)
	receive(t, asked)
	s.Close()
	require.ErrorIs(t, receive(t, ended), context.Canceled)
	assert.Equal(t, line("0,000003"), receive(t, scheduled), "calls that are under way are answered")
}

func TestClose(t *testing.T) {
	s, u := serve(t, tess), newUser(t, accept)
	id := s.running(tess, "meetingEndUrl", u.URL)
	s.Close()
	s.Close()

	_, err := send(http.MethodPost, s.URL+"/meetingControl/query", valid)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorIs(t, s.EndMeeting(id), context.Canceled)
	assert.Empty(t, u.wasTold())
}

func TestCloseByMany(t *testing.T) {
	s := serve(t, tess)
	s.query(tess)
	var all sync.WaitGroup
	for range 8 {
		all.Go(s.Close)
	}
	all.Wait()
}

// TestNothingIsLeftRunning leaves clients, delays and end URLs in every state
// that Close may find them in.
func TestNothingIsLeftRunning(t *testing.T) {
	asked, answered := make(chan struct{}, 1), make(chan error)
	prompt, silent := newUser(t, accept), newUser(t, silence(asked))
	before := goleak.IgnoreCurrent()
	s := serve(t, tess, rene)
	c, other := s.Client(), s.Client(iomeeting.WithMaxIdleConns(0))

	_, err := c.Query(t.Context(), tess)
	require.NoError(t, err)
	_, err = other.Query(t.Context(), rene)
	require.NoError(t, err)
	require.NoError(t, s.EndMeeting(s.running(rene, "meetingEndUrl", prompt.URL)))
	s.running(tess, "meetingEndUrl", silent.URL)
	s.FailNext(iomeetingtest.Delay(time.Hour), iomeetingtest.HTTPStatus(500))
	go func() {
		_, err := c.Schedule(t.Context(), tess, nil)
		answered <- err
	}()
	receive(t, asked)

	s.Close()
	require.NoError(t, receive(t, answered))
	_, err = other.Query(t.Context(), tess)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	goleak.VerifyNone(t, before)
}

// TestCloseDoesNotWaitForABody closes the server while a client is still sending
// its request.
func TestCloseDoesNotWaitForABody(t *testing.T) {
	for _, tt := range []struct{ name, method, path, contentType string }{
		{"form", "POST", "/meetingControl/query", "application/x-www-form-urlencoded"},
		{"JSON", "POST", "/meetingControl/schedule", "application/json"},
		{"multipart", "POST", "/snm.do", "multipart/form-data; boundary=x"},
		{"no type", "POST", "/jm.do", ""},
		{"GET", "GET", "/jm.do", "application/x-www-form-urlencoded"},
		{"wrong method", "DELETE", "/meetingControl/query", ""},
		{"unknown path", "POST", "/nowhere", "text/plain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := iomeetingtest.NewServer(tess)
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, tt.method+" "+tt.path+" HTTP/1.1\r\nHost: a\r\n"+
				"Content-Type: "+tt.contentType+"\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
			require.NoError(t, err)
			asked, err := bufio.NewReader(conn).ReadString('\n') // the server reads the body
			require.NoError(t, err)
			require.Equal(t, "HTTP/1.1 100 Continue\r\n", asked)
			s.Close()
		})
	}
}

// TestEndURLThatDrops drops the connection as often as drops says.
func TestEndURLThatDrops(t *testing.T) {
	for drops, want := range map[int32]error{1: nil, 2: io.EOF} {
		s := serve(t, tess)
		var seen atomic.Int32 // by a goroutine for each connection
		u := newUser(t, func(http.ResponseWriter, *http.Request) {
			if seen.Add(1) <= drops {
				panic(http.ErrAbortHandler)
			}
		})
		id := s.scheduled(tess, "meetingEndUrl", u.URL+"/ended", "operatorId", "7")
		require.ErrorIs(t, s.EndMeeting(id), want)
		assert.Equal(t, []told{ending("/ended", "operatorId=7"), ending("/ended", "operatorId=7")}, u.wasTold())
	}
}
