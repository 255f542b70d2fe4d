package storetest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// oddNames are the parts before the @ of email addresses that a store might
// confuse or damage.
var oddNames = []string{
	"anna", "Anna", "ANNA", "anna ", " anna", "an na", "anna\u00a0", // case and spaces
	"änna", "a\u0308nna", "ａnna", "anna\u200b", "\ufeffanna", "ß", "ss", "ı", "i", "I", "İ", // equal to some collations
	"安娜", "ア", "あ", "𠮷", "吉", "😀", "🎉", // up to four bytes
	"o'neil", "o''neil", `o\'neil`, `"anna"`, `""anna""`, "`anna`", `anna\`, `anna\\`, // quotes
	"%", "_", "anna%", "anna_", "an*", "an?a", "[anna]", // patterns
	"$1", "?", ":id", "@p1", "{anna}", "%s", "%d", "anna;", "--anna", "/*anna*/", "#anna", // placeholders and comments
}

func testEmails(x *tester) {
	var emails []string
	for _, name := range oddNames {
		emails = append(emails, x.host(name))
	}
	emails = append(emails, x.host("anna")+" ", strings.ToLower(x.host("anna")), x.host("anna")+`\`, x.host("anna")+"%")

	var leases []hostpool.Lease
	for i, email := range emails {
		id := fmt.Sprint("id", i)
		leases = append(leases, x.take(emails, id, long, email, id))
	}
	x.noneFree(emails...)
	x.holds(leases...)
	for i, lease := range leases {
		x.lost(lease.Host, leases[(i+1)%len(leases)].ID)
		x.renew(lease.Host, lease.ID, long)
		x.release(lease.Host, lease.ID)
		if n := len(x.list()); n != len(leases)-i-1 {
			x.Fatalf("after Release of %q there are %d leases; want %d", lease.Host, n, len(leases)-i-1)
		}
	}
}

func testLongEmails(x *tester) {
	const longest = 320 // that a pool accepts
	pad := strings.Repeat("x", longest-len(x.host(""))-1)
	a := x.lease(x.host(pad+"a"), "a", long)
	b := x.lease(x.host(pad+"b"), "b", long)
	pad = strings.Repeat("长", (longest-len(x.host(""))-1)/len("长"))
	c := x.lease(x.host(pad+"c"), "c", long)
	d := x.lease(x.host(pad+"d"), "d", long)
	x.holds(a, b, c, d)

	kept := []hostpool.Lease{a, b, c, d}
	for _, size := range []int{300, 600, 1_000, 70_000} {
		for _, end := range []string{"e", "f"} {
			host := x.run + strings.Repeat("x", size) + end
			lease, err := x.store.Take(x.Context(), []string{host}, fmt.Sprint(end, size), long)
			switch {
			case errors.Is(err, hostpool.ErrNoneFree):
				x.Fatalf("Take confuses email addresses of %d bytes", len(host))
			case err == nil && lease.Host != host:
				x.Fatalf("Take cut an email address of %d bytes to %d bytes", len(host), len(lease.Host))
			case err == nil:
				kept = append(kept, lease)
			}
		}
	}
	x.holds(kept...)
}
