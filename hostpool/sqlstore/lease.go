package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// Take leases one of hosts; see [hostpool.Store]. If one of them is free, it takes
// one statement in PostgreSQL and two in the other databases, and more only if other
// callers are faster. Each statement names all hosts, so offer at most a few
// thousand in a call. If a host that is not among them has a lease with that ID,
// Take returns an [*iomeeting.ParameterError].
func (s *Store) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	if err := s.check(id, hosts...); err != nil {
		return hostpool.Lease{}, err
	}
	if len(hosts) == 0 {
		return hostpool.Lease{}, cmp.Or(ctx.Err(), hostpool.ErrNoneFree)
	}
	lease, taken, err := s.takeFree(ctx, hosts, id, d)
	for err == nil && !taken {
		lease, taken, err = s.take(ctx, hosts, id, d)
	}
	if err != nil {
		return hostpool.Lease{}, err
	}
	return lease, nil
}

// takeFree takes the first free host, if one statement can. It reports false if
// nothing was free, another caller was faster, or the ID has a lease.
func (s *Store) takeFree(ctx context.Context, hosts []string, id string, d time.Duration) (lease hostpool.Lease, taken bool, err error) {
	if s.dialect.takeFree == "" {
		return hostpool.Lease{}, false, nil
	}
	statement, values := s.withHosts(s.dialect.takeFree, hosts)
	leases, err := s.query(ctx, statement, append([]any{id, d.Microseconds()}, values...)...)
	if err != nil || len(leases) == 0 {
		return hostpool.Lease{}, false, err
	}
	return leases[0], true, nil
}

// take takes one of hosts, after it has read their leases. It reports false if
// another caller was faster.
func (s *Store) take(ctx context.Context, hosts []string, id string, d time.Duration) (lease hostpool.Lease, taken bool, err error) {
	leases, now, err := s.read(ctx, hosts, id)
	if err != nil {
		return hostpool.Lease{}, false, err
	}
	var free, expired string // the first free host, and the first with an expired lease
	offered := 0             // leases of hosts
	for _, host := range hosts {
		lease, held := leases[host]
		if held {
			offered++
		}
		switch {
		case held && lease.ID == id:
			return lease, true, nil
		case !held && free == "":
			free = host
		case held && expired == "" && !lease.Expires.After(now):
			expired = host
		}
	}
	if offered < len(leases) {
		return hostpool.Lease{}, false, notOffered(leases, id)
	}
	expires := now.Add(d.Truncate(time.Microsecond))
	switch {
	case free != "":
		taken, err = s.exec(ctx, s.dialect.insert, free, id, expires.UnixMicro())
		return hostpool.Lease{Host: free, ID: id, Expires: expires}, taken, err
	case expired != "":
		old := leases[expired]
		taken, err = s.exec(ctx, `UPDATE {table} SET expires = ? WHERE host = ? AND id = ? AND expires = ?`,
			expires.UnixMicro(), expired, old.ID, old.Expires.UnixMicro())
		return hostpool.Lease{Host: expired, ID: old.ID, Expires: expires}, taken, err
	default:
		return hostpool.Lease{}, false, hostpool.ErrNoneFree
	}
}

// notOffered says why read returned the lease of a host that it was not asked
// about.
func notOffered(leases map[string]hostpool.Lease, id string) error {
	for _, lease := range leases {
		if lease.ID == id {
			return &iomeeting.ParameterError{Param: "id", Reason: "is the ID of a lease of another host"}
		}
	}
	return errors.New("iomeeting: the table does not compare email addresses byte by byte")
}

// Renew sets a lease to expire d from now; see [hostpool.Store].
func (s *Store) Renew(ctx context.Context, host, id string, d time.Duration) error {
	if err := s.check(id, host); err != nil {
		return err
	}
	renewed, err := s.exec(ctx, `UPDATE {table} SET expires = {now} + ? WHERE host = ? AND id = ?`,
		d.Microseconds(), host, id)
	if err != nil || renewed {
		return err
	}
	// MySQL does not count a row that has the same expiry already.
	leases, _, err := s.read(ctx, []string{host}, id)
	if err == nil && leases[host].ID != id {
		err = hostpool.ErrLeaseLost
	}
	return err
}

// Release deletes a lease; see [hostpool.Store].
func (s *Store) Release(ctx context.Context, host, id string) error {
	if err := s.check(id, host); err != nil {
		return err
	}
	deleted, err := s.exec(ctx, `DELETE FROM {table} WHERE host = ? AND id = ?`, host, id)
	if err == nil && !deleted {
		err = hostpool.ErrLeaseLost
	}
	return err
}

// List returns all leases; see [hostpool.Store].
func (s *Store) List(ctx context.Context) ([]hostpool.Lease, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.query(ctx, `SELECT host, id, expires FROM {table}`)
}

// read returns, by host, the leases of the hosts and any lease with that ID on
// another host. now is the database's time.
func (s *Store) read(ctx context.Context, hosts []string, id string) (leases map[string]hostpool.Lease, now time.Time, err error) {
	statement, values := s.withHosts(`SELECT '', '', {now}
		UNION ALL SELECT host, id, expires FROM {table} WHERE `+s.dialect.offered+`
		UNION ALL SELECT host, id, expires FROM {table} WHERE id = ?`, hosts)
	rows, err := s.query(ctx, statement, append(values, id)...)
	leases = make(map[string]hostpool.Lease, len(rows))
	for _, row := range rows {
		leases[row.Host] = row
	}
	now = leases[""].Expires // no host has an empty email address
	delete(leases, "")
	return leases, now, err
}
