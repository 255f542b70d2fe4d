package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// TestLooks opens every page, light and dark, on a phone and on a desktop, and
// checks that nothing sticks out at the side. With E2E_SCREENSHOTS set it
// leaves pictures in that folder.
func TestLooks(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	client := web.service.Client()
	start, err := client.Start(alice, &iomeeting.StartOptions{Title: title})
	require.NoError(t, err)
	startMeeting := func() {
		res, err := http.PostForm(start.Endpoint(), start.Params())
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	join, err := client.Join(alice.Email, &iomeeting.JoinOptions{UserName: renee})
	require.NoError(t, err)
	none, err := client.JoinByID("000042", nil)
	require.NoError(t, err)
	post := httptest.NewServer(start)
	defer post.Close()

	pages := []struct {
		name, url string
		before    func()
		setup     []step
	}{
		{name: "board-available", url: web.url},
		{name: "post-page", url: post.URL, setup: []step{withoutScript}}, // so that the page stays
		{name: "board-meeting", url: web.url, before: startMeeting},
		{name: "service-meeting", url: join.URL()},
		{name: "service-refusal", url: none.URL()},
		{name: "message", url: web.url + "/open/used"},
	}
	for _, p := range pages {
		if p.before != nil {
			p.before()
		}
		for _, size := range []struct {
			name          string
			width, height int64
		}{{"phone", 360, 640}, {"desktop", 1000, 560}} {
			for _, scheme := range []string{"light", "dark"} {
				tb := b.newTab(p.setup...)
				feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
				tb.run(
					command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}}),
					chromedp.EmulateViewport(size.width, size.height),
				)
				tb.open(p.url)
				tb.waitFor("main")
				assert.False(t, ask(tb, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > innerWidth")),
					"%s sticks out on a %s", p.name, size.name)
				if dir := os.Getenv("E2E_SCREENSHOTS"); dir != "" {
					file := filepath.Join(dir, p.name+"-"+size.name+"-"+scheme+".png")
					require.NoError(t, os.WriteFile(file, ask(tb, chromedp.CaptureScreenshot()), 0o644))
				}
			}
		}
	}
}
