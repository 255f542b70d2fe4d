package hostpool

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

const (
	// atOnce is the number of concurrent queries of one call.
	atOnce = 16

	// searchWithin limits a search for an account whose lease has expired.
	searchWithin = 10 * time.Second

	// finishWithin limits the queries of a search that are under way when it has
	// found an account. They may free others, for which other callers wait.
	finishWithin = time.Second
)

// Reclaim asks the service about every account of the pool whose lease has expired,
// 16 at a time, and releases the leases of those whose host is in no meeting. It
// returns these leases: meetings that ended, or were never started, and whose end
// nobody reported. Call it every few minutes if you want to know of them; the pool
// itself does the same when it needs an account. Some of the leases were never
// returned with a meeting, after an unknown outcome for example.
//
// An account that cannot be checked stays leased. After 16 of them, Reclaim stops.
// With the leases that it released, it returns the first error, unless the service
// refused the account, which is logged.
func (p *Pool) Reclaim(ctx context.Context) ([]Lease, error) {
	expired, err := p.expired(ctx, true)
	if err != nil {
		return nil, err
	}
	r := p.reclaim(ctx, expired, false)
	return r.released, r.err
}

// search is a search for an account whose lease has expired.
type search struct {
	done  chan struct{} // closed at its end
	again bool          // whether an account may be free now
	err   error
}

// searchExpired asks the service about expired leases until it has released one, and
// reports whether an account may be free now. Only one search runs at a time: who
// comes meanwhile waits for it, and gets the same result.
func (p *Pool) searchExpired(ctx context.Context, limit time.Duration) (again bool, err error) {
	if limit <= 0 {
		return false, nil
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s, isOwn := p.joinSearch()
	if !isOwn {
		select {
		case <-s.done:
			return s.again, s.err
		case <-limited.Done():
			return false, nil
		}
	}
	defer p.endSearch(s)
	expired, err := p.expired(limited, false)
	if err == nil {
		r := p.reclaim(limited, expired, true)
		again = r.changed
		if !r.answered {
			err = r.err // for all that is known, the service or the store is down
		}
	}
	switch {
	case ctx.Err() != nil:
		again, err = true, nil // this caller has gone, and others need to know
	case limited.Err() != nil:
		err = nil
	}
	s.again, s.err = again, err
	return again, err
}

// joinSearch returns the search that is under way, or begins one.
func (p *Pool) joinSearch() (s *search, isOwn bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.search != nil {
		return p.search, false
	}
	p.search = &search{done: make(chan struct{})}
	return p.search, true
}

func (p *Pool) endSearch(s *search) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.search = nil
	close(s.done)
}

// expired returns the expired leases of the pool's accounts in random order, except
// those of accounts that are left out. If not all are wanted, it returns those that a
// new meeting could use, unless their hosts were in a meeting a short while ago.
func (p *Pool) expired(ctx context.Context, all bool) ([]Lease, error) {
	leases, err := p.Leases(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var expired []Lease
	now := time.Now()
	for _, lease := range leases {
		a := p.accounts[lease.Host]
		if lease.Left <= 0 && a != nil && !a.leftOut.After(now) && (all || !a.removed && !a.notAsked.After(now)) {
			expired = append(expired, lease)
		}
	}
	rand.Shuffle(len(expired), func(i, j int) { expired[i], expired[j] = expired[j], expired[i] })
	return expired, nil
}

// reclaimed is what came of asking about expired leases.
type reclaimed struct {
	released []Lease
	changed  bool  // whether an account may be free now
	answered bool  // whether the service said something about an account
	err      error // the first one, unless the service refused the account
}

// reclaim asks the service about expired leases, and releases those whose host is in
// no meeting: all of them, or until it has found one.
func (p *Pool) reclaim(ctx context.Context, leases []Lease, one bool) (r reclaimed) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex // guards r
	each(len(leases), func(i int) (more bool) {
		err := p.reclaimLease(ctx, leases[i])
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			r.released = append(r.released, leases[i])
			r.answered, r.changed = true, true
		case errors.Is(err, ErrLeaseLost): // another server was faster
			r.answered, r.changed = true, true
		case errors.Is(err, iomeeting.ErrInMeeting):
			r.answered = true
		case isRefusal(err):
			r.answered = true
			return false
		default:
			if r.err == nil {
				r.err = err
			}
			return false
		}
		if one && r.changed {
			time.AfterFunc(finishWithin, cancel)
			return false
		}
		return true
	})
	return r
}

// reclaimLease releases an expired lease if the host is in no meeting. It changes
// nothing if it cannot find that out. A lease whose host is in a meeting stays as it
// is, too: to renew it here could shorten it, if its owner has just renewed it.
func (p *Pool) reclaimLease(ctx context.Context, lease Lease) error {
	a := p.account(lease.Host)
	state, err := p.client.Query(ctx, a.Host)
	switch {
	case err != nil:
		if isAccounts(err) {
			p.leaveOut(ctx, a, lease, err)
		}
		return err
	case state.InMeeting:
		p.mu.Lock()
		defer p.mu.Unlock()
		a.notAsked = time.Now().Add(p.checkEvery)
		return iomeeting.ErrInMeeting
	default:
		return p.release(ctx, lease, p.store.ReleaseExpired)
	}
}

// each calls f with 0 to n-1 from up to 16 goroutines, and waits for them. A
// goroutine for which f returns false makes no more calls.
func each(n int, f func(i int) (more bool)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, atOnce) {
		all.Go(func() {
			for more := true; more; {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				more = f(i)
			}
		})
	}
	all.Wait()
}
