package iomeeting_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// TestCauseHidesResponse covers errors that keep what the service wrote in a field.
// errors.Is finds each of them, but errors.As only those that are documented.
func TestCauseHidesResponse(t *testing.T) {
	echo := "hostPassword=" + canary
	for _, cause := range []error{
		textproto.ProtocolError("malformed MIME header line: " + echo),
		&textproto.Error{Code: 220, Msg: echo},
		fmt.Errorf("%w: %w", io.EOF, errors.New(echo)),
		&net.OpError{Op: "read", Net: "tcp", Err: errors.New(echo)},
		&os.SyscallError{Syscall: "read", Err: errors.New(echo)},
		&net.DNSError{Err: "no such host", UnwrapErr: errors.New(echo)},
		tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake", RecordHeader: [5]byte([]byte(canary))},
		tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake", Conn: &bufferedConn{buffer: echo}},
		wrapper{echo, nil},
		&wrappers{echo, []error{nil, &oddError{echo}}},
		&url.Error{Op: "Post", URL: "https://host/?" + echo, Err: &oddError{echo}},
		errors.Join(context.DeadlineExceeded, &oddError{echo}),
	} {
		t.Run(fmt.Sprintf("%T", cause), func(t *testing.T) {
			service := &script{steps: []step{failBeforeSending(cause)}}
			_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), secretHost)
			requireSilentError(t, err)

			ctx, cancel := context.WithCancel(t.Context())
			service = &script{steps: []step{func(*http.Request) (*http.Response, error) { cancel(); return nil, cause }}}
			_, canceled := newClient(t, over(service)).Query(ctx, secretHost)
			requireSilentError(t, canceled)
			assert.ErrorIs(t, canceled, context.Canceled)
			assert.ErrorContains(t, canceled, "iomeeting: query: context canceled: ")

			target := cause
			var urlErr *url.Error
			if errors.As(cause, &urlErr) {
				target = urlErr.Err
			}
			assert.ErrorIs(t, err, target)
			assert.ErrorIs(t, canceled, target)
			var protocol textproto.ProtocolError
			assert.False(t, errors.As(err, &protocol))
			var odd *oddError
			assert.False(t, errors.As(err, &odd))
		})
	}
}

// bufferedConn is a connection that keeps what was read.
type bufferedConn struct {
	net.Conn
	buffer string
}

// wrapper and wrappers are errors whose causes may be nil.
type (
	wrapper struct {
		text  string
		cause error
	}
	wrappers struct {
		text   string
		causes []error
	}
)

func (w wrapper) Error() string     { return w.text }
func (w wrapper) Unwrap() error     { return w.cause }
func (w *wrappers) Error() string   { return w.text }
func (w *wrappers) Unwrap() []error { return w.causes }

// TestDocumentedCauses covers causes that callers may look for.
func TestDocumentedCauses(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{Port: 443}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	unknown := &net.DNSError{Err: "no such host", Name: "abc.iomeeting.cn", IsNotFound: true}
	certificate := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	hostname := x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"a.example"}}, Host: "b.example"}
	expired := x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}
	alert := &net.OpError{Op: "remote error", Err: tls.AlertError(40)}
	for _, tt := range []struct {
		cause error
		text  string
		as    any // a pointer to the type of the cause
	}{
		{refused, "dial tcp :443: connect: connection refused", new(*net.OpError)},
		{refused, "dial tcp :443: connect: connection refused", new(*os.SyscallError)},
		{refused, "dial tcp :443: connect: connection refused", new(syscall.Errno)},
		{unknown, "lookup abc.iomeeting.cn: no such host", new(*net.DNSError)},
		{certificate, "tls: failed to verify certificate: x509: certificate signed by unknown authority", new(*tls.CertificateVerificationError)},
		{certificate, "tls: failed to verify certificate: x509: certificate signed by unknown authority", new(x509.UnknownAuthorityError)},
		{hostname, "x509: certificate is valid for a.example, not b.example", new(x509.HostnameError)},
		{x509.UnknownAuthorityError{}, "x509: certificate signed by unknown authority", new(x509.UnknownAuthorityError)},
		{expired, "x509: certificate has expired or is not yet valid: ", new(x509.CertificateInvalidError)},
		{x509.SystemRootsError{}, "x509: failed to load system roots and no roots provided", new(x509.SystemRootsError)},
		{alert, "remote error: tls: handshake failure", new(tls.AlertError)},
		{tls.RecordHeaderError{Msg: "no TLS"}, "tls: no TLS", new(tls.RecordHeaderError)},
		{fmt.Errorf("read: %w", refused), "read: dial tcp :443: connect: connection refused", new(*net.OpError)},
		{fmt.Errorf("read: %w", refused), "read: dial tcp :443: connect: connection refused", new(net.Error)},
		{errors.Join(errors.New("first"), refused), "first\ufffddial tcp :443: connect: connection refused", new(*net.OpError)},
		{errors.New("right to left: \u202e"), "right to left: \ufffd", new(net.Error)},
		{context.DeadlineExceeded, "context deadline exceeded", new(net.Error)},
		{fmt.Errorf("slow: %w", os.ErrDeadlineExceeded), "slow: i/o timeout", new(net.Error)},
	} {
		t.Run(fmt.Sprintf("%T", tt.as), func(t *testing.T) {
			service := &script{steps: []step{failBeforeSending(tt.cause)}}
			_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), host)
			assert.EqualError(t, err, "iomeeting: query: "+tt.text)
			assert.ErrorIs(t, err, tt.cause)
			assert.ErrorAs(t, err, tt.as)
			if netError, ok := tt.as.(*net.Error); ok {
				assert.Equal(t, errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded), (*netError).Timeout())
			}
		})
	}
}

// TestTextsOfErrors shows how much of an error's text is kept.
func TestTextsOfErrors(t *testing.T) {
	secret := iomeeting.Host{Email: "a@b.c", Password: iomeeting.NewSecret(`tcp`)}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{errRefused, "dial tcp: connection refused"},
		{&url.Error{Op: "Post", URL: site}, "the request failed"},
		{errors.New("no tcp"), "a network error whose text is withheld"},
		{errors.New(`a line "a \"b\" c" of it`), `a line "..." of it`},
		{errors.New("malformed MIME header line: a: b\nc"), "malformed response"},
		{errors.New("get http://user:word@proxy.example/: no"), "get http://REDACTED@proxy.example/: no"},
		{errors.New("Proxy Authentication Required"), "Proxy Authentication Required"},
	} {
		service := &script{steps: []step{failBeforeSending(tt.err)}}
		_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), secret)
		assert.EqualError(t, err, "iomeeting: query: "+tt.want)
	}
}

// TestFixedTexts uses passwords that are the texts of well-known errors.
func TestFixedTexts(t *testing.T) {
	for _, fixed := range []error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe,
		net.ErrClosed, os.ErrDeadlineExceeded, http.ErrSchemeMismatch, syscall.ECONNRESET,
	} {
		service := &script{steps: []step{failBeforeSending(fixed)}}
		_, err := newClient(t, over(service), iomeeting.WithRetries(0)).Query(t.Context(), iomeeting.Host{
			Email: host.Email, Password: iomeeting.NewSecret(fixed.Error()),
		})
		assert.EqualError(t, err, "iomeeting: query: "+fixed.Error())
		assert.ErrorIs(t, err, fixed)
	}
}

// TestContextErrorInURLError uses a RoundTripper that uses an http.Client.
func TestContextErrorInURLError(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, req.Body)
		cancel(errors.New("gone"))
		return nil, &url.Error{Op: "Post", URL: site, Err: context.Cause(ctx)}
	}}}
	_, err := newClient(t, over(service)).Schedule(ctx, host, nil)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	assert.Len(t, service.times, 1)
}

// TestCertificateCannotForgeLogLines uses a self-signed certificate whose name
// contains line breaks and escape sequences.
func TestCertificateCannotForgeLogLines(t *testing.T) {
	forged := "a\r\nlevel=INFO msg=\"all is well\"\x1b[2J"
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t, forged)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	trusting(t, s)
	http.DefaultTransport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			err := call(t.Context(), clientOf(t, site))
			var hostname x509.HostnameError
			require.ErrorAs(t, err, &hostname)
			assert.Contains(t, err.Error(), "all is well")
			for _, r := range "\r\n\x1b" {
				assert.NotContains(t, err.Error(), string(r))
			}
		})
	}
}

// selfSigned returns a self-signed certificate for any name.
func selfSigned(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
