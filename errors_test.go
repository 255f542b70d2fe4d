package iomeeting_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// limitError is an error type of a user's RoundTripper.
type limitError struct{ text string }

func (e *limitError) Error() string { return e.text }

// several is an error with several causes, some of which may be nil.
type several struct{ causes []error }

func (e *several) Error() string   { return fmt.Sprint(len(e.causes), " causes") }
func (e *several) Unwrap() []error { return e.causes }

var errNoToken = errors.New("auth: malformed token file")

// TestTransportErrors checks that the error of a RoundTripper keeps its text, but for
// control characters, its values and its types.
func TestTransportErrors(t *testing.T) {
	connect := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	forged := x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"a\r\nlevel=INFO\x1b[2J"}}, Host: "b"}
	for _, tt := range []struct {
		err      error
		as       any    // a pointer to a type in the chain
		wantText string // that of err if empty
	}{
		{err: errNoToken},
		{err: &limitError{"10 calls a minute"}, as: new(*limitError)},
		{err: fmt.Errorf("limiter: %w", &limitError{`a line "a" of it`}), as: new(*limitError)},
		{err: &url.Error{Op: "Post", URL: "https://192.0.2.1/token", Err: connect}, as: new(*url.Error)},
		{err: &url.Error{Op: "Post", URL: "https://192.0.2.1/token", Err: connect}, as: new(*net.OpError)},
		{err: errors.New(`invalid proxy address "http://proxy:badport": parse "http://proxy:badport": invalid port ":badport" after host`)},
		{err: errors.New("get http://proxy:3128: refused, ask ops@corp.example")},
		{err: connect, as: new(*os.SyscallError)},
		{err: connect, as: new(syscall.Errno)},
		{err: fmt.Errorf("slow: %w", os.ErrDeadlineExceeded), as: new(net.Error)},
		{err: forged, as: new(x509.HostnameError), wantText: "x509: certificate is valid for a\ufffd\ufffdlevel=INFO\ufffd[2J, not b"},
		{err: errors.Join(errNoToken, connect), as: new(*net.OpError), wantText: errNoToken.Error() + "\ufffd" + connect.Error()},
		{err: &several{[]error{nil, &limitError{"10 calls a minute"}}}, as: new(*limitError)},
		{err: errors.New("right to left: \u202e"), wantText: "right to left: \ufffd"},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			text := tt.wantText
			if text == "" {
				text = tt.err.Error()
			}
			for sent, fail := range []func(error) step{failBeforeSending, failAfterSending} {
				for _, name := range []string{"Query", "Schedule"} {
					end := ""
					if name == "Schedule" && sent == 1 {
						end = "; the outcome is unknown"
					}
					service := &script{steps: []step{fail(tt.err)}}
					err := calls[name](t.Context(), newClient(t, over(service), iomeeting.WithRetries(0)))
					require.EqualError(t, err, "iomeeting: "+strings.ToLower(name)+": "+text+end)
					assert.ErrorIs(t, err, tt.err)
					if tt.as != nil {
						assert.ErrorAs(t, err, tt.as)
					}
				}
			}
		})
	}
}

// TestFixedTexts uses passwords that occur in errors whose text cannot come from the
// network. Such errors keep it.
func TestFixedTexts(t *testing.T) {
	for _, tt := range []struct {
		password string
		network  *network // or
		err      error
		wantText string
	}{
		{password: "tcp", network: &network{refuse: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, wantText: "dial tcp: connect: connection refused"},
		{password: "such", network: &network{refuse: &net.DNSError{Err: "no such host", Name: "as.iomeeting.cn", IsNotFound: true}}, wantText: "dial tcp: lookup as.iomeeting.cn: no such host"},
		{password: "handshake", network: &network{tls: &tls.Config{}, mute: true}, wantText: "net/http: TLS handshake timeout"},
		{password: "certificate", network: &network{tls: serverConfig(testCA, "127.0.0.2", time.Hour)}, wantText: "tls: failed to verify certificate: x509: certificate is valid for 127.0.0.2, not 127.0.0.1"},
		{password: "tls", network: &network{tls: oldTLS()}, wantText: "remote error: tls: protocol version not supported"},
		{password: "record", network: &network{tls: &tls.Config{}, plain: true}, wantText: "tls: first record does not look like a TLS handshake"},
		{password: "tcp", network: &network{serve: func(l *line) { l.reset(); l.hangUp() }}, wantText: "read tcp: connection reset by peer"},
		{password: "EOF", network: breakingAfter(""), wantText: "EOF"},
		{password: "EOF", network: breakingAfter(ok + "Content-Length: 9\r\n\r\n0,1"), wantText: "unexpected EOF"},
		{password: "deadline", network: silent(), wantText: "context deadline exceeded"},
		{password: "proxy", network: &network{proxy: status("403 a"), tls: &tls.Config{}}, wantText: "the proxy responded to CONNECT with HTTP status 403 Forbidden"},
		{password: "tcp", err: fmt.Errorf("mine: %w", errors.Join(errReset, errRefused)), wantText: "mine: read tcp: connection reset by peer\ufffddial tcp: connection refused"},
		{password: "tcp", err: fmt.Errorf("net/http: Transport failed to read from server: %w", errReset), wantText: "net/http: Transport failed to read from server: read tcp: connection reset by peer"},
		{password: "canceled", err: context.Canceled, wantText: "context canceled"},
		{password: "closed", err: net.ErrClosed, wantText: "use of closed network connection"},
		{password: "timeout", err: os.ErrDeadlineExceeded, wantText: "i/o timeout"},
	} {
		t.Run(tt.wantText, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clientFor(t, tt.network, failBeforeSending(tt.err), iomeeting.WithRetries(0))
				_, err := c.Query(t.Context(), iomeeting.Host{Email: host.Email, Password: iomeeting.NewSecret(tt.password)})
				assert.EqualError(t, err, "iomeeting: query: "+tt.wantText)
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestWithheld uses a service that repeats a password where it enters the error of
// net/http, and RoundTrippers whose own errors do.
func TestWithheld(t *testing.T) {
	const withheld = "the error repeats a password of the request, and is withheld"
	opts := &iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret(canary)}
	for _, tt := range []struct {
		name    string
		network *network // or
		step    step
		is      error // in the chain
		want    string
		final   bool // not Retryable
	}{
		{name: "in a header", network: breakingAfter(ok + "bad key hostPassword=" + canary + " : x\r\n\r\n"), want: withheld},
		{name: "request in a header", network: &network{serve: func(l *line) { l.say(ok + l.body + "\r\n\r\n"); l.hangUp() }}, want: withheld},
		{name: "request instead of a response", network: &network{serve: func(l *line) { l.say(l.body + "\r\n\r\n"); l.hangUp() }}, want: withheld},
		{name: "as it is", step: failAfterSending(&limitError{"no: " + canary}), want: withheld},
		{name: "URL-encoded", step: failAfterSending(&limitError{"no: " + url.QueryEscape(canary)}), want: withheld},
		{name: "quoted", step: failAfterSending(fmt.Errorf("no: %q", "a "+canary+" b")), want: withheld},
		{name: "beside a cause that is kept", step: failAfterSending(fmt.Errorf("%s: %w", canary, errReset)), want: withheld},
		{name: "in one of several causes", step: failAfterSending(errors.Join(errReset, &limitError{canary})), want: withheld},
		{name: "unknown host", step: failAfterSending(fmt.Errorf("%s: %w", canary, &net.DNSError{IsNotFound: true})), want: withheld, final: true},
		{name: "timeout", step: func(req *http.Request) (*http.Response, error) {
			_, err := silence(req)
			return nil, fmt.Errorf("%w: %s", err, canary)
		}, is: context.DeadlineExceeded, want: "context deadline exceeded: " + withheld},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clientFor(t, tt.network, tt.step, iomeeting.WithRetries(0))
				_, err := c.Query(t.Context(), secretHost)
				assert.EqualError(t, err, "iomeeting: query: "+tt.want)
				assert.Equal(t, !tt.final, iomeeting.Retryable(err))
				_, unknown := c.Schedule(t.Context(), host, opts)
				assert.EqualError(t, unknown, "iomeeting: schedule: "+tt.want+"; the outcome is unknown")
				for _, err := range []error{err, unknown} {
					requireSilentError(t, err)
					if tt.is != nil {
						assert.ErrorIs(t, err, tt.is)
					}
				}
				time.Sleep(time.Hour)
			})
		})
	}
}
