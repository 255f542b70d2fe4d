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

	// memoryBatch is how many calls are started before those that were started
	// have arrived: more than the queue of a listening socket would be lost.
	memoryBatch = 100

	// arrivalTimeout bounds the time until a batch has arrived.
	arrivalTimeout = 30 * time.Second
)

// memoryTask is what a process that measures memory is told.
type memoryTask struct {
	Contender string
	Target    target
	Control   string
	Calls     int
}

// footprint is what it finds: bytes of memory.
type footprint struct {
	Contender string
	Before    uint64 // heap and stacks
	Peak      uint64 // heap and stacks
	Resident  uint64 // the peak of the whole process; 0 where it is not told
}

// patientContenders are those whose memory is measured. Their calls may be held
// back for long.
var patientContenders = []contender{
	{ours, newPatientIOMeeting},
	{bare, newBare},
}

// measureMemory measures each contender in a process of its own, since memory
// that one has used stays with the process.
func measureMemory(s *server, calls int) ([]footprint, error) {
	var footprints []footprint
	for i, c := range patientContenders {
		f, err := startMemory(memoryTask{c.name, target{s.Sites[i], s.CA}, s.Control, calls})
		if err != nil {
			return nil, fmt.Errorf("memory of %s: %w", c.name, err)
		}
		footprints = append(footprints, f)
	}
	return footprints, nil
}

func startMemory(task memoryTask) (f footprint, err error) {
	arg, err := json.Marshal(task)
	if err != nil {
		return f, err
	}
	process, err := self(memoryCommand, string(arg))
	if err != nil {
		return f, err
	}
	life, err := process.StdinPipe() // open while this process lives
	if err != nil {
		return f, err
	}
	out, err := process.Output()
	// Output has closed it already, and a second time does no harm.
	_ = life.Close()
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(out, &f)
}

// memoryProcess carries out the task in args.
func memoryProcess(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes a task", memoryCommand)
	}
	var task memoryTask
	if err := json.Unmarshal([]byte(args[0]), &task); err != nil {
		return err
	}
	if err := trustByDefault(task.Target.CA); err != nil {
		return err
	}
	f, err := task.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(f)
}

func (t memoryTask) run() (footprint, error) {
	c, err := t.connect()
	if err != nil {
		return footprint{}, err
	}
	defer c.close()
	f := footprint{Contender: t.Contender, Before: heapAndStacks()}
	stop := watchPeak()
	err = t.callAtOnce(c)
	f.Peak = stop()
	f.Resident = residentPeak()
	return f, err
}

func (t memoryTask) connect() (caller, error) {
	for _, c := range patientContenders {
		if c.name == t.Contender {
			return c.connect(t.Target, t.Calls)
		}
	}
	return nil, fmt.Errorf("there is no contender %q", t.Contender)
}

// callAtOnce sends all calls, and lets none be answered before all of them have
// arrived, so that they are under way at once however fast the machine is.
func (t memoryTask) callAtOnce(c caller) (err error) {
	control := newControl(t.Control)
	if err := control.hold(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(context.Background())
	err = t.startCalls(ctx, group, c, control)
	released := control.release()
	if released != nil {
		return errors.Join(err, released) // the calls would not end
	}
	return errors.Join(err, group.Wait())
}

func (t memoryTask) startCalls(ctx context.Context, group *errgroup.Group, c caller, control control) error {
	for started := 0; started < t.Calls; {
		for range min(memoryBatch, t.Calls-started) {
			worker := started
			group.Go(func() error { return c.call(worker) })
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
