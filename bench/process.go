package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// task is work for a process of its own. Its result goes to out as JSON.
type task interface {
	run(out io.Writer) error
}

// childProcess returns this program, set to run t. It ends when the returned
// pipe is closed, also by the end of this process.
func childProcess(command string, t task) (cmd *exec.Cmd, life io.Closer, err error) {
	path, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	arg, err := json.Marshal(t)
	if err != nil {
		return nil, nil, err
	}
	cmd = exec.Command(path, command, string(arg))
	cmd.Stderr = os.Stderr
	life, err = cmd.StdinPipe()
	return cmd, life, err
}

// runTask runs the task in args, which childProcess has set.
func runTask(t task, args []string) error {
	if len(args) != 1 {
		return errors.New("a task is needed")
	}
	if err := json.Unmarshal([]byte(args[0]), t); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // returns when the parent is gone
		os.Exit(0)
	}()
	return t.run(os.Stdout)
}

// server is the server's process, as the process sees it that has started it.
type server struct {
	addresses
	control control
	process *exec.Cmd
	life    io.Closer
}

// startServer starts the server in a process of its own, so that its work and
// its garbage are not measured as those of a contender, and makes
// http.DefaultTransport trust it.
func startServer(t serverTask) (*server, error) {
	process, life, err := childProcess(serverCommand, &t)
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
	err = json.NewDecoder(out).Decode(&s.addresses)
	if err != nil {
		err = fmt.Errorf("the server does not report its addresses: %w", err)
	} else {
		err = trustByDefault(s.CA)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
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

// target is one site of the server.
type target struct {
	Site string
	CA   []byte
}

// siteContender is a contender that sends requests to a site.
type siteContender struct {
	name    string
	connect func(t target, workers int) (caller, error)
}

// group returns a group in which each contender has a site of its own.
func (s *server) group(title string, contenders []siteContender, baselines ...string) group {
	g := group{title: title, baselines: baselines, connections: s.control.connections}
	for i, c := range contenders {
		g.contenders = append(g.contenders, contender{c.name, func(workers int) (caller, error) {
			return c.connect(target{s.Sites[i], s.CA}, workers)
		}})
	}
	return g
}
