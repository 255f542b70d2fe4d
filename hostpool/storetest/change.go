package storetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

func testRenew(x *tester) {
	host, other := x.host("host"), x.host("other")
	begin := time.Now()
	first := x.lease(host, "a", long)
	for _, d := range []time.Duration{3 * long, 10 * time.Minute, long} {
		x.renew(host, "a", d)
		renewed := x.list()[host]
		x.between("expiry after Renew for "+d.String(), renewed.Expires.Sub(first.Expires), d-long, d-long+time.Since(begin))
		if renewed.ID != "a" {
			x.Fatalf("Renew changed the ID of the lease to %q", renewed.ID)
		}
	}
	second := x.lease(other, "b", 2*long)
	x.between("time between the expiry of a 1h lease and that of a 2h lease", second.Expires.Sub(first.Expires), long, long+time.Since(begin))
	x.renew(host, "a", long)
	x.sameExpiry(x.list()[other], second)
}

func testNoLease(x *tester) {
	host := x.host("host")
	x.lost(host, "a")
	x.holds()
	x.lease(host, "a", long)
	x.release(host, "a")
	x.lost(host, "a")
	x.holds()
}

func testWrongID(x *tester) {
	host, other := x.host("host"), x.host("other")
	const id = "K3XQ7ZPLAWB5NDYV2MRTUHCGE4"
	a := x.lease(host, id, long)
	b := x.lease(other, "b", long)
	for _, wrong := range []string{"b", strings.ToLower(id), id[:25], id + "X", id + " ", " " + id, "%", "*"} {
		x.lost(host, wrong)
	}
	x.lost(other, id)
	x.holds(a, b)
}

func testChangeExpired(x *tester) {
	hosts := x.hosts(2)
	leases := x.expire(hosts...)
	x.renew(hosts[0], leases[0].ID, long)
	x.noneFree(hosts[0])
	x.release(hosts[1], leases[1].ID)
	x.lease(hosts[1], "new", long)
}

func testRelease(x *tester) {
	hosts := x.hosts(2)
	x.lease(hosts[0], "a", long)
	b := x.lease(hosts[1], "b", long)
	x.release(hosts[0], "a")
	x.holds(b)
	c := x.take(hosts, "c", long, hosts[0], "c")
	x.lost(hosts[0], "a")
	x.holds(b, c)
}

func testList(x *tester) {
	x.holds()
	hosts := x.hosts(3)
	leases := x.expire(hosts[0], hosts[1])
	leases = append(leases, x.lease(hosts[2], "c", long))
	x.holds(leases...) // two of them have expired
	x.release(hosts[0], leases[0].ID)
	x.holds(leases[1:]...)
}

func testCanceled(x *tester) {
	held, free := x.host("held"), x.host("free")
	a := x.lease(held, "a", long)
	ctx, cancel := context.WithCancel(x.Context())
	cancel()
	_, takeErr := x.store.Take(ctx, []string{free}, "b", long)
	_, listErr := x.store.List(ctx)
	calls := []struct {
		name string
		err  error
	}{
		{"Take", takeErr},
		{"List", listErr},
		{"Renew", x.store.Renew(ctx, held, "a", 3*long)},
		{"Release", x.store.Release(ctx, held, "a")},
	}
	for _, call := range calls {
		if call.err == nil || errors.Is(call.err, hostpool.ErrNoneFree) || errors.Is(call.err, hostpool.ErrLeaseLost) {
			x.Errorf("%s with a canceled context: %v; want the error of the context", call.name, call.err)
		}
	}
	x.holds(a)
}
