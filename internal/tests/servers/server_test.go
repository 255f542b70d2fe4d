package servers_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iomeeting/iomeeting-go/internal/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kind is a kind of server, and how a test writes to it and reads from it.
type kind struct {
	name        string
	start       func(dir string, args ...string) (*servers.Server, error)
	write, read func(t *testing.T, s *servers.Server) string
}

var kinds = []kind{
	{"PostgreSQL", servers.Postgres,
		sqlQuery("pgx", "CREATE TABLE kept AS SELECT 'kept' AS word", ""), sqlQuery("pgx", "", "SELECT word FROM kept")},
	{"MariaDB", servers.MariaDB,
		sqlQuery("mysql", "CREATE TABLE kept AS SELECT 'kept' AS word", ""), sqlQuery("mysql", "", "SELECT word FROM kept")},
	{"Redis", servers.Redis, redisCommand("SET word kept"), redisCommand("GETRANGE word 0 -1")},
}

func TestServerKeepsItsDataAndAddress(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := servers.ForTest(t, k.start)
			addr, dsn := s.Addr, s.DSN
			assert.Contains(t, dsn, addr)
			k.write(t, s)

			require.NoError(t, s.Kill())
			assertClosed(t, addr)
			require.NoError(t, s.Start())
			assert.Equal(t, "kept", k.read(t, s), "after a kill")

			require.NoError(t, s.Stop())
			assertClosed(t, addr)
			require.NoError(t, s.Start())
			assert.Equal(t, "kept", k.read(t, s), "after an orderly stop")
			assert.Equal(t, addr, s.Addr)
			assert.Equal(t, dsn, s.DSN)
		})
	}
}

func TestServerInTheWrongState(t *testing.T) {
	s := servers.ForTest(t, servers.Redis)
	assert.ErrorContains(t, s.Start(), "running already")
	require.NoError(t, s.Stop())
	assert.NoError(t, s.Stop(), "a second stop")
	assert.ErrorContains(t, s.Kill(), "is not running")
}

func TestServersOfOneKindRunSideBySide(t *testing.T) {
	a, b := servers.ForTest(t, servers.Redis), servers.ForTest(t, servers.Redis)
	redisCommand("SET word a")(t, a)
	redisCommand("SET word b")(t, b)
	assert.Equal(t, "a", redisCommand("GETRANGE word 0 -1")(t, a))
}

func TestArgumentsTakePrecedence(t *testing.T) {
	tests := []struct {
		name  string
		start func(dir string, args ...string) (*servers.Server, error)
		args  []string
		read  func(t *testing.T, s *servers.Server) string
	}{
		{"PostgreSQL", servers.Postgres, []string{"-c", "max_connections=20"}, sqlQuery("pgx", "", "SHOW max_connections")},
		{"MariaDB", servers.MariaDB, []string{"--max-connections=20"}, sqlQuery("mysql", "", "SELECT @@max_connections")},
		{"Redis", servers.Redis, []string{"--maxclients", "20"}, redisCommand("INFO clients")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Contains(t, tt.read(t, servers.ForTest(t, tt.start, tt.args...)), "20")
		})
	}
}

func TestWrongArgument(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			servers.ForTest(t, k.start) // is it installed?
			_, err := k.start(reachableDir(t), "--no-such-option=1")
			assert.ErrorContains(t, err, "did not start")
			assert.Regexp(t, "no.such.option", err, "what the server printed")
		})
	}
}

func assertClosed(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.Close()
	}
	assert.Error(t, err, "a server still listens")
}

// sqlQuery returns a function that executes a statement, if there is one, and
// then returns the value that query has in the last column of its first row.
func sqlQuery(driver, statement, query string) func(*testing.T, *servers.Server) string {
	return func(t *testing.T, s *servers.Server) string {
		t.Helper()
		db, err := sql.Open(driver, s.DSN)
		require.NoError(t, err)
		defer db.Close()
		if statement != "" {
			_, err = db.ExecContext(context.Background(), statement)
			require.NoError(t, err)
		}
		value := ""
		if query != "" {
			require.NoError(t, db.QueryRowContext(context.Background(), query).Scan(&value))
		}
		return value
	}
}

// redisCommand returns a function that sends a command of one line, and returns
// the answer, up to 4 KiB.
func redisCommand(command string) func(*testing.T, *servers.Server) string {
	return func(t *testing.T, s *servers.Server) string {
		t.Helper()
		conn, err := net.Dial("tcp", s.Addr)
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "%s\r\n", command)
		require.NoError(t, err)
		r := bufio.NewReader(conn)
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.NotContains(t, line, "-ERR")
		var size int
		if n, _ := fmt.Sscanf(line, "$%d", &size); n == 1 {
			body := make([]byte, size)
			_, err = r.Read(body)
			require.NoError(t, err)
			return string(body)
		}
		return line
	}
}

// reachableDir returns an empty folder that the user postgres can reach too.
func reachableDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "iomeeting-server-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}
