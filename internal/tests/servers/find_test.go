package servers

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	t.Setenv("PATH", "/usr/bin:/bin")
	path, err := find("sh", "dash")
	require.NoError(t, err)
	assert.FileExists(t, path)

	_, err = find("no-such-program", "some-package")
	assert.ErrorIs(t, err, ErrNotInstalled)
	assert.EqualError(t, err, "iomeeting: server is not installed: no-such-program is in the Debian package some-package")
}

func TestFreeAddr(t *testing.T) {
	addr, port, err := freeAddr()
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:"+port, addr)
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	assert.NoError(t, l.Close())
}
