// Package hostpool shares host accounts among meetings, and among web servers.
//
// A host account can be in only one meeting: scheduling another ends the first. If
// every customer has an account of their own, you need no pool. If you start
// meetings for many customers on fewer accounts, two servers that pick the same
// account end each other's meetings, and no Query beforehand can prevent it. A
// [Pool] leases an account to each meeting:
//
//	pool, err := hostpool.New(client, store, hosts, hostpool.WithEnd(endURL, signer))
//	mux.Handle("/meeting-ended", pool.EndHandler(onEnd))
//	meeting, err := pool.Schedule(r.Context(), &iomeeting.ScheduleOptions{OperatorID: booking})
//
// When the service reports the end of a meeting, its account is free again. If it
// does not, or if nobody starts the meeting, the lease expires, and the pool reuses
// the account once the service says that its host is in no meeting. Servers that
// share accounts share a [Store]: package sqlstore keeps leases in PostgreSQL, MySQL,
// MariaDB or SQLite, and package redisstore, a module of its own, in Redis.
//
// # What it promises
//
// No call of a Pool ends a meeting that was started through another lease, as long as
//   - the store keeps its leases and its clock does not jump (a jump ahead shortens
//     the time to start by as much);
//   - each host starts by [Meeting.StartBy];
//   - the service carries out a Schedule within three minutes of its being sent, or
//     never.
//
// If a server crashes at any point, its accounts can be used again after
// [WithStartWithin] and half a minute.
//
// # Passwords
//
// A start link contains the password of the account, and whoever opens it can read
// that in the source of the page. Use accounts without other data in them, and change
// their passwords regularly; see [Pool.SetHosts].
package hostpool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

const (
	defaultStartWithin = 15 * time.Minute
	defaultCheckEvery  = time.Minute

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

	// storeWithin limits a call of the store; endWithin one that the service waits
	// for when it reports an end, since nobody knows for how long it does.
	storeWithin = 5 * time.Second
	endWithin   = 3 * time.Second

	// forever limits durations, so that a store can add them to the time.
	forever = 100 * 365 * 24 * time.Hour

	// maxEmail is the size of the longest email address that RFC 5321 allows.
	maxEmail = 320
)

// Pool leases host accounts to meetings, so that each account has one meeting at a
// time. Create it with [New]. It is safe for concurrent use, runs no goroutines
// between calls, and does not need to be closed.
type Pool struct {
	client      *iomeeting.Client
	store       Store
	endURL      string
	signer      *iomeeting.EndSigner // nil without WithEnd
	startWithin time.Duration
	checkEvery  time.Duration
	wait        time.Duration
	logger      *slog.Logger

	// These follow from startWithin.
	leaseFor   time.Duration // a new lease
	callWithin time.Duration
	lateWithin time.Duration

	mu       sync.Mutex          // guards the rest, and the times in accounts
	accounts map[string]*account // by email address, removed ones included
	ring     []*account          // for new meetings, in random order, all of them twice
	search   *search             // under way; nil if none is
}

// account is a host account. One with a new password is another account.
type account struct {
	iomeeting.Host
	removed  bool
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
		startWithin: defaultStartWithin,
		checkEvery:  defaultCheckEvery,
		logger:      slog.Default(),
		accounts:    make(map[string]*account),
	}
	if client == nil {
		return nil, invalid("client", "is nil")
	}
	if store == nil {
		return nil, invalid("store", "is nil")
	}
	for _, opt := range opts {
		if err := opt(p); err != nil {
			return nil, err
		}
	}
	p.leaseFor = p.startWithin + callWithin
	p.callWithin = min(callWithin, p.startWithin/2)
	p.lateWithin = min(lateWithin, p.startWithin)
	if err := p.SetHosts(hosts); err != nil {
		return nil, err
	}
	return p, nil
}

// Option is a setting of a [Pool].
type Option func(*Pool) error

// WithEnd makes the service report the ends of scheduled meetings to endURL, where
// [Pool.EndHandler] serves. The service must be able to reach it. The signer signs
// the operator IDs; all servers need the same key. Without WithEnd, accounts come
// back only when their leases have expired.
func WithEnd(endURL string, signer *iomeeting.EndSigner) Option {
	return func(p *Pool) error {
		p.endURL, p.signer = endURL, signer
		if endURL == "" {
			return invalid("meetingEndUrl", "is empty")
		}
		if signer == nil {
			return invalid("signer", "is nil")
		}
		return iomeeting.ScheduleOptions{EndURL: endURL}.Validate()
	}
}

// WithStartWithin sets how long a host may take to open the start link of a meeting.
// After that, the account may be given to another meeting unless its host is in one.
// Default: 15 minutes.
func WithStartWithin(d time.Duration) Option {
	return func(p *Pool) error {
		p.startWithin = min(d, forever)
		return positive("startWithin", d)
	}
}

// WithCheckEvery sets how long a host who is in a meeting is not asked about again
// when another meeting needs an account. Default: 1 minute.
func WithCheckEvery(d time.Duration) Option {
	return func(p *Pool) error {
		p.checkEvery = min(d, forever)
		return positive("checkEvery", d)
	}
}

// WithWait sets how long [Pool.Schedule] and [Pool.Start] wait for an account if
// none is free. They try about every second. Default: 0.
func WithWait(d time.Duration) Option {
	return func(p *Pool) error {
		p.wait = min(d, forever)
		if d < 0 {
			return invalid("wait", "is negative")
		}
		return nil
	}
}

// WithLogger sets where the pool logs. The messages start with "iomeeting pool: ".
// At level Warn they go on with "account left out" (the service refused the email
// address or the password, or sent a bad response), "outcome unknown" (of a
// Schedule), "lease not renewed" or "lease not released" (the store failed), and at
// level Debug with "lease taken", "lease renewed" or "lease released". The attributes
// are host (the email address), lease (its ID), and after a failure error. No
// password is logged. Default: [slog.Default].
func WithLogger(l *slog.Logger) Option {
	return func(p *Pool) error {
		p.logger = l
		if l == nil {
			return invalid("logger", "is nil")
		}
		return nil
	}
}

// SetHosts replaces the host accounts, at any time. A new password is used at once.
// Accounts that are no longer in the list get no new meetings. But the pool still
// knows them: their meetings can be started, their ends are reported, and
// [Pool.Reclaim] releases their leases.
//
// If the list is empty, if [iomeeting.Host.Validate] returns an error for an account,
// if an email address is longer than 320 bytes, or if two are equal except for case,
// also with one from before, SetHosts changes nothing and returns an
// [*iomeeting.ParameterError] with the account's index.
func (p *Pool) SetHosts(hosts []iomeeting.Host) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.checkHosts(hosts); err != nil {
		return err
	}
	for _, a := range p.accounts {
		a.removed = true
	}
	accounts := make([]*account, len(hosts))
	for i, host := range hosts {
		a := p.accounts[host.Email]
		if a == nil || a.Password != host.Password {
			a = &account{Host: host}
			p.accounts[host.Email] = a
		}
		a.removed = false
		accounts[i] = a
	}
	rand.Shuffle(len(accounts), func(i, j int) { accounts[i], accounts[j] = accounts[j], accounts[i] })
	p.ring = append(accounts, accounts...)
	return nil
}

func (p *Pool) checkHosts(hosts []iomeeting.Host) error {
	if len(hosts) == 0 {
		return invalid("hosts", "is empty")
	}
	known := make(map[string]string) // email addresses, by what is equal except for case
	for email := range p.accounts {
		known[withoutCase(email)] = email
	}
	listed := make(map[string]bool)
	for i, host := range hosts {
		err := host.Validate()
		key := withoutCase(host.Email)
		switch email, ok := known[key]; {
		case err != nil:
		case len(host.Email) > maxEmail:
			err = invalid("hostEmail", "is longer than 320 bytes")
		case listed[key], ok && email != host.Email:
			err = invalid("hostEmail", "is that of another account, perhaps in another case")
		}
		var bad *iomeeting.ParameterError
		if errors.As(err, &bad) {
			return invalid(fmt.Sprintf("hosts[%d]: %s", i, bad.Param), bad.Reason)
		}
		listed[key] = true
	}
	return nil
}

func withoutCase(email string) string { return strings.ToLower(strings.ToUpper(email)) }

// account returns an account of the pool, even if it was removed, or nil.
func (p *Pool) account(email string) *account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accounts[email]
}

// Renew sets a lease to expire d from now, sooner or later than before: call it if a
// host needs more time to start than [WithStartWithin] allows. The lease is a
// [Meeting.Lease] of any server that shares the store. Renew also works after the
// lease has expired, as long as it is there; otherwise it returns [ErrLeaseLost].
func (p *Pool) Renew(ctx context.Context, lease string, d time.Duration) error {
	l, err := parseLease(lease)
	if err := cmp.Or(err, positive("d", d)); err != nil {
		return err
	}
	return p.renew(ctx, l, min(d, forever))
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
	return p.release(ctx, l, p.store.Release)
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
func (p *Pool) Leases(ctx context.Context) ([]Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	leases, err := p.store.List(ctx)
	return leases, storeError("list leases", err)
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
		lease, operatorID, ok := splitOperatorID(operatorID)
		if !ok {
			return onEnd(ctx, Ended{OperatorID: operatorID})
		}
		p.giveBack(ctx, lease, endWithin)
		return onEnd(ctx, Ended{operatorID, lease.String()})
	})
}

// leaseMark starts an operator ID that begins with a lease. One that was signed
// without a pool does not start like this.
const leaseMark = "hostpool lease\n"

// withLease returns the operator ID that the service gets for a meeting.
func withLease(lease Lease, operatorID string) string {
	return leaseMark + lease.String() + "\n" + operatorID // no email address contains a line break
}

// splitOperatorID reverses withLease.
func splitOperatorID(s string) (lease Lease, operatorID string, ok bool) {
	rest, ok := strings.CutPrefix(s, leaseMark)
	if !ok {
		return Lease{}, s, false
	}
	token, operatorID, _ := strings.Cut(rest, "\n")
	id, host, _ := strings.Cut(token, ":")
	return Lease{Host: host, ID: id}, operatorID, true
}

// renew sets the lease to expire d from now.
func (p *Pool) renew(ctx context.Context, lease Lease, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	err := storeError("renew a lease", p.store.Renew(ctx, lease.Host, lease.ID, d))
	if err == nil {
		p.log(ctx, slog.LevelDebug, "lease renewed", lease, nil)
	}
	return err
}

// release deletes the lease by Release or ReleaseExpired of the store.
func (p *Pool) release(ctx context.Context, lease Lease, by func(ctx context.Context, host, id string) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	err := storeError("release a lease", by(ctx, lease.Host, lease.ID))
	if err == nil {
		p.log(ctx, slog.LevelDebug, "lease released", lease, nil)
	}
	return err
}

// hold renews the lease, whether ctx is done or not. If that fails, the lease stays
// as it is.
func (p *Pool) hold(ctx context.Context, lease Lease, d time.Duration) {
	if err := p.renew(context.WithoutCancel(ctx), lease, d); err != nil && !errors.Is(err, ErrLeaseLost) {
		p.log(ctx, slog.LevelWarn, "lease not renewed", lease, err)
	}
}

// giveBack releases the lease, whether ctx is done or not. If that fails, the lease
// stays until it has expired.
func (p *Pool) giveBack(ctx context.Context, lease Lease, within time.Duration) {
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	if err := p.release(detached, lease, p.store.Release); err != nil && !errors.Is(err, ErrLeaseLost) {
		p.log(ctx, slog.LevelWarn, "lease not released", lease, err)
	}
}

// leaveOut keeps the pool from using an account for a while.
func (p *Pool) leaveOut(ctx context.Context, a *account, lease Lease, err error) {
	p.log(ctx, slog.LevelWarn, "account left out", lease, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	a.leftOut = time.Now().Add(leaveOutFor)
}

// log writes a record about the lease.
func (p *Pool) log(ctx context.Context, level slog.Level, message string, lease Lease, err error) {
	if !p.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("host", lease.Host), slog.String("lease", lease.ID)}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	p.logger.LogAttrs(ctx, level, "iomeeting pool: "+message, attrs...)
}

// storeError returns the error of a call of the store as callers of the pool get it.
func storeError(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoneFree):
		return ErrNoneFree
	case errors.Is(err, ErrLeaseLost):
		return ErrLeaseLost
	default:
		return fmt.Errorf("%w: %s: %w", ErrStore, op, err)
	}
}

func invalid(param, reason string) error {
	return &iomeeting.ParameterError{Param: param, Reason: reason}
}

func positive(param string, d time.Duration) error {
	if d <= 0 {
		return invalid(param, "is not positive")
	}
	return nil
}
