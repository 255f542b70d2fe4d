package hostpool

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// A search offers minWindow accounts to the store, then twice as many each
	// time, up to maxWindow. One window is enough while a tenth of the accounts is
	// free. If fewer are, it begins with at least twice as many accounts as recent
	// searches looked at until they found a free one.
	minWindow = 32
	maxWindow = 1024

	// maxChecks limits how many expired leases one search checks.
	maxChecks = 16
)

// search looks for an account that can be leased, for one call. It offers every
// account to the store, in windows and in an order of its own, so that searches
// seldom meet. An account that turns out to be unusable is not offered again.
type search struct {
	pool   *Pool
	index  int        // of the account that comes next
	step   int        // from each account to the next; shares no divisor with their number
	left   int        // accounts that were in no window yet
	looked int        // accounts that were in windows without a free one
	size   int        // of the next window
	window []string   // email addresses to offer
	again  [][]string // windows to offer again, after an expired lease turned out to be in use
	checks int        // of expired leases
	failed error      // why the service refused an account
}

func newSearch(p *Pool) *search {
	n := len(p.hosts)
	step := 1 + rand.IntN(n)
	for gcd(step, n) != 1 {
		step = 1 + rand.IntN(n)
	}
	return &search{pool: p, index: rand.IntN(n), step: step, left: n, size: p.firstWindow()}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// next leases an account. The lease lasts until taken plus takeFor, or longer. If
// there is no account left, next returns ErrNoneFree.
func (s *search) next(ctx context.Context) (lease Lease, taken time.Time, err error) {
	for s.fill() {
		taken = time.Now() // before the store's clock starts to count
		id := newLeaseID()
		lease, err = s.take(ctx, id)
		switch {
		case errors.Is(err, ErrNoneFree):
			s.looked += len(s.window)
			s.window = nil
			continue
		case err != nil:
			return Lease{}, time.Time{}, err
		case lease.ID == id:
			s.pool.lookedAt(s.looked + slices.Index(s.window, lease.Host) + 1)
			s.drop(lease.Host)
			s.pool.log(ctx, slog.LevelDebug, "lease taken", lease)
			return lease, taken, nil
		case s.checks < maxChecks:
			s.checks++
			err = s.check(ctx, lease, taken)
		default:
			err = s.skip(ctx, lease)
		}
		if err != nil && !errors.Is(err, ErrLeaseLost) { // lost, if the service notified another server
			return Lease{}, time.Time{}, err
		}
	}
	if s.failed != nil {
		return Lease{}, time.Time{}, &secondError{ErrNoneFree, s.failed}
	}
	return Lease{}, time.Time{}, ErrNoneFree
}

// fill makes sure that there are accounts in the window. It reports false if none
// are left.
func (s *search) fill() bool {
	for len(s.window) == 0 {
		switch {
		case s.left > 0:
			s.window = s.draw()
		case len(s.again) > 0 && s.checks < maxChecks:
			s.window, s.again = s.again[0], s.again[1:]
		default:
			return false
		}
	}
	return true
}

// draw returns the next window, without accounts that are left out.
func (s *search) draw() []string {
	hosts := s.pool.hosts
	size := min(s.size, s.left)
	window := make([]string, 0, size)
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	for range size {
		email := hosts[s.index].Email
		if err := s.pool.reasonLeftOut(email); err != nil {
			s.failed = err
		} else {
			window = append(window, email)
		}
		s.index = (s.index + s.step) % len(hosts)
		s.left--
	}
	s.size = min(2*s.size, maxWindow)
	return window
}

// drop removes an account from the window.
func (s *search) drop(email string) {
	s.window = slices.DeleteFunc(s.window, func(other string) bool { return other == email })
}

// take leases an account of the window to id, or returns an expired lease.
func (s *search) take(ctx context.Context, id string) (Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	lease, err := s.pool.store.Take(ctx, s.window, id, takeFor)
	if err == nil && !slices.Contains(s.window, lease.Host) {
		err = errors.New("the store returned an account that it was not offered")
	}
	return lease, storeError("take a lease", err)
}

// check asks the service whether the host of an expired lease is in a meeting. If
// so, its meeting goes on, and so does its lease. If not, its account is free.
func (s *search) check(ctx context.Context, lease Lease, taken time.Time) error {
	callCtx, cancel := context.WithDeadline(ctx, taken.Add(callWithin))
	defer cancel()
	state, err := s.pool.client.Query(callCtx, s.pool.byEmail[lease.Host])
	switch {
	case isRefusal(err):
		s.leaveOut(ctx, lease, err) // another server may know whether it is in a meeting
		return nil
	case err != nil:
		return err
	case state.InMeeting:
		s.drop(lease.Host)
		s.again, s.window = append(s.again, s.window), nil
		return s.pool.holdInMeeting(ctx, lease)
	default:
		return s.pool.release(ctx, lease)
	}
}

// skip lets an expired lease expire again, so that another search can check it.
func (s *search) skip(ctx context.Context, lease Lease) error {
	s.window = nil
	return s.pool.renew(ctx, lease, time.Millisecond)
}

// leaveOut keeps the pool from using an account that the service refuses.
func (s *search) leaveOut(ctx context.Context, lease Lease, err error) {
	s.failed = err
	s.drop(lease.Host)
	if s.pool.leaveOut(lease.Host, err) {
		s.pool.log(ctx, slog.LevelWarn, "account left out", lease, slog.String("error", err.Error()))
	}
}

// firstWindow returns the size of the first window of a search: a power of two, so
// that MySQL and SQLite see few different statements.
func (p *Pool) firstWindow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := minWindow
	for float64(size) < 2*p.looks && size < maxWindow {
		size *= 2
	}
	return size
}

// lookedAt records that a search looked at n accounts to find a free one.
func (p *Pool) lookedAt(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looks += (float64(min(n, maxWindow)) - p.looks) / 8
}

// leftOut is an account that the service refused.
type leftOut struct {
	until  time.Time
	reason error
}

// leaveOut reports whether the account was not left out already.
func (p *Pool) leaveOut(email string, reason error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, already := p.leftOut[email]
	p.leftOut[email] = leftOut{time.Now().Add(leaveOutFor), reason}
	return !already
}

// reasonLeftOut returns why the account is left out, or nil. The caller holds p.mu.
func (p *Pool) reasonLeftOut(email string) error {
	if out, ok := p.leftOut[email]; ok && !time.Now().Before(out.until) {
		delete(p.leftOut, email)
	}
	return p.leftOut[email].reason
}
