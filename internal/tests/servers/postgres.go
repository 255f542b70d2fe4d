package servers

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Postgres starts a PostgreSQL server that keeps its data in dir, an empty folder.
// Arguments are those of the postgres program, and take precedence over its
// defaults.
//
// PostgreSQL does not run as root. If this process does, the server runs as the
// user postgres and dir is given to that user, who must be able to reach it:
// a folder made by [os.MkdirTemp] will do, one made by [testing.T.TempDir] will
// not.
func Postgres(dir string, args ...string) (*Server, error) {
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
	err = run(owner, dir, initdb,
		"--pgdata="+data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return nil, err
	}
	return started(&Server{
		Addr:    addr,
		DSN:     fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", addr),
		program: program,
		args: append([]string{"-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1",
			"-c", "unix_socket_directories=", "-c", "max_connections=300"}, args...),
		user:  owner,
		stop:  syscall.SIGINT, // SIGTERM would wait for the clients
		ready: "database system is ready to accept connections",
	})
}

// postgresUser gives dir to the user that the server runs as, and returns that
// user, or nil if it is the user of this process.
func postgresUser(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotInstalled, err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		return nil, fmt.Errorf("iomeeting: user postgres has the IDs %s and %s", u.Uid, u.Gid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}
