package iomeeting_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
)

// storm is a service that treats the first request of each call in the way that the
// call's number says, and answers the others.
type storm struct {
	t        *testing.T
	cancels  sync.Map // functions that cancel the contexts of calls, by call
	mu       sync.Mutex
	arrivals map[string]int // by call
}

const (
	wayAnswer = iota
	wayBadGateway
	wayCut
	wayReset
	wayCancel
	wayCanceledBefore
	wayCanceledAnytime
	ways
)

func (s *storm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		return // the request was cut short
	}
	call := strings.TrimPrefix(r.PostForm.Get("hostEmail"), "host-")
	assert.Equal(s.t, "password-"+call, r.PostForm.Get("hostPassword"))
	answer := "3," + call + ",password of " + call
	if strings.HasSuffix(r.URL.Path, "schedule") {
		assert.Equal(s.t, call, r.PostForm.Get("operatorId"))
		answer = "0," + call
	}
	s.mu.Lock()
	s.arrivals[call]++
	way := wayAnswer
	if s.arrivals[call] == 1 {
		way = wayOf(call)
	}
	s.mu.Unlock()
	switch way {
	case wayBadGateway:
		http.Error(w, "no", http.StatusBadGateway)
	case wayCut:
		w.Header().Set("Content-Length", "4000")
		_, _ = io.WriteString(w, answer)
		panic(http.ErrAbortHandler)
	case wayReset:
		conn, _, err := http.NewResponseController(w).Hijack()
		assert.NoError(s.t, err)
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	case wayCancel:
		cancel, _ := s.cancels.Load(call)
		cancel.(context.CancelFunc)()
		<-r.Context().Done() // the client disconnects
	default:
		_, _ = io.WriteString(w, answer)
	}
}

func wayOf(call string) (way int) {
	_, _ = fmt.Sscanf(call, "%d", &way)
	return way % ways
}

// TestStorm makes many concurrent calls that fail in each way.
func TestStorm(t *testing.T) {
	service := &storm{t: t, arrivals: make(map[string]int)}
	s := httptest.NewServer(service)
	c := clientOf(t, s.URL, iomeeting.WithRetries(1), iomeeting.WithTimeout(0))
	var errs sync.Map // of Schedule, by call
	var callers sync.WaitGroup
	for g := range 64 {
		callers.Go(func() {
			for round := range 3 * ways {
				call := fmt.Sprintf("%d-%d", round, g)
				host := iomeeting.Host{Email: "host-" + call, Password: iomeeting.NewSecret("password-" + call)}
				ctx, cancel := context.WithCancel(t.Context())
				service.cancels.Store(call, cancel)
				switch wayOf(call) {
				case wayCanceledBefore:
					cancel()
				case wayCanceledAnytime:
					callers.Go(cancel)
				}
				if round < ways {
					got, err := c.Query(ctx, host)
					if err == nil {
						assert.Equal(t, iomeeting.QueryResult{InMeeting: true, MeetingID: call, MeetingPassword: iomeeting.NewSecret("password of " + call)}, got)
					} else {
						assert.True(t, wayOf(call) >= wayCancel && errors.Is(err, context.Canceled), "%s: %v", call, err)
					}
				} else {
					got, err := c.Schedule(ctx, host, &iomeeting.ScheduleOptions{EndURL: "https://partner.example/ended", OperatorID: call})
					assert.Equal(t, err == nil, got.MeetingID == call, got)
					errs.Store(call, err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	s.Close() // no request arrives any more

	errs.Range(func(key, value any) bool {
		call, arrivals := key.(string), service.arrivals[key.(string)]
		err, _ := value.(error)
		unknown, canceled, right := errors.Is(err, iomeeting.ErrOutcomeUnknown), errors.Is(err, context.Canceled), false
		switch wayOf(call) {
		case wayAnswer:
			right = arrivals == 1 && err == nil
		case wayCanceledBefore:
			right = arrivals == 0 && canceled && !unknown
		case wayCanceledAnytime:
			right = arrivals == 0 && canceled || arrivals == 1 && (err == nil || canceled && unknown)
		default:
			right = arrivals == 1 && unknown && canceled == (wayOf(call) == wayCancel)
		}
		assert.True(t, right, "%s: %d arrivals, %v", call, arrivals, err)
		return true
	})
}
