package iomeetingtest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestHTTPStatus(t *testing.T) {
	s := serve(t, tess)
	for code, body := range map[int]string{
		200: "HTTP status 200, set by FailNext\n",
		302: "HTTP status 302, set by FailNext\n",
		404: "HTTP status 404, set by FailNext\n",
		503: "HTTP status 503, set by FailNext\n",
		599: "HTTP status 599, set by FailNext\n",
	} {
		s.FailNext(iomeetingtest.HTTPStatus(code))
		assert.Equal(t, reply{code, "text/plain; charset=utf-8", body}, s.query(tess))
		assert.Equal(t, line("0,,"), s.query(tess))
	}
}

func TestRawAnswer(t *testing.T) {
	s := serve(t, tess)
	for _, body := range []string{"", "3,1,2\r\n", "<!DOCTYPE html><title>Log in</title>", "100% %d %s", "\xff\x00"} {
		s.FailNext(iomeetingtest.RawAnswer(body))
		assert.Equal(t, reply{200, "text/plain; charset=utf-8", body}, s.schedule(tess))
		assert.Equal(t, line("0,,"), s.query(tess))
	}
	assert.Equal(t, line("0,000001"), s.schedule(tess), "no call was carried out")
}

func TestDelay(t *testing.T) {
	s := serve(t, tess)
	for _, d := range []time.Duration{time.Microsecond, 0, -time.Hour} {
		s.FailNext(iomeetingtest.Delay(d))
		assert.Equal(t, reply{200, "text/plain; charset=utf-8", "0,,"}, s.query(tess))
	}
	s.FailNext(iomeetingtest.Delay(time.Microsecond))
	assert.Equal(t, line("0,000001"), s.schedule(tess, "meetingPassword", "\x01"))
	assert.Equal(t, line("0,000002"), s.schedule(tess))

	// net/http would not recognize this answer as text.
	s.startByID("000001", tess)
	s.FailNext(iomeetingtest.Delay(time.Microsecond))
	assert.Equal(t, line("3,000001,\x01"), s.query(tess))
}

func TestDrop(t *testing.T) {
	s, p := serve(t, tess), newPartner(t, accept)
	id := s.running(tess, "meetingEndUrl", p.URL, "operatorId", "42")
	s.FailNext(iomeetingtest.Drop())
	_, err := send(http.MethodPost, s.URL+"/meetingControl/schedule", valid)
	require.ErrorIs(t, err, io.EOF)

	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(id))
	assert.Equal(t, refused(409, "Meeting 000002 has not started."), s.joinByID("000002"))
	assert.Equal(t, []callback{postOf("/", "operatorId=42")}, p.callbacks())
	assert.Len(t, s.Requests(), 6)
}

func TestFaultsOfRetries(t *testing.T) {
	s := serve(t, tess)
	c := s.Client(iomeeting.WithRetries(2))
	s.FailNext(iomeetingtest.Drop(), iomeetingtest.HTTPStatus(503), iomeetingtest.Drop())
	_, err := c.Schedule(t.Context(), tess, nil)
	require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	require.Len(t, s.Requests(), 1)

	got, err := c.Query(t.Context(), tess)
	require.NoError(t, err)
	assert.Equal(t, iomeeting.QueryResult{}, got)
	assert.Len(t, s.Requests(), 4)
}

func TestPass(t *testing.T) {
	s := serve(t, tess)
	s.FailNext(iomeetingtest.Pass(), iomeetingtest.HTTPStatus(500), iomeetingtest.Pass())
	_, err := s.Client().ScheduleIfAvailable(t.Context(), tess, nil)
	require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	assert.Equal(t, line("0,000001"), s.schedule(tess))
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, []string{
		"/meetingControl/query", "/meetingControl/schedule", "/meetingControl/schedule", "/meetingControl/query",
	}, pathsTo(s))
}

func TestBadFaults(t *testing.T) {
	for _, code := range []int{-1, 0, 100, 101, 199, 600, 1000} {
		message := fmt.Sprintf("iomeetingtest: HTTP status %d is not in the range 200 to 599", code)
		assert.PanicsWithValue(t, message, func() { iomeetingtest.HTTPStatus(code) })
	}
	assert.PanicsWithValue(t, "iomeetingtest: ForHost needs an email address", func() { iomeetingtest.Drop().ForHost("") })
	for _, path := range []string{"", "/", "/snm.do", "/meetingControl", "/meetingControl/query/", "meetingControl/query"} {
		message := fmt.Sprintf("iomeetingtest: %q is not the path of a call", path)
		assert.PanicsWithValue(t, message, func() { iomeetingtest.Drop().ForPath(path) })
	}
	s := serve(t, tess)
	var zero iomeetingtest.Fault
	for _, f := range []iomeetingtest.Fault{zero, zero.ForHost(tess.Email), zero.ForPath("/meetingControl/query")} {
		assert.PanicsWithValue(t, "iomeetingtest: FailNext was called with the zero Fault", func() {
			s.FailNext(iomeetingtest.HTTPStatus(500), f)
		})
	}
	assert.Equal(t, line("0,,"), s.query(tess), "none of them was queued")
}

// TestFaultsAreRemovedInOrder opens pages in between, which remove none.
func TestFaultsAreRemovedInOrder(t *testing.T) {
	s := serve(t, tess, rene)
	s.FailNext(iomeetingtest.HTTPStatus(503), iomeetingtest.RawAnswer("first"))
	s.FailNext()
	s.FailNext(iomeetingtest.Delay(0), iomeetingtest.RawAnswer("second"))

	assert.Equal(t, "000001", s.started(rene))
	assert.Equal(t, reply{503, textType, "HTTP status 503, set by FailNext\n"}, s.query(tess))
	assert.Equal(t, http.StatusOK, s.joinByID("000001").Status)
	assert.Equal(t, line("first"), s.schedule(tess))
	assert.Equal(t, http.StatusOK, s.startByID("000001", rene).Status)
	assert.Equal(t, line("0,000002"), s.schedule(tess)) // Delay
	_, err := send(http.MethodPost, s.URL+"/nothing", "")
	require.NoError(t, err)
	assert.Equal(t, line("second"), s.query(tess))
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, line("0,000003"), s.schedule(tess))
}

// TestLimitedFaults has a queue in which each fault responds with an HTTP status
// of its own.
func TestLimitedFaults(t *testing.T) {
	const queries, schedules = "/meetingControl/query", "/meetingControl/schedule"
	s := serve(t, tess, rene)
	fault := iomeetingtest.HTTPStatus
	s.FailNext(
		fault(501).ForHost(rene.Email),
		fault(502).ForPath(schedules),
		fault(503).ForHost(rene.Email).ForPath(schedules),
		fault(504).ForPath(schedules).ForHost(tess.Email),
		fault(505),
		fault(506).ForHost(tess.Email).ForHost("nobody@abc.com"),
		fault(507).ForPath(schedules).ForPath(queries),
		fault(508).ForHost(tess.Email),
	)
	assert.Equal(t, 505, s.query(tess).Status, "the first fault that applies")
	assert.Equal(t, 507, s.query(tess).Status, "the last ForPath counts")
	assert.Equal(t, 508, s.query(tess).Status, "the last ForHost counts")
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, 502, s.schedule(tess).Status)
	assert.Equal(t, 504, s.schedule(tess).Status)
	assert.Equal(t, line("0,000001"), s.schedule(tess))
	assert.Equal(t, 501, s.query(rene).Status)
	assert.Equal(t, line("0,,"), s.query(rene))
	assert.Equal(t, 503, s.schedule(rene).Status)
	assert.Equal(t, line("0,000002"), s.schedule(rene))
	assert.Equal(t, line("1,,"), s.call(queries+"?hostEmail=nobody@abc.com"), "the parameter is in the body")
	assert.Equal(t, 506, s.call(queries, "hostEmail", "nobody@abc.com").Status, "a host without an account")
}

func TestLimitsMakeCopies(t *testing.T) {
	s := serve(t, tess)
	all := iomeetingtest.HTTPStatus(503)
	s.FailNext(all.ForHost(rene.Email), all.ForPath("/meetingControl/schedule"), all)
	assert.Equal(t, 503, s.query(tess).Status)
	assert.Equal(t, line("0,,"), s.query(tess))
}

func TestFailedScheduleIsNotCarriedOut(t *testing.T) {
	faults := map[string]iomeetingtest.Fault{
		"HTTPStatus": iomeetingtest.HTTPStatus(500),
		"RawAnswer":  iomeetingtest.RawAnswer("0,000002"),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			s, p := serve(t, tess), newPartner(t, accept)
			id := s.running(tess, "meetingEndUrl", p.URL)
			s.FailNext(fault)
			s.schedule(tess)
			assert.Equal(t, line("3,000001,"), s.query(tess))
			assert.Equal(t, http.StatusOK, s.joinByID(id).Status)
			assert.Equal(t, refused(404, `There is no meeting "000002".`), s.joinByID("000002"))
			assert.Empty(t, p.callbacks())
		})
	}
}

func TestDelaysEndOnClose(t *testing.T) {
	const n = 16
	arrived, answered := make(chan struct{}, n), make(chan reply, n)
	p := newPartner(t, announce(arrived))
	var hosts []iomeeting.Host
	for i := range n {
		hosts = append(hosts, iomeeting.Host{Email: string(rune('a'+i)) + "@abc.com", Password: tess.Password})
	}
	s := serve(t, hosts...)
	for _, h := range hosts {
		s.running(h, "meetingEndUrl", p.URL)
	}
	for _, h := range hosts {
		s.FailNext(iomeetingtest.Delay(time.Hour))
		go func() { answered <- s.schedule(h) }()
	}
	for range hosts {
		receive(t, arrived)
	}
	s.Close()
	var got, want []reply
	for i := range hosts {
		got = append(got, receive(t, answered))
		want = append(want, line(fmt.Sprintf("0,%06d", n+i+1)))
	}
	assert.ElementsMatch(t, want, got)
}

// TestDelayEndsWhenTheClientDisconnects closes one half of a connection. That is
// all that the server sees of a client that disconnects, and on the other half the
// test sees the server give up waiting.
func TestDelayEndsWhenTheClientDisconnects(t *testing.T) {
	s := serve(t, tess)
	s.FailNext(iomeetingtest.Delay(time.Hour))
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(failSafe)))

	req, err := http.NewRequest(http.MethodPost, s.URL+"/meetingControl/schedule", strings.NewReader(valid))
	require.NoError(t, err)
	req.Header.Set("Content-Type", formType)
	require.NoError(t, req.Write(conn))
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	require.NoError(t, err)
	answer, err := readReply(res)
	require.NoError(t, err)
	assert.Equal(t, line("0,000001"), answer)
	assert.Equal(t, refused(409, "Meeting 000001 has not started."), s.joinByID("000001"))
}
