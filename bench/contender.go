package main

// caller carries out the operation that is measured, and checks its result.
type caller interface {
	// call carries it out once. No two goroutines call with the same worker at
	// the same time.
	call(worker int) error
	// close releases what the caller holds, such as idle connections.
	close()
}

// contender is one way to carry out the operation of its group.
type contender struct {
	name string
	// connect returns a caller for that many workers. Connections that it opens
	// are not counted.
	connect func(workers int) (caller, error)
}

// group is a set of contenders that carry out the same operation and take turns.
type group struct {
	title      string
	contenders []contender
	// baselines are the names of contenders to compare all of them with: each
	// gets a column of ratios.
	baselines []string
	// connections returns how many connections each contender has opened so
	// far. It is nil in a group that does not count them.
	connections func() ([]connections, error)
}

// The contenders that stand in more than one group.
const (
	ours = "iomeeting"
	bare = "bare net/http"
)
