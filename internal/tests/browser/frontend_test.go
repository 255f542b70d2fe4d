package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// frontEnd is a front end on one origin, and an API on another, which opens a link by a
// form of the front end.
type frontEnd struct {
	url, api string
	opened   atomic.Int32 // how often the API has served the page
}

// newFrontEnd returns the front end of an API that trusts it. Chromium takes all names
// below localhost for this machine, and www and api for two origins of one site.
func newFrontEnd(t *testing.T, link iomeeting.Link) *frontEnd {
	t.Helper()
	f := new(frontEnd)
	pages := http.NewServeMux()
	pages.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) {
		if policy := r.FormValue("policy"); policy != "" {
			w.Header().Set("Referrer-Policy", policy)
		}
		fmt.Fprintf(w, `<!DOCTYPE html><form method="post" target=%q action=%q><button>Start</button></form>`, r.FormValue("target"), f.api+"/open")
	})
	pages.HandleFunc("GET /portal", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!DOCTYPE html><iframe src="/form?%s"></iframe>`, r.URL.RawQuery)
	})
	site := httptest.NewServer(pages)
	t.Cleanup(site.Close)
	f.url = strings.Replace(site.URL, "127.0.0.1", "www.example.localhost", 1)

	mux := http.NewServeMux()
	mux.HandleFunc("POST /open", func(w http.ResponseWriter, r *http.Request) {
		f.opened.Add(1)
		link.ServePage(w, r, "")
	})
	protection := http.NewCrossOriginProtection()
	require.NoError(t, protection.AddTrustedOrigin(f.url))
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!DOCTYPE html><p id="room">%s, Origin: %s`, r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin"))
	}))
	api := httptest.NewServer(protection.Handler(mux))
	t.Cleanup(api.Close)
	f.api = strings.Replace(api.URL, "127.0.0.1", "api.example.localhost", 1)
	return f
}

func TestFrontEndOnAnotherOrigin(t *testing.T) {
	b := newBrowser(t)
	service := newRecorder(t)
	f := newFrontEnd(t, service.link(t))
	tests := []struct {
		name, url, want string
	}{
		{name: "by default", url: f.url + "/form", want: "Welcome"},
		{name: "strict-origin", url: f.url + "/form?policy=strict-origin", want: "Welcome"},
		{name: "no-referrer", url: f.url + "/form?policy=no-referrer", want: "same-site, Origin: null"},
		{name: "same-origin", url: f.url + "/form?policy=same-origin", want: "same-site, Origin: null"},
		{
			name: "not trusted", url: strings.Replace(f.url, "www.", "evil.", 1) + "/form",
			want: "same-site, Origin: " + strings.Replace(f.url, "www.", "evil.", 1),
		},
		{name: "in a frame, for the whole tab", url: f.url + "/portal?target=_top", want: "Welcome"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tb := b.newTab()
			tb.open(test.url)
			ask(tb, chromedp.Evaluate[bool](`(frames[0] ?? window).document.querySelector("button").click(), true`))
			assert.Equal(t, test.want, tb.text("#room"))
		})
	}
	b.requireSecretive(f.url)
}

// TestPageIsNotFramed opens the page in a frame. The browser shows an error instead,
// and sends nothing to the service.
func TestPageIsNotFramed(t *testing.T) {
	b := newBrowser(t)
	service := newRecorder(t)
	f := newFrontEnd(t, service.link(t))
	tb := b.newTab()
	tb.open(f.url + "/portal?target=_self")
	ask(tb, chromedp.Evaluate[bool](`frames[0].document.querySelector("button").click(), true`))
	require.Eventually(t, func() bool {
		tree, err := cdp.Call(tb.ctx, chromedp.FromContext(tb.ctx).Target, page.GetFrameTree, cdp.Empty{})
		return err == nil && strings.HasPrefix(tree.FrameTree.ChildFrames[0].Frame.URL, "chrome-error:")
	}, patience, 10*time.Millisecond)
	assert.Equal(t, int32(1), f.opened.Load())
	service.mu.Lock()
	assert.Equal(t, []url.Values(nil), service.forms)
	service.mu.Unlock()
}
