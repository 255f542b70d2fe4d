package iomeeting_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// storm is a service that carries out some of the calls, and then answers or fails
// at random.
type storm struct {
	mu       sync.Mutex
	arrivals map[string]int    // by operator ID
	made     map[string]string // meeting IDs by operator ID
	mixedUp  []string          // hosts that came with the password of another
}

func (s *storm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		return // the request was cut short
	}
	call := strings.TrimPrefix(r.PostForm.Get("hostEmail"), "host-")
	if r.PostForm.Get("hostPassword") != "password-"+call {
		s.mu.Lock()
		s.mixedUp = append(s.mixedUp, call)
		s.mu.Unlock()
	}
	if strings.HasSuffix(r.URL.Path, "query") {
		answerOrFail(w, r, "3,"+call+",password of "+call)
		return
	}
	carriedOut := rand.N(3) > 0
	s.mu.Lock()
	s.arrivals[call]++
	if carriedOut {
		s.made[call] = "m" + call
	}
	s.mu.Unlock()
	if carriedOut {
		answerOrFail(w, r, "0,m"+call)
	} else {
		fail(w, r, "")
	}
}

func answerOrFail(w http.ResponseWriter, r *http.Request, answer string) {
	if rand.N(2) == 0 {
		_, _ = io.WriteString(w, answer)
		return
	}
	fail(w, r, answer)
}

// fail fails in one of six ways.
func fail(w http.ResponseWriter, r *http.Request, answer string) {
	switch rand.N(6) {
	case 0:
		http.Error(w, "no", http.StatusBadGateway)
	case 1:
		http.Error(w, "no", http.StatusServiceUnavailable)
	case 2:
		panic(http.ErrAbortHandler)
	case 3:
		w.Header().Set("Content-Length", "4000")
		_, _ = io.WriteString(w, answer)
		panic(http.ErrAbortHandler)
	case 4:
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	case 5:
		<-r.Context().Done() // until the client disconnects
	}
}

// TestStorm makes thousands of concurrent calls against random faults, with contexts
// that end at random times.
func TestStorm(t *testing.T) {
	const goroutines, rounds = 64, 50
	service := &storm{arrivals: make(map[string]int), made: make(map[string]string)}
	s := httptest.NewServer(service)
	c := clientOf(t, s.URL, iomeeting.WithRetries(1))
	var mu sync.Mutex
	succeeded, unknown := make(map[string]string), make(map[string]bool)

	var callers sync.WaitGroup
	for g := range goroutines {
		callers.Go(func() {
			for round := range rounds {
				call := fmt.Sprintf("%d-%d", g, round)
				host := iomeeting.Host{Email: "host-" + call, Password: iomeeting.NewSecret("password-" + call)}
				ctx, cancel := context.WithTimeout(t.Context(), rand.N(60*time.Millisecond))
				if round%4 == 0 {
					got, err := c.Query(ctx, host)
					if err == nil {
						assert.Equal(t, call, got.MeetingID)
						assert.Equal(t, "password of "+call, got.MeetingPassword.Reveal())
					}
					cancel()
					continue
				}
				got, err := c.Schedule(ctx, host, &iomeeting.ScheduleOptions{
					EndURL: "https://partner.example/ended", OperatorID: call,
				})
				cancel()
				mu.Lock()
				if err == nil {
					succeeded[call] = got.MeetingID
				} else if errors.Is(err, iomeeting.ErrOutcomeUnknown) {
					unknown[call] = true
				}
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	s.Close() // no request arrives any more

	assert.Empty(t, service.mixedUp)
	for call, n := range service.arrivals {
		require.Equal(t, 1, n, "arrivals of %s", call)
		require.True(t, succeeded[call] != "" || unknown[call], "%s arrived, but its caller got neither a result nor ErrOutcomeUnknown", call)
	}
	for call, id := range succeeded {
		require.Equal(t, service.made[call], id)
	}
	for call := range service.made {
		require.True(t, succeeded[call] != "" || unknown[call], "%s was made, but its caller got neither a result nor ErrOutcomeUnknown", call)
	}
	// Both outcomes occurred.
	assert.NotEmpty(t, succeeded)
	assert.NotEmpty(t, unknown)
	t.Logf("%d calls, %d arrived, %d made, %d succeeded, %d unknown",
		goroutines*rounds*3/4, len(service.arrivals), len(service.made), len(succeeded), len(unknown))
}
