package hostpool

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"slices"
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
	// StartBy is when the account may be given to another meeting, unless its host is
	// in one. It is a time by the clock of this process.
	StartBy time.Time
	// StartLink is for the browser of the host. It contains the password of the
	// account.
	StartLink iomeeting.Link
}

// Schedule schedules a meeting on a free account. opts.EndURL must be empty, since
// [WithEnd] sets it. With WithEnd, opts.OperatorID may have up to 2,000 bytes without
// control characters, and comes back in [Ended]; do not sign it.
//
// The context governs the store and the wait for an account. Calls of the service go
// on when it is done, so you can pass the context of an HTTP request. Store your
// booking first: the meeting may end before Schedule returns.
//
// Besides the errors of [iomeeting.Client.ScheduleIfAvailable], Schedule returns
// [ErrNoneFree], [ErrStore], or [ErrLeaseLost] if it returns after StartBy. After
// [iomeeting.ErrOutcomeUnknown] the account is not used for three minutes; you may
// call Schedule again at once.
func (p *Pool) Schedule(ctx context.Context, opts *iomeeting.ScheduleOptions) (Meeting, error) {
	var o iomeeting.ScheduleOptions
	if opts != nil {
		o = *opts
	}
	switch {
	case o.EndURL != "":
		return Meeting{}, invalid("meetingEndUrl", "is set by WithEnd")
	case len(o.OperatorID) > maxOperatorID:
		return Meeting{}, invalid("operatorId", "is longer than 2000 bytes")
	}
	o.EndURL = p.endURL
	o.MeetingPassword = orRandom(o.MeetingPassword)
	if err := o.Validate(); err != nil {
		return Meeting{}, err
	}
	return p.meet(ctx, o.MeetingPassword, func(ctx context.Context, host iomeeting.Host, lease Lease) (string, iomeeting.Link, error) {
		o := o
		if o.EndURL != "" {
			o.OperatorID = p.signer.Sign(withLease(lease, o.OperatorID))
		}
		scheduled, err := p.client.ScheduleIfAvailable(ctx, host, &o)
		if err != nil {
			return "", iomeeting.Link{}, err
		}
		link, err := p.client.StartByID(scheduled.MeetingID, host.Password)
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
	o.MeetingPassword = orRandom(o.MeetingPassword)
	anyHost := iomeeting.Host{Email: "host@example.com", Password: iomeeting.NewSecret("password")}
	if _, err := p.client.Start(anyHost, &o); err != nil {
		return Meeting{}, err
	}
	return p.meet(ctx, o.MeetingPassword, func(ctx context.Context, host iomeeting.Host, _ Lease) (string, iomeeting.Link, error) {
		state, err := p.client.Query(ctx, host)
		if err != nil {
			return "", iomeeting.Link{}, err
		}
		if state.InMeeting {
			return "", iomeeting.Link{}, iomeeting.ErrInMeeting
		}
		link, err := p.client.Start(host, &o)
		return "", link, err
	})
}

func orRandom(password iomeeting.Secret) iomeeting.Secret {
	if password.IsZero() {
		return iomeeting.NewSecret(rand.Text())
	}
	return password
}

// callFunc makes a meeting on a leased account. It returns the meeting's ID, if it
// has one yet, and the start link.
type callFunc func(ctx context.Context, host iomeeting.Host, lease Lease) (id string, link iomeeting.Link, err error)

// meet leases one account after the other, until call succeeds on one or another
// account would not help.
func (p *Pool) meet(ctx context.Context, password iomeeting.Secret, call callFunc) (Meeting, error) {
	w := &walk{pool: p, waitUntil: time.Now().Add(p.wait), rest: p.inTurn(), window: firstWindow}
	for range maxTries {
		a, lease, startBy, err := w.next(ctx)
		if err != nil {
			return Meeting{}, err
		}
		id, link, err := p.detached(ctx, a, lease, call)
		switch {
		case err == nil && time.Now().Before(startBy):
			return Meeting{lease.Host, id, password, lease.String(), startBy, link}, nil
		case err == nil: // nobody gets the link, so nobody starts the meeting
			p.giveBack(ctx, lease, storeWithin)
			return Meeting{}, ErrLeaseLost
		case errors.Is(err, iomeeting.ErrOutcomeUnknown):
			p.log(ctx, slog.LevelWarn, "outcome unknown", lease, err)
			p.hold(ctx, lease, p.lateWithin)
			return Meeting{}, err
		case errors.Is(err, iomeeting.ErrInMeeting):
			p.hold(ctx, lease, p.checkEvery)
		case isRefusal(err):
			p.leaveOut(ctx, a, lease, err)
			p.giveBack(ctx, lease, storeWithin)
		default:
			if isAccounts(err) {
				p.leaveOut(ctx, a, lease, err)
			}
			p.giveBack(ctx, lease, storeWithin)
			return Meeting{}, err
		}
	}
	return Meeting{}, ErrNoneFree
}

// detached calls call with a deadline of its own.
func (p *Pool) detached(ctx context.Context, a *account, lease Lease, call callFunc) (string, iomeeting.Link, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.callWithin)
	defer cancel()
	return call(ctx, a.Host, lease)
}

// isRefusal reports whether the service does not accept the account.
func isRefusal(err error) bool {
	return errors.Is(err, iomeeting.ErrHostNotFound) || errors.Is(err, iomeeting.ErrWrongPassword)
}

// isAccounts reports whether an error may be due to the account, rather than to the
// service or the network.
func isAccounts(err error) bool {
	return isRefusal(err) || errors.Is(err, iomeeting.ErrBadResponse) && !iomeeting.Retryable(err)
}

// walk leases accounts for one call. In each round it offers all accounts to the
// store, in windows, from a random one on, until there is one without a lease.
type walk struct {
	pool        *Pool
	waitUntil   time.Time
	searchUntil time.Time  // for expired leases; zero before the first search
	rest        []*account // that were not offered in this round
	window      int        // how many of them to offer next
}

// next leases an account, for its host to start by startBy. If all have leases, it
// searches for expired ones, and waits if it may.
func (w *walk) next(ctx context.Context) (a *account, lease Lease, startBy time.Time, err error) {
	p := w.pool
	for {
		startBy = time.Now().Add(p.startWithin) // before the store's clock counts
		a, lease, err = w.take(ctx)
		if !errors.Is(err, ErrNoneFree) {
			return a, lease, startBy, err
		}
		if w.searchUntil.IsZero() {
			w.searchUntil = time.Now().Add(max(searchWithin, time.Until(w.waitUntil)))
		}
		again, err := p.searchExpired(ctx, min(searchWithin, time.Until(w.searchUntil)))
		if err == nil && (!again || ctx.Err() != nil) {
			err = w.wait(ctx)
		}
		if err != nil {
			return nil, Lease{}, time.Time{}, err
		}
		w.rest, w.window = p.inTurn(), firstWindow
	}
}

// wait waits until it is time to try again. If there is no time left, it returns
// ErrNoneFree.
func (w *walk) wait(ctx context.Context) error {
	if d := min(time.Until(w.waitUntil), tryEvery); d > 0 {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoneFree, err)
	}
	return ErrNoneFree
}

// take leases the next account of the round that has no lease.
func (w *walk) take(ctx context.Context) (*account, Lease, error) {
	id := rand.Text()
	for len(w.rest) > 0 {
		window := w.rest[:min(w.window, len(w.rest))]
		host, err := w.pool.take(ctx, window, id)
		if err == nil {
			i := slices.IndexFunc(window, func(a *account) bool { return a.Email == host })
			if i < 0 {
				return nil, Lease{}, fmt.Errorf("%w: it leased an account that it was not offered", ErrStore)
			}
			w.rest = w.rest[i+1:]
			return window[i], Lease{Host: host, ID: id}, nil
		}
		if !errors.Is(err, ErrNoneFree) {
			return nil, Lease{}, err
		}
		w.rest, w.window = w.rest[len(window):], min(4*w.window, maxWindow)
	}
	return nil, Lease{}, ErrNoneFree
}

// take leases the first of the accounts that has no lease and is not left out.
func (p *Pool) take(ctx context.Context, accounts []*account, id string) (host string, err error) {
	emails := p.offered(accounts)
	if len(emails) == 0 {
		return "", ErrNoneFree
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	host, err = p.store.Take(ctx, emails, id, p.leaseFor)
	if err == nil {
		p.log(ctx, slog.LevelDebug, "lease taken", Lease{Host: host, ID: id}, nil)
	}
	return host, storeError("take a lease", err)
}

// offered returns the email addresses of the accounts that are not left out.
func (p *Pool) offered(accounts []*account) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, emails := time.Now(), make([]string, 0, len(accounts))
	for _, a := range accounts {
		if !a.leftOut.After(now) {
			emails = append(emails, a.Email)
		}
	}
	return emails
}

// inTurn returns all accounts, from a random one on.
func (p *Pool) inTurn() []*account {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.ring) / 2
	first := mathrand.IntN(n)
	return p.ring[first : first+n]
}

// StartLink returns the start link of a scheduled meeting again, on any server: for a
// host who comes later, or comes back. It needs Host, ID and Lease of the meeting. It
// sets the lease to expire after the time of [WithStartWithin], as if the meeting had
// been scheduled now, also if [Pool.Renew] has set a longer time. It works after
// StartBy too, as long as the account is the meeting's; otherwise it returns
// [ErrLeaseLost].
func (p *Pool) StartLink(ctx context.Context, m Meeting) (iomeeting.Link, error) {
	a, lease, err := p.find(m)
	if m.ID == "" {
		err = invalid("meetingID", "is empty")
	}
	if err != nil {
		return iomeeting.Link{}, err
	}
	link, err := p.client.StartByID(m.ID, a.Password)
	if err != nil {
		return iomeeting.Link{}, err
	}
	err = p.renew(ctx, lease, p.leaseFor)
	if errors.Is(err, ErrLeaseLost) && p.isInProgress(ctx, a, m) {
		err = nil // the store has lost the lease, but the host is in the meeting
	}
	if err != nil {
		return iomeeting.Link{}, err
	}
	return link, nil
}

// find returns the account and the lease of a meeting.
func (p *Pool) find(m Meeting) (*account, Lease, error) {
	lease, err := parseLease(m.Lease)
	a := p.account(m.Host)
	switch {
	case err != nil:
	case lease.Host != m.Host:
		err = invalid("lease", "is not that of the host")
	case a == nil:
		err = invalid("host", "is not an account of the pool")
	}
	return a, lease, err
}

func (p *Pool) isInProgress(ctx context.Context, a *account, m Meeting) bool {
	state, err := p.client.Query(ctx, a.Host)
	return err == nil && m.isIn(state)
}

// isIn reports whether it is this meeting that the host is in.
func (m Meeting) isIn(state iomeeting.QueryResult) bool {
	if m.ID == "" {
		return state.InMeeting && state.MeetingPassword == m.Password
	}
	return state.InMeeting && state.MeetingID == m.ID
}

// State is what a meeting is doing.
type State int

const (
	// Unknown means that the service could not be asked.
	Unknown State = iota
	// Waiting means that the account is the meeting's, for its host to start.
	Waiting
	// InProgress means that the host is in the meeting.
	InProgress
	// Over means that the meeting has ended, was released, or was not started in time.
	Over
)

// String returns "unknown", "waiting", "in progress" or "over".
func (s State) String() string {
	switch s {
	case Waiting:
		return "waiting"
	case InProgress:
		return "in progress"
	case Over:
		return "over"
	default:
		return "unknown"
	}
}

// Progress is the state of a meeting.
type Progress struct {
	State State
	// ID is the meeting's ID, if it is in progress. After [Pool.Start], this is how
	// you learn it.
	ID string
	// Err is why State is Unknown.
	Err error
}

// Check tells what each of the meetings is doing, for a page that shows them. It
// lists the leases once, and sends one Query for each account, 16 at a time. It needs
// Host, ID, Password and Lease of each meeting.
//
// If the end of a meeting is not reported, as after [Pool.Start], its state goes back
// from InProgress to Waiting until the lease expires: who has seen it InProgress knows
// that it is over, and calls [Pool.Release].
//
// If the leases cannot be listed, Check returns [ErrStore]. What concerns a single
// meeting is in its Err.
func (p *Pool) Check(ctx context.Context, meetings ...Meeting) ([]Progress, error) {
	leases, err := p.Leases(ctx)
	if err != nil {
		return nil, err
	}
	held := make(map[string]bool)
	for _, lease := range leases {
		held[lease.String()] = lease.Left > 0
	}
	result := make([]Progress, len(meetings))
	of := make(map[*account][]int) // meetings by account
	for i, m := range meetings {
		a, _, err := p.find(m)
		if m.ID == "" && m.Password.IsZero() {
			err = cmp.Or(err, invalid("meeting", "has neither an ID nor a password"))
		}
		if err != nil {
			result[i].Err = err
			continue
		}
		of[a] = append(of[a], i)
	}
	accounts := slices.Collect(maps.Keys(of))
	each(len(accounts), func(n int) bool {
		state, err := p.client.Query(ctx, accounts[n].Host)
		for _, i := range of[accounts[n]] {
			switch m := meetings[i]; {
			case err != nil:
				result[i].Err = err
			case m.isIn(state):
				result[i] = Progress{State: InProgress, ID: state.MeetingID}
			case held[m.Lease]:
				result[i].State = Waiting
			default:
				result[i].State = Over
			}
		}
		return true
	})
	return result, nil
}
