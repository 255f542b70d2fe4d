// Package servers gives tests database servers: PostgreSQL, MySQL, MariaDB, Redis
// and Valkey.
//
// [DSN] returns a server that tests share. It can run anywhere, for example as a
// service of a CI job, and is named by an environment variable. [ForTest] starts a
// server for one test, which can kill it and start it again, from a Debian package.
package servers

import (
	"errors"
	"os"
	"sync"
	"testing"
)

// Kind is a kind of database server.
type Kind struct {
	Name string
	// Variable is the environment variable with the DSN of a server to share.
	Variable string
	// install prepares a server in an empty folder, and is nil if Debian has no
	// package of it.
	install func(dir string, args []string) (*Server, error)
}

// The kinds of servers, and what their DSNs look like.
var (
	Postgres = Kind{"PostgreSQL", "IOMEETING_TEST_POSTGRES", postgres} // postgres://user@host:port/database
	MySQL    = Kind{"MySQL", "IOMEETING_TEST_MYSQL", nil}              // user:password@tcp(host:port)/database
	MariaDB  = Kind{"MariaDB", "IOMEETING_TEST_MARIADB", mariaDB}      // user:password@tcp(host:port)/database
	Redis    = Kind{"Redis", "IOMEETING_TEST_REDIS", redis}            // redis://host:port
	Valkey   = Kind{"Valkey", "IOMEETING_TEST_VALKEY", nil}            // redis://host:port

	// PgBouncer pools connections to a PostgreSQL server, whose DSN is its argument.
	PgBouncer = Kind{"PgBouncer", "", pgBouncer}
)

// Server is a database server. Start, Stop and Kill, which are for one goroutine,
// work on Linux alone.
type Server struct {
	// Addr is the address that the server listens on, a host and a port, and DSN
	// what a client needs to connect. They never change, and DSN contains Addr.
	Addr, DSN string

	local
}

var errNotInstalled = errors.New("iomeeting: server is not installed")

// ForTest starts a server for a test, with an empty database, and deletes it when
// the test ends. It commits durably, and accepts every client without a password.
// The arguments are for the server's program, and take precedence over the defaults.
// If the server is not installed, the test is skipped; with CI=true, it fails.
func ForTest(t testing.TB, k Kind, args ...string) *Server {
	t.Helper()
	server, remove, err := start(k, args)
	if err != nil {
		missing(t, k, err)
	}
	t.Cleanup(func() {
		if err := errors.Join(server.Stop(), remove()); err != nil {
			t.Error(err)
		}
	})
	return server
}

// shared are the servers that DSN has started, by their kind.
var shared struct {
	sync.Mutex
	servers map[string]*Server
	remove  []func() error
}

// DSN returns the DSN of a server that other tests and other runs use at the same
// time. Without the variable of its kind, it starts a server, which runs until the
// tests are over: see [M].
func DSN(t testing.TB, k Kind) string {
	t.Helper()
	if dsn := os.Getenv(k.Variable); dsn != "" {
		return dsn
	}
	shared.Lock()
	defer shared.Unlock()
	if s := shared.servers[k.Name]; s != nil {
		return s.DSN
	}
	s, remove, err := start(k, nil)
	if err != nil {
		missing(t, k, err)
	}
	if shared.servers == nil {
		shared.servers = make(map[string]*Server)
	}
	shared.servers[k.Name] = s
	shared.remove = append(shared.remove, s.Stop, remove)
	return s.DSN
}

// M runs the tests of a package that calls [DSN]: goleak.VerifyTestMain(servers.M{M: m}).
type M struct{ *testing.M }

// Run runs the tests, and then stops the servers that DSN has started.
func (m M) Run() int {
	code := m.M.Run()
	for _, remove := range shared.remove {
		if err := remove(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	return code
}

// missing ends a test whose server cannot start. CI has what Debian has.
func missing(t testing.TB, k Kind, err error) {
	t.Helper()
	if errors.Is(err, errNotInstalled) && (k.install == nil || os.Getenv("CI") != "true") {
		t.Skipf("%v; set %s to the DSN of a server", err, k.Variable)
	}
	t.Fatal(err)
}

// start starts a server in a new folder. It returns a function that removes the
// folder.
func start(k Kind, args []string) (*Server, func() error, error) {
	if k.install == nil {
		return nil, nil, errNotInstalled
	}
	dir, err := os.MkdirTemp("", "iomeeting-server-") // not t.TempDir: user postgres could not reach it
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	s, err := k.install(dir, args)
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return s, remove, nil
}
