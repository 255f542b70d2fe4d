package hostpool

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

const (
	// takeFor is how long a new lease lasts.
	takeFor = time.Minute

	// callWithin limits the calls to the service on a new lease. What is left of
	// the lease after that is for a request that arrives late.
	callWithin = 30 * time.Second

	// leaveOutFor is how long the pool skips an account that the service refused.
	leaveOutFor = 10 * time.Minute

	// maxUnknown is how many accounts may be tried after one with an unknown
	// outcome.
	maxUnknown = 2

	// maxOperatorID limits the operator ID, in bytes. With a lease of the longest
	// email address, encoded and signed, it must fit into the 4 KiB that the
	// service's POST may have.
	maxOperatorID = 2000
)

// Meeting is a meeting on an account of a [Pool], which its host is about to
// start.
type Meeting struct {
	// Host is the account. Its password is in StartLink too.
	Host iomeeting.Host
	// MeetingID is the ID of the meeting. It is empty after [Pool.Start]: the
	// service assigns it when the host opens the link, and then
	// [iomeeting.Client.Query] returns it.
	MeetingID string
	// StartLink is for the browser of the host. It contains the password of the
	// account, and whoever opens it can read that in the source of the page: see
	// the package comment.
	StartLink iomeeting.Link
	// Lease identifies the lease for [Pool.Renew] and [Pool.Release], on any
	// server. Store it with the booking. It contains no secret.
	Lease string
	// StartBy is when the account may be given to another meeting, unless its host
	// is in one by then. It is a time by the clock of this process.
	StartBy time.Time
}

// Schedule schedules a meeting on a free account. If opts has an EndURL, the
// service notifies [Pool.EndHandler] when the meeting ends, and the account is
// free again at once. Otherwise the pool asks the service when it needs the
// account. With an EndURL, OperatorID may be any string of at most 2,000 bytes.
// Schedule signs it; do not sign it yourself.
//
// Schedule normally tries one account, with two calls of the store and one
// ScheduleIfAvailable, which takes a fraction of a second. Each account it tries
// takes at most about 40 seconds, and it may try several: give ctx a deadline if
// somebody waits. Schedule stops when ctx is done, but may then need a few seconds
// to release the account, or to extend the lease of a meeting that was scheduled.
// If you pass the context of an HTTP request, use [context.WithoutCancel], as for
// [iomeeting.Client.Schedule]. Store the booking before you call Schedule: the
// meeting may end before it returns.
//
// Schedule returns one of these errors:
//   - [ErrNoneFree], if no account could be leased. A call checks at most 16
//     accounts whose leases have expired, so a later call may find one. If the
//     service refused an account, the chain also contains the
//     [*iomeeting.StatusError] of the last one;
//   - [ErrLeaseLost], if the meeting ended before Schedule returned, or took so
//     long to schedule that the account may belong to another by now;
//   - [iomeeting.ErrOutcomeUnknown], if the outcome is unknown on one account or
//     more, and no other succeeded. The error may match [ErrNoneFree] or
//     another error too, so check this one first;
//   - an [*iomeeting.ParameterError], if an option cannot be sent, if EndURL is set
//     without [WithEndSigner], or if OperatorID is too long or signed already.
//     Nothing is leased or sent;
//   - [ErrStore], if the store failed. No meeting is returned, and meetings in
//     progress go on;
//   - any other error of [iomeeting.Client.ScheduleIfAvailable].
//
// If the outcome is unknown on one account, Schedule tries up to two others, with
// the same operator ID. An account with an unknown outcome stays leased for a
// minute, and may have a scheduled meeting that nobody starts. If the service
// reports the end of that meeting, onEnd gets the operator ID of a meeting that goes
// on: see [Pool.EndHandler]. After ErrOutcomeUnknown, you may call Schedule again
// at once. With another operator ID, you can tell the two meetings apart.
//
// Spec: sections 5 and 6.
func (p *Pool) Schedule(ctx context.Context, opts *iomeeting.ScheduleOptions) (Meeting, error) {
	var o iomeeting.ScheduleOptions
	if opts != nil {
		o = *opts
	}
	if err := cmp.Or(p.check(ctx), p.checkSchedule(o)); err != nil {
		return Meeting{}, err
	}
	return p.lease(ctx, func(ctx context.Context, host iomeeting.Host, lease Lease) (string, iomeeting.Link, error) {
		o := o
		if o.EndURL != "" {
			o.OperatorID = p.signer.Sign(withLease(lease, o.OperatorID))
		}
		meeting, err := p.client.ScheduleIfAvailable(ctx, host, &o)
		if err != nil {
			return "", iomeeting.Link{}, err
		}
		link, err := p.client.StartByID(meeting.MeetingID, host.Password)
		return meeting.MeetingID, link, err
	})
}

func (p *Pool) checkSchedule(o iomeeting.ScheduleOptions) error {
	if o.EndURL == "" {
		return o.Validate()
	}
	switch {
	case p.signer == nil:
		return &iomeeting.ParameterError{Param: "meetingEndUrl", Reason: "needs a pool with WithEndSigner"}
	case len(o.OperatorID) > maxOperatorID:
		return &iomeeting.ParameterError{Param: "operatorId", Reason: "is longer than 2000 bytes"}
	}
	if _, err := p.signer.Verify(o.OperatorID); err == nil {
		return &iomeeting.ParameterError{Param: "operatorId", Reason: "is signed already, but the pool signs it"}
	}
	o.OperatorID = "" // any string can be sent once it is signed
	return o.Validate()
}

// Start returns a link that starts a meeting, with a title and observers if you
// like, on a free account. The service does not notify anyone of the end of such
// a meeting: the pool asks when it needs the account, or you call
// [Pool.Release]. The function passed to [Pool.EndHandler] is not called.
//
// Start returns the errors that [Pool.Schedule] returns, except
// [iomeeting.ErrOutcomeUnknown]. An [*iomeeting.ParameterError] comes from
// [iomeeting.Client.Start].
//
// Spec: sections 1 and 5.
func (p *Pool) Start(ctx context.Context, opts *iomeeting.StartOptions) (Meeting, error) {
	if err := p.check(ctx); err != nil {
		return Meeting{}, err
	}
	if _, err := p.client.Start(p.hosts[0], opts); err != nil {
		return Meeting{}, err
	}
	return p.lease(ctx, func(ctx context.Context, host iomeeting.Host, _ Lease) (string, iomeeting.Link, error) {
		state, err := p.client.Query(ctx, host)
		if err != nil {
			return "", iomeeting.Link{}, err
		}
		if state.InMeeting {
			return "", iomeeting.Link{}, iomeeting.ErrInMeeting
		}
		link, err := p.client.Start(host, opts)
		return "", link, err
	})
}

// callFunc makes a meeting on a leased account.
type callFunc func(ctx context.Context, host iomeeting.Host, lease Lease) (id string, start iomeeting.Link, err error)

// lease leases accounts until call succeeds on one, or until another account
// would not help. Its error says if the outcome is unknown on any of them.
func (p *Pool) lease(ctx context.Context, call callFunc) (Meeting, error) {
	s := newSearch(p)
	var unknown []error
	for {
		lease, taken, err := s.next(ctx)
		if err != nil {
			return Meeting{}, withUnknown(err, unknown)
		}
		meeting, err := p.use(ctx, lease, taken, call)
		switch {
		case err == nil:
			return meeting, nil
		case errors.Is(err, iomeeting.ErrOutcomeUnknown):
			p.log(ctx, slog.LevelWarn, "outcome unknown", lease, slog.String("error", err.Error()))
			if len(unknown) == maxUnknown || ctx.Err() != nil {
				return Meeting{}, err
			}
			unknown = append(unknown, err)
		case errors.Is(err, iomeeting.ErrInMeeting):
			if err := p.holdInMeeting(ctx, lease); err != nil && !errors.Is(err, ErrLeaseLost) {
				return Meeting{}, withUnknown(err, unknown)
			}
		case isRefusal(err):
			s.leaveOut(ctx, lease, err)
			p.giveBack(ctx, lease)
		default:
			p.giveBack(ctx, lease)
			return Meeting{}, withUnknown(err, unknown)
		}
	}
}

// withUnknown returns err, and the last of unknown with it.
func withUnknown(err error, unknown []error) error {
	if len(unknown) == 0 {
		return err
	}
	return &secondError{err, unknown[len(unknown)-1]}
}

// secondError is an error with an earlier one that the caller must also see.
type secondError struct{ err, first error }

func (e *secondError) Error() string {
	return e.err.Error() + "; an account failed earlier: " + withoutPrefix(e.first)
}

func (e *secondError) Unwrap() []error { return []error{e.err, e.first} }

// use makes a meeting on an account that was leased at taken, and holds the
// account until the deadline for its host to start.
func (p *Pool) use(ctx context.Context, lease Lease, taken time.Time, call callFunc) (Meeting, error) {
	host := p.byEmail[lease.Host]
	callCtx, cancel := context.WithDeadline(ctx, taken.Add(callWithin))
	defer cancel()
	id, link, err := call(callCtx, host, lease)
	if err != nil {
		return Meeting{}, err
	}
	startBy := time.Now().Add(p.startWithin)
	if err := p.hold(ctx, lease, taken); err != nil {
		return Meeting{}, err // nobody gets the link, so nobody starts the meeting
	}
	return Meeting{host, id, link, lease.String(), startBy}, nil
}

// hold extends a lease that was taken at taken until the deadline for its host to
// start. Once it may have expired, another server may be about to give the account
// away, even if the store still extends it.
func (p *Pool) hold(ctx context.Context, lease Lease, taken time.Time) error {
	expires := taken.Add(takeFor)
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), expires)
	defer cancel()
	err := p.renew(ctx, lease, p.startWithin)
	if err == nil && !time.Now().Before(expires) {
		return ErrLeaseLost
	}
	return err
}

// holdInMeeting extends the lease of an account whose host is in a meeting until
// the next check.
func (p *Pool) holdInMeeting(ctx context.Context, lease Lease) error {
	p.log(ctx, slog.LevelDebug, "host is in a meeting", lease)
	return p.renew(ctx, lease, p.checkEvery)
}

// isRefusal reports whether err says that the service does not accept the
// account.
func isRefusal(err error) bool {
	return errors.Is(err, iomeeting.ErrHostNotFound) || errors.Is(err, iomeeting.ErrWrongPassword)
}

// newLeaseID returns the ID of a new lease.
func newLeaseID() string { return rand.Text() }
