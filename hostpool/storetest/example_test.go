package storetest_test

import (
	"testing"

	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/hostpool/storetest"
)

// The test of your own store.
func ExampleRun() {
	test := func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) hostpool.Store {
			return hostpool.NewMemoryStore() // your store
		})
	}
	_ = test
}
