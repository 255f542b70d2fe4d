// Cluster shows several web servers that share host accounts through package
// hostpool. It runs an IOMeeting server in its own process, starts web servers as
// child processes, sends them visitors who start meetings, and kills servers with
// SIGKILL during the run. It shows what happens, and ends with a verdict based on
// what the IOMeeting server saw.
//
//	go run .                              leases in SQLite, in a temporary folder
//	go run . -leases postgres://…         in PostgreSQL
//	go run . -leases mysql://…            in MySQL or MariaDB
//	go run . -leases redis://…            in Redis
//	go run . -leases none                 each server on its own: meetings get lost
//
// Its exit status is 0 if no meeting was ended by another start, no start link was
// refused, every visitor had a meeting, and every account came back in time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// plan is what the flags say.
type plan struct {
	leases      []string // URL of the store of each server; the last one is for the rest
	servers     int
	accounts    int
	visitors    int
	kills       int
	startWithin time.Duration
}

func main() {
	if os.Getenv(childVariable) != "" {
		exit("server", runChild(os.Stdin, os.Stdout))
		return
	}
	var p plan
	flags := flag.NewFlagSet("cluster", flag.ExitOnError)
	flags.Func("leases", "where leases are kept: a sqlite:, postgres:, mysql: or redis: URL, or none; "+
		"give it once for each server if they reach the store in different ways (default SQLite in a temporary folder)",
		func(url string) error {
			p.leases = append(p.leases, url)
			return checkLeases(url)
		})
	flags.IntVar(&p.servers, "servers", 2, "number of web servers")
	flags.IntVar(&p.accounts, "accounts", 50, "number of host accounts")
	flags.IntVar(&p.visitors, "visitors", 400, "number of visitors, each of whom starts a meeting")
	flags.IntVar(&p.kills, "kills", 1, "how many times a server is killed")
	flags.DurationVar(&p.startWithin, "start-within", 5*time.Second, "how long a visitor may take to start")
	_ = flags.Parse(os.Args[1:]) // it exits on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit("cluster", run(ctx, os.Stdout, p))
}

func exit(name string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// run carries out the plan.
func run(ctx context.Context, out *os.File, p plan) error {
	if p.servers < 1 || p.accounts < 1 || p.visitors < 1 || p.kills < 0 || p.startWithin <= 0 {
		return errors.New("servers, accounts, visitors and start-within must be positive, and kills must not be negative")
	}
	if len(p.leases) == 0 {
		dir, err := os.MkdirTemp("", "cluster")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		p.leases = []string{"sqlite:" + filepath.Join(dir, "leases.db")}
	}
	if err := createTable(ctx, p.leases[0]); err != nil {
		return err
	}
	w, err := newWorld(p)
	if err != nil {
		return err
	}
	defer w.close()
	stopScreen := show(out, w)
	err = w.run(ctx)
	stopScreen()
	if err != nil {
		return err
	}
	return w.verdict(out)
}
