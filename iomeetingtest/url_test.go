package iomeetingtest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestURLOf(t *testing.T) {
	assert.Equal(t, "http://[::1]:8080", urlOf(&net.TCPAddr{IP: net.IPv6loopback, Port: 8080}))
	assert.Equal(t, "http://localhost:8080", urlOf(&net.TCPAddr{IP: net.IPv4zero, Port: 8080}))
	assert.Equal(t, "http://localhost:8080", urlOf(&net.TCPAddr{IP: net.IPv6unspecified, Port: 8080}))
}
