package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// server is the benchmark's side of the server process.
type server struct {
	addresses
	control control
	process *exec.Cmd
	life    io.Closer
}

// startServer starts the server and makes http.DefaultTransport trust it. The
// server has a process of its own, so that its work and its garbage are not
// counted as a contender's.
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
