package browser

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// TestHTMLShortcut opens the file as a double click does.
func TestHTMLShortcut(t *testing.T) {
	b := newBrowser(t)
	var headers []http.Header
	service := newRecorder(t)
	watched := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		service.Config.Handler.ServeHTTP(w, r)
	}))
	defer watched.Close()
	client, err := iomeeting.NewClient(watched.URL)
	require.NoError(t, err)
	link, err := client.Start(alice, &iomeeting.StartOptions{Title: strings.Repeat("会议", 1000)})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), iomeeting.HTMLShortcut.FileName("周会 <1>"))
	var content bytes.Buffer
	require.NoError(t, link.WriteShortcut(&content, iomeeting.HTMLShortcut, "周会 <1>"))
	require.NoError(t, os.WriteFile(file, content.Bytes(), 0o600))

	tb := b.newTab()
	tb.open((&url.URL{Scheme: "file", Path: file}).String())
	assert.Equal(t, "Welcome", tb.text("#room"))
	service.mu.Lock()
	assert.Equal(t, []url.Values{link.Params()}, service.forms, "the form arrives once")
	service.mu.Unlock()
	require.Len(t, headers, 1)
	assert.Equal(t, "null", headers[0].Get("Origin"))
	assert.Empty(t, headers[0].Get("Referer"))
	var addresses []string
	for _, entry := range ask(tb, chromedp.NavigationEntries()).Entries {
		addresses = append(addresses, entry.URL)
	}
	assert.Equal(t, []string{"about:blank", tb.address()}, addresses, "the file has no entry")
	b.requireSecretive("/room")
}

// TestServeShortcut downloads a shortcut of each format.
func TestServeShortcut(t *testing.T) {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	require.NoError(t, err)
	link, err := client.JoinByID("000042", nil)
	require.NoError(t, err)
	const title = "周会 / 1 %2E%2E"
	website := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := strconv.Atoi(r.URL.Query().Get("s")); err == nil {
			link.ServeShortcut(w, r, iomeeting.Shortcut(s), title)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!DOCTYPE html><a id="s0" href="?s=0">0</a> <a id="s1" href="?s=1">1</a> <a id="s2" href="?s=2">2</a> <a id="s3" href="?s=3">3</a>`))
	}))
	defer website.Close()

	dir := t.TempDir()
	tb := newBrowser(t).newTab()
	completed := make(chan string, 1)
	require.NoError(t, chromedp.Listen(tb.ctx, func(event any) {
		if e, ok := event.(*cdpbrowser.EventDownloadProgress); ok && e.State == cdpbrowser.DownloadProgressStateCompleted {
			completed <- e.GUID
		}
	}))
	events := true
	tb.run(command(cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, EventsEnabled: &events,
	}))
	tb.open(website.URL)
	for i, s := range []iomeeting.Shortcut{iomeeting.HTMLShortcut, iomeeting.WindowsShortcut, iomeeting.MacShortcut, iomeeting.LinuxShortcut} {
		tb.click(chromedp.CSS("#s" + strconv.Itoa(int(s))))
		select {
		case <-completed:
		case <-tb.ctx.Done():
			require.NoError(t, context.Cause(tb.ctx))
		}
		var want bytes.Buffer
		require.NoError(t, link.WriteShortcut(&want, s, title))
		got, err := os.ReadFile(filepath.Join(dir, s.FileName(title)))
		require.NoError(t, err)
		assert.Equal(t, want.String(), string(got))
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Len(t, files, i+1)
	}
}
