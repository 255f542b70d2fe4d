package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

// openTimeout is how long start and join wait for a browser.
const openTimeout = 5 * time.Minute

func start(flags *flag.FlagSet, o *options) func() error { return opener(flags, o.startLink) }

func join(flags *flag.FlagSet, o *options) func() error { return opener(flags, o.joinLink) }

// opener returns what start and join do with their link.
func opener(flags *flag.FlagSet, makeLink func() (iomeeting.Link, error)) func() error {
	redacted := flags.Bool("print", false, "print the link with REDACTED for each password, and open nothing")
	real := flags.Bool("url", false, "print the link with its passwords, and open nothing")
	return func() error {
		if *redacted && *real {
			return errors.New("set either -print or -url")
		}
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
			return open(link, openTimeout)
		}
		return nil
	}
}

// open opens the link in the browser, by a page of this machine that POSTs its form. It
// returns when a browser has the page.
func open(link iomeeting.Link, timeout time.Duration) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return exit{status: 2, error: err}
	}
	p := &page{link: link, host: listener.Addr().String(), path: "/" + rand.Text(), served: make(chan struct{})}
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }()
	defer func() {
		// A browser may have opened further connections, without a request.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	address := "http://" + p.host + p.path
	fmt.Fprintln(os.Stderr, "Opening your browser. If nothing happens, open", address)
	failed := startBrowser(address)
	deadline := time.After(timeout)
	for {
		select {
		case <-p.served:
			return nil
		case err := <-failed:
			if err != nil {
				fmt.Fprintf(os.Stderr, "No browser could be started (%v). Open the address yourself.\n", err)
			}
		case <-deadline:
			return exit{status: 2, error: fmt.Errorf("no browser opened the page within %v", timeout)}
		}
	}
}

// startBrowser opens the address in the user's browser. The channel gets the result of
// the program that does so, which may run for as long as the browser does.
func startBrowser(address string) <-chan error {
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
	result := make(chan error, 1)
	if err := browser.Start(); err != nil {
		result <- err
	} else {
		go func() { result <- browser.Wait() }()
	}
	return result
}

// page is a handler that serves the page of a link once.
type page struct {
	link       iomeeting.Link
	host, path string
	served     chan struct{} // closed once a browser has the page

	mu   sync.Mutex
	done bool
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Host != p.host: // another site's name for this address: DNS rebinding
		http.Error(w, "unknown host", http.StatusForbidden)
	case r.URL.Path != p.path:
		http.NotFound(w, r)
	case r.Method == http.MethodHead:
		p.link.ServePage(w, r, "")
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case isPreview(r.Header):
		http.Error(w, "this page is for a person", http.StatusForbidden)
	default:
		p.serve(w, r)
	}
}

// serve serves the page, unless a browser has it.
func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		http.Error(w, "this page was opened already", http.StatusGone)
		return
	}
	p.link.ServePage(w, r, "")
	if http.NewResponseController(w).Flush() == nil { // else the browser may ask again
		p.done = true
		close(p.served)
	}
}

// isPreview reports whether a browser asks for a page that it may never show.
func isPreview(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if h.Get(name) != "" {
			return true
		}
	}
	mode := h.Get("Sec-Fetch-Mode") // which older browsers don't send
	return mode != "" && mode != "navigate"
}
