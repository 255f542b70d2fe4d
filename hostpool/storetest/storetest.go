// Package storetest tests implementations of [hostpool.Store], such as your own.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// Run tests whether a store follows the rules of [hostpool.Store], in subtests. Each
// of them calls newStore once; newStore can close the store in a cleanup function of
// that test.
//
// The store may hold leases already, and several runs may use it at the same time: Run
// uses IDs and email addresses of its own, and releases its leases at the end. It
// waits up to ten seconds for a lease of a millisecond to expire, so a clock that counts
// in seconds is fine. Otherwise the store's speed does not matter.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) hostpool.Store { return mystore.New(connect(t)) })
//	}
func Run(t *testing.T, newStore func(t *testing.T) hostpool.Store) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			s := &tester{T: t, Store: newStore(t), run: rand.Text()}
			t.Cleanup(s.releaseAll)
			rule.test(s)
		})
	}
}

var rules = []struct {
	name string
	test func(*tester)
}{
	{"Take leases the first host that has no lease", testTake},
	{"Take accepts no hosts, and 8192", testTakeMany},
	{"Renew, Release and ReleaseExpired change a lease", testChanges},
	{"hosts are compared byte by byte", testHosts},
	{"a lease of 292 years does not expire", testForever},
	{"concurrent calls take each host once", testConcurrentTake},
	{"concurrent calls renew an expired lease or release it", testConcurrentChanges},
}

const (
	short    = time.Millisecond // expires soon
	long     = time.Hour        // does not expire during a test
	patience = 10 * time.Second

	callers = 16 // that call a store at the same time
	rounds  = 10 // because a store with a race may pass once
)

func testTake(s *tester) {
	hosts := []string{s.host("d"), s.host("a"), s.host("c"), s.host("b")}
	s.take(long, hosts[0], hosts...)
	second := s.take(long, hosts[1], hosts...)
	s.take(long, hosts[3], hosts[0], hosts[3], hosts[2])
	s.want("Release", nil, s.Release(s.Context(), hosts[1], second))
	expired := s.takeExpired(hosts[1])
	s.take(long, hosts[2], hosts...)
	s.noneFree(hosts...)
	s.noneFree(hosts[1])
	s.holds(hosts[1], expired, 0)
}

func testTakeMany(s *tester) {
	s.noneFree()
	hosts := make([]string, 8192)
	for i := range hosts {
		hosts[i] = s.host(fmt.Sprint(i))
	}
	s.take(long, hosts[0], hosts...)
	s.take(long, hosts[8191], hosts[8191:]...)
	s.take(long, hosts[1], hosts...)
}

func testChanges(s *tester) {
	renew := func(d time.Duration) func(context.Context, string, string) error {
		return func(ctx context.Context, host, id string) error { return s.Renew(ctx, host, id, d) }
	}
	const held, expired = "held", "expired"
	for i, tt := range []struct {
		name  string
		state string
		call  func(ctx context.Context, host, id string) error
		err   error
		left  time.Duration // -1 if the lease is gone
	}{
		{"Renew for longer", held, renew(3 * long), nil, 3 * long},
		{"Renew for less time", held, renew(long / 2), nil, long / 2},
		{"Release", held, s.Release, nil, -1},
		{"ReleaseExpired before the lease has expired", held, s.ReleaseExpired, hostpool.ErrLeaseLost, long},
		{"Renew after the lease has expired", expired, renew(long), nil, long},
		{"Release after the lease has expired", expired, s.Release, nil, -1},
		{"ReleaseExpired", expired, s.ReleaseExpired, nil, -1},
		{"ReleaseExpired after the lease was renewed", "renewed", s.ReleaseExpired, hostpool.ErrLeaseLost, long},
	} {
		host, other := s.host(fmt.Sprint("host", i)), s.host(fmt.Sprint("other", i))
		id, left := "", long
		otherID := s.take(long, other, other)
		if tt.state == held {
			id = s.take(long, host, host)
		} else {
			id, left = s.takeExpired(host), 0
		}
		if tt.state == "renewed" {
			s.want("Renew", nil, s.Renew(s.Context(), host, id, long))
			left = long
		}
		for _, wrong := range []string{otherID, strings.ToLower(id), id[:25], id + "X", id + " ", " " + id, "%", "*", ""} {
			s.want(tt.name+" with another ID", hostpool.ErrLeaseLost, tt.call(s.Context(), host, wrong))
		}
		s.want(tt.name+" without a lease", hostpool.ErrLeaseLost, tt.call(s.Context(), s.host("none"), id))
		s.canceled(tt.name, func(ctx context.Context) error { return tt.call(ctx, host, id) })
		s.holds(host, id, left)
		s.want(tt.name, tt.err, tt.call(s.Context(), host, id))
		if tt.left < 0 {
			s.want(tt.name+" again", hostpool.ErrLeaseLost, tt.call(s.Context(), host, id))
			s.take(long, host, host)
		} else {
			s.holds(host, id, tt.left)
		}
		s.holds(other, otherID, long)
	}
	s.canceled("List", func(ctx context.Context) error { _, err := s.List(ctx); return err })
	s.canceled("Take", func(ctx context.Context) error {
		_, err := s.Take(ctx, []string{s.host("free")}, rand.Text(), long)
		return err
	})
	s.take(long, s.host("free"), s.host("free"))
}

// oddNames are parts of email addresses that a store might confuse or damage.
var oddNames = []string{
	"anna", "Anna", "ANNA", "anna ", " anna", "an na", "anna\u00a0", // case and spaces
	"änna", "a\u0308nna", "ａnna", "anna\u200b", "\ufeffanna", "ß", "ss", "ı", "i", "I", "İ", // equal to some collations
	"安娜", "ア", "あ", "𠮷", "吉", "😀", "🎉", // up to four bytes
	"o'neil", "o''neil", `o\'neil`, `"anna"`, `""anna""`, "`anna`", `anna\`, `anna\\`, // quotes
	"%", "_", "anna%", "anna_", "an*", "an?a", "[anna]", // patterns
	"$1", "?", ":id", "@p1", "{anna}", "%s", "%d", "anna;", "--anna", "/*anna*/", "#anna", // placeholders and comments
}

func testHosts(s *tester) {
	hosts := []string{s.host("end") + " ", s.host("end") + `\`, s.host("end")}
	for _, name := range oddNames {
		hosts = append(hosts, s.host(name))
	}
	for _, last := range []string{"y", "z"} {
		hosts = append(hosts, s.run+strings.Repeat("x", 319-len(s.run))+last)
	}
	ids := make(map[string]string)
	for _, host := range hosts {
		ids[host] = s.take(long, host, hosts...)
	}
	s.noneFree(hosts...)
	for _, host := range hosts {
		s.holds(host, ids[host], long)
		s.want("Release of "+host, nil, s.Release(s.Context(), host, ids[host]))
	}
}

func testForever(s *tester) {
	host := s.host("host")
	id := s.take(math.MaxInt64, host, host)
	for range 2 {
		s.noneFree(host)
		s.want("ReleaseExpired", hostpool.ErrLeaseLost, s.ReleaseExpired(s.Context(), host, id))
		if left := s.list()[host].Left; left < 99*365*24*time.Hour {
			s.Fatalf("List returned a lease with %v left; want 100 years or more", left)
		}
		s.want("Renew", nil, s.Renew(s.Context(), host, id, math.MaxInt64))
	}
}

func testConcurrentTake(s *tester) {
	hosts := []string{s.host("a"), s.host("b"), s.host("c")}
	for range rounds {
		taken := s.concurrently(func(int) (string, error) {
			_, err := s.Take(s.Context(), hosts, rand.Text(), long)
			return "Take", err
		})
		if listed := len(s.list()); taken["Take"] != 3 || listed != 3 {
			s.Fatalf("%d callers took 3 hosts %d times, and List returned %d leases", callers, taken["Take"], listed)
		}
		s.releaseAll()
	}
}

func testConcurrentChanges(s *tester) {
	host := s.host("host")
	for range rounds {
		id := s.takeExpired(host)
		done := s.concurrently(func(i int) (string, error) {
			switch i % 4 {
			case 0:
				return "Renew", s.Renew(s.Context(), host, id, long)
			case 1:
				_, err := s.Take(s.Context(), []string{host}, rand.Text(), long)
				return "Take", err
			default:
				return "ReleaseExpired", s.ReleaseExpired(s.Context(), host, id)
			}
		})
		renewed, released, taken, listed := done["Renew"], done["ReleaseExpired"], done["Take"], s.list()[host].ID
		isRight := released == 0 && taken == 0 && listed == id
		if renewed == 0 {
			isRight = released == 1 && taken <= 1 && (taken == 1) == (listed != "") && listed != id
		}
		if !isRight {
			s.Fatalf("an expired lease %s was renewed %d times and released %d times, then its host was leased %d times; List returned %q",
				id, renewed, released, taken, listed)
		}
		s.releaseAll()
	}
}

// tester is a subtest with its store.
type tester struct {
	*testing.T
	hostpool.Store
	run string // is in the hosts of this subtest, and in no others
}

func (s *tester) host(name string) string { return name + "@" + s.run + ".example.com" }

// take calls Take, which must return want. It returns the ID of the lease.
func (s *tester) take(d time.Duration, want string, hosts ...string) (id string) {
	s.Helper()
	id = rand.Text()
	host, err := s.Take(s.Context(), hosts, id, d)
	if err != nil || host != want {
		s.Fatalf("Take returned %q and the error %v; want %q", host, err, want)
	}
	return id
}

// takeExpired leases a host, and waits until the lease has expired.
func (s *tester) takeExpired(host string) (id string) {
	s.Helper()
	id = s.take(short, host, host)
	for begin := time.Now(); s.list()[host].Left > 0; time.Sleep(short) {
		if time.Since(begin) > patience {
			s.Fatalf("a lease of %v has not expired after %v", short, patience)
		}
	}
	return id
}

func (s *tester) noneFree(hosts ...string) {
	s.Helper()
	_, err := s.Take(s.Context(), hosts, rand.Text(), long)
	s.want("Take", hostpool.ErrNoneFree, err)
}

func (s *tester) want(what string, want, got error) {
	s.Helper()
	if !errors.Is(got, want) {
		s.Fatalf("%s: the error is %v; want %v", what, got, want)
	}
}

// canceled makes a call with a canceled context.
func (s *tester) canceled(what string, call func(context.Context) error) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if err := call(ctx); err == nil || errors.Is(err, hostpool.ErrNoneFree) || errors.Is(err, hostpool.ErrLeaseLost) {
		s.Fatalf("%s with a canceled context: the error is %v; want that of the context", what, err)
	}
}

// holds tests whether id holds host, for d from about now; 0 means that the lease has
// expired.
func (s *tester) holds(host, id string, d time.Duration) {
	s.Helper()
	lease := s.list()[host]
	if lease.ID != id || lease.Left > d+time.Second || lease.Left < d-long/4 || d == 0 && lease.Left > 0 {
		s.Fatalf("List returned the lease %q of %q with %v left; want %q with %v left", lease.ID, host, lease.Left, id, d)
	}
}

// list returns the leases of this subtest, by host.
func (s *tester) list() map[string]hostpool.Lease {
	s.Helper()
	leases, err := s.List(context.WithoutCancel(s.Context()))
	s.want("List", nil, err)
	own := make(map[string]hostpool.Lease)
	for _, lease := range leases {
		if _, twice := own[lease.Host]; twice {
			s.Fatalf("List returned %q twice", lease.Host)
		}
		if strings.Contains(strings.ToUpper(lease.Host), s.run) {
			own[lease.Host] = lease
		}
	}
	return own
}

func (s *tester) releaseAll() {
	s.Helper()
	for _, lease := range s.list() {
		s.want("Release at the end", nil, s.Release(context.WithoutCancel(s.Context()), lease.Host, lease.ID))
	}
}

// concurrently calls f from goroutines that start together. f says which method it
// called. concurrently counts the calls that succeeded. ErrNoneFree and ErrLeaseLost
// are results; any other error ends the test.
func (s *tester) concurrently(f func(i int) (method string, err error)) (succeeded map[string]int) {
	s.Helper()
	methods, errs := make([]string, callers), make([]error, callers)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			<-start
			methods[i], errs[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	succeeded = make(map[string]int)
	for i, err := range errs {
		if err == nil {
			succeeded[methods[i]]++
		} else if !errors.Is(err, hostpool.ErrNoneFree) && !errors.Is(err, hostpool.ErrLeaseLost) {
			s.Fatalf("concurrent %s: %v", methods[i], err)
		}
	}
	return succeeded
}
