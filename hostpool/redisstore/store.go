package redisstore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// Store is a [hostpool.Store] that keeps its leases in Redis. Create it with [New]. It
// is safe for concurrent use by all processes that share the key, and does not need to
// be closed.
type Store struct {
	client redis.Scripter
	key    string
}

var _ hostpool.Store = (*Store)(nil)

// New returns a store that keeps its leases in the Redis of client, a [*redis.Client] or
// a [*redis.ClusterClient]. New sends nothing. It returns an
// [*iomeeting.ParameterError] if client is nil or a [*redis.Ring], or if the key is
// empty.
func New(client redis.Scripter, opts ...Option) (*Store, error) {
	s := &Store{client: client, key: "iomeeting:hostpool"}
	for _, opt := range opts {
		opt(s)
	}
	_, isRing := client.(*redis.Ring)
	switch {
	case client == nil:
		return nil, &iomeeting.ParameterError{Param: "client", Reason: "is nil"}
	case isRing:
		return nil, &iomeeting.ParameterError{Param: "client", Reason: "is a Ring, which uses another server while one is down"}
	case s.key == "":
		return nil, &iomeeting.ParameterError{Param: "key", Reason: "is empty"}
	}
	return s, nil
}

// Option is a setting of a [Store].
type Option func(*Store)

// WithKey sets the key of the leases. Pools that share accounts must use the same key,
// and sites with accounts of their own should not. Default: iomeeting:hostpool.
func WithKey(key string) Option { return func(s *Store) { s.key = key } }

// The key is that of a hash. Each field is a host, with the value "expires id". Expires
// is in microseconds since 1970, by the clock of the server. If a value looks
// different, all of it is the ID of an expired lease, so that a pool frees the account.
const (
	after = `
		local function after(micros)
			local time = redis.call('TIME')
			return string.format('%.0f ', time[1] * 1000000 + time[2] + micros)
		end
	`
	find = after + `
		local host, id = ARGV[1], ARGV[2]
		local lease = redis.call('HGET', KEYS[1], host)
		if not lease or (string.match(lease, ' (.*)') or lease) ~= id then return 0 end
	`
)

var (
	take = redis.NewScript(after + `
		local lease = after(ARGV[2]) .. ARGV[1]
		for host in string.gmatch(ARGV[3], '[^\n]+') do
			if redis.call('HSETNX', KEYS[1], host, lease) == 1 then return host end
		end
		return false
	`)
	renew = redis.NewScript(find + `
		redis.call('HSET', KEYS[1], host, after(ARGV[3]) .. id)
		return 1
	`)
	release = redis.NewScript(find + `
		return redis.call('HDEL', KEYS[1], host)
	`)
	releaseExpired = redis.NewScript(find + `
		if tonumber(string.match(lease, '^(%d+) ') or 0) > tonumber(after(0)) then return 0 end
		return redis.call('HDEL', KEYS[1], host)
	`)
	list = redis.NewScript(after + `
		local leases = redis.call('HGETALL', KEYS[1])
		table.insert(leases, after(0))
		return leases
	`)
)

// Take leases the first of hosts that has no lease; see [hostpool.Store].
func (s *Store) Take(ctx context.Context, hosts []string, id string, d time.Duration) (string, error) {
	host, err := s.run(ctx, take, id, micros(d), strings.Join(hosts, "\n")).Text()
	if errors.Is(err, redis.Nil) {
		err = hostpool.ErrNoneFree
	}
	return host, err
}

// Renew sets a lease to expire d from now; see [hostpool.Store].
func (s *Store) Renew(ctx context.Context, host, id string, d time.Duration) error {
	return leaseLost(s.run(ctx, renew, host, id, micros(d)))
}

// Release deletes a lease; see [hostpool.Store].
func (s *Store) Release(ctx context.Context, host, id string) error {
	return leaseLost(s.run(ctx, release, host, id))
}

// ReleaseExpired deletes a lease if it has expired; see [hostpool.Store].
func (s *Store) ReleaseExpired(ctx context.Context, host, id string) error {
	return leaseLost(s.run(ctx, releaseExpired, host, id))
}

// List returns all leases; see [hostpool.Store].
func (s *Store) List(ctx context.Context) (leases []hostpool.Lease, err error) {
	reply, err := s.run(ctx, list).StringSlice()
	if err != nil {
		return nil, err
	}
	now, _ := parse(reply[len(reply)-1])
	for i := 0; i < len(reply)-1; i += 2 {
		expires, id := parse(reply[i+1])
		leases = append(leases, hostpool.Lease{Host: reply[i], ID: id, Left: time.Duration(expires-now) * time.Microsecond})
	}
	return leases, nil
}

// parse returns the parts of a value, as the scripts do.
func parse(value string) (expires int64, id string) {
	micros, id, ok := strings.Cut(value, " ")
	if !ok {
		return 0, value
	}
	expires, _ = strconv.ParseInt(micros, 10, 64)
	return expires, id
}

// run runs a script on the leases.
func (s *Store) run(ctx context.Context, script *redis.Script, args ...any) *redis.Cmd {
	return script.Run(ctx, s.client, []string{s.key}, args...)
}

// leaseLost returns ErrLeaseLost if a script has returned 0.
func leaseLost(cmd *redis.Cmd) error {
	changed, err := cmd.Bool()
	if err == nil && !changed {
		err = hostpool.ErrLeaseLost
	}
	return err
}

// micros returns d in microseconds, at most 100 years.
func micros(d time.Duration) int64 { return min(d, 100*365*24*time.Hour).Microseconds() }
