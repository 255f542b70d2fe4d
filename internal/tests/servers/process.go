package servers

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when it and its children have ended
	err    error         // how it ended; valid once ended is closed
}

func startProcess(s *Server) (*process, error) {
	cmd := exec.Command(s.program, s.args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user, Pdeathsig: s.stop}
	out := &output{text: s.ready, ready: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out // not files: so Wait waits for the children too
	p := &process{cmd: cmd, output: out, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends Pdeathsig when this thread ends, so it must live as long as
		// the server.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	return p, <-started
}

// end sends the signal and waits until the process and its children have ended.
func (p *process) end(signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("iomeeting: %s ended by itself: %w\n%s", p.cmd.Path, err, p.output.tail())
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("iomeeting: %s did not end within %v\n%s", p.cmd.Path, stopWithin, p.output.tail())
	}
}

// maxTail is how much of a server's output is kept for error messages, in bytes.
const maxTail = 8 << 10

// output receives what a server prints.
type output struct {
	text  string        // says that clients can connect
	ready chan struct{} // closed when text was printed

	mu    sync.Mutex
	last  []byte
	found bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = append(o.last, p...)
	if !o.found && bytes.Contains(o.last, []byte(o.text)) {
		o.found = true
		close(o.ready)
	}
	if n := len(o.last) - maxTail; n > 0 {
		o.last = append([]byte(nil), o.last[n:]...)
	}
	return len(p), nil
}

// tail returns the end of the output.
func (o *output) tail() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.last)
}
