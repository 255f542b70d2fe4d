package hostpool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is an IOMeeting server that is called without a network, so that tests can
// use it in a synctest bubble. They create it before the bubble.
type service struct {
	*iomeetingtest.Server
	handler http.Handler
	hosts   []iomeeting.Host

	// intercept, if not nil, is called in place of serve for each call of a client. The
	// call is "query" or "schedule".
	intercept func(ctx context.Context, call, host string, serve func() (*http.Response, error)) (*http.Response, error)
}

// newService starts a server with n accounts, a00@example.com and so on.
func newService(t *testing.T, n int) *service {
	t.Helper()
	hosts := make([]iomeeting.Host, n)
	for i := range hosts {
		hosts[i] = iomeeting.Host{Email: email(i), Password: iomeeting.NewSecret(fmt.Sprint("canary-", i))}
	}
	return newServiceWith(t, hosts)
}

func newServiceWith(t *testing.T, hosts []iomeeting.Host) *service {
	t.Helper()
	s := &service{Server: iomeetingtest.NewServer(hosts...), hosts: hosts}
	t.Cleanup(s.Close)
	s.Wrap(func(next http.Handler) http.Handler {
		s.handler = next
		return next
	})
	return s
}

func email(i int) string { return fmt.Sprintf("a%02d@example.com", i) }

// RoundTrip calls the server's handler.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	serve := func() (res *http.Response, err error) {
		defer func() {
			if recover() != nil { // iomeetingtest.Drop
				err = errors.New("connection closed")
			}
		}()
		req := r.Clone(context.WithoutCancel(r.Context()))
		req.RequestURI, req.Body = r.URL.RequestURI(), io.NopCloser(bytes.NewReader(body))
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, req)
		return w.Result(), nil
	}
	if call, ok := strings.CutPrefix(r.URL.Path, "/meetingControl/"); ok && s.intercept != nil {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		return s.intercept(r.Context(), call, form.Get("hostEmail"), serve)
	}
	return serve()
}

// client returns a client that makes one attempt at each call.
func (s *service) client() *iomeeting.Client {
	return s.Client(iomeeting.WithRetries(0), iomeeting.WithHTTPClient(&http.Client{Transport: s}))
}

// pool returns a pool of all accounts on the store.
func (s *service) pool(t *testing.T, store hostpool.Store, opts ...hostpool.Option) *hostpool.Pool {
	t.Helper()
	return s.poolOf(t, store, s.hosts, opts...)
}

func (s *service) poolOf(t *testing.T, store hostpool.Store, hosts []iomeeting.Host, opts ...hostpool.Option) *hostpool.Pool {
	t.Helper()
	quiet := hostpool.WithLogger(slog.New(slog.DiscardHandler))
	pool, err := hostpool.New(s.client(), store, hosts, append([]hostpool.Option{quiet}, opts...)...)
	require.NoError(t, err)
	return pool
}

// open opens a link, as a browser does, and returns the HTTP status of the page.
func (s *service) open(t *testing.T, link iomeeting.Link) (status int) {
	t.Helper()
	res, err := (&http.Client{Transport: s}).PostForm(link.Endpoint(), link.Params())
	require.NoError(t, err)
	return res.StatusCode
}

// startOutside starts a meeting on the i-th account that no pool knows of.
func (s *service) startOutside(t *testing.T, i int) (meetingID string) {
	t.Helper()
	link, err := s.client().Start(s.hosts[i], nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, s.open(t, link))
	return s.inMeeting(email(i))
}

// inMeeting returns the ID of the meeting that a host is in.
func (s *service) inMeeting(host string) (meetingID string) {
	for _, m := range s.Meetings() {
		if m.Host == host && m.State == iomeetingtest.InProgress {
			return m.ID
		}
	}
	return ""
}

// calls returns the calls that the service got, such as "query a00@example.com".
func (s *service) calls() (calls []string) {
	for _, r := range s.Requests() {
		if call, ok := strings.CutPrefix(r.Path, "/meetingControl/"); ok {
			calls = append(calls, call+" "+r.PostForm.Get("hostEmail"))
		}
	}
	return calls
}

// count returns how many calls the service got that begin with call.
func (s *service) count(call string) int {
	return len(slices.DeleteFunc(s.calls(), func(got string) bool { return !strings.HasPrefix(got, call) }))
}

// operatorIDs returns the operator IDs that the service got.
func (s *service) operatorIDs() (ids []string) {
	for _, r := range s.Requests() {
		if r.Path == "/meetingControl/schedule" {
			ids = append(ids, r.PostForm.Get("operatorId"))
		}
	}
	return ids
}

// store is a store in memory that may fail.
type store struct {
	hostpool.Store
	before func(ctx context.Context, method string) error // if not nil, may fail instead of a method
}

func newStore() *store { return &store{Store: hostpool.NewMemoryStore()} }

func (s *store) fail(ctx context.Context, method string) error {
	if s.before == nil {
		return nil
	}
	return s.before(ctx, method)
}

func (s *store) Take(ctx context.Context, hosts []string, id string, d time.Duration) (string, error) {
	if err := s.fail(ctx, "Take"); err != nil {
		return "", err
	}
	return s.Store.Take(ctx, hosts, id, d)
}

func (s *store) Renew(ctx context.Context, host, id string, d time.Duration) error {
	if err := s.fail(ctx, "Renew"); err != nil {
		return err
	}
	return s.Store.Renew(ctx, host, id, d)
}

func (s *store) Release(ctx context.Context, host, id string) error {
	if err := s.fail(ctx, "Release"); err != nil {
		return err
	}
	return s.Store.Release(ctx, host, id)
}

func (s *store) ReleaseExpired(ctx context.Context, host, id string) error {
	if err := s.fail(ctx, "ReleaseExpired"); err != nil {
		return err
	}
	return s.Store.ReleaseExpired(ctx, host, id)
}

func (s *store) List(ctx context.Context) ([]hostpool.Lease, error) {
	if err := s.fail(ctx, "List"); err != nil {
		return nil, err
	}
	return s.Store.List(ctx)
}

// leases returns the leases of a store, by host.
func leases(t *testing.T, store hostpool.Store) map[string]hostpool.Lease {
	t.Helper()
	list, err := store.List(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	byHost := make(map[string]hostpool.Lease)
	for _, lease := range list {
		byHost[lease.Host] = lease
	}
	return byHost
}

// expire lets every lease expire.
func expire(t *testing.T, store hostpool.Store) {
	t.Helper()
	for host, lease := range leases(t, store) {
		require.NoError(t, store.Renew(t.Context(), host, lease.ID, time.Nanosecond))
	}
	time.Sleep(time.Microsecond)
}

// schedule is Schedule without options; start is Start without options.
func schedule(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) {
	return p.Schedule(ctx, nil)
}
func start(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) { return p.Start(ctx, nil) }

// methods are the two ways to get a meeting.
var methods = map[string]func(context.Context, *hostpool.Pool) (hostpool.Meeting, error){"Schedule": schedule, "Start": start}

func signer(t *testing.T) *iomeeting.EndSigner {
	t.Helper()
	s, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("canary", 6)))
	require.NoError(t, err)
	return s
}

// logTo returns an option for the log, and its text.
func logTo() (hostpool.Option, *bytes.Buffer) {
	text := new(bytes.Buffer)
	return hostpool.WithLogger(slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{Level: slog.LevelDebug}))), text
}

// assertFreeAfter checks in a bubble that the only account of a pool is free after d,
// and not before.
func assertFreeAfter(t *testing.T, pool *hostpool.Pool, d time.Duration) {
	t.Helper()
	time.Sleep(d - 1)
	_, err := pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err, "before %v", d)
	time.Sleep(1)
	_, err = pool.Schedule(t.Context(), nil)
	assert.NoError(t, err, "after %v", d)
}
