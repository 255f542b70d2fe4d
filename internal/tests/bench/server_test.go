package bench

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
)

const (
	queryPath      = "/meetingControl/query"
	schedulePath   = "/meetingControl/schedule"
	queryAnswer    = "0,," // the host is in no meeting
	scheduleAnswer = "0,123456789"
)

// serverVariable is set in the environment of the server's process. The server has
// its own, so that its allocations are not measured.
const serverVariable = "IOMEETING_BENCH_SERVER"

// serve responds as the service does, over HTTP/1.1 and TLS, until standard input
// is closed. It prints the URLs of two sites, for TLS 1.2 and TLS 1.3.
func serve() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+queryPath, func(w http.ResponseWriter, r *http.Request) {
		answer(w, r.PostFormValue("hostPassword") == password && r.PostFormValue("hostEmail") != "", queryAnswer)
	})
	mux.HandleFunc("POST "+schedulePath, func(w http.ResponseWriter, r *http.Request) {
		// Close: a client that keeps its connections would win by that.
		answer(w, r.PostFormValue("meetingPassword") == meetingPassword && r.Close, scheduleAnswer)
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		site := httptest.NewUnstartedServer(mux)
		site.TLS = &tls.Config{MinVersion: version, MaxVersion: version}
		site.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that clients close early
		site.StartTLS()
		fmt.Println(site.URL)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func answer(w http.ResponseWriter, expected bool, body string) {
	if !expected {
		http.Error(w, "not the expected request", http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, body)
}

var (
	tls12, tls13 string      // the URLs of the sites
	trusted      *tls.Config // trusts the sites, and counts connections

	connections, resumptions atomic.Int64
)

// startServer starts the server, and makes http.DefaultTransport trust it.
func startServer() (stop func(), err error) {
	local := httptest.NewTLSServer(nil) // has the certificate of all servers of httptest
	defer local.Close()
	trusted = local.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trusted.VerifyConnection = func(state tls.ConnectionState) error {
		connections.Add(1)
		if state.DidResume {
			resumptions.Add(1)
		}
		return nil
	}
	http.DefaultTransport.(*http.Transport).TLSClientConfig = trusted.Clone()

	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), serverVariable+"=1")
	process.Stderr = os.Stderr
	in, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	_, err = fmt.Fscan(out, &tls12, &tls13)
	return func() {
		_ = in.Close()
		_ = process.Wait()
	}, err
}
