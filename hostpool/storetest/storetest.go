// Package storetest tests stores of package hostpool.
package storetest

import (
	"crypto/rand"
	"testing"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// Run tests whether a store follows the rules of [hostpool.Store]. It runs a
// subtest for each rule and calls newStore once in each of them; newStore can
// close the store in a cleanup function of that test.
//
// The store may hold leases already: Run uses email addresses of its own and
// releases them at the end. Two runs cannot use one store at the same time, because
// they use the same lease IDs. Run expects that every email address of up to 320
// bytes and every ID of up to 40 bytes can be stored. It waits for leases that
// expire after a millisecond, and fails if an expired lease cannot be taken ten
// seconds later; otherwise the store's speed does not matter.
//
// A test of your own store:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) hostpool.Store { return mystore.New(connect(t)) })
//	}
func Run(t *testing.T, newStore func(t *testing.T) hostpool.Store) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			store := newStore(t)
			if store == nil {
				t.Fatal("newStore returned nil")
			}
			x := &tester{T: t, store: store, run: rand.Text()}
			t.Cleanup(x.releaseAll)
			rule.test(x)
		})
	}
}

// rules are the rules of a store, with their tests.
var rules = []struct {
	name string
	test func(*tester)
}{
	{"Take leases the first host without a lease", testFirstFree},
	{"Take works with many hosts", testManyHosts},
	{"Take returns ErrNoneFree if every host is leased", testNoneFree},
	{"Take returns ErrNoneFree if there are no hosts", testNoHosts},
	{"Take leaves other hosts alone", testOtherHosts},
	{"Take extends an expired lease under its old ID", testExpired},
	{"Take prefers a host without a lease to an expired lease", testFreeBeforeExpired},
	{"Take with the ID of a lease returns that lease", testSameID},
	{"Take with the ID of an expired lease returns that lease", testSameIDExpired},

	{"Renew sets the expiry from now", testRenew},
	{"Renew and Release return ErrLeaseLost without a lease", testNoLease},
	{"Renew and Release return ErrLeaseLost with another ID", testWrongID},
	{"Renew and Release work on an expired lease", testChangeExpired},
	{"Release frees the host for a new lease", testRelease},
	{"List returns every lease", testList},

	{"email addresses are compared byte by byte", testEmails},
	{"long email addresses are not cut", testLongEmails},
	{"nothing changes if the context is canceled", testCanceled},

	{"concurrent callers get different hosts", testConcurrentTake},
	{"concurrent callers get an expired lease once", testConcurrentExpired},
	{"concurrent callers with the same ID get the same lease", testConcurrentSameID},
	{"concurrent calls release a lease once", testConcurrentRelease},
	{"concurrent callers hold a host one at a time", testConcurrentUse},
}
