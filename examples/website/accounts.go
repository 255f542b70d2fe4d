package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// account is a host account on the page of accounts.
type account struct {
	Lease   hostpool.Lease
	Until   time.Time // when the lease expires
	Booking booking   // that has the account
}

func (s *site) showAccounts(w http.ResponseWriter, r *http.Request) {
	open, _, errBookings := s.bookings(r.Context())
	leases, errLeases := s.pool.Leases(r.Context())
	if err := errors.Join(errBookings, errLeases); err != nil {
		showError(w, err)
		return
	}
	accounts := make(map[string]account) // the template sorts them
	for _, host := range s.hosts {
		accounts[host.Email] = account{}
	}
	for _, lease := range leases {
		accounts[lease.Host] = account{Lease: lease, Until: time.Now().Add(lease.Left)}
	}
	for _, b := range open {
		a := accounts[b.Meeting.Host]
		a.Booking = b
		accounts[b.Meeting.Host] = a
	}
	render(w, http.StatusOK, "accounts.html", accounts)
}
