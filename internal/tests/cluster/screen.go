package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// show prints the state every second or, on a terminal, updates it in place every
// 100 ms. It returns a function that stops it.
func show(out *os.File, w *world) (stop func()) {
	every, rewind := time.Second, ""
	if isTerminal(out) {
		every = 100 * time.Millisecond
		rewind = fmt.Sprintf("\x1b[%dA\x1b[J", len(w.lines()))
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for before := ""; ; before = rewind {
			text := strings.Join(w.lines(), "\n") + "\n"
			if rewind == "" {
				text = strings.Join(w.lines(), "   ") + "\n"
			}
			fmt.Fprint(out, before, text)
			select {
			case <-quit:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { close(quit); <-ended }
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// lines describe the state of the world.
func (w *world) lines() []string {
	up, kills := w.balancer.state()
	accounts := "unknown (no web server could report them)"
	if n, ok := w.leased(); ok {
		accounts = fmt.Sprintf("%d leased, %d free", n, w.plan.accounts-n)
	}
	return []string{
		fmt.Sprintf("visitors  %s of %s", count(w.done.Load()), count(int64(w.plan.visitors))),
		fmt.Sprintf("meetings  %s in progress, %s ended", count(w.inProgress.Load()), count(w.ended.Load())),
		"accounts  " + accounts,
		fmt.Sprintf("servers   %d up, %d killed so far", up, kills),
	}
}

// verdict prints the outcome of the run, as seen by the service.
func (w *world) verdict(out io.Writer) error {
	fmt.Fprintf(out, `
%s visitors got a meeting each, on %s accounts and %d servers, %s.
  %s of them never opened their start link
  %s attempts found no free account, and %s failed; those visitors retried
  %s callbacks at the end of a meeting were lost
meetings ended by another start: %s
start links refused by the service: %s
%s accounts back after %.1f s
`,
		count(w.done.Load()), count(int64(w.plan.accounts)), w.plan.servers, killed(w.plan.kills),
		count(w.abandoned.Load()),
		count(w.noneFree.Load()), count(w.failures.Load()),
		count(w.lostEnds.Load()),
		count(w.endedOther.Load()), count(w.refused.Load()), w.backCount(), w.back.Seconds())
	var errs []error
	if w.endedOther.Load() > 0 {
		errs = append(errs, errors.New("meetings were ended by another start"))
	}
	if w.refused.Load() > 0 {
		errs = append(errs, errors.New("start links were refused"))
	}
	if w.plan.kills > 0 && w.back > w.limit() { // a slow database is not a crash
		errs = append(errs, fmt.Errorf("accounts took longer than %v to come back", w.limit()))
	}
	if w.missing > 0 {
		errs = append(errs, fmt.Errorf("only %s accounts came back", w.backCount()))
	}
	return errors.Join(errs...)
}

// backCount says how many accounts came back.
func (w *world) backCount() string {
	if w.missing == 0 {
		return "all"
	}
	return fmt.Sprintf("%d of %d", w.plan.accounts-w.missing, w.plan.accounts)
}

func killed(times int) string {
	switch times {
	case 0:
		return "none of which was killed"
	case 1:
		return "one of which was killed during the run"
	default:
		return fmt.Sprintf("which were killed %d times during the run", times)
	}
}

// count returns n with thousands separators.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
