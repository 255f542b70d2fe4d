package iomeetingtest_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestClient(t *testing.T) {
	s := serve(t, tess)
	_, err := s.Client(iomeeting.WithUserAgent("portal/1")).Query(t.Context(), tess)
	require.NoError(t, err)
	assert.Equal(t, "portal/1", s.Requests()[0].Header.Get("User-Agent"))
	err = panicOf(func() { s.Client(iomeeting.WithTimeout(-time.Second)) })
	require.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
}

// panicOf returns the error with which f panics.
func panicOf(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

func TestListen(t *testing.T) {
	s, err := iomeetingtest.Listen("127.0.0.1:0", tess)
	require.NoError(t, err)
	defer s.Close()
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.URL)
	_, err = s.Client().Query(t.Context(), tess)
	require.NoError(t, err)

	address := strings.TrimPrefix(s.URL, "http://")
	_, err = iomeetingtest.Listen(address, tess)
	require.ErrorContains(t, err, "iomeetingtest: listen tcp "+address+": ")
}

func TestBadAccounts(t *testing.T) {
	tests := []struct {
		name    string
		hosts   []iomeeting.Host
		message string
	}{
		{name: "no email address", hosts: []iomeeting.Host{tess, {Password: tess.Password}}, message: `iomeetingtest: hosts[1]: iomeeting: `},
		{name: "no password", hosts: []iomeeting.Host{{Email: "test@abc.com"}}, message: `iomeetingtest: hosts[0]: iomeeting: `},
		{name: "the same host twice", hosts: []iomeeting.Host{tess, ann, tess}, message: `iomeetingtest: hosts[2]: iomeeting: `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := iomeetingtest.Listen("127.0.0.1:0", tt.hosts...)
			require.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
			require.ErrorContains(t, err, tt.message)
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
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/extra" {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			next.ServeHTTP(w, r)
			assert.Equal(t, "a=1", r.PostForm.Encode())
			assert.Equal(t, "a=1&b=2", r.Form.Encode())
		})
	})
	s.Wrap(header("inner"))
	s.Wrap(header("outer"))
	for path, status := range map[string]int{"/extra": 418, "/meetingControl/query": 200} {
		res, _, err := s.do(http.MethodPost, path+"?b=2", "a=1")
		require.NoError(t, err)
		assert.Equal(t, status, res.StatusCode)
		assert.Equal(t, []string{"outer", "inner"}, res.Header["Wrapped"])
	}
	assert.Equal(t, []string{"POST /meetingControl/query?b=2 a=1"}, s.received())
}

func TestClose(t *testing.T) {
	s, p := serve(t, tess), newPartner(t, respond(200))
	s.running(tess, "meetingEndUrl="+p.URL)
	var all sync.WaitGroup
	for range 8 {
		all.Go(s.Close)
	}
	all.Wait()
	_, _, err := s.do(http.MethodPost, queryPath, validForm)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorIs(t, s.EndMeeting("000001"), context.Canceled)
	assert.Empty(t, p.callbacks())
	assert.Len(t, s.Requests(), 2)
	assert.Len(t, s.Meetings(), 1)
}

// TestNothingIsLeftRunning leaves idle connections, a delay and end URLs for Close.
func TestNothingIsLeftRunning(t *testing.T) {
	arrived, returned := make(chan struct{}, 2), make(chan error)
	p := newPartner(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{} })
	before := goleak.IgnoreCurrent()
	s := serve(t, tess, ann)
	c := s.Client()
	_, err := c.Query(t.Context(), tess)
	require.NoError(t, err)
	require.NoError(t, s.EndMeeting(s.running(ann, "meetingEndUrl="+p.URL)))
	s.running(tess, "meetingEndUrl="+p.URL)
	s.FailNext(iomeetingtest.Delay(time.Hour))
	go func() {
		_, err := c.Schedule(t.Context(), tess, nil)
		returned <- err
	}()
	receive(t, arrived)
	receive(t, arrived)
	s.Close()
	require.NoError(t, receive(t, returned), "the delay is cut short")
	goleak.VerifyNone(t, before)
}

// TestCloseDoesNotWaitForABody closes the server while a client is still sending its
// request.
func TestCloseDoesNotWaitForABody(t *testing.T) {
	for _, tt := range []struct{ name, request string }{
		{name: "form", request: "POST /meetingControl/query HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded"},
		{name: "JSON", request: "POST /jm.do HTTP/1.1\r\nContent-Type: application/json"},
		{name: "wrong method", request: "DELETE /meetingControl/query HTTP/1.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := iomeetingtest.NewServer(tess)
			s.Wrap(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(struct{ http.ResponseWriter }{w}, r) // has no SetReadDeadline
				})
			})
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, tt.request+"\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
			require.NoError(t, err)
			first, err := bufio.NewReader(conn).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "HTTP/1.1 100 Continue\r\n", first, "the server reads the body")
			s.Close()
		})
	}
}
