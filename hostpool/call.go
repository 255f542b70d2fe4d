package hostpool

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

const (
	// maxTries limits the accounts on which one call tries to make a meeting.
	maxTries = 16

	// A round offers firstWindow accounts to the store, then four times as many each
	// time, up to maxWindow.
	firstWindow = 32
	maxWindow   = 8192

	// tryEvery is how often a call that waits for an account tries again.
	tryEvery = time.Second

	// searchWithin limits a search for an account whose lease has expired.
	searchWithin = 10 * time.Second

	// finishWithin limits the queries that are under way when a search has found an
	// account. They may free others, for which other calls wait.
	finishWithin = time.Second

	// atOnce is the number of concurrent queries.
	atOnce = 16

	// maxOperatorID limits the operator ID, in bytes. With the longest lease, encoded
	// and signed, it must fit into the 4 KiB that the service's POST may have.
	maxOperatorID = 2000
)

// Meeting is a meeting on an account of a [Pool]. Store Host, ID, Password and Lease
// with your booking: any server can then call [Pool.StartLink] and [Pool.Check].
type Meeting struct {
	// Host is the email address of the account.
	Host string
	// ID is the meeting's ID, with which people join it. It is empty after
	// [Pool.Start]; once the meeting is in progress, [Pool.Check] returns it.
	ID string
	// Password is what participants need to join: a random one, unless the options
	// had one. No two meetings should have the same.
	Password iomeeting.Secret
	// Lease identifies the lease, for [Pool.Renew] and [Pool.Release]. It is no
	// secret.
	Lease string
	// StartBy is the time by which the host must start. After it, the account may be
	// given to another meeting, unless its host is in one. It is a time by the clock of
	// this process.
	StartBy time.Time
	// StartLink is for the browser of the host. It contains the password of the
	// account.
	StartLink iomeeting.Link
}

// Schedule schedules a meeting on a free account. With [WithEnd], opts.OperatorID may
// have up to 2,000 bytes without control characters, and comes back in [Ended]; do not
// sign it. opts.EndURL must be empty.
//
// The context governs the store and the wait for an account. Calls of the service go
// on when it is done, so you can pass the context of an HTTP request. Store your
// booking first: the meeting may end before Schedule returns.
//
// Schedule takes about a minute at most, and the time of [WithWait]: after 30 seconds, it
// tries no further account. It returns [ErrNoneFree], also if the service refuses every
// account, [ErrStore], [ErrLeaseLost] if StartBy has passed, or the error of
// [iomeeting.Client.ScheduleIfAvailable], if another account would not help. After
// [iomeeting.ErrOutcomeUnknown], the account is not used for three minutes, unless its
// end is reported; you may call Schedule again at once.
func (p *Pool) Schedule(ctx context.Context, opts *iomeeting.ScheduleOptions) (Meeting, error) {
	var o iomeeting.ScheduleOptions
	if opts != nil {
		o = *opts
	}
	if o.EndURL != "" {
		return Meeting{}, invalid("meetingEndUrl", "is set by WithEnd")
	}
	if len(o.OperatorID) > maxOperatorID {
		return Meeting{}, invalid("operatorId", "is longer than 2000 bytes")
	}
	o.EndURL, o.MeetingPassword = p.endURL, cmp.Or(o.MeetingPassword, randomPassword())
	if err := o.Validate(); err != nil {
		return Meeting{}, err
	}
	return p.meet(ctx, o.MeetingPassword, func(ctx context.Context, host iomeeting.Host, lease Lease) (id string, link iomeeting.Link, err error) {
		o := o
		if p.signer != nil {
			o.OperatorID = p.signer.Sign(leaseMark + lease.String() + "\n" + o.OperatorID)
		}
		scheduled, err := p.client.ScheduleIfAvailable(ctx, host, &o)
		if err == nil {
			link, err = p.client.StartByID(scheduled.MeetingID, host.Password)
		}
		return scheduled.MeetingID, link, err
	})
}

// Start returns a link that starts a meeting, with a title and observers if you like,
// on a free account. Prefer [Pool.Schedule]: nobody reports the end of a meeting of
// Start, and its link works as long as the password of the account is valid. A host
// who reloads the page after the end starts another meeting, on an account that may
// be somebody else's by then.
//
// [Pool.Check] tells when the meeting is over; then call [Pool.Release]. The errors
// are those of Schedule, except [iomeeting.ErrOutcomeUnknown].
func (p *Pool) Start(ctx context.Context, opts *iomeeting.StartOptions) (Meeting, error) {
	var o iomeeting.StartOptions
	if opts != nil {
		o = *opts
	}
	o.MeetingPassword = cmp.Or(o.MeetingPassword, randomPassword())
	if _, err := p.client.Start(p.newWalk().rest[0].Host, &o); err != nil {
		return Meeting{}, err
	}
	return p.meet(ctx, o.MeetingPassword, func(ctx context.Context, host iomeeting.Host, _ Lease) (id string, link iomeeting.Link, err error) {
		state, err := p.client.Query(ctx, host)
		if err == nil && state.InMeeting {
			err = iomeeting.ErrInMeeting
		}
		if err == nil {
			link, err = p.client.Start(host, &o)
		}
		return "", link, err
	})
}

func randomPassword() iomeeting.Secret { return iomeeting.NewSecret(rand.Text()) }

// callFunc makes a meeting on a leased account. It returns the meeting's ID, if it
// has one yet, and the start link.
type callFunc func(ctx context.Context, host iomeeting.Host, lease Lease) (id string, link iomeeting.Link, err error)

// meet leases one account after the other, until call succeeds on one, or another
// account would not help.
func (p *Pool) meet(ctx context.Context, password iomeeting.Secret, call callFunc) (Meeting, error) {
	w := p.newWalk()
	until := w.waitUntil.Add(p.callWithin) // or a slow service would hold the call for minutes
	for n := range maxTries {
		if n > 0 && time.Now().After(until) {
			break
		}
		a, lease, startBy, err := w.next(ctx)
		if err != nil {
			return Meeting{}, err
		}
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.callWithin)
		id, link, err := call(detached, a.Host, lease)
		cancel()
		switch {
		case err == nil && time.Now().Before(startBy):
			return Meeting{lease.Host, id, password, lease.String(), startBy, link}, nil
		case err == nil: // nobody gets the link, so nobody starts the meeting
			p.settle(ctx, lease, 0)
			return Meeting{}, ErrLeaseLost
		case errors.Is(err, iomeeting.ErrOutcomeUnknown):
			p.warn(ctx, "outcome unknown", lease, err)
			p.settle(ctx, lease, p.lateWithin)
			return Meeting{}, err
		case errors.Is(err, iomeeting.ErrInMeeting):
			p.settle(ctx, lease, p.checkEvery)
		default:
			if isRefusal(err) || errors.Is(err, iomeeting.ErrBadResponse) && !iomeeting.Retryable(err) {
				p.leaveOut(ctx, a, lease, err) // it may be the account's fault
			}
			p.settle(ctx, lease, 0)
			if !isRefusal(err) {
				return Meeting{}, err
			}
		}
	}
	return Meeting{}, ErrNoneFree
}

// walk leases accounts for one call. In each round it offers all accounts to the
// store, in windows, from a random one on, until there is one without a lease.
type walk struct {
	*Pool
	first       int        // where each round begins
	rest        []*account // that were not offered in this round
	window      int        // how many of them to offer next
	waitUntil   time.Time
	rounds      int       // begun without a wait
	searchUntil time.Time // set by the first search
}

func (p *Pool) newWalk() *walk {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := &walk{Pool: p, first: p.random.Int(), waitUntil: time.Now().Add(p.wait)}
	w.beginRound()
	return w
}

// beginRound begins a round. The caller holds mu.
func (w *walk) beginRound() {
	n := len(w.ring) / 2
	w.rest, w.window = w.ring[w.first%n:][:n], firstWindow
}

// next leases an account, for its host to start by startBy. If none is free, it waits
// if it may, and begins another round.
func (w *walk) next(ctx context.Context) (a *account, lease Lease, startBy time.Time, err error) {
	for err == nil {
		startBy = time.Now().Add(w.startWithin) // before the store's clock counts
		a, lease, err = w.take(ctx)
		gaveUp := !w.searchUntil.IsZero() && ctx.Err() != nil // while it waited
		if err == nil || !errors.Is(err, ErrNoneFree) && !gaveUp {
			return a, lease, startBy, err
		}
		err = w.await(ctx)
	}
	return nil, Lease{}, time.Time{}, err
}

// take leases the next account of the round that has no lease.
func (w *walk) take(ctx context.Context) (*account, Lease, error) {
	lease := Lease{ID: rand.Text()}
	for len(w.rest) > 0 {
		n := min(w.window, len(w.rest))
		err := error(ErrNoneFree)
		if emails := w.offered(n); len(emails) > 0 {
			err = w.inStore(ctx, "take a lease", func(ctx context.Context) (err error) {
				lease.Host, err = w.store.Take(ctx, emails, lease.ID, w.leaseFor)
				return err
			})
		}
		if err == nil {
			i := slices.IndexFunc(w.rest, func(a *account) bool { return a.Email == lease.Host })
			a := w.rest[i]
			w.rest = w.rest[i+1:]
			return a, lease, nil
		}
		if !errors.Is(err, ErrNoneFree) {
			return nil, Lease{}, err
		}
		w.rest, w.window = w.rest[n:], min(4*w.window, maxWindow)
	}
	return nil, Lease{}, ErrNoneFree
}

// offered returns the email addresses of the next n accounts, except those that are
// left out.
func (w *walk) offered(n int) (emails []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for _, a := range w.rest[:n] {
		if !a.leftOut.After(now) {
			emails = append(emails, a.Email)
		}
	}
	return emails
}

// await begins another round once an account may be free: when an expired lease has
// been released, or after a second if the call may wait.
func (w *walk) await(ctx context.Context) error {
	if w.searchUntil.IsZero() {
		w.searchUntil = time.Now().Add(max(searchWithin, w.wait))
	}
	again, err := w.searchExpired(ctx, min(searchWithin, time.Until(w.searchUntil)))
	if again {
		w.rounds++
		again = w.rounds < maxTries // the store may contradict itself
	}
	left := min(tryEvery, time.Until(w.waitUntil))
	if err == nil && !again && left > 0 {
		select {
		case <-time.After(left):
			again = true
		case <-ctx.Done():
		}
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrNoneFree, ctx.Err())
	case !again:
		return ErrNoneFree
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beginRound()
	return nil
}

// leaveOut leaves an account out for a while.
func (p *Pool) leaveOut(ctx context.Context, a *account, lease Lease, err error) {
	p.warn(ctx, "account left out", lease, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	a.leftOut = time.Now().Add(leaveOutFor)
}

// isRefusal reports whether the service does not accept the account.
func isRefusal(err error) bool {
	return errors.Is(err, iomeeting.ErrHostNotFound) || errors.Is(err, iomeeting.ErrWrongPassword)
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
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p.mu.Lock()
	s, isOwn := p.search, p.search == nil
	if isOwn {
		s = &search{done: make(chan struct{})}
		p.search = s
	}
	p.mu.Unlock()
	if !isOwn {
		select {
		case <-s.done:
			return s.again, s.err
		case <-ctx.Done():
			return false, nil
		}
	}
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.search = nil
		close(s.done)
	}()
	_, s.again, s.err = p.reclaim(ctx, true)
	if s.again || ctx.Err() != nil { // cut short, it says nothing: others may go on
		s.again, s.err = true, nil
	}
	return s.again, s.err
}

// Reclaim asks the service about every account of the pool whose lease has expired,
// 16 at a time, and releases the leases of those whose host is in no meeting. It
// returns the leases that it has released: meetings that ended or were never started,
// and whose end nobody reported. [Pool.Schedule], [Pool.Start] and other servers release
// expired leases too, so call [Pool.Check] to find out which meetings are over.
//
// An account that cannot be checked stays leased, and after 16 of them Reclaim stops.
// It then returns the first error with what it has released. Accounts that the service
// refuses are only logged, and stay leased.
func (p *Pool) Reclaim(ctx context.Context) ([]Lease, error) {
	released, _, err := p.reclaim(ctx, false)
	return released, err
}

// reclaim asks the service about expired leases, and releases those whose host is in
// no meeting: all of them, or until one account may be free for a new meeting.
func (p *Pool) reclaim(ctx context.Context, one bool) (released []Lease, changed bool, err error) {
	expired, err := p.expired(ctx, one)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex // guards the results
	each(len(expired), func(i int) (more bool) {
		ok, failure := p.reclaimLease(ctx, expired[i])
		mu.Lock()
		defer mu.Unlock()
		if ok {
			released = append(released, expired[i])
		}
		isLost := errors.Is(failure, ErrLeaseLost) // another server was faster
		switch {
		case isLost:
		case isRefusal(failure) && one:
			p.leaveOut(ctx, p.account(expired[i].Host), expired[i], failure)
		case isRefusal(failure):
			p.warn(ctx, "account refused", expired[i], failure)
		case err == nil:
			err = failure
		}
		if one && (ok || isLost) {
			changed = true
			time.AfterFunc(finishWithin, cancel)
		}
		return !changed && (failure == nil || isLost || !one && isRefusal(failure))
	})
	return released, changed, err
}

// expired returns the expired leases of the pool's accounts in random order, except
// those of accounts that are left out. For a new meeting, it returns those of the
// current accounts whose hosts were not in a meeting a short while ago.
func (p *Pool) expired(ctx context.Context, forNew bool) (expired []Lease, err error) {
	leases, err := p.Leases(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, lease := range leases {
		key := withoutCase(lease.Host)
		a := p.known[key]
		if lease.Left > 0 || a == nil || a.leftOut.After(now) || forNew && (p.current[key] == nil || a.notAsked.After(now)) {
			continue
		}
		expired = append(expired, lease)
	}
	p.random.Shuffle(len(expired), func(i, j int) { expired[i], expired[j] = expired[j], expired[i] })
	return expired, err
}

// reclaimLease releases an expired lease if its host is in no meeting. If that cannot be
// found out, nothing changes, and the next call asks again. If the host is in a meeting,
// the lease stays as it is, too: to renew it here could shorten it, if its owner has just
// renewed it.
func (p *Pool) reclaimLease(ctx context.Context, lease Lease) (ok bool, err error) {
	a := p.account(lease.Host)
	state, err := p.client.Query(ctx, a.Host)
	if err != nil {
		return false, err
	}
	if state.InMeeting {
		p.mu.Lock()
		defer p.mu.Unlock()
		a.notAsked = time.Now().Add(p.checkEvery)
		return false, nil
	}
	err = p.inStore(ctx, "release an expired lease", func(ctx context.Context) error {
		return p.store.ReleaseExpired(ctx, lease.Host, lease.ID)
	})
	return err == nil, err
}

// each calls f with 0 to n-1 from up to 16 goroutines, and waits for them. A
// goroutine for which f returns false makes no more calls.
func each(n int, f func(i int) (more bool)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, atOnce) {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n) && f(int(i-1)); i = next.Add(1) {
			}
		})
	}
	all.Wait()
}
