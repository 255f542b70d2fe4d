package servers

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// pgBouncer prepares a PgBouncer in transaction mode, with few connections, so that the
// statements of a client go through different ones.
func pgBouncer(dir string, args []string) (*Server, error) {
	program, err := find("pgbouncer", "pgbouncer")
	if err != nil {
		return nil, err
	}
	owner, err := postgresUser(dir)
	if err != nil {
		return nil, err
	}
	database, err := url.Parse(args[0])
	if err != nil {
		return nil, err
	}
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	login := "user=" + database.User.Username()
	if password, ok := database.User.Password(); ok {
		login += " password='" + strings.ReplaceAll(password, "'", "''") + "'"
	}
	config := fmt.Sprintf(`[databases]
* = host=%s port=%s %s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
server_round_robin = 1
max_client_conn = 1000
`, database.Hostname(), database.Port(), login, port)
	file := filepath.Join(dir, "pgbouncer.ini")
	return &Server{
		Addr: addr,
		DSN:  fmt.Sprintf("postgres://postgres@%s%s?sslmode=disable", addr, database.Path),
		local: local{
			program: program,
			args:    []string{file},
			user:    owner,
			stop:    syscall.SIGINT, // after SIGTERM, its exit status is 1
			ready:   "process up",
		},
	}, os.WriteFile(file, []byte(config), 0o644)
}
