package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestServersCrash kills a random one of two web servers, three times, while 2,000
// visitors start meetings on 50 accounts. The program fails if a meeting in progress
// is ended by another start, if a start link is refused, or if an account takes
// longer to come back than StartWithin plus 75 seconds.
func TestServersCrash(t *testing.T) {
	t.Parallel()
	crash := func(t *testing.T, leases ...string) {
		run(t, nil, append([]string{"-visitors", "2000", "-accounts", "50", "-servers", "2", "-kills", "3"}, leases...)...)
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			crash(t, "-leases", e.scheme+servers.ForTest(t, e.start).DSN)
		})
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		crash(t)
	})
}

// TestDatabaseRestarts stops the database in the middle, and starts it again.
func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			database := servers.ForTest(t, e.start)
			run(t, func() {
				require.NoError(t, database.Kill())
				require.NoError(t, database.Start())
			}, "-visitors", "500", "-kills", "0", "-leases", e.scheme+database.DSN)
		})
	}
}
