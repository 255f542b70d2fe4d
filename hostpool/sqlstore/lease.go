package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// Take leases one of hosts; see [hostpool.Store]. It usually takes one query and
// one insert, and repeats them only if another caller is faster. The query names
// all hosts, so offer at most a few thousand in a call. If a host that is not
// among them is leased to id, Take returns an [*iomeeting.ParameterError].
func (s *Store) Take(ctx context.Context, hosts []string, id string, d time.Duration) (hostpool.Lease, error) {
	if err := s.check(id, hosts...); err != nil {
		return hostpool.Lease{}, err
	}
	if len(hosts) == 0 {
		return hostpool.Lease{}, cmp.Or(ctx.Err(), hostpool.ErrNoneFree)
	}
	for {
		leases, now, err := s.read(ctx, hosts, id)
		if err != nil {
			return hostpool.Lease{}, err
		}
		lease, taken, err := s.take(ctx, hosts, leases, id, now, d)
		if err != nil {
			return hostpool.Lease{}, err
		}
		if taken {
			return lease, nil
		}
	}
}

// take takes one of hosts, given what read returned. It reports false if another
// caller was faster.
func (s *Store) take(ctx context.Context, hosts []string, leases map[string]hostpool.Lease, id string, now time.Time, d time.Duration) (hostpool.Lease, bool, error) {
	for _, lease := range leases {
		switch {
		case lease.ID == id && slices.Contains(hosts, lease.Host):
			return lease, true, nil
		case lease.ID == id:
			return hostpool.Lease{}, false, &iomeeting.ParameterError{Param: "id", Reason: "is the ID of a lease of another host"}
		}
	}
	expires := now.Add(d.Truncate(time.Microsecond))
	for _, host := range hosts {
		if _, held := leases[host]; !held {
			inserted, err := s.exec(ctx, s.dialect.insert, host, id, expires.UnixMicro())
			return hostpool.Lease{Host: host, ID: id, Expires: expires}, inserted, err
		}
	}
	for _, host := range hosts {
		if old := leases[host]; !old.Expires.After(now) {
			extended, err := s.exec(ctx, `UPDATE %s SET expires = ? WHERE host = ? AND id = ? AND expires = ?`,
				expires.UnixMicro(), host, old.ID, old.Expires.UnixMicro())
			return hostpool.Lease{Host: host, ID: old.ID, Expires: expires}, extended, err
		}
	}
	return hostpool.Lease{}, false, hostpool.ErrNoneFree
}

// Renew extends a lease; see [hostpool.Store].
func (s *Store) Renew(ctx context.Context, host, id string, d time.Duration) error {
	if err := s.check(id, host); err != nil {
		return err
	}
	renewed, err := s.exec(ctx, `UPDATE %s SET expires = `+s.dialect.now+` + ? WHERE host = ? AND id = ?`,
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
	deleted, err := s.exec(ctx, `DELETE FROM %s WHERE host = ? AND id = ?`, host, id)
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
	return s.query(ctx, `SELECT host, id, expires FROM %s`)
}

// read returns the leases of the hosts, and of the ID if another host is leased to
// it, by host, and the time by the clock of the database.
func (s *Store) read(ctx context.Context, hosts []string, id string) (leases map[string]hostpool.Lease, now time.Time, err error) {
	args := make([]any, 0, len(hosts)+1)
	for _, host := range hosts {
		args = append(args, host)
	}
	rows, err := s.query(ctx, `SELECT '', '', `+s.dialect.now+
		` UNION ALL SELECT host, id, expires FROM %[1]s WHERE host IN (?`+strings.Repeat(`, ?`, len(hosts)-1)+`)`+
		` UNION ALL SELECT host, id, expires FROM %[1]s WHERE id = ?`, append(args, id)...)
	leases = make(map[string]hostpool.Lease, len(rows))
	for _, row := range rows {
		leases[row.Host] = row
	}
	now = leases[""].Expires // no host has an empty email address
	delete(leases, "")
	return leases, now, err
}
