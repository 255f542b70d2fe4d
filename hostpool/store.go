package hostpool

import (
	"context"
	"errors"
	"time"
)

// Lease reserves a host account for one meeting. After it has expired, the account
// stays reserved until a pool needs it and has checked that its host is not in a
// meeting.
type Lease struct {
	// Host is the email address of the host account.
	Host string
	// ID identifies the lease. Each lease has a new one.
	ID string
	// Expires is when the lease expires, by the clock of the store.
	Expires time.Time
}

// String returns the lease in the form of [Meeting.Lease], which [Pool.Renew]
// and [Pool.Release] accept.
func (l Lease) String() string { return l.ID + ":" + l.Host }

// Store keeps the leases of a pool, and nothing else. It must be safe for
// concurrent use, by every process that shares it. Email addresses are compared
// byte by byte. Package storetest tests whether a Store keeps these rules.
type Store interface {
	// Take creates a lease with the given ID on the first of hosts that has none,
	// and returns it. The lease expires after d, by the store's clock. If all of
	// hosts have one, Take sets an expired lease to expire d from now, and returns
	// it with its old ID, by which the caller can tell it from a new lease. Of
	// concurrent calls, only one gets a given account.
	//
	// If one of hosts has a lease with the given ID already, Take changes nothing
	// and returns that lease, because a database client may send a command twice.
	// If there is nothing to take, or hosts is empty, it returns [ErrNoneFree].
	Take(ctx context.Context, hosts []string, id string, d time.Duration) (Lease, error)

	// Renew sets the lease to expire d from now by the store's clock, even if it
	// has expired. If host has no lease with that ID, Renew returns [ErrLeaseLost].
	Renew(ctx context.Context, host, id string, d time.Duration) error

	// Release deletes the lease, even if it has expired. If host has no lease with
	// that ID, Release returns [ErrLeaseLost].
	Release(ctx context.Context, host, id string) error

	// List returns all leases, expired ones included, in any order.
	List(ctx context.Context) ([]Lease, error)
}

var (
	// ErrNoneFree is returned if no host account can be leased: each one is in
	// use, or was refused by the service a short while ago, or has an expired
	// lease that was not checked because the call had checked 16 others.
	ErrNoneFree = errors.New("iomeeting: no host account is free")

	// ErrLeaseLost is returned if a lease no longer exists, or its account has
	// been leased to somebody else.
	ErrLeaseLost = errors.New("iomeeting: lease lost")

	// ErrStore is returned, together with the store's own error, if the store
	// failed, did not respond within 5 seconds, or was interrupted because the
	// context of the call was done.
	ErrStore = errors.New("iomeeting: store failed")
)
