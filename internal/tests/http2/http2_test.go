// Package http2 tests clients whose transport speaks HTTP/2 against faults of HTTP/2
// servers.
package http2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/iomeeting/iomeeting-go"
)

var host = iomeeting.Host{Email: "test@abc.com", Password: iomeeting.NewSecret("123456")}

// service speaks HTTP/2 without TLS, frame by frame. It counts complete requests.
type service struct {
	net.Listener
	arrivals atomic.Int32
	onHeader func(*stream) // called after the header of a request; may be nil
	onEnd    func(*stream) // called after a complete request
	running  sync.WaitGroup
}

// stream is a request that can be answered.
type stream struct {
	*http2.Framer
	conn *net.TCPConn
	id   uint32
}

func (s *stream) reset(code http2.ErrCode) { _ = s.WriteRSTStream(s.id, code) }

// answer sends status 200 and body. If open, the response is not complete.
func (s *stream) answer(body string, open bool) {
	var header bytes.Buffer
	encoder := hpack.NewEncoder(&header)
	_ = encoder.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: header.Bytes(), EndHeaders: true})
	_ = s.WriteData(s.id, !open, []byte(body))
}

func newService(t *testing.T, onHeader, onEnd func(*stream)) *service {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &service{Listener: l, onHeader: onHeader, onEnd: onEnd}
	s.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(t.Context(), func() { _ = conn.Close() }) // when the test ends
			s.running.Go(func() {
				defer stop()
				s.serve(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(s.running.Wait)
	t.Cleanup(func() { _ = l.Close() })
	return s
}

// serve acts as the service on conn, until the client closes it.
func (s *service) serve(conn *net.TCPConn) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	_ = framer.WriteSettings()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		st := &stream{framer, conn, frame.Header().StreamID}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				_ = framer.WritePing(true, f.Data)
			}
		case *http2.HeadersFrame:
			if s.onHeader != nil {
				s.onHeader(st)
			}
		case *http2.DataFrame:
			if f.StreamEnded() {
				s.arrivals.Add(1)
				s.onEnd(st)
			}
		}
	}
}

// client returns a client of s whose RoundTripper speaks only HTTP/2. It is not an
// *http.Transport, of which Schedule would use a clone that speaks HTTP/1.1.
func (s *service) client(t *testing.T) *iomeeting.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	c, err := iomeeting.NewClient("http://"+s.Addr().String(),
		iomeeting.WithHTTPClient(&http.Client{Transport: struct{ http.RoundTripper }{transport}}), iomeeting.WithTimeout(time.Minute))
	require.NoError(t, err)
	return c
}

func TestHTTP2Faults(t *testing.T) {
	resets := func(code http2.ErrCode) func(*stream) { return func(s *stream) { s.reset(code) } }
	tests := []struct {
		name    string
		onEnd   func(*stream)
		arrived int32 // minimum for Query
	}{
		{"FIN", func(s *stream) { _ = s.conn.Close() }, 3},
		{"RST", func(s *stream) { _ = s.conn.SetLinger(0); _ = s.conn.Close() }, 3},
		{"response ends with the stream", func(s *stream) { s.answer("0,1", true); s.reset(http2.ErrCodeNo) }, 3},
		{"response cut by a reset", func(s *stream) { s.answer("0,1", true); s.reset(http2.ErrCodeInternal) }, 3},
		{"response ends with the connection", func(s *stream) { s.answer("0,1", true); _ = s.conn.Close() }, 3},
		{"REFUSED_STREAM", resets(http2.ErrCodeRefusedStream), 1},
		{"PROTOCOL_ERROR", resets(http2.ErrCodeProtocol), 1},
		{"GOAWAY below the stream", func(s *stream) { _ = s.WriteGoAway(0, http2.ErrCodeNo, nil); _ = s.conn.Close() }, 1},
		{"GOAWAY with an error", func(s *stream) { _ = s.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil) }, 1},
		{"INTERNAL_ERROR", resets(http2.ErrCodeInternal), 3},
		{"CANCEL", resets(http2.ErrCodeCancel), 3},
		{"connection closed within the response", func(s *stream) { s.answer("", true); _ = s.conn.Close() }, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, nil, tt.onEnd)
			c := s.client(t)
			got, err := c.Query(t.Context(), host)
			require.Error(t, err)
			assert.Zero(t, got)
			assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			assert.GreaterOrEqual(t, s.arrivals.Load(), tt.arrived)
			assert.LessOrEqual(t, s.arrivals.Load(), int32(3))

			s.arrivals.Store(0)
			_, err = c.Schedule(t.Context(), host, nil)
			require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			assert.EqualValues(t, 1, s.arrivals.Load())
		})
	}
}

// TestStreamRefusedAtHeader refuses each stream at its header. Whether the client has
// sent the body by then depends on timing, but if the body arrives, the outcome must
// be unknown. Each call has its own service, because a body may arrive after its
// call has failed.
func TestStreamRefusedAtHeader(t *testing.T) {
	refuse := func(s *stream) { s.reset(http2.ErrCodeRefusedStream) }

	s := newService(t, refuse, func(*stream) {})
	_, err := s.client(t).Query(t.Context(), host)
	require.Error(t, err)
	assert.LessOrEqual(t, s.arrivals.Load(), int32(3))

	s = newService(t, refuse, func(*stream) {})
	_, err = s.client(t).Schedule(t.Context(), host, nil)
	require.Error(t, err)
	assert.LessOrEqual(t, s.arrivals.Load(), int32(1))
	if s.arrivals.Load() == 1 {
		assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	}
}

// TestHTTP2KeptConnectionIsDead uses connections that die at their second request.
func TestHTTP2KeptConnectionIsDead(t *testing.T) {
	s := newService(t, nil, func(s *stream) {
		if s.id == 1 { // the first request of a connection
			s.answer("0,,", false)
			return
		}
		_ = s.conn.Close()
	})
	c := s.client(t)
	for range 3 {
		_, err := c.Query(t.Context(), host)
		require.NoError(t, err)
	}
	before := s.arrivals.Load()
	_, err := c.Schedule(t.Context(), host, nil)
	require.Error(t, err)
	assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	assert.Equal(t, before+1, s.arrivals.Load())
}

// TestHTTP2Silence cancels the context as soon as the request has arrived.
func TestHTTP2Silence(t *testing.T) {
	for _, schedule := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		s := newService(t, nil, func(*stream) { cancel() })
		c := s.client(t)
		var err error
		if schedule {
			_, err = c.Schedule(ctx, host, nil)
		} else {
			_, err = c.Query(ctx, host)
		}
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, schedule, errors.Is(err, iomeeting.ErrOutcomeUnknown))
		assert.EqualValues(t, 1, s.arrivals.Load())
	}
}
