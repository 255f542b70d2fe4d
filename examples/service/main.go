// Service runs the IOMeeting test server of package iomeetingtest as a program of
// its own, for teams that do not write Go.
//
//	service -addr 127.0.0.1:8080 -host alice@example.com:secret -host bob@example.com
//
// Each -host is a host account: an email address and, after the first colon, the
// password, which may contain further colons. Without a colon, the account gets a
// random password. Without any -host, there is one account, alice@example.com.
//
// Service prints the accounts and some requests to try. Then it logs each request
// in one line: time, method, path, host, status and, if the response is text, the
// text. The log shows no password, but the list of accounts shows them all: use
// passwords that you use nowhere else.
//
// The API has no call that ends a meeting. To test your end URL, send meetingID to
// /end, a path that only this program has:
//
//	curl -d meetingID=000001 http://127.0.0.1:8080/end
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, args []string, out io.Writer) error {
	var accounts []string
	flags := flag.NewFlagSet("service", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "address to listen on; port 0 picks a free one")
	flags.Func("host", "account as `email:password`, or email for a random password; may be repeated", func(account string) error {
		accounts = append(accounts, account)
		return nil // the flag package would print the password with an error
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New("unexpected arguments after the flags")
	}
	hosts := parseHosts(accounts)
	server, err := iomeetingtest.Listen(*addr, hosts...)
	if err != nil {
		return err
	}
	defer server.Close()
	server.Wrap(func(next http.Handler) http.Handler {
		return &front{server: server, next: next, log: log.New(out, "", log.Ltime)}
	})
	if err := introduce(out, *addr, server, hosts); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// parseHosts parses accounts. An email address contains no colon, unlike a
// password.
func parseHosts(accounts []string) []iomeeting.Host {
	if len(accounts) == 0 {
		accounts = []string{"alice@example.com"}
	}
	hosts := make([]iomeeting.Host, len(accounts))
	for i, account := range accounts {
		email, password, given := strings.Cut(account, ":")
		if !given {
			password = rand.Text()
		}
		hosts[i] = iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)}
	}
	return hosts
}

// introduce prints what a user needs to try the server.
func introduce(out io.Writer, addr string, server *iomeetingtest.Server, hosts []iomeeting.Host) error {
	client, err := iomeeting.NewClient(server.URL, iomeeting.WithInsecureHTTP())
	if err != nil {
		return err
	}
	host := hosts[0]
	start, errStart := client.Start(host, &iomeeting.StartOptions{Title: "Marketing"})
	join, errJoin := client.Join(host.Email, &iomeeting.JoinOptions{UserName: "Joe Smith"})
	if err := cmp.Or(errStart, errJoin); err != nil {
		return err
	}
	fmt.Fprintf(out, "IOMeeting test server on %s. No meeting on it is real.\n", server.URL)
	if !isLocal(addr) {
		fmt.Fprintf(out, "WARNING: other machines can reach %s. This server is a fake without any protection.\n", addr)
	}
	fmt.Fprint(out, "\nAccounts:\n")
	for _, h := range hosts {
		fmt.Fprintf(out, "  %s  password: %s\n", h.Email, h.Password.Reveal())
	}
	form := url.Values{"hostEmail": {host.Email}, "hostPassword": {host.Password.Reveal()}}
	query := form.Encode()
	form.Set("meetingEndUrl", "http://127.0.0.1:9000/ended")
	form.Set("operatorId", "42")
	fmt.Fprintf(out, `
Start a meeting and join it in a browser:
  %[2]s
  %[3]s

Query the host, end the meeting and schedule another:
  curl -d "%[4]s" %[1]s/meetingControl/query
  curl -d "meetingID=000001" %[1]s/end
  curl -d "%[5]s" %[1]s/meetingControl/schedule

Requests:
`, server.URL, start.URL(), join.URL(), query, form.Encode())
	return nil
}

// isLocal reports whether only this machine can reach addr.
func isLocal(addr string) bool {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	return err == nil && tcp.IP.IsLoopback()
}

// front stands in front of the server. It logs each request and serves /end.
type front struct {
	server *iomeetingtest.Server
	next   http.Handler
	log    *log.Logger
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response := httptest.NewRecorder()
	if r.URL.Path == "/end" {
		f.end(response, r)
	} else {
		f.next.ServeHTTP(response, r)
	}
	line := fmt.Sprintf("%-4s %-24s %-20s %d %s", r.Method, r.URL.EscapedPath(), printable(f.hostOf(r)), response.Code, textOf(r, response))
	f.log.Println(strings.TrimRight(line, " "))
	maps.Copy(w.Header(), response.Header())
	w.WriteHeader(response.Code)
	_, _ = response.Body.WriteTo(w) // the client may have disconnected
}

// end ends the meeting that the parameters name.
func (f *front) end(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("meetingID")
	if err := f.server.EndMeeting(id); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if endURL := f.meeting(id).EndURL; endURL != "" {
		fmt.Fprintf(w, "meeting %s ended, and %s was notified\n", id, endURL)
	} else {
		fmt.Fprintf(w, "meeting %s ended; it has no end URL\n", id)
	}
}

// meeting returns the meeting with an ID, or the zero Meeting.
func (f *front) meeting(id string) iomeetingtest.Meeting {
	meetings := f.server.Meetings()
	i := slices.IndexFunc(meetings, func(m iomeetingtest.Meeting) bool { return m.ID == id })
	if i < 0 {
		return iomeetingtest.Meeting{}
	}
	return meetings[i]
}

// hostOf returns the host that a request is about, or "-". The server has parsed
// the parameters; calls read only those in the body.
func (f *front) hostOf(r *http.Request) string {
	form := r.Form
	if strings.HasPrefix(r.URL.Path, "/meetingControl/") {
		form = r.PostForm
	}
	return cmp.Or(form.Get("hostEmail"), f.meeting(form.Get("meetingID")).Host, "-")
}

// textOf returns the text of a response without the meeting's password, or "" if
// the response is a page.
func textOf(r *http.Request, response *httptest.ResponseRecorder) string {
	if !strings.HasPrefix(response.Header().Get("Content-Type"), "text/plain") {
		return ""
	}
	text := response.Body.String()
	if fields := strings.SplitN(text, ",", 3); r.URL.Path == "/meetingControl/query" && len(fields) == 3 && fields[2] != "" {
		fields[2] = "REDACTED"
		text = strings.Join(fields, ",")
	}
	return printable(strings.TrimSpace(text))
}

// printable quotes a text with characters that would break the line.
func printable(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return strconv.Quote(text)
	}
	return text
}
