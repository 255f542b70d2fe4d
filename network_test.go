package iomeeting_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

// network simulates the network and the service in a synctest bubble, in memory and
// with the clock of the bubble.
type network struct {
	dials    atomic.Int32
	arrivals atomic.Int32 // complete requests
	refuse   error        // every dial returns it
	hang     bool         // every dial hangs until its context is done
	mute     bool         // the service never writes anything
	tls      *tls.Config  // of the service; nil if the site is http
	plain    bool         // the service of an https site speaks plain HTTP
	proxy    string       // response of a proxy to CONNECT; after status 200, it connects to the service
	serve    func(*line)  // called after each complete request; nil hangs up
}

// line is the service's end of a connection.
type line struct {
	net.Conn
	reset func()          // ends the connection with an RST
	wire  strings.Builder // all that arrived, decrypted
	body  string          // of the last request
	nth   int             // number of the request on this connection
	done  bool            // the connection ends with a FIN
}

// say sends s.
func (l *line) say(s string) { _, _ = io.WriteString(l.Conn, s) }

// hangUp ends the connection with a FIN.
func (l *line) hangUp() { l.done = true }

// waitForClient does nothing until the client closes the connection.
func (l *line) waitForClient() {
	_, _ = io.Copy(io.Discard, l)
	l.hangUp()
}

// resettable is the client's end of a connection.
type resettable struct {
	net.Conn
	gone atomic.Bool
}

func (c *resettable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.gone.Load() {
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return n, err
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.dials.Add(1)
	if n.hang {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	if n.refuse != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: n.refuse}
	}
	clientEnd, serviceEnd := net.Pipe()
	client := &resettable{Conn: clientEnd}
	l := &line{Conn: serviceEnd, reset: func() { client.gone.Store(true); _ = serviceEnd.Close() }}
	go n.answer(l)
	return client, nil
}

// answer acts as the service on one connection.
func (n *network) answer(l *line) {
	defer func() { _ = l.Close() }()
	in := bufio.NewReader(io.TeeReader(l, &l.wire))
	if n.proxy != "" {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		if l.say(n.proxy); !strings.HasPrefix(n.proxy, "HTTP/1.1 200 ") {
			return
		}
	}
	switch {
	case n.mute:
		l.waitForClient()
	case n.plain:
		_, _ = l.Read(make([]byte, 1<<14))
		l.say(status("400 Bad Request"))
		l.waitForClient()
	case n.tls != nil:
		l.Conn = tls.Server(l.Conn, n.tls)
		n.answerRequests(l, bufio.NewReader(io.TeeReader(l, &l.wire)))
	default:
		n.answerRequests(l, in)
	}
}

func (n *network) answerRequests(l *line, in *bufio.Reader) {
	for !l.done {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		n.arrivals.Add(1)
		if n.serve == nil {
			return
		}
		l.body = string(body)
		l.nth++
		n.serve(l)
	}
}

// site is the address of the service.
func (n *network) site() string {
	if n.tls != nil {
		return "https://127.0.0.1"
	}
	return "http://127.0.0.1"
}

// mount makes http.DefaultTransport, from which clients derive their own transports,
// use n until the end of the test.
func (n *network) mount(t *testing.T) {
	t.Helper()
	transport := &http.Transport{DialContext: n.dial, IdleConnTimeout: time.Minute}
	if n.proxy != "" {
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:8080", User: url.UserPassword("user", canary)})
	}
	if n.tls != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS10} // the client requires 1.2
	}
	byDefault(t, transport)
	n.dials.Store(0)
	n.arrivals.Store(0)
}

// clientFor returns a client over n, or over a RoundTripper that runs s, if n is nil.
func clientFor(t *testing.T, n *network, s step, opts ...iomeeting.Option) *iomeeting.Client {
	t.Helper()
	if n == nil {
		return newClient(t, append(opts, over(&script{steps: []step{s}}))...)
	}
	n.mount(t)
	return clientOf(t, n.site(), opts...)
}

const ok = "HTTP/1.1 200 OK\r\n"

// status returns a response with an empty body.
func status(line string) string { return "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n\r\n" }

// saying returns a service that answers with s and keeps the connection.
func saying(s string) *network { return &network{serve: func(l *line) { l.say(s) }} }

// breakingAfter returns a service that answers with s and ends the connection.
func breakingAfter(s string) *network {
	return &network{serve: func(l *line) { l.say(s); l.hangUp() }}
}

// silent returns a service that does not answer.
func silent() *network { return &network{serve: (*line).waitForClient} }

// dripping returns a service that answers with s, one byte per second, and then
// with endless zeros at the same rate.
func dripping(s string) *network {
	return &network{serve: func(l *line) {
		for i := 0; ; i++ {
			b := "0"
			if i < len(s) {
				b = s[i : i+1]
			}
			if _, err := io.WriteString(l.Conn, b); err != nil {
				l.hangUp()
				return
			}
			time.Sleep(time.Second)
		}
	}}
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

var (
	testCA  = newAuthority()
	otherCA = newAuthority()
	trusted = testCA.pool()

	// bubbleTime is the time at which a synctest bubble starts.
	bubbleTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
)

func newAuthority() authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: bubbleTime.Add(-24 * time.Hour), NotAfter: bubbleTime.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return authority{certificate, key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// serverConfig is the configuration of a server whose certificate is for ip, and is
// valid until a time after the start of a bubble.
func serverConfig(ca authority, ip string, validFor time.Duration) *tls.Config {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.ParseIP(ip)},
		NotBefore: bubbleTime.Add(-2 * time.Hour), NotAfter: bubbleTime.Add(validFor),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, ca.key.Public(), ca.key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: ca.key}},
		SessionTicketsDisabled: true, // writing them would block, because a pipe has no buffer
	}
}

// oldTLS is the configuration of a server that speaks at most TLS 1.1.
func oldTLS() *tls.Config {
	config := serverConfig(testCA, "127.0.0.1", time.Hour)
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	return config
}
