package cluster

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

const (
	// startWithin is how long a visitor may take to start a meeting.
	startWithin = 5 * time.Second

	// comeBackWithin is how long an account may be held after a crash: a pool leases
	// it for a minute before it schedules the meeting. The rest is for the requests
	// that follow.
	comeBackWithin = startWithin + time.Minute + 15*time.Second

	// longestMeeting is the longest time that a visitor stays in a meeting.
	longestMeeting = 300 * time.Millisecond

	// oneInSoManyNeverStarts is how many visitors there are for each one who gets a
	// start link and goes away.
	oneInSoManyNeverStarts = 50

	// callTimeout bounds a request of a visitor. A server that is killed leaves
	// its visitors without a response.
	callTimeout = time.Minute
)

// plan describes a run.
type plan struct {
	leases   []leases // of each of the web servers
	accounts int
	visitors int    // each of whom starts a meeting
	kills    int    // how many times a web server is killed
	halfway  func() // called once when half of the visitors have come, if not nil
}

// result is what came of a run.
type result struct {
	visitors     atomic.Int64 // who had a meeting
	abandoned    atomic.Int64 // start links that nobody opened
	noneFree     atomic.Int64 // starts for which no account was free, and that visitors repeated
	failed       atomic.Int64 // starts that failed, and that visitors repeated
	lostEnds     atomic.Int64 // callbacks that no server has accepted
	refused      atomic.Int64 // start links that the service refused
	endedByOther atomic.Int64 // meetings that another start has ended

	accounts int           // that could be used again in the end
	back     time.Duration // how long it took until they could
}

func (r *result) String() string {
	return fmt.Sprintf("%d visitors had a meeting, %d of them never started it; starts without a free account: %d, failed starts: %d, "+
		"lost callbacks: %d; start links refused: %d, meetings ended by another start: %d; %d accounts back after %v",
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
		{r.refused.Load() > 0, "every start link works"},
		{r.visitors.Load() != int64(p.visitors), "every visitor has a meeting"},
		{r.accounts != p.accounts, "every account comes back"},
		{p.kills > 0 && r.back > comeBackWithin, "accounts come back in time after a crash"}, // a slow database is not a crash
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

// newWorld starts everything but the visitors.
func newWorld(p plan) (*world, error) {
	w := &world{plan: p, hosts: make(map[string]iomeeting.Host)}
	w.browser.Timeout = callTimeout
	w.browser.Transport = &http.Transport{MaxIdleConnsPerHost: p.accounts}
	accounts := make(map[string]string)
	var hosts []iomeeting.Host
	for i := range p.accounts {
		email, password := fmt.Sprintf("host-%d@example.com", i+1), rand.Text()
		accounts[email] = password
		w.hosts[email] = iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)}
		hosts = append(hosts, w.hosts[email])
	}
	w.service = iomeetingtest.NewServer(hosts...)
	w.client = w.service.Client()
	w.front = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.balancer.ServeHTTP(rw, r)
	}))
	key := rand.Text() + rand.Text()
	var configs []webServerConfig
	for _, leases := range p.leases {
		configs = append(configs, webServerConfig{
			Site:        w.service.URL,
			Leases:      leases,
			EndURL:      "http://" + w.front.Listener.Addr().String() + "/meeting-ended",
			Key:         key,
			StartWithin: startWithin,
			Accounts:    accounts,
		})
	}
	var err error
	if w.balancer, err = newBalancer(configs); err != nil {
		w.service.Close()
		return nil, err
	}
	w.front.Start()
	return w, nil
}

func (w *world) close() {
	w.balancer.close()
	w.browser.CloseIdleConnections()
	w.front.Close()
	w.service.Close()
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
	s, err := w.start(ctx)
	if err != nil {
		return
	}
	w.visitors.Add(1)
	if n%oneInSoManyNeverStarts == oneInSoManyNeverStarts-1 {
		w.abandoned.Add(1)
		return
	}
	if !w.open(s) {
		return
	}
	time.Sleep(mrand.N(longestMeeting))
	if !w.goesOn(ctx, s) {
		return
	}
	if err := w.service.EndMeeting(s.MeetingID); err != nil {
		w.lostEnds.Add(1)
	}
}

// open opens a start link as the host's browser does. It reports whether the
// meeting has started.
func (w *world) open(s started) bool {
	page, err := w.browser.PostForm(s.Endpoint, s.Params)
	if err == nil {
		_, _ = io.Copy(io.Discard, page.Body)
		_ = page.Body.Close()
	}
	if err != nil || page.StatusCode != http.StatusOK {
		w.refused.Add(1)
		return false
	}
	return true
}

// goesOn asks the service whether the meeting is still in progress.
func (w *world) goesOn(ctx context.Context, s started) bool {
	state, err := w.client.Query(ctx, w.hosts[s.Host])
	if err == nil && state.MeetingID != s.MeetingID {
		w.endedByOther.Add(1)
		return false
	}
	return err == nil
}

// start asks the web servers for a meeting until there is one. Its error is that of
// ctx.
func (w *world) start(ctx context.Context) (started, error) {
	for {
		s, ok := w.tryStart(ctx)
		if ok {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return started{}, ctx.Err()
		case <-time.After(50*time.Millisecond + mrand.N(100*time.Millisecond)):
		}
	}
}

func (w *world) tryStart(ctx context.Context) (s started, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.front.URL+"/start", nil)
	if err != nil {
		panic(err) // the URL is valid
	}
	res, err := w.browser.Do(req)
	if err != nil {
		w.failed.Add(1)
		return started{}, false
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusServiceUnavailable:
		w.noneFree.Add(1)
	case res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&s) != nil:
		w.failed.Add(1)
	default:
		return s, true
	}
	return started{}, false
}

// fill starts a meeting on every account, waiting until each one is free, and
// counts those that come back.
func (w *world) fill(ctx context.Context) {
	begin := time.Now()
	waiting, cancel := context.WithTimeout(ctx, 4*comeBackWithin)
	defer cancel()
	var mu sync.Mutex
	var meetings []started
	back := make(map[string]bool) // by host
	var filling sync.WaitGroup
	for range w.plan.accounts {
		filling.Go(func() {
			s, err := w.start(waiting)
			for err == nil && !w.open(s) {
				s, err = w.start(waiting)
			}
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				meetings = append(meetings, s)
				back[s.Host] = true
			}
		})
	}
	filling.Wait()
	w.back = time.Since(begin)
	w.accounts = len(back)
	for _, s := range meetings {
		w.goesOn(ctx, s)
	}
}
