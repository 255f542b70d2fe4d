package storetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestMemoryStore has two runs use one store at the same time.
func TestMemoryStore(t *testing.T) {
	store := hostpool.NewMemoryStore()
	t.Run("both", func(t *testing.T) {
		for _, run := range []string{"one", "two"} {
			t.Run(run, func(t *testing.T) {
				t.Parallel()
				storetest.Run(t, func(*testing.T) hostpool.Store { return store })
			})
		}
	})
	leases, err := store.List(t.Context())
	require.NoError(t, err)
	assert.Empty(t, leases, "Run has not released its leases")
}

// TestBrokenStores shows that Run fails for stores that break a rule. Run needs a
// testing.T, which fails its test; so another process runs the tests that fail.
func TestBrokenStores(t *testing.T) {
	const (
		take    = "Take leases the first host that has no lease"
		many    = "Take accepts no hosts, and 8192"
		change  = "Renew, Release and ReleaseExpired change a lease"
		compare = "hosts are compared byte by byte"
	)
	broken := []struct{ defect, rule string }{
		{"takes in its own order", take},
		{"takes expired leases over", take},
		{"fails without hosts", many},
		{"fails with many hosts", many},
		{"changes any lease", change},
		{"changes a lease without holding it", change},
		{"does not change expired leases", change},
		{"releases leases that have not expired", change},
		{"renews from the old expiry", change},
		{"does not list expired leases", change},
		{"ignores the context", change},
		{"ignores case", compare},
		{"ignores spaces", compare},
		{"cuts addresses", compare},
		{"overflows", "a lease of 292 years does not expire"},
		{"looks, then takes", "concurrent calls take each host once"},
		{"looks, then changes", "concurrent calls renew an expired lease or release it"},
	}
	if os.Getenv("RUN_BROKEN_STORES") != "" {
		for _, b := range append(broken, struct{ defect, rule string }{"none", ""}) {
			t.Run(b.defect, func(t *testing.T) {
				t.Parallel()
				storetest.Run(t, func(*testing.T) hostpool.Store { return &brokenStore{defect: b.defect, leases: make(map[string]lease)} })
			})
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestBrokenStores$", "-test.v")
	cmd.Env = append(os.Environ(), "RUN_BROKEN_STORES=1")
	out, err := cmd.CombinedOutput()
	assert.Error(t, err)
	output := string(out)
	for _, b := range broken {
		name := strings.ReplaceAll("TestBrokenStores/"+b.defect+"/"+b.rule, " ", "_")
		assert.Contains(t, output, "--- FAIL: "+name+" (", "the store passed; its tests printed:\n%s", output)
	}
	assert.Contains(t, output, "--- PASS: TestBrokenStores/none (", "the store without a defect failed:\n%s", output)
	assert.NotContains(t, output, "DATA RACE")
	assert.NotContains(t, output, "panic")
}

// brokenStore is a store with a defect.
type brokenStore struct {
	defect string
	mu     sync.Mutex
	leases map[string]lease // by key
}

type lease struct {
	host, id string
	expires  time.Time
}

func (l lease) hasExpired() bool { return !l.expires.After(time.Now()) }

func (s *brokenStore) is(defect string) bool { return s.defect == defect }

// key is what the store compares hosts by.
func (s *brokenStore) key(host string) string {
	switch s.defect {
	case "ignores case":
		return strings.ToLower(host)
	case "ignores spaces":
		return strings.TrimSpace(host)
	case "cuts addresses":
		return host[:min(len(host), 255)]
	}
	return host
}

// set stores a lease. A store that looks first, and sets in another step, lets others
// call it in between.
func (s *brokenStore) set(host, id string, from time.Time, d time.Duration, looksFirst string) {
	if s.is(looksFirst) {
		s.mu.Unlock()
		time.Sleep(3 * time.Millisecond)
		s.mu.Lock()
	}
	if s.is("overflows") && d > 1000*time.Hour {
		d = -d
	}
	s.leases[s.key(host)] = lease{host, id, from.Add(d)}
}

func (s *brokenStore) Take(ctx context.Context, hosts []string, id string, d time.Duration) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil && !s.is("ignores the context"):
		return "", ctx.Err()
	case len(hosts) == 0 && s.is("fails without hosts"), len(hosts) > 8000 && s.is("fails with many hosts"):
		return "", errors.New("syntax error")
	case s.is("takes in its own order"):
		hosts = slices.Sorted(slices.Values(hosts))
	}
	for _, host := range hosts {
		if l, held := s.leases[s.key(host)]; !held || l.hasExpired() && s.is("takes expired leases over") {
			s.set(host, id, time.Now(), d, "looks, then takes")
			return host, nil
		}
	}
	return "", hostpool.ErrNoneFree
}

func (s *brokenStore) Renew(ctx context.Context, host, id string, d time.Duration) error {
	return s.change(ctx, host, id, false, func(l lease) {
		from := time.Now()
		if s.is("renews from the old expiry") {
			from = l.expires
		}
		s.set(host, id, from, d, "")
	})
}

func (s *brokenStore) Release(ctx context.Context, host, id string) error {
	return s.change(ctx, host, id, false, func(lease) { delete(s.leases, s.key(host)) })
}

func (s *brokenStore) ReleaseExpired(ctx context.Context, host, id string) error {
	return s.change(ctx, host, id, !s.is("releases leases that have not expired"), func(lease) {
		delete(s.leases, s.key(host))
	})
}

func (s *brokenStore) change(ctx context.Context, host, id string, ifExpired bool, f func(lease)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, held := s.leases[s.key(host)]
	switch {
	case ctx.Err() != nil && !s.is("ignores the context"):
		return ctx.Err()
	case !held && !s.is("changes a lease without holding it"), held && l.id != id && !s.is("changes any lease"),
		held && ifExpired && !l.hasExpired(), held && l.hasExpired() && s.is("does not change expired leases"):
		return hostpool.ErrLeaseLost
	}
	if s.is("looks, then changes") {
		s.mu.Unlock()
		time.Sleep(3 * time.Millisecond)
		s.mu.Lock()
	}
	f(l)
	return nil
}

func (s *brokenStore) List(ctx context.Context) (leases []hostpool.Lease, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil && !s.is("ignores the context") {
		return nil, ctx.Err()
	}
	for _, l := range s.leases {
		if !l.hasExpired() || !s.is("does not list expired leases") {
			leases = append(leases, hostpool.Lease{Host: l.host, ID: l.id, Left: time.Until(l.expires)})
		}
	}
	return leases, nil
}
