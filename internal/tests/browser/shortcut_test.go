package browser

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// TestServeShortcut downloads a shortcut for each system.
func TestServeShortcut(t *testing.T) {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	require.NoError(t, err)
	link, err := client.JoinByID("000042", nil)
	require.NoError(t, err)
	const title = "周会 / 1"
	website := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := strconv.Atoi(r.URL.Query().Get("s")); err == nil {
			link.ServeShortcut(w, r, iomeeting.Shortcut(s), title)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!DOCTYPE html><a id="s0" href="?s=0">0</a> <a id="s1" href="?s=1">1</a> <a id="s2" href="?s=2">2</a>`))
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
	for i, s := range []iomeeting.Shortcut{iomeeting.WindowsShortcut, iomeeting.MacShortcut, iomeeting.LinuxShortcut} {
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
