package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// server is the server's process, as seen by the process that has started it.
type server struct {
	addresses
	control control
	process *exec.Cmd
	life    io.Closer
}

// startServer starts the server in a process of its own, so that its work and
// its garbage are not measured as those of a contender.
func startServer(sites int) (*server, error) {
	process, err := self(serveCommand, fmt.Sprint(sites))
	if err != nil {
		return nil, err
	}
	life, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	s := &server{process: process, life: life}
	if err := json.NewDecoder(out).Decode(&s.addresses); err != nil {
		return nil, errors.Join(fmt.Errorf("the server does not say where it is: %w", err), s.stop())
	}
	s.control = newControl(s.Control)
	return s, nil
}

// stop ends the process and waits for it.
func (s *server) stop() error {
	if err := s.life.Close(); err != nil {
		return err
	}
	return s.process.Wait()
}

// self returns this program, to be started with args.
func self(args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// endWithParent ends this process when its standard input does, which happens
// however the parent ends.
func endWithParent() {
	go func() {
		// Whether it ends or breaks, the parent is gone.
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
}
