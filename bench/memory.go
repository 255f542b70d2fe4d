package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	memoryCommand = "memory"

	// memoryBatch is how many calls are started before the earlier ones have
	// arrived. A listening socket would lose more than its queue holds.
	memoryBatch = 100

	// arrivalTimeout bounds the wait for a batch to arrive.
	arrivalTimeout = 30 * time.Second
)

// memoryTask is what a process that measures memory is told to do.
type memoryTask struct {
	Contender string
	Target    target
	Control   string
	Calls     int
}

// footprint is the memory of a contender, in bytes.
type footprint struct {
	Contender string
	Before    uint64 // heap and stacks
	Peak      uint64 // heap and stacks
	Resident  uint64 // the peak of the whole process; 0 where it is unknown
}

// patientContenders are those whose memory is measured. They wait long for a
// response.
var patientContenders = []siteContender{
	{ours, newPatientQuery},
	{bare, newBareQuery},
}

// measureMemory measures each contender in a process of its own, since memory
// that one has used stays with the process.
func measureMemory(s *server, calls int) ([]footprint, error) {
	var footprints []footprint
	for i, c := range patientContenders {
		t := memoryTask{c.name, target{s.Sites[i], s.CA}, s.Control, calls}
		f, err := t.start()
		if err != nil {
			return nil, fmt.Errorf("memory of %s: %w", c.name, err)
		}
		footprints = append(footprints, f)
	}
	return footprints, nil
}

// start runs the task in a process of its own.
func (t *memoryTask) start() (f footprint, err error) {
	process, life, err := childProcess(memoryCommand, t)
	if err != nil {
		return f, err
	}
	out, err := process.Output()
	_ = life.Close() // Output has closed it unless the process did not start
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(out, &f)
}

func (t *memoryTask) run(out io.Writer) error {
	if err := trustByDefault(t.Target.CA); err != nil {
		return err
	}
	c, err := t.connect()
	if err != nil {
		return err
	}
	defer c.close()
	f := footprint{Contender: t.Contender, Before: heapAndStacks()}
	stop := watchPeak()
	err = t.callTogether(c)
	f.Peak = stop()
	f.Resident = residentPeak()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(f)
}

func (t *memoryTask) connect() (caller, error) {
	for _, c := range patientContenders {
		if c.name == t.Contender {
			return c.connect(t.Target, t.Calls)
		}
	}
	return nil, fmt.Errorf("there is no contender %q", t.Contender)
}

// callTogether sends all queries, and makes the server hold its responses until all
// have arrived, so that they are in progress together however fast the machine is.
func (t *memoryTask) callTogether(c caller) (err error) {
	control := newControl(t.Control)
	if err := control.hold(); err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(context.Background())
	err = t.startCalls(ctx, running, c, control)
	released := control.release()
	if released != nil {
		return errors.Join(err, released) // the calls would not end
	}
	return errors.Join(err, running.Wait())
}

func (t *memoryTask) startCalls(ctx context.Context, running *errgroup.Group, c caller, control control) error {
	for started := 0; started < t.Calls; {
		for range min(memoryBatch, t.Calls-started) {
			worker := started
			running.Go(func() error { return c.call(worker) })
			started++
		}
		if err := awaitArrival(ctx, control, started); err != nil {
			return err
		}
	}
	return nil
}

// awaitArrival waits until the server holds n calls, or one of them has failed.
func awaitArrival(ctx context.Context, control control, n int) error {
	ctx, cancel := context.WithTimeout(ctx, arrivalTimeout)
	defer cancel()
	for {
		held, err := control.held()
		if err != nil || held >= n {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d calls have arrived: %w", held, n, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}
