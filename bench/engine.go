package main

import (
	"context"
	"errors"
	"os"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// engine is a kind of server that can keep leases.
type engine struct {
	// start starts a server that keeps its data in dir, an empty folder.
	start func(dir string) (dsn string, stop func() error, err error)
	// open opens up to that many connections to it, when they are needed.
	open func(dsn string, connections int) (leaseServer, error)
}

// run starts a new server with that many connections. The function that it returns
// stops the server and deletes its data.
func (e engine) run(connections int) (leaseServer, func() error, error) {
	dir, err := os.MkdirTemp("", "iomeeting-bench-") // user postgres can reach it
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	dsn, stop, err := e.start(dir)
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	s, err := e.open(dsn, connections)
	if err != nil {
		return nil, nil, errors.Join(err, stop(), remove())
	}
	return s, func() error { return errors.Join(s.close(), stop(), remove()) }, nil
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
