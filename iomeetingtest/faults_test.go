package iomeetingtest_test

import (
	"bufio"
	"context"
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
		200: "HTTP status 200, as the test asked\n",
		302: "HTTP status 302, as the test asked\n",
		404: "HTTP status 404, as the test asked\n",
		503: "HTTP status 503, as the test asked\n",
		599: "HTTP status 599, as the test asked\n",
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
	assert.Equal(t, line("0,000001"), s.schedule(tess), "nothing was carried out")
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

	// net/http would not take this answer for text.
	s.startByID("000001", tess)
	s.FailNext(iomeetingtest.Delay(time.Microsecond))
	assert.Equal(t, line("3,000001,\x01"), s.query(tess))
}

func TestDrop(t *testing.T) {
	s, u := serve(t, tess), newUser(t, accept)
	id := s.running(tess, "meetingEndUrl", u.URL, "operatorId", "42")
	s.FailNext(iomeetingtest.Drop())
	_, err := send(http.MethodPost, s.URL+"/meetingControl/schedule", valid)
	require.ErrorIs(t, err, io.EOF)

	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(id))
	assert.Equal(t, refused(409, "Meeting 000002 has not started."), s.joinByID("000002"))
	assert.Equal(t, []told{ending("/", "operatorId=42")}, u.wasTold())
	assert.Len(t, s.Requests(), 6)
}

func TestDropLeavesTheClientInTheDark(t *testing.T) {
	s := serve(t, tess)
	c := s.Client()
	s.FailNext(iomeetingtest.Drop(), iomeetingtest.Drop())
	_, err := c.Schedule(t.Context(), tess, nil)
	require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	require.Len(t, s.Requests(), 1)

	got, err := c.Query(t.Context(), tess)
	require.NoError(t, err, "a query is tried again")
	assert.Equal(t, iomeeting.QueryResult{Status: iomeeting.StatusOK}, got)
	assert.Len(t, s.Requests(), 3)
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

func TestFaultsThatCannotBe(t *testing.T) {
	for _, code := range []int{-1, 0, 100, 101, 199, 600, 1000} {
		assert.PanicsWithValue(t, "iomeetingtest: an answer's HTTP status is in 200 to 599", func() {
			iomeetingtest.HTTPStatus(code)
		})
	}
	s := serve(t, tess)
	assert.PanicsWithValue(t, "iomeetingtest: the zero Fault", func() {
		s.FailNext(iomeetingtest.HTTPStatus(500), iomeetingtest.Fault{})
	})
	assert.Equal(t, line("0,,"), s.query(tess), "none of them is set")
}

// TestFaultsAreUsedUpInOrder opens pages in between, which use none.
func TestFaultsAreUsedUpInOrder(t *testing.T) {
	s := serve(t, tess, rene)
	s.FailNext(iomeetingtest.HTTPStatus(503), iomeetingtest.RawAnswer("first"))
	s.FailNext()
	s.FailNext(iomeetingtest.Delay(0), iomeetingtest.RawAnswer("second"))

	assert.Equal(t, "000001", s.started(rene))
	assert.Equal(t, reply{503, textType, "HTTP status 503, as the test asked\n"}, s.query(tess))
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

func TestEachTryOfTheClientUsesUpAFault(t *testing.T) {
	s := serve(t, tess)
	s.FailNext(iomeetingtest.HTTPStatus(503), iomeetingtest.HTTPStatus(500))
	got, err := s.Client(iomeeting.WithRetries(2)).Query(t.Context(), tess)
	require.NoError(t, err)
	assert.Equal(t, iomeeting.QueryResult{Status: iomeeting.StatusOK}, got)
	assert.Len(t, s.Requests(), 3)
}

func TestFailedScheduleIsNotCarriedOut(t *testing.T) {
	faults := map[string]iomeetingtest.Fault{
		"HTTPStatus": iomeetingtest.HTTPStatus(500),
		"RawAnswer":  iomeetingtest.RawAnswer("0,000002"),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			s, u := serve(t, tess), newUser(t, accept)
			id := s.running(tess, "meetingEndUrl", u.URL)
			s.FailNext(fault)
			s.schedule(tess)
			assert.Equal(t, line("3,000001,"), s.query(tess))
			assert.Equal(t, http.StatusOK, s.joinByID(id).Status)
			assert.Equal(t, refused(404, "There is no meeting 000002."), s.joinByID("000002"))
			assert.Empty(t, u.wasTold())
		})
	}
}

func TestDelayEndsOnClose(t *testing.T) {
	carriedOut, answered := make(chan struct{}, 1), make(chan reply)
	s, u := serve(t, tess), newUser(t, signal(carriedOut))
	s.running(tess, "meetingEndUrl", u.URL, "operatorId", "42")
	s.FailNext(iomeetingtest.Delay(time.Hour))

	go func() { answered <- s.schedule(tess) }()
	receive(t, carriedOut)
	s.Close()
	assert.Equal(t, line("0,000002"), receive(t, answered), "the whole answer arrives")
	assert.Equal(t, []told{ending("/", "operatorId=42")}, u.wasTold())
}

func TestManyDelaysEndOnClose(t *testing.T) {
	const n = 16
	carriedOut, answered := make(chan struct{}, n), make(chan reply, n)
	u := newUser(t, signal(carriedOut))
	var hosts []iomeeting.Host
	for i := range n {
		hosts = append(hosts, iomeeting.Host{Email: string(rune('a'+i)) + "@abc.com", Password: tess.Password})
	}
	s := serve(t, hosts...)
	for _, h := range hosts {
		s.running(h, "meetingEndUrl", u.URL)
	}
	for _, h := range hosts {
		s.FailNext(iomeetingtest.Delay(time.Hour))
		go func() { answered <- s.schedule(h) }()
	}
	for range hosts {
		receive(t, carriedOut)
	}
	s.Close()
	for range hosts {
		assert.Regexp(t, `^0,0000\d\d$`, receive(t, answered).Body)
	}
}

// TestDelayEndsWhenTheClientGoesAway closes one half of a connection. That is
// all that the service sees of a client that goes away, and by the other half
// it shows when it has given up waiting.
func TestDelayEndsWhenTheClientGoesAway(t *testing.T) {
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

// TestDelayedScheduleIsCarriedOut has a caller that gives up.
func TestDelayedScheduleIsCarriedOut(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	u := newUser(t, func(http.ResponseWriter, *http.Request) { cancel() })
	s := serve(t, tess)
	first := s.running(tess, "meetingEndUrl", u.URL)
	s.FailNext(iomeetingtest.Delay(time.Hour))

	_, err := s.Client(iomeeting.WithTimeout(0)).Schedule(ctx, tess, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	assert.Equal(t, line("0,,"), s.query(tess))
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(first))
	assert.Equal(t, http.StatusOK, s.startByID("000002", tess).Status)
	assert.Equal(t, []told{ending("/", "operatorId=")}, u.wasTold())
}
