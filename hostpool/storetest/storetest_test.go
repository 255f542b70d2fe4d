package storetest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) hostpool.Store { return hostpool.NewMemoryStore() })
}

func TestStoreThatIsNotEmpty(t *testing.T) {
	store := hostpool.NewMemoryStore()
	storetest.Run(t, func(*testing.T) hostpool.Store { return store })
	leases, err := store.List(context.Background())
	require.NoError(t, err)
	assert.Empty(t, leases, "Run has not released its leases")
}

// brokenStores are defects, each with a rule that a store with it breaks.
var brokenStores = []struct {
	defect defect
	rule   string
}{
	{noCompareAndSet, "Renew and Release return ErrLeaseLost with another ID"},
	{noCompareAndSet, "Release frees the host for a new lease"},
	{readThenRelease, "concurrent calls release a lease once"},
	{readThenLease, "concurrent callers get different hosts"},
	{expiredTwice, "concurrent callers get an expired lease once"},
	{expiredNotExtended, "Take extends an expired lease under its old ID"},
	{expiredNewID, "Take extends an expired lease under its old ID"},
	{expiredNewID, "concurrent callers get an expired lease once"},
	{expiredFirst, "Take prefers a host without a lease to an expired lease"},
	{expiredNotListed, "List returns every lease"},
	{expiredNotRenewed, "Renew and Release work on an expired lease"},
	{ignoresCase, "email addresses are compared byte by byte"},
	{ignoresSpaces, "email addresses are compared byte by byte"},
	{cutsEmails, "long email addresses are not cut"},
	{twoHostsForOneID, "Take with the ID of a lease returns that lease"},
	{twoHostsForOneID, "concurrent callers with the same ID get the same lease"},
	{readsIDFirst, "concurrent callers with the same ID get the same lease"},
	{sameIDExtends, "Take with the ID of a lease returns that lease"},
	{sameIDExtends, "Take with the ID of an expired lease returns that lease"},
	{ownOrder, "Take leases the first host without a lease"},
	{anyHost, "Take leaves other hosts alone"},
	{emptyWindowFails, "Take returns ErrNoneFree if there are no hosts"},
	{otherError, "Take returns ErrNoneFree if every host is leased"},
	{smallWindow, "Take works with many hosts"},
	{addsToExpiry, "Renew sets the expiry from now"},
	{renewCreates, "Renew and Release return ErrLeaseLost without a lease"},
	{ignoresContext, "nothing changes if the context is canceled"},
}

// TestBrokenStores shows that Run fails for stores that break a rule, and only for
// those. Run needs a testing.T, which fails its test; so another process runs the
// tests that fail.
func TestBrokenStores(t *testing.T) {
	if os.Getenv("RUN_BROKEN_STORES") != "" {
		runBrokenStores(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestBrokenStores$", "-test.v")
	cmd.Env = append(os.Environ(), "RUN_BROKEN_STORES=1")
	out, err := cmd.CombinedOutput()
	assert.Error(t, err, "the tests of the broken stores passed")
	output := string(out)
	for _, broken := range brokenStores {
		name := strings.ReplaceAll("TestBrokenStores/"+string(broken.defect)+"/"+broken.rule, " ", "_")
		assert.Contains(t, output, "--- FAIL: "+name+" (", "the store passed; its tests printed:\n%s", output)
	}
	assert.Contains(t, output, "--- PASS: TestBrokenStores/none (", "the store that the others are made of failed:\n%s", output)
	assert.NotContains(t, output, "DATA RACE")
	assert.NotContains(t, output, "panic")
}

func runBrokenStores(t *testing.T) {
	defects := map[defect]bool{none: true}
	for _, broken := range brokenStores {
		defects[broken.defect] = true
	}
	for defect := range defects {
		t.Run(string(defect), func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(*testing.T) hostpool.Store { return newBrokenStore(defect) })
		})
	}
}
