package stores

import (
	"testing"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
	"github.com/iomeeting/iomeeting-go/hostpool/storetest"
	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

// TestRules runs the tests of every store, with the settings of drivers and
// sessions that might make a difference.
func TestRules(t *testing.T) {
	kinds := []struct {
		engine
		drivers map[string][]string // the parameters to test, by driver
	}{
		{engine{"PostgreSQL", sqlstore.Postgres, "", "", servers.Postgres}, map[string][]string{
			"pgx": {
				"",
				"&default_query_exec_mode=exec", // for PgBouncer
				"&default_query_exec_mode=simple_protocol", // for PgBouncer
				"&timezone=Asia/Kathmandu",
				"&default_transaction_isolation=serializable",
			},
			"postgres": {
				"",
				"&binary_parameters=yes", // for PgBouncer
				"&default_transaction_isolation=repeatable%20read",
			},
		}},
		{engine{"MariaDB", sqlstore.MySQL, "", "", servers.MariaDB}, map[string][]string{
			"mysql": {
				"",
				"?clientFoundRows=true",
				"?interpolateParams=true",
				"?sql_mode=%27%27", // values that are too long would be cut
				"?time_zone=%27%2B05:45%27&parseTime=true&loc=America%2FNew_York",
				"?charset=latin1",
				"?tx_isolation=%27SERIALIZABLE%27",
			},
		}},
		{engine{"SQLite", sqlstore.SQLite, "", "", nil}, map[string][]string{
			"sqlite": {"?_pragma=busy_timeout(60000)"},
		}},
		{engine{"SQLite with a write-ahead log", sqlstore.SQLite, "", "", nil}, map[string][]string{
			"sqlite": {"?_pragma=busy_timeout(60000)&_pragma=journal_mode(wal)"},
		}},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			database := kind.newDatabase(t)
			for driver, params := range kind.drivers {
				for _, p := range params {
					t.Run(driver+p, func(t *testing.T) {
						d := *database
						d.driver, d.params = driver, p
						d.newStore(t) // one connection sets the journal mode of the file
						t.Parallel()
						storetest.Run(t, func(t *testing.T) hostpool.Store { return d.newStore(t) })
					})
				}
			}
		})
	}
}
