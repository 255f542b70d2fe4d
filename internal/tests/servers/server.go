// Package servers starts database servers for tests and experiments: PostgreSQL,
// MariaDB and Redis, from their Debian packages, each on a free port of 127.0.0.1.
//
// A server starts with an empty database, commits durably, and accepts every
// client without a password. It ends with the process that started it, even if
// that process is killed. Do not start one on a machine that strangers use.
//
// The package works on Linux alone.
package servers

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// ErrNotInstalled is returned if a server's programs cannot be found, neither in
// PATH nor where Debian puts them.
var ErrNotInstalled = errors.New("iomeeting: server is not installed")

// Server is a database server. It is not safe for concurrent use.
type Server struct {
	// Addr is the address that the server listens on, a host and a port. It never
	// changes.
	Addr string
	// DSN is what a client needs to connect, and has Addr in it:
	//
	//   - of PostgreSQL a postgres:// URL, for pgx and lib/pq;
	//   - of MariaDB a DSN of go-sql-driver/mysql without parameters;
	//   - of Redis a redis:// URL.
	DSN string

	program string
	args    []string
	user    *syscall.Credential // nil for the user of this process
	stop    syscall.Signal      // asks for an orderly end
	ready   string              // is in the output once clients can connect
	process *process            // nil while the server is stopped
}

// started starts a new server.
func started(s *Server) (*Server, error) {
	if err := s.Start(); err != nil {
		return nil, err
	}
	return s, nil
}

const (
	startWithin = 2 * time.Minute
	stopWithin  = time.Minute
)

// Start starts a server again that was stopped or killed, with the same data, on
// the same address. It returns once clients can connect. Starting a running
// server is an error.
func (s *Server) Start() error {
	if s.process != nil {
		return fmt.Errorf("iomeeting: %s is running already", s.program)
	}
	p, err := startProcess(s)
	if err != nil {
		return err
	}
	select {
	case <-p.output.ready:
		s.process = p
		return nil
	case <-p.ended:
		return fmt.Errorf("iomeeting: %s did not start: %w\n%s", s.program, p.err, p.output.tail())
	case <-time.After(startWithin):
		return errors.Join(fmt.Errorf("iomeeting: %s did not start within %v\n%s", s.program, startWithin, p.output.tail()),
			p.end(syscall.SIGKILL))
	}
}

// Stop stops the server in an orderly way, without waiting for its clients to
// disconnect. Stopping a server that was stopped or killed is a no-op.
func (s *Server) Stop() error {
	p := s.process
	if p == nil {
		return nil
	}
	s.process = nil
	if err := p.end(s.stop); err != nil {
		return err
	}
	if p.err != nil {
		return fmt.Errorf("iomeeting: %s failed: %w\n%s", s.program, p.err, p.output.tail())
	}
	return nil
}

// Kill kills the server with SIGKILL. When Kill returns, all its processes have
// ended.
func (s *Server) Kill() error {
	p := s.process
	if p == nil {
		return fmt.Errorf("iomeeting: %s is not running", s.program)
	}
	s.process = nil
	return p.end(syscall.SIGKILL)
}

// run runs a program that prepares a server's data, in dir.
func run(user *syscall.Credential, dir, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("iomeeting: %s: %w\n%s", program, err, output)
	}
	return nil
}
