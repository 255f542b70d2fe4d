package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// asProgram makes this binary the program. Its servers inherit the variable.
const asProgram = "BACKEND_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const (
	frontEndOrigin = "https://app.example.com"
	password       = "canary of a host"
)

// partner is what the servers of a test share.
type partner struct {
	config
	service *iomeetingtest.Server
}

func newPartner(t *testing.T, accounts int) *partner {
	p := &partner{config: config{frontEnd: frontEndOrigin, endKey: iomeeting.NewSecret(strings.Repeat("k", 32)), db: database(t)}}
	p.hostsFile = filepath.Join(t.TempDir(), "hosts.json")
	p.writeHosts(t, accounts)
	hosts, err := readHosts(p.hostsFile)
	require.NoError(t, err)
	p.service = iomeetingtest.NewServer(hosts...)
	t.Cleanup(p.service.Close)
	p.site = p.service.URL
	return p
}

// writeHosts writes the first n accounts into the file of the servers.
func (p *partner) writeHosts(t *testing.T, n int) {
	var accounts []map[string]string
	for i := range n {
		accounts = append(accounts, map[string]string{"Email": fmt.Sprintf("room-%d@example.com", i+1), "Password": password})
	}
	content, err := json.Marshal(accounts)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.hostsFile, content, 0o600))
}

// database returns a new SQLite database, or a new schema of the PostgreSQL database
// that BACKEND_TEST_DB names.
func database(t *testing.T) string {
	dsn := os.Getenv("BACKEND_TEST_DB")
	if dsn == "" {
		return filepath.Join(t.TempDir(), "100% & more?.db")
	}
	schema := "t" + strings.ToLower(rand.Text())
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+schema)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = db.Exec("DROP SCHEMA " + schema + " CASCADE"); _ = db.Close() })
	return dsn + map[bool]string{true: "&", false: "?"}[strings.Contains(dsn, "?")] + "search_path=" + schema
}

// testServer is a server of the API.
type testServer struct {
	*server
	url string
}

func (p *partner) newServer(t *testing.T) testServer {
	web := httptest.NewUnstartedServer(nil)
	url := "http://" + web.Listener.Addr().String()
	c := p.config
	c.apiURL = cmp.Or(c.apiURL, url)
	s, err := newServer(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.bookings.Close() })
	web.Config.Handler = s.routes()
	web.Start()
	t.Cleanup(web.Close)
	return testServer{s, url}
}

// send sends a form as a browser does from a page of the origin, or without one.
func send(t *testing.T, method, address, origin string, fields url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(fields.Encode()))
	require.NoError(t, err)
	if origin != "" {
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if !assert.NoError(t, err) {
		return new(http.Response), ""
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	return res, string(content)
}

// post submits a form of the front end.
func (s testServer) post(t *testing.T, key, action string) (status int, page string) {
	t.Helper()
	res, page := send(t, "POST", s.url+"/bookings/"+key+"/"+action, frontEndOrigin, url.Values{"title": {"Title of " + key}, "name": {"Renée"}})
	assert.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	return res.StatusCode, page
}

// expire lets the lease of an account expire: time flies.
func (s testServer) expire(t *testing.T, host string) {
	_, err := s.bookings.ExecContext(t.Context(), `UPDATE iomeeting_leases SET expires = 0 WHERE host = $1`, host)
	require.NoError(t, err)
}

// states returns what the front end learns of the bookings.
func states(t *testing.T, apiURL string) map[string]string {
	t.Helper()
	_, body := send(t, "GET", apiURL+"/bookings", frontEndOrigin, nil)
	var bookings []map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &bookings), body)
	found := make(map[string]string)
	for _, b := range bookings {
		assert.Len(t, b, 3)
		assert.Equal(t, "Title of "+b["key"], b["title"])
		found[b["key"]] = b["state"]
	}
	return found
}

// schedules counts what reached the service.
func (p *partner) schedules() (n int) {
	for _, r := range p.service.Requests() {
		if r.Path == "/meetingControl/schedule" {
			n++
		}
	}
	return n
}

// whileScheduling calls f when the service has scheduled a meeting.
func (p *partner) whileScheduling(f func()) {
	p.service.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if r.URL.Path == "/meetingControl/schedule" {
				f()
			}
		})
	})
}

func TestOneMeetingForABooking(t *testing.T) {
	p := newPartner(t, 20)
	servers := []testServer{p.newServer(t), p.newServer(t)}
	p.service.FailNext(iomeetingtest.Pass(), iomeetingtest.Delay(time.Second)) // so that all the others wait
	var visitors sync.WaitGroup
	for i := range 20 {
		visitors.Go(func() {
			status, page := servers[i%2].post(t, "booking-7", "start")
			assert.Equal(t, 200, status)
			assert.NoError(t, p.service.Submit(strings.NewReader(page)))
		})
	}
	visitors.Wait()
	assert.Equal(t, 1, p.schedules())
	require.Len(t, p.service.Meetings(), 1)
	require.NoError(t, servers[0].check(t.Context()))
	assert.Equal(t, map[string]string{"booking-7": "in progress"}, states(t, servers[1].url))

	status, page := servers[1].post(t, "booking-7", "join")
	assert.Equal(t, 200, status)
	assert.NoError(t, p.service.Submit(strings.NewReader(page)))
	requests := p.service.Requests()
	assert.Equal(t, "Ren_C3_A9e", requests[len(requests)-1].PostForm.Get("userName"))
}

// TestEnds shows that a booking is closed and its account used again, whether or not
// the service reports the end.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name                          string
		isStarted, isExpired, endLost bool
	}{
		{name: "reported", isStarted: true},
		{name: "not reported", isStarted: true, endLost: true},
		{name: "not reported, of a long meeting", isStarted: true, isExpired: true, endLost: true},
		{name: "never started", isExpired: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPartner(t, 1)
			if tt.endLost {
				p.apiURL = "http://127.0.0.1:1"
			}
			s, other := p.newServer(t), p.newServer(t)
			_, page := s.post(t, "a", "start")
			if tt.isStarted {
				require.NoError(t, p.service.Submit(strings.NewReader(page)))
				require.NoError(t, other.check(t.Context()))
				assert.Equal(t, map[string]string{"a": "in progress"}, states(t, s.url))
			}
			if tt.isExpired {
				s.expire(t, "room-1@example.com")
				require.NoError(t, other.check(t.Context()))
			}
			if tt.isStarted {
				assert.Equal(t, map[string]string{"a": "in progress"}, states(t, s.url))
				err := p.service.EndMeeting("000001")
				assert.Equal(t, tt.endLost, err != nil, err)
			}
			if tt.endLost {
				require.NoError(t, s.check(t.Context()))
			}
			assert.Equal(t, map[string]string{"a": "over"}, states(t, s.url))
			for _, action := range []string{"start", "join"} {
				status, page := other.post(t, "a", action)
				assert.Equal(t, 410, status)
				assert.Contains(t, page, ">This meeting is over.<")
			}
			b, err := s.bookings.query(t.Context(), "")
			require.NoError(t, err)
			assert.True(t, b[0].Meeting.Password.IsZero())
			leases, err := s.pool.Leases(t.Context())
			require.NoError(t, err)
			assert.Empty(t, leases)
		})
	}
}

// TestUnknownOutcome shows that a booking can be started again, and that the end of
// the first attempt does not close it.
func TestUnknownOutcome(t *testing.T) {
	p := newPartner(t, 2)
	s := p.newServer(t)
	p.service.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop())
	status, page := s.post(t, "a", "start")
	assert.Equal(t, 503, status)
	assert.Contains(t, page, ">The meeting cannot be opened at the moment. Please try again.<")
	assert.Equal(t, map[string]string{"a": "booked"}, states(t, s.url))
	status, _ = s.post(t, "a", "join")
	assert.Equal(t, 503, status)
	claimed, err := s.bookings.claim(t.Context(), "a", "")
	require.NoError(t, err)
	require.True(t, claimed, "the next request need not wait")
	require.NoError(t, s.schedule(t.Context(), "a"))
	require.NoError(t, p.service.EndMeeting("000001"))
	assert.Equal(t, map[string]string{"a": "waiting"}, states(t, s.url))
	require.NoError(t, p.service.EndMeeting("000002"))
	assert.Equal(t, map[string]string{"a": "over"}, states(t, s.url))
}

// TestEndsBeforeItIsStored ends a meeting before Schedule has returned.
func TestEndsBeforeItIsStored(t *testing.T) {
	p := newPartner(t, 1)
	s := p.newServer(t)
	p.whileScheduling(func() { assert.NoError(t, p.service.EndMeeting("000001")) })
	status, _ := s.post(t, "a", "start")
	assert.Equal(t, 410, status)
	require.NoError(t, s.check(t.Context()))
	assert.Equal(t, map[string]string{"a": "over"}, states(t, s.url))
}

// TestCrash shows what happens to a booking whose server seems to have died in the
// middle of Schedule, but was only slow.
func TestCrash(t *testing.T) {
	p := newPartner(t, 2)
	s, slow := p.newServer(t), p.newServer(t)
	claimed, err := slow.bookings.claim(t.Context(), "a", "Title of a")
	require.NoError(t, err)
	require.True(t, claimed)
	_, err = s.bookings.ExecContext(t.Context(), `UPDATE bookings SET claimed_until = 0`) // time flies
	require.NoError(t, err)
	status, _ := s.post(t, "a", "start")
	assert.Equal(t, 200, status)
	require.NoError(t, slow.schedule(t.Context(), "a"))
	leases, err := s.pool.Leases(t.Context())
	require.NoError(t, err)
	assert.Len(t, leases, 1)
	_, page := slow.post(t, "a", "start")
	assert.Contains(t, page, `value="000001"`)
}

// TestVisitorLeaves closes the tab while the service schedules the meeting.
func TestVisitorLeaves(t *testing.T) {
	p := newPartner(t, 1)
	s := p.newServer(t)
	ctx, leave := context.WithCancel(t.Context())
	p.whileScheduling(leave)
	_, err := s.bookings.claim(ctx, "a", "Title of a")
	require.NoError(t, err)
	require.NoError(t, s.schedule(ctx, "a"))
	require.Error(t, ctx.Err())
	assert.Equal(t, map[string]string{"a": "waiting"}, states(t, s.url))
}

// TestServiceFails shows that a booking stays open while its meeting cannot be checked.
func TestServiceFails(t *testing.T) {
	p := newPartner(t, 1)
	s := p.newServer(t)
	_, _ = s.post(t, "a", "start")
	p.service.FailNext(iomeetingtest.RawAnswer("garbage"))
	assert.ErrorIs(t, s.check(t.Context()), iomeeting.ErrBadResponse)
	assert.Equal(t, map[string]string{"a": "waiting"}, states(t, s.url))
}

func TestOrigins(t *testing.T) {
	s := newPartner(t, 1).newServer(t)
	for _, tt := range []struct {
		method, path, origin string
		status               int
	}{
		{"GET", "/bookings", frontEndOrigin, 200},
		{"POST", "/bookings/a/start", "https://evil.example", 403},
		{"POST", "/bookings/a/start", "null", 403},
		{"POST", "/bookings/a/start", frontEndOrigin, 200},
		{"POST", "/bookings/" + strings.Repeat("a", 65) + "/start", frontEndOrigin, 410},
		// the service's POST arrives, but has no operator ID
		{"POST", "/meeting-ended", "", 400},
	} {
		res, _ := send(t, tt.method, s.url+tt.path, tt.origin, nil)
		assert.Equal(t, tt.status, res.StatusCode, "%s %s from %q", tt.method, tt.path, tt.origin)
	}
	res, _ := send(t, "GET", s.url+"/bookings", "https://evil.example", nil)
	assert.Equal(t, frontEndOrigin, res.Header.Get("Access-Control-Allow-Origin"), "so its script cannot read it")
}
