package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
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
	web, b := newWebsite(t, "bob@example.com", "carol@example.com", "dave@example.com"), newBrowser(t)
	client := web.service.Client()
	start, err := client.Start(alice, &iomeeting.StartOptions{Title: title})
	require.NoError(t, err)
	none, err := client.JoinByID("000042", nil)
	require.NoError(t, err)
	post := httptest.NewServer(start)
	defer post.Close()
	var joined iomeeting.Link

	// startMeetings starts meetings of every state on the board.
	startMeetings := func() {
		web.startMeeting(b, "Onboarding", "Hugo", false)
		require.NoError(t, web.service.EndMeeting("000001"))
		web.startMeeting(b, "Weekly planning", "Harriet", true)
		web.startMeeting(b, "Quarterly figures", renee, false)
		request := url.Values{"title": {"Design review"}, "name": {"Hanna"}}
		res, err := http.PostForm(web.url+"/start", request) // and nobody opens the page
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		password := web.arrived("/snm.do")[0].PostForm.Get("meetingPass")
		joined, err = client.JoinByID("000002", &iomeeting.JoinOptions{
			MeetingPassword: iomeeting.NewSecret(password), UserName: renee,
		})
		require.NoError(t, err)
	}

	pages := []struct {
		name   string
		url    func() string
		before func()
		setup  []step
	}{
		{name: "board-empty", url: func() string { return web.url }},
		{name: "post-page", url: func() string { return post.URL }, setup: []step{withoutScript}}, // so that the page stays
		{name: "board-meetings", url: func() string { return web.url }, before: startMeetings},
		{name: "accounts", url: func() string { return web.url + "/accounts" }},
		{name: "service-meeting", url: func() string { return joined.URL() }},
		{name: "service-refusal", url: none.URL},
		{name: "problem", url: func() string { return web.url + "/open/used" }},
	}
	for _, p := range pages {
		if p.before != nil {
			p.before()
		}
		for _, size := range []struct {
			name          string
			width, height int64
			scale         float64
		}{{"phone", 360, 640, 2}, {"desktop", 960, 700, 1.5}} {
			for _, scheme := range []string{"light", "dark"} {
				tb := b.newTab(p.setup...)
				feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
				tb.run(
					command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}}),
					chromedp.EmulateViewport(size.width, size.height, chromedp.EmulateScale(size.scale)),
				)
				tb.open(p.url())
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
