package storetest

import (
	"time"
)

func testFirstFree(x *tester) {
	hosts := x.hosts(4)
	a := x.take(hosts, "a", long, hosts[0], "a")
	b := x.take(hosts, "b", long, hosts[1], "b")
	c := x.take([]string{hosts[0], hosts[3], hosts[2]}, "c", long, hosts[3], "c")
	x.holds(a, b, c)
	x.release(hosts[1], "b")
	d := x.take(hosts, "d", long, hosts[1], "d")
	x.holds(a, d, c)
}

func testManyHosts(x *tester) {
	const most = 1024 // that a pool offers in one call
	hosts := x.hosts(most)
	a := x.take(hosts, "a", long, hosts[0], "a")
	b := x.take(hosts, "b", long, hosts[1], "b")
	c := x.take(hosts[most-1:], "c", long, hosts[most-1], "c")
	d := x.take(hosts, "d", long, hosts[2], "d")
	x.holds(a, b, c, d)
}

func testNoneFree(x *tester) {
	hosts := x.hosts(2)
	a := x.lease(hosts[0], "a", long)
	b := x.lease(hosts[1], "b", long)
	x.noneFree(hosts...)
	x.noneFree(hosts[1])
	x.holds(a, b)
}

func testNoHosts(x *tester) {
	x.noneFree()
	x.noneFree([]string{}...)
	x.holds()
}

func testOtherHosts(x *tester) {
	expired, held, free := x.host("expired"), x.host("held"), x.host("free")
	a := x.expire(expired)[0]
	b := x.lease(held, "b", long)
	x.noneFree(held)
	x.holds(a, b)
	c := x.lease(free, "c", long)
	x.holds(a, b, c)
}

func testExpired(x *tester) {
	hosts := x.hosts(3)
	a := x.lease(hosts[0], "a", long)
	c := x.lease(hosts[2], "c", long)
	begin := time.Now()
	x.lease(hosts[1], "b", short)
	b := x.waitForExpired(hosts, "b")
	if b.Host != hosts[1] {
		x.Fatalf("Take returned a lease of %q; want the expired one, of %q", b.Host, hosts[1])
	}
	x.between("time between the expiry of the earlier lease and that of the extended one", b.Expires.Sub(c.Expires), 0, time.Since(begin))
	x.holds(a, b, c)
	x.noneFree(hosts...)       // it is no longer expired
	x.lost(hosts[1], "second") // the ID with which it was taken
	x.renew(hosts[1], "b", long)
	x.release(hosts[1], "b")
}

func testFreeBeforeExpired(x *tester) {
	expired, free := x.host("expired"), x.host("free")
	a := x.expire(expired)[0]
	b := x.take([]string{expired, free}, "b", long, free, "b")
	x.holds(a, b)
}

func testSameID(x *tester) {
	hosts := x.hosts(3)
	x.lease(hosts[0], "a", long)
	first := x.take(hosts, "b", long, hosts[1], "b")
	x.release(hosts[0], "a") // the first of hosts is free now
	again := x.take(hosts, "b", 5*long, hosts[1], "b")
	x.sameExpiry(again, first)
	again = x.take([]string{hosts[2], hosts[1]}, "b", 5*long, hosts[1], "b")
	x.sameExpiry(again, first)
	x.holds(first)
}

func testSameIDExpired(x *tester) {
	hosts := x.hosts(3)
	leases := x.expire(hosts[:2]...)
	again := x.take(hosts, leases[1].ID, long, hosts[1], leases[1].ID)
	x.sameExpiry(again, leases[1])
	x.holds(leases...)
}
