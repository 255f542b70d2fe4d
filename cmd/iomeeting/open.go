package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

func start(flags *flag.FlagSet, o *options) func() error { return opener(flags, o.startLink) }

func join(flags *flag.FlagSet, o *options) func() error { return opener(flags, o.joinLink) }

// opener returns what start and join do with their link.
func opener(flags *flag.FlagSet, makeLink func() (iomeeting.Link, error)) func() error {
	redacted := flags.Bool("print", false, "print the link with REDACTED for each password, and open nothing")
	real := flags.Bool("url", false, "print the link with its passwords, and open nothing")
	return func() error {
		link, err := makeLink()
		switch {
		case err != nil:
			return err
		case *redacted:
			fmt.Println(link)
		case *real:
			if link.URL() != link.String() {
				fmt.Fprintln(os.Stderr, "WARNING: this link contains passwords. Whoever has it can use them.")
			}
			fmt.Println(link.URL())
		default:
			return open(link, 5*time.Minute)
		}
		return nil
	}
}

// open opens the link in the browser, by a page of this machine that POSTs its form. It
// returns when a browser has the page.
func open(link iomeeting.Link, timeout time.Duration) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return exit{2, err}
	}
	host, path, served := listener.Addr().String(), "/"+rand.Text(), make(chan struct{})
	server := &http.Server{Handler: servePage(link, host, path, served)}
	go func() { _ = server.Serve(listener) }()
	address := "http://" + host + path
	fmt.Fprintln(os.Stderr, "Opening your browser. If nothing happens, open", address)
	go func() {
		if err := startBrowser(address); err != nil {
			fmt.Fprintf(os.Stderr, "No browser could be started: %v. Open the address yourself on this machine, or get the link with -url.\n", err)
		}
	}()
	select {
	case <-served:
		// Not for longer: a browser may have opened further connections, without a request.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		return nil
	case <-time.After(timeout):
		return exit{2, fmt.Errorf("no browser opened the page within %v", timeout)}
	}
}

// startBrowser opens the address in the user's browser, and may run for as long as that.
func startBrowser(address string) error {
	var browser *exec.Cmd
	switch runtime.GOOS {
	case "windows":
		browser = exec.Command("rundll32", "url.dll,FileProtocolHandler", address)
	case "darwin":
		browser = exec.Command("open", address)
	default:
		browser = exec.Command("xdg-open", address)
	}
	detach(browser)
	if err := browser.Run(); err != nil {
		return fmt.Errorf("%s: %w", browser.Args[0], err)
	}
	return nil
}

// servePage returns a handler that serves the page of a link once, and then closes served.
func servePage(link iomeeting.Link, host, path string, served chan<- struct{}) http.HandlerFunc {
	var opened atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) {
		// Another host is another site's name for this address: DNS rebinding.
		if r.Host != host || r.URL.Path != path || r.Method != http.MethodGet || !opened.CompareAndSwap(false, true) {
			http.NotFound(w, r)
			return
		}
		link.ServePage(w, r, "")
		close(served)
	}
}
