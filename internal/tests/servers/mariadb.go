package servers

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
)

// MariaDB starts a MariaDB server that keeps its data in dir, an empty folder,
// and has an empty database. Arguments are those of the mariadbd program, and
// take precedence over its defaults.
func MariaDB(dir string, args ...string) (*Server, error) {
	program, err := find("mariadbd", "mariadb-server")
	if err != nil {
		return nil, err
	}
	install, err := find("mariadb-install-db", "mariadb-server")
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
	data := filepath.Join(dir, "data")
	tmp := "--tmpdir=" + dir // a server that starts deletes the temporary tables of others
	err = run(nil, dir, install, "--no-defaults", "--user="+me.Username, "--datadir="+data, tmp,
		"--auth-root-authentication-method=normal", "--skip-name-resolve", "--skip-test-db")
	if err != nil {
		return nil, err
	}
	init := filepath.Join(dir, "init.sql")
	if err := os.WriteFile(init, []byte("CREATE DATABASE IF NOT EXISTS iomeeting;\n"), 0o600); err != nil {
		return nil, err
	}
	return started(&Server{
		Addr:    addr,
		DSN:     fmt.Sprintf("root@tcp(%s)/iomeeting", addr),
		program: program,
		args: append([]string{"--no-defaults", "--user=" + me.Username, "--datadir=" + data, tmp, "--init-file=" + init,
			"--bind-address=127.0.0.1", "--port=" + port, "--socket=" + filepath.Join(dir, "socket"), "--skip-name-resolve",
			"--max-connections=300"}, args...),
		stop:  syscall.SIGTERM,
		ready: "ready for connections",
	})
}
