// Package faults lets the faults of HTTP/2 befall clients whose transport
// speaks it.
package faults

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

// service speaks HTTP/2 without TLS, frame by frame. It counts the requests
// that arrive whole.
type service struct {
	net.Listener
	arrivals atomic.Int32
	onHeader func(*stream) // when the header of a request is there; may be nil
	onEnd    func(*stream) // when all of a request is there
	running  sync.WaitGroup
}

// stream is a request, and how to answer it.
type stream struct {
	*http2.Framer
	conn *net.TCPConn
	id   uint32
}

func (s *stream) reset(code http2.ErrCode) { _ = s.WriteRSTStream(s.id, code) }

// answer sends status 200 and body, and more after it if open.
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
			stop := context.AfterFunc(t.Context(), func() { _ = conn.Close() }) // as the test ends
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

// serve plays the service on one connection, until it is closed.
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

// client returns a client of s whose injected transport speaks HTTP/2 alone.
func (s *service) client(t *testing.T) *iomeeting.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	c, err := iomeeting.NewClient("http://"+s.Addr().String(),
		iomeeting.WithHTTPClient(&http.Client{Transport: transport}), iomeeting.WithTimeout(time.Minute))
	require.NoError(t, err)
	return c
}

func TestFaultsOfHTTP2(t *testing.T) {
	resets := func(code http2.ErrCode) func(*stream) { return func(s *stream) { s.reset(code) } }
	tests := []struct {
		row     int
		name    string
		onEnd   func(*stream)
		arrived int32 // of Query at the least
	}{
		{7, "FIN", func(s *stream) { _ = s.conn.Close() }, 3},
		{7, "RST", func(s *stream) { _ = s.conn.SetLinger(0); _ = s.conn.Close() }, 3},
		{10, "answer cut by the stream's end", func(s *stream) { s.answer("0,1", true); s.reset(http2.ErrCodeNo) }, 3},
		{10, "answer cut by a reset", func(s *stream) { s.answer("0,1", true); s.reset(http2.ErrCodeInternal) }, 3},
		{10, "answer cut by the connection's end", func(s *stream) { s.answer("0,1", true); _ = s.conn.Close() }, 3},
		{11, "REFUSED_STREAM", resets(http2.ErrCodeRefusedStream), 1},
		{11, "PROTOCOL_ERROR", resets(http2.ErrCodeProtocol), 1},
		{11, "GOAWAY below the stream", func(s *stream) { _ = s.WriteGoAway(0, http2.ErrCodeNo, nil); _ = s.conn.Close() }, 1},
		{11, "GOAWAY with an error", func(s *stream) { _ = s.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil) }, 1},
		{12, "INTERNAL_ERROR", resets(http2.ErrCodeInternal), 3},
		{12, "CANCEL", resets(http2.ErrCodeCancel), 3},
		{12, "the connection closes in mid-stream", func(s *stream) { s.answer("", true); _ = s.conn.Close() }, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, nil, tt.onEnd)
			c := s.client(t)
			got, err := c.Query(t.Context(), host)
			require.Error(t, err)
			assert.False(t, got.Available())
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

// TestStreamRefusedBeforeItsBody refuses each stream at its header. The client's
// own count decides between "not sent" and unknown. Each call has a service of
// its own: a body may arrive after its call has failed.
func TestStreamRefusedBeforeItsBody(t *testing.T) {
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

// TestKeptConnectionOfHTTP2IsDead is row 8.
func TestKeptConnectionOfHTTP2IsDead(t *testing.T) {
	s := newService(t, nil, func(s *stream) {
		if s.id == 1 { // the first one of a connection
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

// TestSilenceOfHTTP2 is row 9, and row 6: the context ends once the request has
// arrived.
func TestSilenceOfHTTP2(t *testing.T) {
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
