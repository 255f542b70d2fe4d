package sqlstore

import (
	"context"
	"time"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// exec executes a statement and reports whether it changed the table.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (bool, error) {
	return repeat(func() (bool, error) {
		result, err := s.db.ExecContext(ctx, s.sql(statement), args...)
		if err != nil {
			return false, err
		}
		rows, err := result.RowsAffected()
		return rows > 0, err
	})
}

// query returns the leases that a query selects.
func (s *Store) query(ctx context.Context, query string, args ...any) ([]hostpool.Lease, error) {
	return repeat(func() ([]hostpool.Lease, error) {
		rows, err := s.db.QueryContext(ctx, s.sql(query), args...)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var leases []hostpool.Lease
		for rows.Next() {
			var lease hostpool.Lease
			var expires int64
			if err := rows.Scan(&lease.Host, &lease.ID, &expires); err != nil {
				return nil, err
			}
			lease.Expires = time.UnixMicro(expires)
			leases = append(leases, lease)
		}
		return leases, rows.Err()
	})
}

// repeat calls f until the database does not roll it back.
func repeat[T any](f func() (T, error)) (T, error) {
	for {
		if result, err := f(); !isUndone(err) {
			return result, err
		}
	}
}
