package hostpool

import (
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

	// callWithin bounds the calls to the service on a new lease. What is left of
	// the lease after that is for a request that arrives late.
	callWithin = 30 * time.Second

	// leaveOutFor is how long an account is left out that the service refused.
	leaveOutFor = 10 * time.Minute

	// maxUnknown is how many accounts may be tried after one with an unknown
	// outcome.
	maxUnknown = 2

	// maxOperatorID bounds the operator ID, in bytes. With its lease, encoded and
	// signed, it must fit into the 4 KiB that the service's POST may have.
	maxOperatorID = 2000
)

// Meeting is a meeting on an account of a [Pool], which its host is about to
// start.
type Meeting struct {
	// Host is the account. Its password is in StartLink too.
	Host iomeeting.Host
	// MeetingID is the ID of the meeting. It is empty after [Pool.Start]: the
	// service makes it when the host opens the link, and [iomeeting.Client.Query]
	// tells it then.
	MeetingID string
	// StartLink is for the browser of the host. It holds the password of the
	// account, and whoever opens it can read that in the source of the page. Use
	// accounts that hold nothing else, and change their passwords.
	StartLink iomeeting.Link
	// Lease identifies the lease for [Pool.Renew] and [Pool.Release], on any
	// server. Store it with the booking. It holds no secret.
	Lease string
	// StartBy is when the account may be given to another meeting, unless its host
	// is in one by then.
	StartBy time.Time
}

// Schedule schedules a meeting on a free account. If opts has an EndURL, the
// service notifies [Pool.EndHandler] when the meeting ends, and the account is
// free again at once. Otherwise the pool asks the service when it needs the
// account.
//
// The call ends with ctx. It asks the store and the service for at most 30
// seconds about each account, and usually about one. If you pass the context of
// an HTTP request, use [context.WithoutCancel], as for
// [iomeeting.Client.Schedule], and store the booking before you call Schedule.
//
// Schedule returns one of these errors:
//   - [ErrNoneFree], if every account is in use. If accounts were left out because
//     the service refused them, the chain holds the [*iomeeting.StatusError] of
//     the last one;
//   - [ErrLeaseLost], if the meeting ended before Schedule returned, or took so
//     long to schedule that the account went to another;
//   - [iomeeting.ErrOutcomeUnknown], if the outcome is unknown on three accounts,
//     or on one when ctx ended. The accounts stay leased for a minute;
//   - a [*iomeeting.ParameterError], if an option cannot be sent, if OperatorID is
//     longer than 2,000 bytes or has no EndURL, or if EndURL is set without
//     [WithEndSigner]. Nothing is leased or sent;
//   - any other error of [iomeeting.Client.ScheduleIfAvailable], or the error of
//     the store.
//
// Spec: sections 5 and 6.
func (p *Pool) Schedule(ctx context.Context, opts *iomeeting.ScheduleOptions) (Meeting, error) {
	var o iomeeting.ScheduleOptions
	if opts != nil {
		o = *opts
	}
	if err := p.checkSchedule(o); err != nil {
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
	switch {
	case o.EndURL != "" && p.signer == nil:
		return &iomeeting.ParameterError{Param: "meetingEndUrl", Reason: "needs a pool with WithEndSigner"}
	case o.EndURL == "" && o.OperatorID != "":
		return &iomeeting.ParameterError{Param: "operatorId", Reason: "has no effect without meetingEndUrl"}
	case len(o.OperatorID) > maxOperatorID:
		return &iomeeting.ParameterError{Param: "operatorId", Reason: "is longer than 2000 bytes"}
	}
	return o.Validate()
}

// Start returns a link that starts a meeting, with a title and observers if you
// like, on a free account. The service does not notify anyone of the end of such
// a meeting: the pool asks when it needs the account, or you call
// [Pool.Release].
//
// Start returns the errors that [Pool.Schedule] returns, except
// [iomeeting.ErrOutcomeUnknown]; a [*iomeeting.ParameterError] is one of
// [iomeeting.Client.Start].
//
// Spec: sections 1 and 5.
func (p *Pool) Start(ctx context.Context, opts *iomeeting.StartOptions) (Meeting, error) {
	if _, err := p.client.Start(p.hosts[0], opts); err != nil {
		return Meeting{}, err
	}
	return p.lease(ctx, func(ctx context.Context, host iomeeting.Host, _ Lease) (string, iomeeting.Link, error) {
		state, err := p.client.Query(ctx, host)
		if err != nil {
			return "", iomeeting.Link{}, err
		}
		if state.InMeeting() {
			return "", iomeeting.Link{}, iomeeting.ErrInMeeting
		}
		link, err := p.client.Start(host, opts)
		return "", link, err
	})
}

// callFunc makes a meeting on a leased account.
type callFunc func(ctx context.Context, host iomeeting.Host, lease Lease) (id string, start iomeeting.Link, err error)

// lease leases accounts until call succeeds on one, or until another account
// would not help.
func (p *Pool) lease(ctx context.Context, call callFunc) (Meeting, error) {
	if ctx == nil {
		return Meeting{}, &iomeeting.ParameterError{Param: "ctx", Reason: "is nil"}
	}
	s := newSearch(p)
	for unknown := 0; ; {
		lease, taken, err := s.next(ctx)
		if err != nil {
			return Meeting{}, err
		}
		meeting, err := p.use(ctx, lease, taken, call)
		switch {
		case err == nil:
			return meeting, nil
		case errors.Is(err, iomeeting.ErrOutcomeUnknown):
			p.log(ctx, slog.LevelWarn, "outcome unknown", lease, slog.String("error", err.Error()))
			s.failed = err
			if unknown++; unknown > maxUnknown || ctx.Err() != nil {
				return Meeting{}, err
			}
		case errors.Is(err, iomeeting.ErrInMeeting):
			p.log(ctx, slog.LevelDebug, "host is in a meeting", lease)
			if err := p.renew(ctx, lease, p.checkEvery); err != nil && !errors.Is(err, ErrLeaseLost) {
				return Meeting{}, err
			}
		case isRefusal(err):
			s.leaveOut(ctx, lease, err)
			p.giveBack(ctx, lease)
		default:
			p.giveBack(ctx, lease)
			return Meeting{}, err
		}
	}
}

// use makes a meeting on an account that was leased at taken, and holds the
// account until its host must have started.
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

// hold extends a lease that was taken at taken until its host must have started.
// Once it may have expired, another server may be about to give the account
// away, even if the store still extends it.
func (p *Pool) hold(ctx context.Context, lease Lease, taken time.Time) error {
	expires := taken.Add(takeFor)
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), expires)
	defer cancel()
	err := p.renew(ctx, lease, p.startWithin)
	if err == nil && !time.Now().Before(expires) {
		p.giveBack(ctx, lease)
		return ErrLeaseLost
	}
	return err
}

// isRefusal reports whether err says that the service does not accept the
// account.
func isRefusal(err error) bool {
	return errors.Is(err, iomeeting.ErrHostNotFound) || errors.Is(err, iomeeting.ErrWrongPassword)
}

// newLeaseID returns the ID of a new lease.
func newLeaseID() string { return rand.Text() }
