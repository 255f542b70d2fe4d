package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// Store is a [hostpool.Store] that keeps its leases in Redis. Create it with
// [New]. It is safe for concurrent use, by all processes that share the key, and
// does not need to be closed.
//
// Besides the errors that [hostpool.Store] names, its methods return the error of
// the client, or an [*iomeeting.ParameterError] if the arguments of New, or an
// email address, cannot be used.
type Store struct {
	client redis.UniversalClient
	key    string
	err    error // why the store cannot be used
}

var _ hostpool.Store = (*Store)(nil)

// New returns a store that keeps its leases in the Redis of client: a
// [redis.Client] or a [redis.ClusterClient]. Nothing is sent. The client remains
// yours to close.
//
// If client or an option is nil, or if the key given to [WithKey] is empty, every
// method of the store returns an [*iomeeting.ParameterError].
func New(client redis.UniversalClient, opts ...Option) *Store {
	s := &Store{client: client, key: "iomeeting:hostpool"}
	for _, opt := range opts {
		if opt == nil {
			s.err = &iomeeting.ParameterError{Param: "option", Reason: "is nil"}
			return s
		}
		opt(s)
	}
	switch {
	case client == nil:
		s.err = &iomeeting.ParameterError{Param: "client", Reason: "is nil"}
	case s.key == "":
		s.err = &iomeeting.ParameterError{Param: "key", Reason: "is empty"}
	}
	return s
}

// Option is a setting of a [Store]. If an option is given twice, the last one
// wins.
type Option func(*Store)

// WithKey sets the key under which the leases are kept. Pools that share host
// accounts must use the same key. An empty key is refused, see [New]. Default:
// iomeeting:hostpool.
func WithKey(key string) Option {
	return func(s *Store) { s.key = key }
}

// Take leases one of hosts, as [hostpool.Store] says. If there is nothing to take,
// Take returns [hostpool.ErrNoneFree]. If one of hosts is empty or contains a line
// break, Take returns an [*iomeeting.ParameterError].
func (s *Store) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	if s.err != nil {
		return hostpool.Lease{}, s.err
	}
	for _, host := range hosts {
		if host == "" || strings.Contains(host, "\n") {
			return hostpool.Lease{}, &iomeeting.ParameterError{Param: "host", Reason: "is empty or contains a line break"}
		}
	}
	lease, err := s.run(ctx, takeScript, id, d.Microseconds(), strings.Join(hosts, "\n")).Text()
	switch {
	case errors.Is(err, redis.Nil):
		return hostpool.Lease{}, hostpool.ErrNoneFree
	case err != nil:
		return hostpool.Lease{}, err
	}
	host, value, _ := strings.Cut(lease, "\n")
	return parseLease(host, value)
}

// Renew sets a lease to expire d from now, as [hostpool.Store] says. If host has no
// lease with that ID, Renew returns [hostpool.ErrLeaseLost].
func (s *Store) Renew(ctx context.Context, host, id string, d time.Duration) error {
	if s.err != nil {
		return s.err
	}
	return leaseLost(s.run(ctx, renewScript, host, id, d.Microseconds()))
}

// Release deletes a lease, as [hostpool.Store] says. If host has no lease with that
// ID, Release returns [hostpool.ErrLeaseLost]. If go-redis sends the command again,
// it may return ErrLeaseLost although it has deleted the lease.
func (s *Store) Release(ctx context.Context, host, id string) error {
	if s.err != nil {
		return s.err
	}
	return leaseLost(s.run(ctx, releaseScript, host, id))
}

// List returns all leases, as [hostpool.Store] says.
func (s *Store) List(ctx context.Context) ([]hostpool.Lease, error) {
	if s.err != nil {
		return nil, s.err
	}
	fields, err := s.client.HGetAll(ctx, s.key).Result()
	if err != nil {
		return nil, err
	}
	leases := make([]hostpool.Lease, 0, len(fields)/2)
	for field, value := range fields {
		if strings.HasPrefix(field, "\n") {
			continue // how many leases an ID has
		}
		lease, err := parseLease(field, value)
		if err != nil {
			return nil, err
		}
		leases = append(leases, lease)
	}
	return leases, nil
}

// run runs a script on the leases.
func (s *Store) run(ctx context.Context, script *redis.Script, args ...any) *redis.Cmd {
	return script.Run(ctx, s.client, []string{s.key}, args...)
}

// leaseLost returns the error of a script that returns whether it found the lease.
func leaseLost(cmd *redis.Cmd) error {
	found, err := cmd.Bool()
	if err == nil && !found {
		return hostpool.ErrLeaseLost
	}
	return err
}

// parseLease parses a lease in the form in which the scripts write it.
func parseLease(host, value string) (hostpool.Lease, error) {
	expires, id, _ := strings.Cut(value, " ")
	micros, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return hostpool.Lease{}, fmt.Errorf("iomeeting: the key holds something other than leases: %w", err)
	}
	return hostpool.Lease{Host: host, ID: id, Expires: time.UnixMicro(micros)}, nil
}
