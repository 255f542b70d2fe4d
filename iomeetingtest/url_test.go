package iomeetingtest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestURLOf(t *testing.T) {
	tests := []struct {
		ip   net.IP
		want string
	}{
		{net.IPv4(127, 0, 0, 1), "http://127.0.0.1:8080"},
		{net.IPv6loopback, "http://[::1]:8080"},
		{net.IPv4(192, 168, 1, 5), "http://192.168.1.5:8080"},
		{net.IPv4zero, "http://localhost:8080"},
		{net.IPv6unspecified, "http://localhost:8080"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, urlOf(&net.TCPAddr{IP: tt.ip, Port: 8080}))
	}
}
