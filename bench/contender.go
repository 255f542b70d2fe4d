package main

// target is where a contender sends its calls.
type target struct {
	Site string
	CA   []byte
}

// caller sends the query and checks the answer.
type caller interface {
	// call sends one. No two workers of one number call at the same time.
	call(worker int) error
	// close gives idle connections up.
	close()
}

// contender is one way to send the query. connect returns it without
// connections, which it opens as it needs them.
type contender struct {
	name    string
	connect func(t target, workers int) (caller, error)
}

// The contenders to which the others are compared.
const (
	ours  = "iomeeting"
	bare  = "bare net/http"
	timed = "bare, with a time-out"
)

var contenders = []contender{
	{ours, newIOMeeting},
	{bare, newBare},
	{timed, newTimed},
	{"default, HTTP/1.1", newDefault},
	{"default, HTTP/2", newDefaultHTTP2},
	{"fasthttp", newFastHTTP},
	{"hand-written", newHandWritten},
}
