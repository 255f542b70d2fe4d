package stores

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// The histories are of a few hosts, so that calls compete.
var hosts = []string{"a@example.com", "b@example.com", "c@example.com"}

// call is a call of a store, and result what it returned.
type (
	call struct {
		method string
		hosts  []string // offered to Take, or the one of Renew and Release
		id     string
	}
	result struct {
		host, id string // of Take
		err      error  // ErrNoneFree or ErrLeaseLost
	}
)

// state is the IDs of the leases of hosts; "" is no lease.
type state [3]string

func (s state) with(host, id string) state {
	for i := range hosts {
		if hosts[i] == host {
			s[i] = id
		}
	}
	return s
}

func (s state) id(host string) string {
	for i := range hosts {
		if hosts[i] == host {
			return s[i]
		}
	}
	return ""
}

// model describes a store in which all leases have expired, or none have. It lets
// Take choose any free host, because a store that reads and then inserts may miss
// that an earlier one was released meanwhile.
func model(expired bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{} },
		Step: func(before, input, output any) (bool, any) {
			s, c, r := before.(state), input.(call), output.(result)
			if c.method == "Take" {
				return stepTake(s, c, r, expired)
			}
			held := s.id(c.hosts[0]) == c.id
			if held && c.method == "Release" {
				s = s.with(c.hosts[0], "")
			}
			return held == (r.err == nil), s
		},
	}
}

func stepTake(s state, c call, r result, expired bool) (bool, state) {
	free := false
	for _, host := range c.hosts {
		free = free || s.id(host) == ""
	}
	switch {
	case r.err != nil:
		return !free && !expired, s
	case r.id == c.id:
		return s.id(r.host) == "", s.with(r.host, r.id)
	default:
		return expired && !free && s.id(r.host) == r.id, s
	}
}

// record lets several callers use a store at the same time, and returns what they
// saw. The leases last for d.
func record(t *testing.T, store hostpool.Store, d time.Duration) []porcupine.Operation {
	t.Helper()
	const callers, calls = 6, 25
	var ids atomic.Int64
	var mu sync.Mutex
	var history []porcupine.Operation
	begin := time.Now()
	var working sync.WaitGroup
	for caller := range callers {
		working.Go(func() {
			mine := call{hosts: hosts[:1], id: "none"} // the last lease that was taken
			for range calls {
				c := mine
				if c.method = []string{"Take", "Take", "Renew", "Release"}[rand.IntN(4)]; c.method == "Take" {
					c.hosts, c.id = shuffled(hosts)[:2], strconv.FormatInt(ids.Add(1), 10)
				}
				called := time.Since(begin)
				r := do(t.Context(), store, c, d)
				returned := time.Since(begin)
				if !assert.True(t, r.err == nil || errors.Is(r.err, hostpool.ErrNoneFree) || errors.Is(r.err, hostpool.ErrLeaseLost), r.err) {
					return
				}
				if c.method == "Take" && r.err == nil {
					mine = call{hosts: []string{r.host}, id: r.id}
				}
				mu.Lock()
				history = append(history, porcupine.Operation{
					ClientId: caller, Input: c, Output: r, Call: int64(called), Return: int64(returned)})
				mu.Unlock()
			}
		})
	}
	working.Wait()
	return history
}

func shuffled(hosts []string) []string {
	hosts = slices.Clone(hosts)
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	return hosts
}

func do(ctx context.Context, store hostpool.Store, c call, d time.Duration) result {
	switch c.method {
	case "Take":
		lease, err := store.Take(ctx, c.hosts, c.id, d)
		return result{lease.Host, lease.ID, err}
	case "Renew":
		return result{err: store.Renew(ctx, c.hosts[0], c.id, d)}
	default:
		return result{err: store.Release(ctx, c.hosts[0], c.id)}
	}
}

// linearizable reports whether the store behaves as if each call happened at one
// moment, with leases that last and with leases that expire immediately.
func linearizable(t *testing.T, newStore func(*testing.T) hostpool.Store) bool {
	t.Helper()
	for range 5 {
		for d, expired := range map[time.Duration]bool{time.Hour: false, -time.Hour: true} {
			if !porcupine.CheckOperations(model(expired), record(t, newStore(t), d)) {
				return false
			}
		}
	}
	return true
}

func TestLinearizable(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		assert.True(t, linearizable(t, func(*testing.T) hostpool.Store { return hostpool.NewMemoryStore() }))
	})
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			d := e.database(t)
			assert.True(t, linearizable(t, func(t *testing.T) hostpool.Store { return d.newStore(t) }))
		})
	}
	for _, kind := range redisKinds {
		t.Run(kind.Name, func(t *testing.T) {
			client := newRedis(t, servers.DSN(t, kind))
			assert.True(t, linearizable(t, func(*testing.T) hostpool.Store { return newRedisStore(t, client) }))
		})
	}
}

// hasty is a store that looks for a free host and takes it in two steps.
type hasty struct {
	mu     sync.Mutex
	leases state
}

func (s *hasty) read() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leases
}

func (s *hasty) write(host, id string) {
	runtime.Gosched() // others get their turn
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases = s.leases.with(host, id)
}

func (s *hasty) Take(_ context.Context, offered []string, id string, _ time.Duration) (hostpool.Lease, error) {
	leases := s.read()
	for _, host := range offered {
		if leases.id(host) == "" {
			s.write(host, id)
			return hostpool.Lease{Host: host, ID: id}, nil
		}
	}
	return hostpool.Lease{}, hostpool.ErrNoneFree
}

func (s *hasty) Renew(_ context.Context, host, id string, _ time.Duration) error {
	if s.read().id(host) != id {
		return hostpool.ErrLeaseLost
	}
	return nil
}

func (s *hasty) Release(_ context.Context, host, id string) error {
	if s.read().id(host) != id {
		return hostpool.ErrLeaseLost
	}
	s.write(host, "")
	return nil
}

func (s *hasty) List(context.Context) ([]hostpool.Lease, error) { return nil, nil }

// TestNotLinearizable shows that the check finds a store that forgets to compare
// before it sets.
func TestNotLinearizable(t *testing.T) {
	for range 100 {
		if !porcupine.CheckOperations(model(false), record(t, new(hasty), time.Hour)) {
			return
		}
	}
	t.Error("a store that takes in two steps was not found")
}
