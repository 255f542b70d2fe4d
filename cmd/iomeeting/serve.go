package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func serve(flags *flag.FlagSet, _ *options) func() error {
	var accounts []string
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to listen on; port 0 picks a free one")
	flags.Func("host", "account of the fake as `email:password`, or email for a random password; may be repeated (default alice@example.com)", func(account string) error {
		accounts = append(accounts, account)
		return nil // the flag package would print the password with an error
	})
	return func() error {
		hosts := parseHosts(accounts)
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		server, err := iomeetingtest.Listen(*addr, hosts...)
		if err != nil {
			return err
		}
		defer server.Close()
		server.Wrap(func(next http.Handler) http.Handler {
			return newFront(server, next, log.New(os.Stdout, "", log.Ltime))
		})
		introduce(server, hosts, isLocal(*addr))
		<-ctx.Done()
		return nil
	}
}

// parseHosts parses accounts. An email address contains no colon, unlike a password.
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

// isLocal reports whether only this machine can reach addr.
func isLocal(addr string) bool {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	return err == nil && tcp.IP.IsLoopback()
}

// introduce prints what a user needs to try the server, which has accepted the hosts.
func introduce(server *iomeetingtest.Server, hosts []iomeeting.Host, local bool) {
	client, host := server.Client(iomeeting.WithInsecureHTTP()), hosts[0]
	start, _ := client.Start(host, &iomeeting.StartOptions{Title: "Marketing"})
	join, _ := client.Join(host.Email, &iomeeting.JoinOptions{UserName: "Joe Smith"})
	form := url.Values{"hostEmail": {host.Email}, "hostPassword": {host.Password.Reveal()}}
	query := form.Encode()
	form.Set("meetingEndUrl", "http://127.0.0.1:9000/ended")
	form.Set("operatorId", "42")

	fmt.Printf("IOMeeting test server on %s. No meeting on it is real.\n", server.URL)
	if !local {
		fmt.Println("WARNING: other machines can reach it. This server is a fake without any protection.")
	}
	fmt.Print("\nAccounts:\n")
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
  curl -d "%[5]s" %[1]s/meetingControl/schedule
  curl -d "kind=status&code=503" %[1]s/fault

Requests:
`, server.URL, start.URL(), join.URL(), query, form.Encode())
}
