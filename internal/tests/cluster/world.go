package main

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
	// takeFor is how long a pool holds an account before its meeting is scheduled.
	takeFor = time.Minute

	// longestMeeting is the longest time that a visitor stays in a meeting.
	longestMeeting = 300 * time.Millisecond

	// oneInSoManyNeverStarts is how many visitors there are for each one who gets a
	// start link and goes away.
	oneInSoManyNeverStarts = 50

	// callTimeout bounds a request of a visitor. A server that is killed leaves
	// its visitors without a response.
	callTimeout = time.Minute
)

// world is the IOMeeting service, the web servers and their visitors.
type world struct {
	plan     plan
	service  *iomeetingtest.Server
	client   *iomeeting.Client // asks the service what it knows
	hosts    map[string]iomeeting.Host
	balancer *balancer
	front    *httptest.Server // the address of the web servers
	visitors http.Client

	done       atomic.Int64 // visitors who have left
	inProgress atomic.Int64
	ended      atomic.Int64 // by their hosts
	abandoned  atomic.Int64 // start links that nobody opened
	noneFree   atomic.Int64 // visitors who had to wait
	failures   atomic.Int64 // starts that failed, and that visitors repeated
	lostEnds   atomic.Int64 // callbacks that no server has accepted
	refused    atomic.Int64 // start links that the service refused
	endedOther atomic.Int64 // meetings that another start has ended

	back    time.Duration // how long it took until all accounts were free
	missing int           // accounts that did not become free
}

// newWorld starts everything but the visitors.
func newWorld(p plan) (*world, error) {
	w := &world{plan: p, hosts: make(map[string]iomeeting.Host)}
	w.visitors.Timeout = callTimeout
	w.visitors.Transport = &http.Transport{MaxIdleConnsPerHost: p.accounts}
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
		w.balancer.proxy.ServeHTTP(rw, r)
	}))
	key := rand.Text() + rand.Text()
	configs := make([]childConfig, p.servers)
	for i := range configs {
		configs[i] = childConfig{
			Site:        w.service.URL,
			Leases:      p.leases[min(i, len(p.leases)-1)],
			EndURL:      "http://" + w.front.Listener.Addr().String() + "/meeting-ended",
			Key:         key,
			StartWithin: p.startWithin,
			Accounts:    accounts,
		}
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
	w.visitors.CloseIdleConnections()
	w.front.Close()
	w.service.Close()
}

// run sends all visitors, kills servers during the run, and then waits until all
// accounts are free.
func (w *world) run(ctx context.Context) error {
	// With fewer visitors than accounts, they rarely have to wait.
	atOnce := max(1, w.plan.accounts*9/10)
	next := make(chan int)
	var working sync.WaitGroup
	for range atOnce {
		working.Go(func() {
			for n := range next {
				w.visit(ctx, n)
			}
		})
	}
	var killing sync.WaitGroup
	var failed error
	every := w.plan.visitors / (w.plan.kills + 1)
	for n := range w.plan.visitors {
		select {
		case next <- n:
		case <-ctx.Done():
		}
		if every > 0 && n > 0 && n%every == 0 && n/every <= w.plan.kills {
			killing.Wait() // one at a time
			killing.Go(func() { failed = errors.Join(failed, w.balancer.crash()) })
		}
	}
	close(next)
	working.Wait()
	killing.Wait()
	if err := errors.Join(failed, context.Cause(ctx)); err != nil {
		return err
	}
	w.fill(ctx)
	return context.Cause(ctx)
}

// visit is a visitor who starts a meeting, stays for a while, and ends it.
func (w *world) visit(ctx context.Context, n int) {
	defer w.done.Add(1)
	s, err := w.start(ctx)
	if err != nil {
		return // the run was interrupted
	}
	if n%oneInSoManyNeverStarts == oneInSoManyNeverStarts-1 {
		w.abandoned.Add(1)
		return
	}
	if !w.open(s) {
		return
	}
	defer w.inProgress.Add(-1)
	time.Sleep(mrand.N(longestMeeting))
	if !w.goesOn(ctx, s) {
		return
	}
	w.ended.Add(1)
	if err := w.service.EndMeeting(s.meetingID()); err != nil {
		w.lostEnds.Add(1)
	}
}

// open opens a start link as the host's browser does. It reports whether the
// meeting has started.
func (w *world) open(s started) bool {
	page, err := w.visitors.PostForm(s.Endpoint, s.Params)
	if err != nil || w.drain(page) != http.StatusOK {
		w.refused.Add(1)
		return false
	}
	w.inProgress.Add(1)
	return true
}

// goesOn asks the service whether the meeting is still in progress.
func (w *world) goesOn(ctx context.Context, s started) bool {
	state, err := w.client.Query(ctx, w.hosts[s.Host])
	if err == nil && state.MeetingID != s.meetingID() {
		w.endedOther.Add(1)
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
	res, err := w.visitors.Do(req)
	if err != nil {
		w.failures.Add(1)
		return started{}, false
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusServiceUnavailable:
		w.noneFree.Add(1)
	case res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&s) != nil:
		w.failures.Add(1)
	default:
		return s, true
	}
	return started{}, false
}

// fill starts a meeting on every account, waiting until each one is free, and
// counts those that do not come back.
func (w *world) fill(ctx context.Context) {
	begin := time.Now()
	waiting, cancel := context.WithTimeout(ctx, 4*w.limit())
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
	w.missing = w.plan.accounts - len(back)
	for _, s := range meetings {
		w.goesOn(ctx, s)
	}
}

// limit is how long an account may be held after a crash, and a little more for the
// requests that follow.
func (w *world) limit() time.Duration { return w.plan.startWithin + takeFor + 15*time.Second }

// leased returns how many accounts are leased, or false if no server responds.
func (w *world) leased() (n int, ok bool) {
	res, err := w.visitors.Get(w.front.URL + "/leased")
	if err != nil {
		return 0, false
	}
	defer res.Body.Close()
	err = json.NewDecoder(res.Body).Decode(&n)
	return n, err == nil && res.StatusCode == http.StatusOK
}

func (w *world) drain(res *http.Response) (status int) {
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}
