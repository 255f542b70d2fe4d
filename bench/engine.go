package main

import (
	"context"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// engine is a kind of server that can keep leases.
type engine struct {
	// start starts a server that keeps its data in dir, an empty folder.
	start func(dir string) (dsn string, stop func() error, err error)
	// open opens up to that many connections to it, when they are needed.
	open func(dsn string, connections int) (leaseServer, error)
}

// leaseServer is a server that can keep leases, and the connections to it.
type leaseServer interface {
	// describe says which server it is, and when it writes changes to the disk.
	describe(ctx context.Context) (string, error)
	// store returns a store for that many accounts, ready for use.
	store(ctx context.Context, accounts int) (hostpool.Store, error)
	// locks returns the cheapest locks of the server for that many accounts.
	locks(ctx context.Context, accounts int) (leaser, error)
	// tidy does what the server does by itself some time after many changes.
	tidy(ctx context.Context) error
	close() error
}
