package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// pooled leases accounts through a [hostpool.Pool], which searches for a free one
// as it does for each meeting.
type pooled struct {
	pool  *hostpool.Pool
	store *watchedStore
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
	watched := &watchedStore{Store: store}
	pool, err := hostpool.New(client, hosts, hostpool.WithStore(watched))
	return pooled{pool, watched}, err
}

func (p pooled) hold(ctx context.Context, account string) error {
	_, err := p.store.Store.Take(ctx, []string{account}, "holder of "+account, 24*time.Hour)
	return err
}

// lease lets the pool take a lease, and cancels the call before the service is
// called, so that the pool releases the lease. If others take all free accounts
// while the pool searches, it searches again: there is a free one for each worker.
func (p pooled) lease(ctx context.Context, _ string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &pooledCall{cancel: cancel, released: errors.New("the lease was not released")}
	ctx = context.WithValue(ctx, callKey{}, c)
	for {
		_, err := p.pool.Start(ctx, nil)
		switch {
		case errors.Is(err, context.Canceled):
			return c.released
		case !errors.Is(err, hostpool.ErrNoneFree):
			return fmt.Errorf("no lease was taken: %w", err)
		}
	}
}

type callKey struct{}

// pooledCall is a call of lease, as the store sees it.
type pooledCall struct {
	cancel   context.CancelFunc
	released error // of Release
}

// watchedStore is a store that cancels a call of lease once it has a lease.
type watchedStore struct {
	hostpool.Store
	roundTrips atomic.Int64 // of all Takes
}

func (s *watchedStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	lease, err := s.Store.Take(countRoundTrips(ctx, &s.roundTrips), hosts, id, d)
	switch {
	case err != nil:
		return lease, err
	case lease.ID != id:
		return lease, errors.New("the lease of a held account has expired")
	}
	ctx.Value(callKey{}).(*pooledCall).cancel()
	return lease, nil
}

func (s *watchedStore) Release(ctx context.Context, host, id string) error {
	err := s.Store.Release(ctx, host, id)
	ctx.Value(callKey{}).(*pooledCall).released = err
	return err
}
