package servers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// debianFolders are where Debian puts programs that are not in everybody's PATH.
var debianFolders = []string{"/usr/sbin", "/usr/lib/postgresql/*/bin"}

// find returns the path of a program of a Debian package.
func find(program, debianPackage string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, folder := range debianFolders {
		paths, err := filepath.Glob(filepath.Join(folder, program))
		if err != nil {
			return "", err
		}
		if len(paths) > 0 {
			return slices.Max(paths), nil // the newest version: all have two digits
		}
	}
	return "", fmt.Errorf("%w: %s is in the Debian package %s", ErrNotInstalled, program, debianPackage)
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
