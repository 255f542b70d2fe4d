// Package hostpool shares host accounts of package
// [github.com/iomeeting/iomeeting-go] among meetings, and among web servers.
//
// A host account can be in only one meeting: scheduling another ends the first. If you
// start meetings for many customers on fewer accounts, two servers that pick the same
// account end each other's meetings, and no Query beforehand can prevent it. A [Pool]
// leases an account to each meeting. Servers that share accounts share a [Store]: in SQL
// databases with package [github.com/iomeeting/iomeeting-go/hostpool/sqlstore], in Redis
// with [github.com/iomeeting/iomeeting-go/hostpool/redisstore], or one of your own that
// passes [github.com/iomeeting/iomeeting-go/hostpool/storetest].
//
//	pool, err := hostpool.New(client, store, hosts, hostpool.WithEnd(endURL, signer))
//	mux.Handle("/meeting-ended", pool.EndHandler(onEnd))
//	meeting, err := pool.Schedule(r.Context(), &iomeeting.ScheduleOptions{OperatorID: booking})
//
// When the service reports the end of a meeting, its account is free again. Otherwise
// its lease expires, and the pool uses the account once the service says that its host
// is in no meeting.
//
// No call of a Pool ends a meeting that was started through another lease, as long as
//   - the store keeps its leases, and its clock does not jump (a jump ahead shortens
//     the time to start by as much);
//   - each host starts by [Meeting.StartBy], and not after [Pool.Release];
//   - no server stands still for longer than [WithStartWithin] in the middle of a call;
//   - the service carries out a Schedule within three minutes of its being sent, or
//     never.
//
// A start link contains the password of its account, which everyone who opens it can
// read. Use accounts without other data in them, and change their passwords regularly.
//
// The guide has recipes, and what a pool does when something fails:
// https://github.com/iomeeting/iomeeting-go/blob/main/docs/many-hosts.md
package hostpool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

const (
	// callWithin limits the calls of the service about one account. A new lease
	// outlasts StartWithin by as much, so that a host who starts at the last moment
	// still has the account.
	callWithin = 30 * time.Second

	// lateWithin is how late the service may carry out a Schedule whose outcome is
	// unknown.
	lateWithin = 3 * time.Minute

	// leaveOutFor is how long the pool leaves out an account that the service
	// refused.
	leaveOutFor = time.Minute

	// storeWithin limits a call of the store.
	storeWithin = 5 * time.Second

	// forever limits durations, so that a store can add them to the time.
	forever = 100 * 365 * 24 * time.Hour
)

// Pool leases host accounts to meetings, so that each account has one meeting at a
// time. Create it with [New]. It is safe for concurrent use, runs no goroutines
// between calls, and does not need to be closed.
type Pool struct {
	client      *iomeeting.Client
	store       Store
	endURL      string
	signer      *iomeeting.EndSigner
	startWithin time.Duration
	checkEvery  time.Duration
	wait        time.Duration
	logger      *slog.Logger

	// These follow from startWithin.
	leaseFor   time.Duration // a new lease
	callWithin time.Duration
	lateWithin time.Duration

	mu      sync.Mutex // guards the rest, and the times in accounts
	random  *rand.Rand
	known   map[string]*account // by email address without case, removed ones included
	current map[string]*account // those for new meetings
	ring    []*account          // the same in random order, all of them twice
	search  *search             // under way; nil if none is
}

// account is a host account. One with a new password is another account.
type account struct {
	iomeeting.Host
	leftOut  time.Time // until when it gets no meetings
	notAsked time.Time // until when a search does not ask about it
}

// New returns a pool of host accounts of the client's site. Each web server may have
// one, with accounts of its own or in common, as long as all pools that have an
// account in common share a store. The accounts can be replaced by [Pool.SetHosts].
//
// New returns an [*iomeeting.ParameterError] if the client or the store is nil, if
// the accounts cannot be used, or if an option has an invalid value. It sends
// nothing.
func New(client *iomeeting.Client, store Store, hosts []iomeeting.Host, opts ...Option) (*Pool, error) {
	p := &Pool{
		client:      client,
		store:       store,
		startWithin: 15 * time.Minute,
		checkEvery:  time.Minute,
		logger:      slog.Default(),
		random:      rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
	for _, opt := range opts {
		opt(p)
	}
	switch {
	case client == nil:
		return nil, invalid("client", "is nil")
	case store == nil:
		return nil, invalid("store", "is nil")
	case (p.endURL == "") != (p.signer == nil):
		return nil, invalid("end", "needs both a URL and a signer")
	case p.startWithin <= 0:
		return nil, invalid("startWithin", "is not positive")
	case p.checkEvery <= 0:
		return nil, invalid("checkEvery", "is not positive")
	case p.wait < 0:
		return nil, invalid("wait", "is negative")
	case p.logger == nil:
		return nil, invalid("logger", "is nil")
	}
	p.startWithin, p.checkEvery, p.wait = min(p.startWithin, forever), min(p.checkEvery, forever), min(p.wait, forever)
	p.leaseFor = p.startWithin + callWithin
	p.callWithin = min(callWithin, p.startWithin/2)
	p.lateWithin = min(lateWithin, p.startWithin)
	if err := cmp.Or(iomeeting.ScheduleOptions{EndURL: p.endURL}.Validate(), p.SetHosts(hosts)); err != nil {
		return nil, err
	}
	return p, nil
}

// Option is a setting of a [Pool].
type Option func(*Pool)

// WithEnd makes the service report the ends of scheduled meetings to endURL, where
// [Pool.EndHandler] serves. The service must be able to reach it. The signer signs
// the operator IDs; all servers need the same key. Without WithEnd, accounts come
// back only when their leases have expired.
func WithEnd(endURL string, signer *iomeeting.EndSigner) Option {
	return func(p *Pool) { p.endURL, p.signer = endURL, signer }
}

// WithStartWithin sets how long a host may take to open the start link of a meeting.
// After that, the account may be given to another meeting unless its host is in one.
// Less than three minutes also shortens the time in which the service may carry out a
// Schedule. Default: 15 minutes.
func WithStartWithin(d time.Duration) Option { return func(p *Pool) { p.startWithin = d } }

// WithCheckEvery sets how long a host who is in a meeting is not asked about again
// when another meeting needs an account. Default: 1 minute.
func WithCheckEvery(d time.Duration) Option { return func(p *Pool) { p.checkEvery = d } }

// WithWait sets how long [Pool.Schedule] and [Pool.Start] wait for an account if
// none is free. They try about every second. Default: 0.
func WithWait(d time.Duration) Option { return func(p *Pool) { p.wait = d } }

// WithLogger sets where the pool logs at level Warn: "iomeeting pool: account left
// out" (the service refused the email address or the password, or sent a bad
// response), "iomeeting pool: account refused" (the same in [Pool.Reclaim]), "iomeeting
// pool: outcome unknown" (of a Schedule) and "iomeeting pool:
// lease not changed" (the store failed). The attributes are host (the email address),
// lease (its ID) and error. No password is logged. Default: [slog.Default].
func WithLogger(l *slog.Logger) Option { return func(p *Pool) { p.logger = l } }

// SetHosts replaces the host accounts, at any time. A new password is used at once.
// Accounts that are no longer in the list get no new meetings. But the pool still
// knows them: their meetings can be started, their ends are reported, and
// [Pool.Reclaim] releases their leases.
//
// If the list is empty, if [iomeeting.Host.Validate] returns an error for an account,
// or if two email addresses are equal except for case, also with one from before,
// SetHosts changes nothing and returns an [*iomeeting.ParameterError] with the
// account's index.
func (p *Pool) SetHosts(hosts []iomeeting.Host) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(hosts) == 0 {
		return invalid("hosts", "is empty")
	}
	known, current, ring := make(map[string]*account), make(map[string]*account), []*account(nil)
	maps.Copy(known, p.known)
	for i, host := range hosts {
		key, err := withoutCase(host.Email), host.Validate()
		a := known[key]
		if err == nil && (current[key] != nil || a != nil && a.Email != host.Email) {
			err = invalid("hostEmail", "is that of another account, perhaps in another case")
		}
		var bad *iomeeting.ParameterError
		if errors.As(err, &bad) {
			return invalid(fmt.Sprintf("hosts[%d]: %s", i, bad.Param), bad.Reason)
		}
		if a == nil || a.Password != host.Password {
			a = &account{Host: host}
		}
		known[key], current[key], ring = a, a, append(ring, a)
	}
	p.random.Shuffle(len(ring), func(i, j int) { ring[i], ring[j] = ring[j], ring[i] })
	p.known, p.current, p.ring = known, current, slices.Repeat(ring, 2)
	return nil
}

func withoutCase(email string) string { return strings.ToLower(strings.ToUpper(email)) }

// account returns an account of the pool, even if it was removed, or nil.
func (p *Pool) account(email string) *account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[withoutCase(email)]
}

// Renew sets a lease to expire d from now, sooner or later than before: call it if a
// host needs more time to start than [WithStartWithin] allows. The lease is a
// [Meeting.Lease] of any server that shares the store. Renew also works after the
// lease has expired, as long as it is there; otherwise it returns [ErrLeaseLost].
func (p *Pool) Renew(ctx context.Context, lease string, d time.Duration) error {
	l, err := parseLease(lease)
	if err == nil && d <= 0 {
		err = invalid("d", "is not positive")
	}
	if err != nil {
		return err
	}
	return p.change(ctx, l, min(d, forever))
}

// Release gives an account back: call it when a meeting is canceled before it has
// started, or when you know that it is over. The lease is a [Meeting.Lease] of any
// server that shares the store. If it does not exist any more, nothing changes, and
// Release returns [ErrLeaseLost]. Do not release the account of a meeting in progress.
func (p *Pool) Release(ctx context.Context, lease string) error {
	l, err := parseLease(lease)
	if err != nil {
		return err
	}
	return p.change(ctx, l, 0)
}

// parseLease returns the lease whose String is s.
func parseLease(s string) (Lease, error) {
	id, host, _ := strings.Cut(s, ":")
	if id == "" || host == "" {
		return Lease{}, invalid("lease", "is not the lease of a meeting")
	}
	return Lease{Host: host, ID: id}, nil
}

// Leases returns the leases of all servers that share the store, for a page that
// shows which accounts are in use, or a gauge. Other pools may have other accounts:
// count the leases of yours. To see what meetings are doing, call [Pool.Check].
func (p *Pool) Leases(ctx context.Context) (leases []Lease, err error) {
	err = p.inStore(ctx, "list leases", func(ctx context.Context) error {
		leases, err = p.store.List(ctx)
		return err
	})
	return leases, err
}

// StartLink returns the start link of a scheduled meeting again, on any server: for a
// host who comes later, or comes back. It needs Host, ID and Lease of the meeting. It
// sets the lease to expire after the time of [WithStartWithin], as if the meeting had
// been scheduled now, also if [Pool.Renew] has set a longer time. It works after
// StartBy too, as long as the account is the meeting's; otherwise it returns
// [ErrLeaseLost].
func (p *Pool) StartLink(ctx context.Context, m Meeting) (iomeeting.Link, error) {
	if m.ID == "" {
		return iomeeting.Link{}, invalid("meetingID", "is empty")
	}
	a, lease, err := p.find(m)
	if err != nil {
		return iomeeting.Link{}, err
	}
	err = p.change(ctx, lease, p.leaseFor)
	if errors.Is(err, ErrLeaseLost) { // perhaps the store has lost it, and the host is in the meeting
		if state, queryErr := p.client.Query(ctx, a.Host); queryErr == nil && m.isIn(state) {
			err = nil
		}
	}
	if err != nil {
		return iomeeting.Link{}, err
	}
	return p.client.StartByID(m.ID, a.Password)
}

// find returns the account and the lease of a meeting.
func (p *Pool) find(m Meeting) (*account, Lease, error) {
	lease, err := parseLease(m.Lease)
	a := p.account(lease.Host)
	if err == nil && (a == nil || m.Host != lease.Host) {
		err = invalid("host", "is not the account of the lease, or not an account of the pool")
	}
	return a, lease, err
}

// isIn reports whether it is this meeting that the host is in.
func (m Meeting) isIn(state iomeeting.QueryResult) bool {
	isOwn := state.MeetingID == m.ID
	if m.ID == "" {
		isOwn = state.MeetingPassword == m.Password && !m.Password.IsZero()
	}
	return state.InMeeting && isOwn
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
	return cmp.Or(map[State]string{Waiting: "waiting", InProgress: "in progress", Over: "over"}[s], "unknown")
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
// Check remembers nothing. If the end of a meeting was not reported, as after
// [Pool.Start], its state goes back from InProgress to Waiting until the lease expires:
// if you saw it InProgress before, it is over: call [Pool.Release].
//
// If the leases cannot be listed, Check returns [ErrStore]. What concerns a single
// meeting is in its Err.
func (p *Pool) Check(ctx context.Context, meetings ...Meeting) ([]Progress, error) {
	leases, err := p.Leases(ctx)
	if err != nil {
		return nil, err
	}
	isHeld := make(map[string]bool)
	for _, lease := range leases {
		isHeld[lease.String()] = lease.Left > 0
	}
	result := make([]Progress, len(meetings))
	of := make(map[*account][]int) // the meetings of each account
	for i, m := range meetings {
		a, _, err := p.find(m)
		if err != nil {
			result[i].Err = err
			continue
		}
		of[a] = append(of[a], i)
	}
	accounts := slices.Collect(maps.Keys(of))
	each(len(accounts), func(n int) (more bool) {
		state, err := p.client.Query(ctx, accounts[n].Host)
		for _, i := range of[accounts[n]] {
			switch m := meetings[i]; {
			case err != nil:
				result[i].Err = err
			case m.isIn(state):
				result[i] = Progress{State: InProgress, ID: state.MeetingID}
			case isHeld[m.Lease]:
				result[i].State = Waiting
			default:
				result[i].State = Over
			}
		}
		return true
	})
	return result, nil
}

// Ended is a meeting whose end the service has reported.
type Ended struct {
	// OperatorID is what was given to [Pool.Schedule].
	OperatorID string
	// Lease is the [Meeting.Lease]. It is empty if the operator ID was signed
	// without a pool.
	Lease string
}

// EndHandler returns the handler for the URL of [WithEnd]. When the service reports
// the end of a scheduled meeting, the handler releases its account, calls onEnd, and
// responds as [iomeeting.EndSigner.Handler] does. onEnd must be idempotent, and may be
// called before Schedule has returned, or after it returned
// [iomeeting.ErrOutcomeUnknown]. If the store fails, onEnd is called all the same,
// and the account comes back once its lease has expired.
//
// EndHandler panics without WithEnd, or if onEnd is nil.
func (p *Pool) EndHandler(onEnd func(ctx context.Context, ended Ended) error) http.Handler {
	if p.signer == nil {
		panic("iomeeting: EndHandler needs a pool with WithEnd")
	}
	if onEnd == nil {
		panic("iomeeting: onEnd is nil")
	}
	return p.signer.Handler(func(ctx context.Context, operatorID string) error {
		rest, ok := strings.CutPrefix(operatorID, leaseMark)
		if !ok {
			return onEnd(ctx, Ended{OperatorID: operatorID})
		}
		lease, operatorID, _ := strings.Cut(rest, "\n")
		id, host, _ := strings.Cut(lease, ":")
		p.settle(ctx, Lease{Host: host, ID: id}, 0)
		return onEnd(ctx, Ended{operatorID, lease})
	})
}

// leaseMark starts the operator ID that the service gets for a meeting. The lease
// follows, a line break, which no email address contains, and the user's operator ID.
const leaseMark = "hostpool lease\n"

// inStore makes a call of the store.
func (p *Pool) inStore(ctx context.Context, op string, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	err := call(ctx)
	if err == nil || errors.Is(err, ErrNoneFree) || errors.Is(err, ErrLeaseLost) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrStore, op, err)
}

// change sets the lease to expire d from now, or releases it if d is 0.
func (p *Pool) change(ctx context.Context, lease Lease, d time.Duration) error {
	return p.inStore(ctx, "change a lease", func(ctx context.Context) error {
		if d == 0 {
			return p.store.Release(ctx, lease.Host, lease.ID)
		}
		return p.store.Renew(ctx, lease.Host, lease.ID, d)
	})
}

// settle changes the lease like change, whether ctx is done or not. If that fails, the
// lease stays until it expires.
func (p *Pool) settle(ctx context.Context, lease Lease, d time.Duration) {
	if err := p.change(context.WithoutCancel(ctx), lease, d); errors.Is(err, ErrStore) {
		p.warn(ctx, "lease not changed", lease, err)
	}
}

func (p *Pool) warn(ctx context.Context, message string, lease Lease, err error) {
	p.logger.WarnContext(ctx, "iomeeting pool: "+message, "host", lease.Host, "lease", lease.ID, "error", err.Error())
}

func invalid(param, reason string) error {
	return &iomeeting.ParameterError{Param: param, Reason: reason}
}
