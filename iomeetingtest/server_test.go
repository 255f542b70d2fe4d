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
		InMeeting: true, MeetingID: "000001", MeetingPassword: iomeeting.NewSecret("a,b"),
	}, got)
	_, err = c.Query(t.Context(), rene)
	require.ErrorIs(t, err, iomeeting.ErrHostNotFound)
	_, err = c.Schedule(t.Context(), iomeeting.Host{Email: tess.Email, Password: rene.Password}, nil)
	require.ErrorIs(t, err, iomeeting.ErrWrongPassword)
}

func TestClientOptions(t *testing.T) {
	s := serve(t, tess)
	_, err := s.Client(iomeeting.WithUserAgent("portal/1"), iomeeting.WithRetries(0)).Query(t.Context(), tess)
	require.NoError(t, err)
	require.Len(t, s.Requests(), 1)
	assert.Equal(t, []string{"portal/1"}, s.Requests()[0].Header["User-Agent"])

	err = panicOf(func() { s.Client(iomeeting.WithRetries(0), iomeeting.WithTimeout(-time.Second)) })
	requireParameterError(t, err, "timeout")
}

// panicOf returns the error with which f panics.
func panicOf(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

func requireParameterError(t *testing.T, err error, param string) {
	t.Helper()
	var wrong *iomeeting.ParameterError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, param, wrong.Param)
}

func TestServersAreIndependent(t *testing.T) {
	a, b := serve(t, tess), serve(t, tess)
	a.started(tess)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, a.URL)
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
	assert.Equal(t, refused(404, `There is no host account "test@abc.com".`), s.start(tess))
	assert.Equal(t, refused(404, `There is no host account "test@abc.com".`), s.open("/jm.do", "hostEmail", tess.Email))
}

func TestListen(t *testing.T) {
	s, err := iomeetingtest.Listen("127.0.0.1:0", tess)
	require.NoError(t, err)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.URL)
	got, err := s.Client().Query(t.Context(), tess)
	require.NoError(t, err)
	assert.False(t, got.InMeeting)

	address := strings.TrimPrefix(s.URL, "http://")
	_, err = iomeetingtest.Listen(address, tess)
	var network *net.OpError
	require.ErrorAs(t, err, &network)
	assert.Equal(t, "listen", network.Op)
	assert.True(t, strings.HasPrefix(err.Error(), "iomeetingtest: listen tcp "+address+": "), err)

	s.Close()
	_, err = s.Client(iomeeting.WithRetries(0)).Query(t.Context(), tess)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestBadAccounts(t *testing.T) {
	tests := []struct {
		name    string
		hosts   []iomeeting.Host
		param   string
		account string // named in the message
		reason  string // in the message
	}{
		{"no email address", []iomeeting.Host{tess, {Password: tess.Password}}, "hostEmail", `""`, "empty"},
		{"no password", []iomeeting.Host{{Email: "test@abc.com"}, rene}, "hostPassword", `"test@abc.com"`, "empty"},
		{"neither", []iomeeting.Host{{}}, "hostEmail", `""`, "empty"},
		{"control character", []iomeeting.Host{{Email: "a\n@abc.com", Password: tess.Password}}, "hostEmail", `"a\n@abc.com"`, "control character"},
		{"the same host twice", []iomeeting.Host{tess, rene, tess}, "hostEmail", `"test@abc.com"`, "belongs to two accounts"},
		{"two passwords", []iomeeting.Host{tess, {Email: tess.Email, Password: rene.Password}}, "hostEmail", `"test@abc.com"`, "belongs to two accounts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := iomeetingtest.Listen("127.0.0.1:0", tt.hosts...)
			requireParameterError(t, err, tt.param)
			assert.True(t, strings.HasPrefix(err.Error(), "iomeetingtest: host account "+tt.account+": "), err)
			assert.Contains(t, err.Error(), " "+tt.reason)
			assert.Equal(t, err, panicOf(func() { iomeetingtest.NewServer(tt.hosts...) }))
		})
	}
}

// header returns a wrapper that adds a value to the header Wrapped.
func header(value string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Wrapped", value)
			next.ServeHTTP(w, r)
		})
	}
}

func TestWrap(t *testing.T) {
	s := serve(t, tess)
	s.query(tess)
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/extra" {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			next.ServeHTTP(w, r)
			assert.Equal(t, form("hostEmail", tess.Email, "hostPassword", "123456"), r.PostForm)
			assert.Equal(t, form("hostEmail", tess.Email, "hostPassword", "123456", "x", "1"), r.Form)
		})
	})
	s.Wrap(header("inner"))
	s.Wrap(header("outer"))

	for path, status := range map[string]int{"/extra": 418, "/meetingControl/query": 200, "/nothing": 404} {
		res, err := http.Post(s.URL+path+"?x=1", formType, strings.NewReader("hostEmail=test%40abc.com&hostPassword=123456"))
		require.NoError(t, err)
		answer, err := readReply(res)
		require.NoError(t, err)
		assert.Equal(t, status, answer.Status)
		assert.Equal(t, []string{"outer", "inner"}, res.Header["Wrapped"])
	}
	assert.ElementsMatch(t, []string{"/meetingControl/query", "/meetingControl/query", "/nothing"}, pathsTo(s))
}

// TestEndURLThatFails has end URLs that cannot be notified. The meeting ends
// nevertheless.
func TestEndURLThatFails(t *testing.T) {
	target := newPartner(t, accept)
	redirect := func(code int) string {
		return newPartner(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, code)
		}).URL
	}
	responding := func(code int) string { return newPartner(t, respond(code)).URL }
	tests := []struct{ name, endURL, message string }{
		{"500", responding(500), "HTTP status 500"},
		{"404", responding(404), "HTTP status 404"},
		{"101", responding(101), "HTTP status 101"},
		{"300", responding(300), "HTTP status 300"},
		{"redirect by GET", redirect(302), "HTTP status 302"},
		{"redirect by POST", redirect(307), "HTTP status 307"},
		{"no host", "http:///end", `Post "http:///end": http: no Host in request URL`},
		{"no scheme", "end", `Post "end": unsupported protocol scheme ""`},
		{"not a URL", "http://[", `parse "http://[": missing ']' in host`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			id := s.running(tess, "meetingEndUrl", tt.endURL)
			require.EqualError(t, s.EndMeeting(id), "iomeetingtest: end URL of meeting 000001: "+tt.message)
			assert.Equal(t, line("0,,"), s.query(tess))
			assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(id))
			require.EqualError(t, s.EndMeeting(id), "iomeetingtest: meeting 000001 has already ended")

			s.running(tess, "meetingEndUrl", tt.endURL)
			assert.Equal(t, line("0,000003"), s.schedule(tess), "the caller does not learn of it")
			assert.Equal(t, line("0,,"), s.query(tess))
		})
	}
	assert.Empty(t, target.callbacks(), "no redirect is followed")
}

func TestEndURLThatIsDown(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	s := serve(t, tess)
	id := s.running(tess, "meetingEndUrl", down.URL)
	err := s.EndMeeting(id)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "iomeetingtest: end URL of meeting 000001: ")
	assert.Equal(t, refused(410, "Meeting 000001 has ended."), s.joinByID(id))
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
		{"closed once", closeConn, 1, nil},
		{"closed twice", closeConn, 2, io.EOF},
		{"reset once", resetConn, 1, nil},
		{"reset twice", resetConn, 2, syscall.ECONNRESET},
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
			id := s.scheduled(tess, "meetingEndUrl", p.URL+"/ended", "operatorId", "7")
			require.ErrorIs(t, s.EndMeeting(id), tt.want)
			assert.Equal(t, []callback{postOf("/ended", "operatorId=7"), postOf("/ended", "operatorId=7")}, p.callbacks())
		})
	}
}

func TestCloseEndsTheWaitForAnEndURL(t *testing.T) {
	arrived := make(chan struct{}, 2)
	ended, scheduled := make(chan error), make(chan reply)
	s, p := serve(t, tess, rene), newPartner(t, hang(arrived))
	id := s.running(tess, "meetingEndUrl", p.URL)
	s.running(rene, "meetingEndUrl", p.URL)

	go func() { ended <- s.EndMeeting(id) }()
	go func() { scheduled <- s.schedule(rene) }()
	receive(t, arrived)
	receive(t, arrived)
	s.Close()
	require.ErrorIs(t, receive(t, ended), context.Canceled)
	assert.Equal(t, line("0,000003"), receive(t, scheduled), "a call in progress gets its response")
}

func TestClose(t *testing.T) {
	s, p := serve(t, tess), newPartner(t, accept)
	id := s.running(tess, "meetingEndUrl", p.URL)
	var all sync.WaitGroup
	for range 8 {
		all.Go(s.Close)
	}
	all.Wait()
	s.Close()

	_, err := send(http.MethodPost, s.URL+"/meetingControl/query", valid)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorIs(t, s.EndMeeting(id), context.Canceled)
	assert.Empty(t, p.callbacks())
	assert.Equal(t, []string{"/meetingControl/schedule", "/ssm.do"}, pathsTo(s))
	assert.Len(t, s.Meetings(), 1)
}

// TestNothingIsLeftRunning leaves clients, delays and end URLs in every state in
// which Close can find them.
func TestNothingIsLeftRunning(t *testing.T) {
	arrived, returned := make(chan struct{}, 1), make(chan error)
	prompt, hanging := newPartner(t, accept), newPartner(t, hang(arrived))
	before := goleak.IgnoreCurrent()
	s := serve(t, tess, rene)
	c, other := s.Client(), s.Client(iomeeting.WithHTTPClient(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}))

	_, err := c.Query(t.Context(), tess)
	require.NoError(t, err)
	_, err = other.Query(t.Context(), rene)
	require.NoError(t, err)
	require.NoError(t, s.EndMeeting(s.running(rene, "meetingEndUrl", prompt.URL)))
	s.running(tess, "meetingEndUrl", hanging.URL)
	s.FailNext(iomeetingtest.Delay(time.Hour), iomeetingtest.HTTPStatus(500))
	go func() {
		_, err := c.Schedule(t.Context(), tess, nil)
		returned <- err
	}()
	receive(t, arrived)

	s.Close()
	require.NoError(t, receive(t, returned))
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
		{"read by a wrapper", "POST", "/wrapped", "text/plain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := iomeetingtest.NewServer(tess)
			s.Wrap(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/wrapped" {
						_, _ = io.Copy(io.Discard, r.Body)
						return
					}
					next.ServeHTTP(struct{ http.ResponseWriter }{w}, r) // has no SetReadDeadline
				})
			})
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, tt.method+" "+tt.path+" HTTP/1.1\r\nHost: a\r\n"+
				"Content-Type: "+tt.contentType+"\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
			require.NoError(t, err)
			first, err := bufio.NewReader(conn).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "HTTP/1.1 100 Continue\r\n", first, "the server reads the body")
			s.Close()
		})
	}
}
