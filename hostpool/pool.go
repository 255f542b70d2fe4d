package hostpool

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

const (
	defaultStartWithin = 15 * time.Minute
	defaultCheckEvery  = time.Minute

	// maxEmail is the size of the longest email address that RFC 5321 allows, in
	// bytes.
	maxEmail = 320
)

// Pool leases host accounts to meetings, so that each account has one meeting at
// a time. Create it with [New]. It is safe for concurrent use, runs no goroutines
// of its own, and does not need to be closed.
type Pool struct {
	settings
	client  *iomeeting.Client
	hosts   []iomeeting.Host
	byEmail map[string]iomeeting.Host

	mu      sync.Mutex
	leftOut map[string]leftOut // by email address
	looks   float64            // how many accounts a search looks at, a moving average
}

// settings are what the options of a pool set.
type settings struct {
	store       Store
	signer      *iomeeting.EndSigner // nil without WithEndSigner
	startWithin time.Duration
	checkEvery  time.Duration
	logger      *slog.Logger
}

// New returns a pool of host accounts of the client's site. Every server of a
// site may have a pool, and their lists of accounts may differ, as long as all
// pools that share an account share a [Store].
//
// If client is nil or was not made by [iomeeting.NewClient], if there are no
// hosts, if two have the same email address, if an email address is longer than
// 320 bytes, if [iomeeting.Host.Validate] returns an error for a host, or if an
// option is nil or its value cannot be used, New returns an
// [*iomeeting.ParameterError]. Nothing is sent and nothing is leased.
func New(client *iomeeting.Client, hosts []iomeeting.Host, opts ...Option) (*Pool, error) {
	p := &Pool{
		settings: settings{
			startWithin: defaultStartWithin,
			checkEvery:  defaultCheckEvery,
			logger:      slog.Default(),
		},
		client:  client,
		byEmail: make(map[string]iomeeting.Host, len(hosts)),
		leftOut: make(map[string]leftOut),
	}
	if client == nil {
		return nil, &iomeeting.ParameterError{Param: "client", Reason: "is nil"}
	}
	if err := p.add(hosts); err != nil {
		return nil, err
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, &iomeeting.ParameterError{Param: "option", Reason: "is nil"}
		}
		if err := opt(&p.settings); err != nil {
			return nil, err
		}
	}
	if p.store == nil {
		p.store = NewMemoryStore()
	}
	return p, nil
}

// add adds the accounts to a new pool.
func (p *Pool) add(hosts []iomeeting.Host) error {
	if len(hosts) == 0 {
		return &iomeeting.ParameterError{Param: "hosts", Reason: "is empty"}
	}
	for _, host := range hosts {
		if err := host.Validate(); err != nil {
			return err
		}
		if len(host.Email) > maxEmail {
			return &iomeeting.ParameterError{Param: "hostEmail", Reason: "is longer than 320 bytes"}
		}
		if _, twice := p.byEmail[host.Email]; twice {
			return &iomeeting.ParameterError{Param: "hosts", Reason: "contains two accounts with the same email address"}
		}
		p.hosts = append(p.hosts, host)
		p.byEmail[host.Email] = host
	}
	_, err := p.client.Start(hosts[0], nil) // fails if NewClient did not make the client
	return err
}

// check refuses calls of a Pool that New did not make, and calls without a context.
func (p *Pool) check(ctx context.Context) error {
	switch {
	case p.client == nil:
		return &iomeeting.ParameterError{Param: "pool", Reason: "was not made by New"}
	case ctx == nil:
		return &iomeeting.ParameterError{Param: "ctx", Reason: "is nil"}
	default:
		return nil
	}
}

// Option is a setting of a [Pool]. If an option is given twice, the last one
// wins.
type Option func(*settings) error

// WithStore sets where the leases are kept. Servers that share host accounts must
// share a store. If store is nil, [New] returns an [*iomeeting.ParameterError].
// Default: [NewMemoryStore].
func WithStore(store Store) Option {
	return func(s *settings) error {
		s.store = store
		return required("store", store == nil)
	}
}

// WithEndSigner sets the signer of operator IDs. [Pool.EndHandler] requires it, and
// [Pool.Schedule] does if the options have an EndURL. If signer is nil, [New]
// returns an [*iomeeting.ParameterError]. Default: none.
func WithEndSigner(signer *iomeeting.EndSigner) Option {
	return func(s *settings) error {
		s.signer = signer
		return required("endSigner", signer == nil)
	}
}

// WithStartWithin sets how long a host may take to open the start link of a
// meeting. After that, the account may be given to another meeting unless the
// host is in one. If d is not positive, [New] returns an
// [*iomeeting.ParameterError]. Default: 15 minutes.
func WithStartWithin(d time.Duration) Option {
	return func(s *settings) error {
		s.startWithin = d
		return positive("startWithin", d)
	}
}

// WithCheckEvery sets how often the pool may ask the service whether a meeting is
// over, if the service has not notified the pool of its end. The pool asks only
// when it needs the account. If d is not positive, [New] returns an
// [*iomeeting.ParameterError]. Default: 1 minute.
func WithCheckEvery(d time.Duration) Option {
	return func(s *settings) error {
		s.checkEvery = d
		return positive("checkEvery", d)
	}
}

// WithLogger sets where the pool logs. Each record is about one lease. It has the
// attributes host (the email address) and lease (the lease's ID), and error after a
// failure. Its message starts with "iomeeting pool: " and goes on with
//
//   - at level Debug, "lease taken", "lease renewed" (its attribute "for" is the
//     duration), "lease released" or "host is in a meeting";
//   - at level Warn, "account left out" (the service refused the email address or
//     the password, so the pool skips the account for 10 minutes), "outcome unknown"
//     (of a Schedule) or "lease not released" (the store failed).
//
// No record contains a secret. If l is nil, [New] returns an
// [*iomeeting.ParameterError]. Default: [slog.Default].
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		s.logger = l
		return required("logger", l == nil)
	}
}

func required(param string, missing bool) error {
	if missing {
		return &iomeeting.ParameterError{Param: param, Reason: "is nil"}
	}
	return nil
}

func positive(param string, d time.Duration) error {
	if d <= 0 {
		return &iomeeting.ParameterError{Param: param, Reason: "is not positive"}
	}
	return nil
}

// Renew sets a lease to expire d from now, even if that is earlier than before:
// call it if a host needs more time to start than [WithStartWithin] allows. The
// lease is a [Meeting.Lease], from any server that shares the store.
//
// If the lease no longer exists, because it was released or its account was given to
// another meeting, Renew returns [ErrLeaseLost]. Rely on Renew only if it returns
// before the lease expires (at [Meeting.StartBy], or d after an earlier Renew):
// later, another server may be about to give the account away. If lease does not
// have the form of a Meeting.Lease, or d is not positive, Renew returns an
// [*iomeeting.ParameterError]. Any other error matches [ErrStore].
func (p *Pool) Renew(ctx context.Context, lease string, d time.Duration) error {
	l, err := parseLease(lease)
	if err := cmp.Or(p.check(ctx), err, positive("d", d)); err != nil {
		return err
	}
	return p.renew(ctx, l, d)
}

// Release gives an account back: call it when a meeting is canceled before it
// started, or when you know that it is over. The lease is a [Meeting.Lease], from
// any server that shares the store. Do not release the account of a meeting in
// progress. Release does not call the function passed to [Pool.EndHandler].
//
// If the lease no longer exists, Release returns [ErrLeaseLost], and nothing
// changes. If lease does not have the form of a Meeting.Lease, Release returns an
// [*iomeeting.ParameterError]. Any other error matches [ErrStore].
func (p *Pool) Release(ctx context.Context, lease string) error {
	l, err := parseLease(lease)
	if err := cmp.Or(p.check(ctx), err); err != nil {
		return err
	}
	return p.release(ctx, l)
}

// parseLease returns the lease whose String is s.
func parseLease(s string) (Lease, error) {
	id, host, ok := strings.Cut(s, ":")
	if !ok || id == "" || host == "" {
		return Lease{}, &iomeeting.ParameterError{Param: "lease", Reason: "is not the lease of a meeting"}
	}
	return Lease{Host: host, ID: id}, nil
}

// Leases returns the leases of all servers that share the store, for a page that
// shows which accounts are in use. An expired lease does not mean that its meeting
// is over, and one that has not expired does not mean that a meeting is in
// progress. To find out, call [iomeeting.Client.Query]. An error matches [ErrStore].
func (p *Pool) Leases(ctx context.Context) ([]Lease, error) {
	if err := p.check(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	leases, err := p.store.List(ctx)
	return leases, storeError("list leases", err)
}

// Host returns the account with that email address, and whether the pool has it.
// With it, a server can recreate the links of a meeting that another server
// scheduled.
func (p *Pool) Host(email string) (iomeeting.Host, bool) {
	host, ok := p.byEmail[email]
	return host, ok
}

// EndHandler returns the handler for the EndURL of [Pool.Schedule]. When the
// service reports the end of a meeting, the handler releases its account and then
// calls onEnd with the operator ID that was given to Schedule. It responds as
// [iomeeting.EndSigner.Handler] does. If onEnd fails or panics, the account is
// released nevertheless. If the store fails, onEnd is called, a warning is
// logged, and the account can be reused once its lease has expired.
//
// If [Pool.Schedule] could not tell whether one account got the meeting, and then
// used another, both accounts may have a meeting with the same operator ID. onEnd is
// called when either one ends. If it matters, check in onEnd whether [Pool.Leases]
// still lists [Meeting.Lease]. If it does not, the meeting that Schedule returned
// has ended, or has lost its account because nobody started it in time. If it does,
// the meeting has most likely not ended. But a lease also stays in the list if the
// store failed to release it: that meeting goes on only if [iomeeting.Client.Query]
// returns its ID, or if its host has not started it yet.
//
// An operator ID that the same EndSigner signed without a pool is passed to onEnd
// as it is. EndHandler panics if the pool has no EndSigner, or if onEnd is nil.
//
// Spec: section 6, Result.
func (p *Pool) EndHandler(onEnd func(ctx context.Context, operatorID string) error) http.Handler {
	if p.signer == nil {
		panic("iomeeting: EndHandler needs a pool with WithEndSigner")
	}
	if onEnd == nil {
		panic("iomeeting: onEnd is nil")
	}
	return p.signer.Handler(func(ctx context.Context, operatorID string) error {
		lease, operatorID, ok := splitOperatorID(operatorID)
		if ok {
			p.giveBack(ctx, lease)
		}
		return onEnd(ctx, operatorID)
	})
}

// leaseMark starts an operator ID that begins with a lease. One that was signed
// without a pool does not start like this.
const leaseMark = "hostpool lease\n"

// withLease returns the operator ID that the service gets for a meeting.
func withLease(lease Lease, operatorID string) string {
	return leaseMark + lease.String() + "\n" + operatorID // no email address contains a line break
}

// splitOperatorID undoes withLease.
func splitOperatorID(s string) (lease Lease, operatorID string, ok bool) {
	rest, ok := strings.CutPrefix(s, leaseMark)
	if !ok {
		return Lease{}, s, false
	}
	token, operatorID, _ := strings.Cut(rest, "\n")
	id, host, _ := strings.Cut(token, ":")
	return Lease{Host: host, ID: id}, operatorID, true
}

const (
	// storeTimeout limits a call of the store.
	storeTimeout = 5 * time.Second

	// giveBackTimeout limits a release that has somebody waiting: in EndHandler it
	// is the service, whose patience is not known.
	giveBackTimeout = 3 * time.Second
)

// renew extends the lease to d from now.
func (p *Pool) renew(ctx context.Context, lease Lease, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := storeError("renew a lease", p.store.Renew(ctx, lease.Host, lease.ID, d))
	if err == nil {
		p.log(ctx, slog.LevelDebug, "lease renewed", lease, slog.Duration("for", d))
	}
	return err
}

// release deletes the lease.
func (p *Pool) release(ctx context.Context, lease Lease) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := storeError("release a lease", p.store.Release(ctx, lease.Host, lease.ID))
	if err == nil {
		p.log(ctx, slog.LevelDebug, "lease released", lease)
	}
	return err
}

// giveBack releases the lease even if ctx is done. If the store fails, the lease
// expires.
func (p *Pool) giveBack(ctx context.Context, lease Lease) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	err := p.release(own, lease)
	if err != nil && !errors.Is(err, ErrLeaseLost) {
		p.log(ctx, slog.LevelWarn, "lease not released", lease, slog.String("error", err.Error()))
	}
}

// storeError adds the package's prefix and the operation to an error of the store.
func storeError(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrLeaseLost), errors.Is(err, ErrNoneFree):
		return err
	default:
		return &storeFailure{op, err}
	}
}

// storeFailure is an error of the store.
type storeFailure struct {
	op  string
	err error
}

func (e *storeFailure) Error() string {
	return "iomeeting: " + e.op + ": " + withoutPrefix(e.err)
}

func (e *storeFailure) Unwrap() []error { return []error{ErrStore, e.err} }

// withoutPrefix returns the text of an error that follows another text.
func withoutPrefix(err error) string { return strings.TrimPrefix(err.Error(), "iomeeting: ") }

// log writes a record about the lease.
func (p *Pool) log(ctx context.Context, level slog.Level, message string, lease Lease, attrs ...slog.Attr) {
	if !p.logger.Enabled(ctx, level) {
		return
	}
	attrs = append([]slog.Attr{slog.String("host", lease.Host), slog.String("lease", lease.ID)}, attrs...)
	p.logger.LogAttrs(ctx, level, "iomeeting pool: "+message, attrs...)
}
