package servers

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// patience ends a test whose server hangs.
const patience = 2 * time.Minute

// local is a server of this machine.
type local struct {
	program string
	args    []string
	user    *syscall.Credential // nil for the user of this process
	stop    syscall.Signal      // asks for an orderly end
	ready   string              // is in the output once clients can connect

	process *os.Process // nil while the server is stopped
	output  *output
	ended   chan error // receives the result once the server and its children have ended
}

// Start starts the server, again if it was stopped or killed, with the same data. It
// returns once clients can connect.
func (s *local) Start() error {
	cmd := exec.Command(s.program, s.args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user, Pdeathsig: s.stop}
	s.output = &output{ready: s.ready, found: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.output, s.output // not files: so Wait waits for the children too
	s.ended = make(chan error, 1)
	started := make(chan error)
	go func() {
		// Linux sends Pdeathsig when this thread ends, so it must live as long as
		// the server.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			s.ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	select {
	case <-s.output.found:
		s.process = cmd.Process
		return nil
	case err := <-s.ended:
		return fmt.Errorf("iomeeting: %s did not start: %w\n%s", s.program, err, s.output)
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		return fmt.Errorf("iomeeting: %s did not start within %v\n%s", s.program, patience, s.output)
	}
}

// Stop stops the server in an orderly way, without waiting for its clients to
// disconnect. Stopping a server that was stopped or killed is a no-op.
func (s *local) Stop() error {
	if s.process == nil {
		return nil
	}
	result, err := s.end(s.stop)
	if err = errors.Join(err, result); err != nil {
		return fmt.Errorf("iomeeting: %s: %w\n%s", s.program, err, s.output)
	}
	return nil
}

// Kill kills the server with SIGKILL. When Kill returns, all its processes have
// ended.
func (s *local) Kill() error {
	if _, err := s.end(syscall.SIGKILL); err != nil {
		return fmt.Errorf("iomeeting: %s: %w\n%s", s.program, err, s.output)
	}
	return nil
}

// end sends a signal, and returns how the server ended.
func (s *local) end(signal syscall.Signal) (result, err error) {
	p := s.process
	s.process = nil
	if err := p.Signal(signal); err != nil {
		return nil, err // it has ended by itself
	}
	select {
	case result := <-s.ended:
		return result, nil
	case <-time.After(patience):
		return nil, errors.Join(fmt.Errorf("it did not end within %v", patience), p.Kill())
	}
}

// output receives what a server prints.
type output struct {
	ready string        // says that clients can connect
	found chan struct{} // closed when ready was printed

	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.ready != "" && bytes.Contains(o.text.Bytes(), []byte(o.ready)) {
		o.ready = ""
		close(o.found)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// postgres prepares a PostgreSQL server. PostgreSQL does not run as root: if this
// process does, the server runs as the user postgres, who gets the folder.
func postgres(dir string, args []string) (*Server, error) {
	program, err := find("postgres", "postgresql")
	if err != nil {
		return nil, err
	}
	initdb, err := find("initdb", "postgresql")
	if err != nil {
		return nil, err
	}
	owner, err := postgresUser(dir)
	if err != nil {
		return nil, err
	}
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	return &Server{
			Addr: addr,
			DSN:  fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", addr),
			local: local{
				program: program,
				args: append([]string{"-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1",
					"-c", "unix_socket_directories=", "-c", "max_connections=300"}, args...),
				user:  owner,
				stop:  syscall.SIGINT, // SIGTERM would wait for the clients
				ready: "database system is ready to accept connections",
			},
		}, run(owner, dir, initdb, "--pgdata="+data, "--username=postgres", "--auth=trust",
			"--encoding=UTF8", "--locale=C", "--no-sync")
}

// postgresUser returns the user who owns dir and runs a program that does not run as
// root, or nil for the user of this process.
func postgresUser(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotInstalled, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, uid, gid)
}

// mariaDB prepares a MariaDB server.
func mariaDB(dir string, args []string) (*Server, error) {
	program, err := find("mariadbd", "mariadb-server")
	if err != nil {
		return nil, err
	}
	installDB, err := find("mariadb-install-db", "mariadb-server")
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	init := filepath.Join(dir, "init.sql")
	if err := os.WriteFile(init, []byte("CREATE DATABASE IF NOT EXISTS iomeeting;\n"), 0o600); err != nil {
		return nil, err
	}
	// Without its own tmpdir, a server that starts deletes the temporary tables of others.
	common := []string{"--no-defaults", "--user=" + me.Username, "--datadir=" + filepath.Join(dir, "data"), "--tmpdir=" + dir, "--skip-name-resolve"}
	return &Server{
		Addr: addr,
		DSN:  fmt.Sprintf("root@tcp(%s)/iomeeting", addr),
		local: local{
			program: program,
			args: slices.Concat(common, []string{"--init-file=" + init, "--bind-address=127.0.0.1", "--port=" + port,
				"--socket=" + filepath.Join(dir, "socket"), "--max-connections=300"}, args),
			stop:  syscall.SIGTERM,
			ready: "ready for connections",
		},
	}, run(nil, dir, installDB, append(common, "--auth-root-authentication-method=normal", "--skip-test-db")...)
}

// redis prepares a Redis server that writes each change to the disk before it
// answers.
func redis(dir string, args []string) (*Server, error) {
	program, err := find("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return &Server{
		Addr: addr,
		DSN:  "redis://" + addr,
		local: local{
			program: program,
			args: append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", dir,
				"--save", "", "--appendonly", "yes", "--appendfsync", "always"}, args...),
			stop:  syscall.SIGTERM,
			ready: "Ready to accept connections",
		},
	}, nil
}

// find returns the path of a program of a Debian package. It may be in a folder that
// is not in everybody's PATH.
func find(name, debianPackage string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, folder := range []string{"/usr/sbin", "/usr/lib/postgresql/*/bin"} {
		if paths, _ := filepath.Glob(filepath.Join(folder, name)); len(paths) > 0 {
			return slices.Max(paths), nil // the newest version: all have two digits
		}
	}
	return "", fmt.Errorf("%w: %s is in the Debian package %s", errNotInstalled, name, debianPackage)
}

// freeAddr returns an address that no one listens on. Its port is below those that
// Linux gives to clients (32768 and up), so that it is still free when a stopped
// server starts again.
func freeAddr() (addr, port string, err error) {
	for range 100 {
		port = strconv.Itoa(20000 + rand.IntN(12000))
		addr = net.JoinHostPort("127.0.0.1", port)
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, port, l.Close()
		}
	}
	return "", "", err
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
