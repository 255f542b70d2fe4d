package main

import "context"

// leaser leases host accounts.
type leaser interface {
	// hold leases that account for longer than the benchmark runs.
	hold(ctx context.Context, account string) error
	// lease leases an account and releases it. free is an account that is free
	// and that no other worker gets, for leasers that do not search.
	lease(ctx context.Context, free string) error
}
