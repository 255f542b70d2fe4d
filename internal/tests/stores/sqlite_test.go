package stores

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/sqlstore"
	"github.com/iomeeting/iomeeting-go/hostpool/storetest"
)

// TestOneConnection runs the tests of every store in memory, on one connection
// without a busy timeout.
func TestOneConnection(t *testing.T) {
	storetest.Run(t, func(t *testing.T) hostpool.Store {
		d := &database{engine: engine{driver: "sqlite"}, dsn: "file::memory:"}
		db := d.connect(t)
		db.SetMaxOpenConns(1)
		store := sqlstore.New(db, sqlstore.SQLite)
		require.NoError(t, store.CreateTable(t.Context()))
		return store
	})
}
