package modelcheck

import (
	"context"
	"runtime"
	"sync"
)

// actor is a goroutine that calls a pool. It waits at a gate before each of its
// steps, which are calls of the store and of the service, and after most of them.
// The world decides which actor goes on, and how.
type actor struct {
	name   string
	server *server
	resume chan verdict
	leases int            // that it tried to take
	taken  map[string]int // in which step it took an account, by email address

	mu     sync.Mutex // since an actor whose context is done goes on by itself
	gate   gate       // where it waits
	ended  bool
	report func() // tells the world the result of the call; nil after a crash
}

// gate is where an actor waits.
type gate struct {
	step     string
	verdicts []verdict // what may happen to the step, besides pass
}

// verdict is what happens to a step of an actor.
type verdict string

const (
	pass    verdict = "pass"
	fail    verdict = "fail"    // an error instead of the step; after the step, instead of its response
	lose    verdict = "lose"    // the request is sent and never arrives
	delay   verdict = "delay"   // an error, but the request arrives later
	repeat  verdict = "repeat"  // the command is executed twice
	echo    verdict = "echo"    // the command is executed now, and again later
	refuse  verdict = "refuse"  // the service refuses the account
	down    verdict = "down"    // the service answers with HTTP status 503
	crash   verdict = "crash"   // the actor does nothing any more
	expired verdict = "expired" // the context of the step is done
)

// wait waits at a gate, and returns what happens to the step.
func (a *actor) wait(ctx context.Context, step string, verdicts ...verdict) verdict {
	a.mu.Lock()
	a.gate = gate{step, verdicts}
	a.mu.Unlock()
	select {
	case v := <-a.resume:
		if v == crash {
			runtime.Goexit()
		}
		return v
	case <-ctx.Done():
		return expired
	}
}

// waitsAt returns where the actor waits.
func (a *actor) waitsAt() gate {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gate
}

// run calls f.
func (a *actor) run(f func(context.Context, *actor) (report func())) {
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.ended = true
	}()
	report := f(context.WithValue(context.Background(), actorKey{}, a), a)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report = report
}

// result returns whether the actor has ended, and its report if it has one.
func (a *actor) result() (ended bool, report func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended, a.report
}

type actorKey struct{}

// actorOf returns the actor that makes a call with this context.
func actorOf(ctx context.Context) *actor { return ctx.Value(actorKey{}).(*actor) }
