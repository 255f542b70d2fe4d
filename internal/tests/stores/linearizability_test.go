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
		method  string
		hosts   []string // offered to Take; otherwise one
		id      string
		expired bool // the lease, as Take and Renew set it
	}
	result struct {
		host string // of Take
		err  error  // ErrNoneFree or ErrLeaseLost
	}
)

// held is a lease of a host, or the zero held if it has none.
type held struct {
	id      string
	expired bool
}

type state [3]held // of hosts

// model describes a store. It lets Take choose any free host, because a store that
// looks, and then takes, may miss that an earlier one was released meanwhile.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(before, input, output any) (bool, any) {
		s, c, r := before.(state), input.(call), output.(result)
		if c.method == "Take" {
			if r.err != nil {
				return !slices.ContainsFunc(c.hosts, func(host string) bool { return *s.of(host) == held{} }), s
			}
			ok := *s.of(r.host) == held{}
			*s.of(r.host) = held{c.id, c.expired}
			return ok, s
		}
		lease := s.of(c.hosts[0])
		ok := lease.id == c.id && (lease.expired || c.method != "ReleaseExpired")
		switch {
		case ok && c.method == "Renew":
			lease.expired = c.expired
		case ok:
			*lease = held{}
		}
		return ok == (r.err == nil), s
	},
}

func (s *state) of(host string) *held { return &s[slices.Index(hosts, host)] }

// record lets several callers use a store at the same time, and returns what they
// saw.
func record(t *testing.T, store hostpool.Store) []porcupine.Operation {
	t.Helper()
	const callers, calls = 6, 25
	var ids atomic.Int64
	var mu sync.Mutex
	var history []porcupine.Operation
	last := call{hosts: hosts[:1], id: "none"} // of the lease that was taken last
	begin := time.Now()
	var working sync.WaitGroup
	for caller := range callers {
		working.Go(func() {
			for range calls {
				mu.Lock()
				c := last
				mu.Unlock()
				c.expired = rand.IntN(2) == 0
				c.method = []string{"Take", "Take", "Renew", "Release", "ReleaseExpired"}[rand.IntN(5)]
				if c.method == "Take" {
					c.hosts, c.id = shuffled(hosts)[:2], strconv.FormatInt(ids.Add(1), 10)
				}
				called := time.Since(begin)
				r := do(t.Context(), store, c)
				returned := time.Since(begin)
				if !assert.True(t, r.err == nil || errors.Is(r.err, hostpool.ErrNoneFree) || errors.Is(r.err, hostpool.ErrLeaseLost), r.err) {
					return
				}
				mu.Lock()
				if c.method == "Take" && r.err == nil {
					last = call{hosts: []string{r.host}, id: c.id}
				}
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

func do(ctx context.Context, store hostpool.Store, c call) (r result) {
	d := time.Hour
	if c.expired {
		d = -time.Hour
	}
	switch c.method {
	case "Take":
		r.host, r.err = store.Take(ctx, c.hosts, c.id, d)
	case "Renew":
		r.err = store.Renew(ctx, c.hosts[0], c.id, d)
	case "Release":
		r.err = store.Release(ctx, c.hosts[0], c.id)
	case "ReleaseExpired":
		r.err = store.ReleaseExpired(ctx, c.hosts[0], c.id)
	}
	return r
}

// TestLinearizable shows that each store behaves as if each call happened at one moment.
func TestLinearizable(t *testing.T) {
	check := func(t *testing.T, newStore func() hostpool.Store) {
		for range 5 {
			assert.True(t, porcupine.CheckOperations(model, record(t, newStore())))
		}
	}
	t.Run("memory", func(t *testing.T) { check(t, hostpool.NewMemoryStore) })
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			d := e.database(t)
			check(t, func() hostpool.Store { return d.newStore(t) })
		})
	}
	for _, kind := range redisKinds {
		t.Run(kind.Name, func(t *testing.T) {
			client := newRedis(t, servers.DSN(t, kind))
			check(t, func() hostpool.Store { return newRedisStore(t, client) })
		})
	}
}

// hasty is a store that looks first, and then takes or changes a lease.
type hasty struct {
	hostpool.Store
	mu     sync.Mutex
	leases state
}

func (s *hasty) get(host string) held {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.leases.of(host)
}

func (s *hasty) set(host string, lease held) {
	runtime.Gosched() // others get their turn
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.leases.of(host) = lease
}

func (s *hasty) Take(_ context.Context, offered []string, id string, d time.Duration) (string, error) {
	for _, host := range offered {
		if s.get(host) == (held{}) {
			s.set(host, held{id, d < 0})
			return host, nil
		}
	}
	return "", hostpool.ErrNoneFree
}

func (s *hasty) change(host, id string, lease held) error {
	if s.get(host).id != id {
		return hostpool.ErrLeaseLost
	}
	s.set(host, lease)
	return nil
}

func (s *hasty) Renew(_ context.Context, host, id string, d time.Duration) error {
	return s.change(host, id, held{id, d < 0})
}

func (s *hasty) Release(_ context.Context, host, id string) error {
	return s.change(host, id, held{})
}

func (s *hasty) ReleaseExpired(_ context.Context, host, id string) error {
	if !s.get(host).expired {
		return hostpool.ErrLeaseLost
	}
	return s.change(host, id, held{})
}

// TestNotLinearizable shows that the check finds a store that forgets to compare
// before it sets.
func TestNotLinearizable(t *testing.T) {
	for range 100 {
		if !porcupine.CheckOperations(model, record(t, new(hasty))) {
			return
		}
	}
	t.Error("a store that takes in two steps was not found")
}
