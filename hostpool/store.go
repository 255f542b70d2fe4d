package hostpool

import (
	"context"
	"errors"
	"time"
)

// Lease says that a host account belongs to one caller until it expires. An
// expired lease still holds its account: the account is given to another caller
// only after a check that its host is not in a meeting.
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
	// Take leases the first of hosts that has no lease to id, for d from now by
	// the store's clock, and returns the new lease. If all of them have one, Take
	// extends an expired one until d from now and returns it under its old ID, by
	// which the caller can tell it from a new lease. Of concurrent calls, only
	// one gets a given account.
	//
	// If one of hosts is leased to id already, Take changes nothing and returns
	// that lease, since a database client may send a command twice. If there is
	// nothing to take, or hosts is empty, it returns [ErrNoneFree].
	Take(ctx context.Context, hosts []string, id string, d time.Duration) (Lease, error)

	// Renew sets the lease to expire d from now by the store's clock, even if it
	// has expired. If host is not leased to id, Renew returns [ErrLeaseLost].
	Renew(ctx context.Context, host, id string, d time.Duration) error

	// Release deletes the lease, even if it has expired. If host is not leased to
	// id, Release returns [ErrLeaseLost].
	Release(ctx context.Context, host, id string) error

	// List returns all leases, expired ones included, in any order.
	List(ctx context.Context) ([]Lease, error)
}

var (
	// ErrNoneFree is returned if no host account can be leased: each one is in
	// use, or was refused by the service a short while ago.
	ErrNoneFree = errors.New("iomeeting: no host account is free")

	// ErrLeaseLost is returned if a lease no longer exists, or its account has
	// been leased to somebody else.
	ErrLeaseLost = errors.New("iomeeting: lease lost")
)
