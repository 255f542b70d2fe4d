package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

const (
	// startWithin is how long a visitor may take to start a meeting. It is also how late
	// the service may carry out a Schedule, since it is less than three minutes.
	startWithin = 5 * time.Second

	// comeBackWithin is how long an account may be held after a crash: the time to start,
	// and the 30 s by which a lease outlasts it. The rest is for the requests that follow.
	comeBackWithin = startWithin + 30*time.Second + 15*time.Second

	// longest is the longest time that a visitor takes to start, and stays in a meeting.
	longest = 300 * time.Millisecond

	// everySoMany is how many visitors there are for each one who has a meeting and goes
	// away.
	everySoMany = 50

	// callTimeout bounds a request of a visitor. A server that is killed leaves
	// its visitors without a response.
	callTimeout = time.Minute
)

// plan describes a run. What is nil or zero does not happen.
type plan struct {
	leases   []leases // of each of the web servers
	accounts int
	visitors int // each of whom has a meeting

	startWithin time.Duration                        // instead of startWithin; every visitor starts then, for the run to end soon
	longest     time.Duration                        // instead of longest
	kills       int                                  // how many times a web server is killed
	halfway     func()                               // called once when half of the visitors have come
	service     func(next http.Handler) http.Handler // in front of the service
	network     *servers.Proxy                       // between the web servers and the service
}

// result is what came of a run.
type result struct {
	visitors     atomic.Int64 // who had a meeting
	abandoned    atomic.Int64 // meetings that nobody started
	noneFree     atomic.Int64 // requests for which no account was free, and that visitors repeated
	failed       atomic.Int64 // requests that failed, and that visitors repeated
	lostEnds     atomic.Int64 // callbacks that no server has accepted
	refused      atomic.Int64 // meetings that could not be started
	endedByOther atomic.Int64 // meetings that another start has ended

	accounts int           // that could be used again in the end
	back     time.Duration // how long it took until they could
}

func (r *result) String() string {
	return fmt.Sprintf("%d visitors had a meeting, %d of them never started it; requests without a free account: %d, failed requests: %d, "+
		"lost callbacks: %d; starts refused: %d, meetings ended by another start: %d; %d accounts back after %v",
		r.visitors.Load(), r.abandoned.Load(), r.noneFree.Load(), r.failed.Load(),
		r.lostEnds.Load(), r.refused.Load(), r.endedByOther.Load(), r.accounts, r.back)
}

// broken returns the promises that were broken.
func (r *result) broken(p plan) (promises []string) {
	for _, c := range []struct {
		broken  bool
		promise string
	}{
		{r.endedByOther.Load() > 0, "no meeting is ended by another start"},
		{r.refused.Load() > 0, "every meeting can be started"},
		{r.visitors.Load() != int64(p.visitors), "every visitor has a meeting"},
		{r.accounts != p.accounts, "every account comes back"},
	} {
		if c.broken {
			promises = append(promises, c.promise)
		}
	}
	return promises
}

// world is the IOMeeting service, the web servers and their visitors.
type world struct {
	plan     plan
	service  *iomeetingtest.Server
	client   *iomeeting.Client // asks the service what it knows
	hosts    map[string]iomeeting.Host
	balancer *balancer
	front    *httptest.Server // the address of the web servers
	browser  http.Client
	result
}

// newWorld starts everything but the visitors, for a test.
func newWorld(t *testing.T, p plan) *world {
	t.Helper()
	w := &world{plan: p, hosts: make(map[string]iomeeting.Host)}
	w.browser.Timeout = callTimeout
	w.browser.Transport = &http.Transport{MaxIdleConnsPerHost: p.accounts}
	t.Cleanup(w.browser.CloseIdleConnections)
	accounts := make(map[string]string)
	var hosts []iomeeting.Host
	for i := range p.accounts {
		email, password := fmt.Sprintf("host-%d@example.com", i+1), rand.Text()
		accounts[email] = password
		w.hosts[email] = iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)}
		hosts = append(hosts, w.hosts[email])
	}
	w.service = iomeetingtest.NewServer(hosts...)
	t.Cleanup(w.service.Close)
	w.client = w.service.Client()
	site := w.service.URL
	if p.service != nil {
		w.service.Wrap(p.service)
	}
	if p.network != nil {
		p.network.Start(t, strings.TrimPrefix(site, "http://"))
		site = p.network.Through(site)
	}
	w.front = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.balancer.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.front.Close)
	key := rand.Text() + rand.Text()
	var configs []webServerConfig
	for _, leases := range p.leases {
		configs = append(configs, webServerConfig{
			Site:        site,
			Leases:      leases,
			EndURL:      "http://" + w.front.Listener.Addr().String() + "/meeting-ended",
			Key:         key,
			StartWithin: cmp.Or(p.startWithin, startWithin),
			Accounts:    accounts,
		})
	}
	var err error
	w.balancer, err = newBalancer(configs)
	require.NoError(t, err)
	t.Cleanup(w.balancer.close)
	w.front.Start()
	return w
}

// run sends all visitors, breaks what the plan says, and then waits until all
// accounts are free.
func (w *world) run(ctx context.Context) error {
	// With fewer concurrent visitors than accounts, they rarely have to wait.
	next := make(chan int)
	var visiting sync.WaitGroup
	for range w.plan.accounts * 9 / 10 {
		visiting.Go(func() {
			for n := range next {
				w.visit(ctx, n)
			}
		})
	}
	var breaking sync.WaitGroup
	var failed error
	every := w.plan.visitors / (w.plan.kills + 1)
	for n := range w.plan.visitors {
		next <- n
		if n > 0 && n%every == 0 && n/every <= w.plan.kills {
			breaking.Wait() // one at a time
			breaking.Go(func() { failed = errors.Join(failed, w.balancer.crash()) })
		}
		if n == w.plan.visitors/2 && w.plan.halfway != nil {
			breaking.Go(w.plan.halfway)
		}
	}
	close(next)
	visiting.Wait()
	breaking.Wait()
	w.fill(ctx)
	return errors.Join(failed, context.Cause(ctx))
}

// visit is a visitor who starts a meeting, stays for a while, and ends it.
func (w *world) visit(ctx context.Context, n int) {
	m, err := w.book(ctx)
	if err != nil {
		return
	}
	w.visitors.Add(1)
	if n%everySoMany == everySoMany-1 && w.plan.startWithin == 0 {
		w.abandoned.Add(1)
		return
	}
	longest := cmp.Or(w.plan.longest, longest)
	time.Sleep(mrand.N(longest))
	if !w.start(ctx, m) {
		return
	}
	time.Sleep(mrand.N(longest))
	if !w.goesOn(ctx, m) {
		return
	}
	if err := w.service.EndMeeting(m.ID); err != nil {
		w.lostEnds.Add(1)
	}
}

// book asks the web servers for a meeting. Its error is that of ctx.
func (w *world) book(ctx context.Context) (m meeting, err error) {
	lost := true
	for lost && err == nil { // Schedule took longer than startWithin
		lost, err = w.post(ctx, "/book", nil, &m)
	}
	return m, err
}

// start opens the start link of a meeting, as the host's browser does. It reports
// whether the meeting has started.
func (w *world) start(ctx context.Context, m meeting) bool {
	var f form
	lost, err := w.post(ctx, "/start", url.Values{"host": {m.Host}, "id": {m.ID}, "lease": {m.Lease}}, &f)
	if err != nil {
		return false
	}
	if !lost {
		page, err := w.browser.PostForm(f.Endpoint, f.Params)
		if err == nil {
			_, _ = io.Copy(io.Discard, page.Body)
			_ = page.Body.Close()
		}
		lost = err != nil || page.StatusCode != http.StatusOK
	}
	if lost {
		w.refused.Add(1)
	}
	return !lost
}

// goesOn asks the service whether the meeting is still in progress.
func (w *world) goesOn(ctx context.Context, m meeting) bool {
	state, err := w.client.Query(ctx, w.hosts[m.Host])
	if err == nil && state.MeetingID != m.ID {
		w.endedByOther.Add(1)
		return false
	}
	return err == nil
}

// post sends a request to the web servers until one responds to it. It reports whether
// the account is no longer the meeting's. Its error is that of ctx.
func (w *world) post(ctx context.Context, path string, form url.Values, response any) (lost bool, err error) {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.front.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			return false, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := w.browser.Do(req)
		status := 0
		if err == nil {
			status = res.StatusCode
			if status == http.StatusOK {
				err = json.NewDecoder(res.Body).Decode(response)
			}
			_ = res.Body.Close()
		}
		wait := 50 * time.Millisecond
		switch {
		case err == nil && status == http.StatusOK:
			return false, nil
		case status == http.StatusGone:
			return true, nil
		case status == http.StatusServiceUnavailable:
			w.noneFree.Add(1)
			wait *= 10
		default:
			w.failed.Add(1)
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(wait + mrand.N(wait)):
		}
	}
}

// fill starts a meeting on every account, waiting until each one is free, and
// counts those that come back.
func (w *world) fill(ctx context.Context) {
	begin := time.Now()
	waiting, cancel := context.WithTimeout(ctx, 4*comeBackWithin)
	defer cancel()
	var mu sync.Mutex
	var meetings []meeting
	back := make(map[string]bool) // by host
	var filling sync.WaitGroup
	for range w.plan.accounts {
		filling.Go(func() {
			m, err := w.book(waiting)
			for err == nil && !w.start(waiting, m) {
				m, err = w.book(waiting)
			}
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				meetings = append(meetings, m)
				back[m.Host] = true
			}
		})
	}
	filling.Wait()
	w.back = time.Since(begin)
	w.accounts = len(back)
	for _, m := range meetings {
		w.goesOn(ctx, m)
	}
}
