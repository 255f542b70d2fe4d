package hostpool_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// site is an IOMeeting server with host accounts. Tests of time create it before
// they enter a synctest bubble: while a request is under way, the bubble's clock
// stands still, so that all requests take no time there.
type site struct {
	*iomeetingtest.Server
	hosts []iomeeting.Host
}

// newSite starts a server with n accounts, a00@example.com and so on.
func newSite(t *testing.T, n int) *site {
	t.Helper()
	hosts := accounts(n)
	s := &site{iomeetingtest.NewServer(hosts...), hosts}
	t.Cleanup(s.Close)
	return s
}

func accounts(n int) []iomeeting.Host {
	hosts := make([]iomeeting.Host, n)
	for i := range hosts {
		hosts[i] = iomeeting.Host{Email: email(i), Password: iomeeting.NewSecret(fmt.Sprint("canary-", i))}
	}
	return hosts
}

func email(i int) string { return fmt.Sprintf("a%02d@example.com", i) }

// pool returns a pool of all accounts.
func (s *site) pool(t *testing.T, opts ...hostpool.Option) *hostpool.Pool {
	t.Helper()
	return s.poolOver(t, nil, opts...)
}

// poolOver returns a pool whose client uses the transport.
func (s *site) poolOver(t *testing.T, transport http.RoundTripper, opts ...hostpool.Option) *hostpool.Pool {
	t.Helper()
	return newPool(t, s.client(transport), s.hosts, opts...)
}

func newPool(t *testing.T, client *iomeeting.Client, hosts []iomeeting.Host, opts ...hostpool.Option) *hostpool.Pool {
	t.Helper()
	pool, err := hostpool.New(client, hosts, append([]hostpool.Option{hostpool.WithLogger(discard)}, opts...)...)
	require.NoError(t, err)
	return pool
}

var discard = slog.New(slog.DiscardHandler)

// client returns a client that makes one attempt at each call and keeps no
// connection: the clock of a bubble would stand still as long as one is open.
func (s *site) client(transport http.RoundTripper) *iomeeting.Client {
	return s.Client(iomeeting.WithRetries(0), iomeeting.WithMaxIdleConns(0),
		iomeeting.WithHTTPClient(&http.Client{Transport: transport}))
}

// calls returns which calls have arrived, such as "query a00@example.com".
func (s *site) calls() (calls []string) {
	for _, r := range s.Requests() {
		if call, ok := strings.CutPrefix(r.Path, "/meetingControl/"); ok {
			calls = append(calls, call+" "+r.PostForm.Get("hostEmail"))
		}
	}
	return calls
}

// kinds returns the kinds of the calls that have arrived.
func (s *site) kinds() (kinds []string) {
	for _, call := range s.calls() {
		kinds = append(kinds, strings.Fields(call)[0])
	}
	return kinds
}

// count returns how many calls of a kind have arrived.
func (s *site) count(call string) (n int) {
	for _, kind := range s.kinds() {
		if kind == call {
			n++
		}
	}
	return n
}

// operatorIDs returns the operator IDs of the meetings that were scheduled.
func (s *site) operatorIDs() (ids []string) {
	for _, r := range s.Requests() {
		if r.Path == "/meetingControl/schedule" {
			ids = append(ids, r.PostForm.Get("operatorId"))
		}
	}
	return ids
}

// open opens a link as a browser submitting a form does.
func open(t *testing.T, link iomeeting.Link) {
	t.Helper()
	res, err := single.PostForm(link.Endpoint(), link.Params())
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
}

// single keeps no connection.
var single = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// meeting returns the ID of the meeting that the host is in, or "".
func (s *site) meeting(t *testing.T, host iomeeting.Host) string {
	t.Helper()
	state, err := s.client(nil).Query(t.Context(), host)
	require.NoError(t, err)
	return state.MeetingID
}

// start starts a meeting of the i-th account that no pool knows of.
func (s *site) start(t *testing.T, i int) (meetingID string) {
	t.Helper()
	link, err := s.client(nil).Start(s.hosts[i], nil)
	require.NoError(t, err)
	open(t, link)
	return s.meeting(t, s.hosts[i])
}

// signer returns an EndSigner. All of them have the same key.
func signer(t *testing.T) *iomeeting.EndSigner {
	t.Helper()
	s, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat("canary", 6)))
	require.NoError(t, err)
	return s
}

// ends is a server with the EndHandler of a pool, and records the operator IDs
// that its onEnd gets.
type ends struct {
	URL string
	ids chan string
}

func newEnds(t *testing.T, pool *hostpool.Pool) *ends {
	t.Helper()
	e := &ends{ids: make(chan string, 1000)}
	server := httptest.NewServer(pool.EndHandler(e.onEnd))
	t.Cleanup(server.Close)
	e.URL = server.URL
	return e
}

func (e *ends) onEnd(_ context.Context, operatorID string) error {
	e.ids <- operatorID
	return nil
}

// notified returns the operator IDs that onEnd has received since the last call of
// notified.
func (e *ends) notified() (ids []string) {
	for len(e.ids) > 0 {
		ids = append(ids, <-e.ids)
	}
	return ids
}

// post sends an operator ID to a handler as the service does, and returns the
// HTTP status of the response.
func post(handler http.Handler, operatorID string) int {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(url.Values{"operatorId": {operatorID}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}

// leases returns the leases of the pool's store, by email address.
func leases(t *testing.T, pool *hostpool.Pool) map[string]hostpool.Lease {
	t.Helper()
	all, err := pool.Leases(t.Context())
	require.NoError(t, err)
	byHost := make(map[string]hostpool.Lease)
	for _, lease := range all {
		byHost[lease.Host] = lease
	}
	require.Len(t, byHost, len(all))
	return byHost
}

// held returns the accounts that have leases, sorted.
func held(t *testing.T, pool *hostpool.Pool) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(leases(t, pool)))
}

// assertFreeAfter checks in a bubble that the pool's only account, which is not
// in a meeting, can be leased after d and not earlier.
func assertFreeAfter(t *testing.T, pool *hostpool.Pool, d time.Duration) {
	t.Helper()
	time.Sleep(d - 1)
	_, err := pool.Start(t.Context(), nil)
	assert.ErrorIs(t, err, hostpool.ErrNoneFree, "before %v", d)
	time.Sleep(time.Nanosecond)
	_, err = pool.Start(t.Context(), nil)
	assert.NoError(t, err, "after %v", d)
}

// roundTrip is a RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// around returns a transport that sends a request to the network once before has
// returned, and calls after when the response is there. Both may be nil.
func around(before, after func(r *http.Request) error) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if before != nil {
			if err := before(r); err != nil {
				return nil, err
			}
		}
		res, err := single.Transport.RoundTrip(r)
		if err == nil && after != nil {
			if err := after(r); err != nil {
				_ = res.Body.Close()
				return nil, err
			}
		}
		return res, err
	})
}

func isSchedule(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/schedule") }

// logTo returns a logger and the text of its records, without the time, with "ID"
// for the ID of a lease, and with the first part of an error.
func logTo() (*slog.Logger, *bytes.Buffer) {
	text := new(bytes.Buffer)
	return slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch {
			case a.Key == slog.TimeKey:
				return slog.Attr{}
			case a.Key == "lease" && len(a.Value.String()) == 26:
				return slog.String("lease", "ID")
			case a.Key == "error":
				text, _, _ := strings.Cut(a.Value.String(), ";")
				return slog.String("error", text)
			default:
				return a
			}
		},
	})), text
}
