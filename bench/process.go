package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
)

// task is work for a process of its own. Its result goes to out as JSON.
type task interface {
	run(out io.Writer) error
}

// childProcess returns a command that runs t in another process of this program.
// That process ends when life is closed, or when this process ends.
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

// runTask runs t as described in args, the arguments that childProcess has set.
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
