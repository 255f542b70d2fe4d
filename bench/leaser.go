package main

import (
	"context"
	"errors"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// leaser leases host accounts.
type leaser interface {
	// hold leases that account for longer than the benchmark runs.
	hold(ctx context.Context, account string) error
	// take leases an account. free is one that is free and that nobody else is
	// told of, for leasers that do not search.
	take(ctx context.Context, free string) (lease string, err error)
	// release gives the account of a lease back.
	release(ctx context.Context, lease string) error
}

// pooled leases accounts through a [hostpool.Pool], which searches for a free one
// as it does for each meeting.
type pooled struct {
	pool  *hostpool.Pool
	store hostpool.Store
}

func newPooled(store hostpool.Store, accounts []string) (pooled, error) {
	client, err := iomeeting.NewClient("https://meetings.example.com") // nothing is sent to it
	if err != nil {
		return pooled{}, err
	}
	hosts := make([]iomeeting.Host, len(accounts))
	for i, account := range accounts {
		hosts[i] = iomeeting.Host{Email: account, Password: iomeeting.NewSecret(password)}
	}
	pool, err := hostpool.New(client, hosts, hostpool.WithStore(takeOnly{store}))
	return pooled{pool, store}, err
}

func (p pooled) hold(ctx context.Context, account string) error {
	_, err := p.store.Take(ctx, []string{account}, "holder of "+account, 24*time.Hour)
	return err
}

// take searches again if the free accounts changed hands while it searched. It
// may, because some account is free all the time.
func (p pooled) take(ctx context.Context, _ string) (string, error) {
	for {
		_, err := p.pool.Schedule(ctx, &scheduleOptions)
		if taken := (*takenError)(nil); errors.As(err, &taken) {
			return taken.lease.String(), nil
		}
		if !errors.Is(err, hostpool.ErrNoneFree) {
			return "", err
		}
	}
}

func (p pooled) release(ctx context.Context, lease string) error { return p.pool.Release(ctx, lease) }

// takeOnly is a store that reports each new lease as an error. So a call of the
// pool ends when it has found an account, before it calls the service.
type takeOnly struct{ hostpool.Store }

type takenError struct{ lease hostpool.Lease }

func (*takenError) Error() string { return "a lease was taken" }

func (s takeOnly) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	lease, err := s.Store.Take(ctx, hosts, id, d)
	switch {
	case err != nil:
		return lease, err
	case lease.ID != id:
		return lease, errors.New("a held account's lease has expired")
	default:
		return lease, &takenError{lease}
	}
}
