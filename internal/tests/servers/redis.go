package servers

import "syscall"

// Redis starts a Redis server that keeps its data in dir, and writes each change
// to the disk before it answers. Arguments are those of the redis-server program,
// and take precedence over its defaults: for example, "--appendonly", "no".
func Redis(dir string, args ...string) (*Server, error) {
	program, err := find("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return started(&Server{
		Addr:    addr,
		DSN:     "redis://" + addr,
		program: program,
		args: append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", dir,
			"--save", "", "--appendonly", "yes", "--appendfsync", "always"}, args...),
		stop:  syscall.SIGTERM,
		ready: "Ready to accept connections",
	})
}
