package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func serve(flags *flag.FlagSet, _ *options) func() error {
	var hosts []iomeeting.Host
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to listen on; port 0 picks a free one")
	flags.Func("host", "account of the fake as `email:password`, or email for a random password; may be repeated (default alice@example.com)", func(account string) error {
		hosts = append(hosts, parseHost(account))
		return nil // the flag package would print the password with an error
	})
	return func() error {
		if hosts == nil {
			hosts = append(hosts, parseHost("alice@example.com"))
		}
		server, err := iomeetingtest.Listen(*addr, hosts...)
		if err != nil {
			return err
		}
		log.SetOutput(os.Stdout) // where the default logger of slog writes
		log.SetFlags(log.Ltime)
		server.Wrap(func(next http.Handler) http.Handler { return newFront(server, next) })
		introduce(server, hosts)
		select {} // until a signal ends the program
	}
}

// parseHost parses an account. An email address contains no colon, unlike a password.
func parseHost(account string) iomeeting.Host {
	email, password, given := strings.Cut(account, ":")
	if !given {
		password = rand.Text()
	}
	return iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)}
}

// introduce prints what a user needs to try the server, which has accepted the hosts.
func introduce(server *iomeetingtest.Server, hosts []iomeeting.Host) {
	client, host := server.Client(iomeeting.WithInsecureHTTP()), hosts[0]
	start, _ := client.Start(host, &iomeeting.StartOptions{Title: "Marketing"})
	join, _ := client.Join(host.Email, &iomeeting.JoinOptions{UserName: "Joe Smith"})
	account := url.Values{"hostEmail": {host.Email}, "hostPassword": {host.Password.Reveal()}}.Encode()

	fmt.Printf("IOMeeting test server on %s. No meeting on it is real.\n\nAccounts:\n", server.URL)
	for _, h := range hosts {
		fmt.Printf("  %s  password: %s\n", h.Email, h.Password.Reveal())
	}
	fmt.Printf(`
Start a meeting and join it in a browser:
  %[2]s
  %[3]s

Query the host, end the meeting, schedule another, and make the next call fail:
  curl -d "%[4]s" %[1]s/meetingControl/query
  curl -d "meetingID=000001" %[1]s/end
  curl -d "%[4]s&meetingEndUrl=http://127.0.0.1:9000/ended&operatorId=42" %[1]s/meetingControl/schedule
  curl -d "kind=status&code=503" %[1]s/fault

Requests:
`, server.URL, start.URL(), join.URL(), account)
}

// newFront returns a handler in front of the fake's. It logs each request, and serves
// /end and /fault.
func newFront(server *iomeetingtest.Server, next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer server.ClearRequests() // nobody looks at them here
		response, status := httptest.NewRecorder(), "dropped"
		defer func() { logRequest(r, status, response.Body.String()) }() // also if next drops the connection
		switch r.Method + " " + r.URL.Path {
		case "POST /end":
			end(server, response, r)
		case "POST /fault":
			fault(server, response, r)
		default:
			next.ServeHTTP(response, r)
		}
		status = strconv.Itoa(response.Code)
		maps.Copy(w.Header(), response.Header())
		w.WriteHeader(response.Code)
		_, _ = w.Write(response.Body.Bytes()) // the client may have disconnected
	}
}

// passwordIn finds the meeting's password in the answer of a query.
var passwordIn = regexp.MustCompile(`(?s)^([^,]*,[^,]*,).+`)

// logRequest logs what a request was about and its result, without passwords. The server
// has parsed the parameters.
func logRequest(r *http.Request, status, body string) {
	form, result := r.Form, []any{"status", status}
	if strings.HasPrefix(r.URL.Path, "/meetingControl/") {
		form = r.PostForm // a call reads nothing else
		result = append(result, "answer", passwordIn.ReplaceAllString(strings.TrimSpace(body), "${1}REDACTED"))
	}
	var subject []any
	for _, name := range []string{"hostEmail", "meetingID", "kind"} {
		if form.Has(name) {
			subject = append(subject, name, form.Get(name))
		}
	}
	slog.Info(r.Method+" "+r.URL.EscapedPath(), append(subject, result...)...)
}

// end ends the meeting that the form names.
func end(server *iomeetingtest.Server, w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("meetingID")
	if err := server.EndMeeting(id); err != nil {
		http.Error(w, strings.TrimPrefix(err.Error(), "iomeetingtest: "), http.StatusConflict)
		return
	}
	text := fmt.Sprintf("meeting %s has ended, and its end URL was notified", id)
	if slices.ContainsFunc(server.Meetings(), func(m iomeetingtest.Meeting) bool { return m.ID == id && m.EndURL == "" }) {
		text = fmt.Sprintf("meeting %s has ended; it has no end URL", id)
	}
	fmt.Fprintln(w, text)
}

// fault makes a call fail as the form says.
func fault(server *iomeetingtest.Server, w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	fault, err := parseFault(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	server.FailNext(fault)
	fmt.Fprintln(w, "the fault waits for a call")
}

func parseFault(r *http.Request) (fault iomeetingtest.Fault, err error) {
	if err := r.ParseForm(); err != nil {
		return fault, err
	}
	form := r.PostForm
	for name := range form {
		if !slices.Contains([]string{"kind", "code", "body", "delay", "path", "host"}, name) {
			return fault, fmt.Errorf("there is no parameter %q", name)
		}
	}
	kind := form.Get("kind")
	for name, of := range map[string]string{"code": "status", "body": "answer", "delay": "delay"} {
		if form.Has(name) && kind != of {
			return fault, fmt.Errorf("%s is for kind %s", name, of)
		}
	}
	switch kind {
	case "status":
		code, err := strconv.Atoi(form.Get("code"))
		if err != nil || code < 200 || code > 599 {
			return fault, errors.New("code is not an HTTP status from 200 to 599")
		}
		fault = iomeetingtest.HTTPStatus(code)
	case "answer":
		fault = iomeetingtest.RawAnswer(form.Get("body"))
	case "delay":
		d, err := time.ParseDuration(form.Get("delay"))
		if err != nil || d < 0 {
			return fault, errors.New("delay is not a duration such as 500ms or 5s")
		}
		fault = iomeetingtest.Delay(d)
	case "drop":
		fault = iomeetingtest.Drop()
	case "pass":
		fault = iomeetingtest.Pass()
	default:
		return fault, errors.New("kind is not status, answer, delay, drop or pass")
	}
	if path := form.Get("path"); path == "/meetingControl/query" || path == "/meetingControl/schedule" {
		fault = fault.ForPath(path)
	} else if path != "" {
		return fault, errors.New("path is not /meetingControl/query or /meetingControl/schedule")
	}
	if host := form.Get("host"); host != "" {
		fault = fault.ForHost(host)
	}
	return fault, nil
}
