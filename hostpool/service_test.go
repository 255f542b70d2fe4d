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
	store   *store // of its pools
	log     bytes.Buffer

	// intercept, if not nil, gets each call of a client, "query" or "schedule". serve
	// carries it out.
	intercept func(ctx context.Context, call, host string, serve func() (*http.Response, error)) (*http.Response, error)
}

// newService starts a server with n accounts, a00@example.com and so on.
func newService(t *testing.T, n int) *service {
	t.Helper()
	var hosts []iomeeting.Host
	for i := range n {
		hosts = append(hosts, iomeeting.Host{Email: email(i), Password: iomeeting.NewSecret(fmt.Sprint("canary-", i))})
	}
	return newServiceWith(t, hosts)
}

func newServiceWith(t *testing.T, hosts []iomeeting.Host) *service {
	t.Helper()
	s := &service{Server: iomeetingtest.NewServer(hosts...), hosts: hosts, store: &store{Store: hostpool.NewMemoryStore()}}
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
	call, ok := strings.CutPrefix(r.URL.Path, "/meetingControl/")
	form, err := url.ParseQuery(string(body))
	if !ok || err != nil || s.intercept == nil {
		return serve()
	}
	return s.intercept(r.Context(), call, form.Get("hostEmail"), serve)
}

// answer returns a function that returns a response.
func answer(status int, body string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		w := httptest.NewRecorder()
		w.WriteHeader(status)
		_, _ = w.WriteString(body)
		return w.Result(), nil
	}
}

// client returns a client that makes one attempt at each call.
func (s *service) client() *iomeeting.Client {
	return s.Client(iomeeting.WithRetries(0), iomeeting.WithHTTPClient(&http.Client{Transport: s}))
}

// pool returns a pool of all accounts, which logs to s.log.
func (s *service) pool(t *testing.T, opts ...hostpool.Option) *hostpool.Pool {
	t.Helper()
	return s.poolOf(t, s.store, s.hosts, opts...)
}

func (s *service) poolOf(t *testing.T, store hostpool.Store, hosts []iomeeting.Host, opts ...hostpool.Option) *hostpool.Pool {
	t.Helper()
	log := hostpool.WithLogger(slog.New(slog.NewTextHandler(&s.log, nil)))
	pool, err := hostpool.New(s.client(), store, hosts, append(opts, log)...)
	require.NoError(t, err)
	return pool
}

// withEnd reports the ends of meetings to an address where nobody listens. Tests report
// them by post.
func withEnd(t *testing.T) hostpool.Option {
	t.Helper()
	return hostpool.WithEnd("http://127.0.0.1:1/ended", signer(t))
}

func signer(t *testing.T) *iomeeting.EndSigner {
	t.Helper()
	s, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("canary", 6)))
	require.NoError(t, err)
	return s
}

// post reports an end to a handler, as the service does, and returns the HTTP status.
func post(ctx context.Context, handler http.Handler, operatorID string) (status int) {
	body := strings.NewReader(url.Values{"operatorId": {operatorID}}.Encode())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}

// open opens a link, as a browser does, and returns the HTTP status of the page.
func (s *service) open(t *testing.T, link iomeeting.Link) (status int) {
	t.Helper()
	res, err := (&http.Client{Transport: s}).PostForm(link.Endpoint(), link.Params())
	require.NoError(t, err)
	return res.StatusCode
}

// startOutside starts a meeting that no pool knows of.
func (s *service) startOutside(t *testing.T, host iomeeting.Host) (meetingID string) {
	t.Helper()
	link, err := s.client().Start(host, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, s.open(t, link))
	return s.inMeeting(host.Email)
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
	for _, m := range s.Meetings() {
		ids = append(ids, m.OperatorID)
	}
	return ids
}

// leases returns the leases in the store, by host.
func (s *service) leases(t *testing.T) map[string]hostpool.Lease {
	t.Helper()
	list, err := s.store.Store.List(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	byHost := make(map[string]hostpool.Lease)
	for _, lease := range list {
		byHost[lease.Host] = lease
	}
	return byHost
}

// expire lets every lease expire.
func (s *service) expire(t *testing.T) {
	t.Helper()
	for host, lease := range s.leases(t) {
		require.NoError(t, s.store.Store.Renew(t.Context(), host, lease.ID, 1))
	}
	time.Sleep(time.Nanosecond)
}

// leaseAll leases all accounts, with leases that have expired.
func (s *service) leaseAll(t *testing.T) {
	t.Helper()
	for _, host := range s.hosts {
		_, err := s.store.Store.Take(t.Context(), []string{host.Email}, "old", 1)
		require.NoError(t, err)
	}
	time.Sleep(time.Nanosecond)
}

// store is a store that calls instead, if not nil, in place of its methods. It gets the
// method, such as "Take" or "Renew a00@example.com 1m0s"; execute calls it.
type store struct {
	hostpool.Store
	instead func(ctx context.Context, method string, execute func(context.Context) error) error
}

func (s *store) call(ctx context.Context, method string, execute func(context.Context) error) error {
	if s.instead == nil {
		return execute(ctx)
	}
	return s.instead(ctx, method, execute)
}

func (s *store) Take(ctx context.Context, hosts []string, id string, d time.Duration) (host string, err error) {
	err = s.call(ctx, "Take", func(ctx context.Context) (err error) { host, err = s.Store.Take(ctx, hosts, id, d); return err })
	return host, err
}

func (s *store) Renew(ctx context.Context, host, id string, d time.Duration) error {
	return s.call(ctx, fmt.Sprint("Renew ", host, " ", d), func(ctx context.Context) error { return s.Store.Renew(ctx, host, id, d) })
}

func (s *store) Release(ctx context.Context, host, id string) error {
	return s.call(ctx, "Release "+host, func(ctx context.Context) error { return s.Store.Release(ctx, host, id) })
}

func (s *store) ReleaseExpired(ctx context.Context, host, id string) error {
	return s.call(ctx, "ReleaseExpired "+host, func(ctx context.Context) error { return s.Store.ReleaseExpired(ctx, host, id) })
}

func (s *store) List(ctx context.Context) (leases []hostpool.Lease, err error) {
	err = s.call(ctx, "List", func(ctx context.Context) (err error) { leases, err = s.Store.List(ctx); return err })
	slices.SortFunc(leases, func(a, b hostpool.Lease) int { return strings.Compare(a.Host, b.Host) })
	return leases, err
}

func schedule(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) {
	return p.Schedule(ctx, nil)
}
func start(ctx context.Context, p *hostpool.Pool) (hostpool.Meeting, error) { return p.Start(ctx, nil) }

// methods are the two ways to get a meeting.
var methods = map[string]func(context.Context, *hostpool.Pool) (hostpool.Meeting, error){"Schedule": schedule, "Start": start}

func mustSchedule(t *testing.T, pool *hostpool.Pool) hostpool.Meeting {
	t.Helper()
	meeting, err := pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	return meeting
}

func assertNoneFree(t *testing.T, pool *hostpool.Pool) {
	t.Helper()
	_, err := pool.Schedule(t.Context(), nil)
	assert.Equal(t, hostpool.ErrNoneFree, err)
}

// assertFreeAfter checks in a bubble that the only account of a pool is free after d,
// and not before.
func assertFreeAfter(t *testing.T, pool *hostpool.Pool, d time.Duration) {
	t.Helper()
	time.Sleep(d - 1)
	assertNoneFree(t, pool)
	time.Sleep(time.Nanosecond)
	_, err := pool.Schedule(t.Context(), nil)
	assert.NoError(t, err, "after %v", d)
}
