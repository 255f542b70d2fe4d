package main

import "github.com/iomeeting/iomeeting-go/stores/servers"

// engines are the servers to measure. They answer when a change is on the disk,
// except the last one: it may lose a second of changes in a crash, as Redis does in
// the setting that its documentation recommends.
var engines = []engine{
	{startPostgres, openPostgres},
	{startRedis("always"), openRedis},
	{startRedis("everysec"), openRedis},
}

func startPostgres(dir string) (string, func() error, error) {
	return started(servers.Postgres(dir))
}

func startRedis(appendfsync string) func(dir string) (string, func() error, error) {
	return func(dir string) (string, func() error, error) {
		return started(servers.Redis(dir, "--appendfsync", appendfsync))
	}
}

func started(s *servers.Server, err error) (dsn string, stop func() error, _ error) {
	if err != nil {
		return "", nil, err
	}
	return s.DSN, s.Stop, nil
}
