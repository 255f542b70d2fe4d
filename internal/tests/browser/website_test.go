package browser

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	title = `会议 "Q3_Review" 100% C++`
	renee = "Renée O'Brien"
)

// formsOf returns the forms in which a secret may stand somewhere.
func formsOf(secret string) []string {
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
		hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
	}
}

const (
	startButton   = `form[action$="/start"] button`
	joinButton    = `button[formaction$="/join"]`
	observeButton = `button[formaction$="/observe"]`
	endButton     = `form[action$="/end"] button`
	inProgress    = ".list .go"
)

// book books a meeting.
func (t tab) book(website, title string, observers bool) {
	t.t.Helper()
	t.open(website)
	t.enter("#book input[name=title]", title)
	if observers {
		t.click("#book input[name=observers]")
	}
	t.click("#book button")
}

// join joins a meeting of the list.
func (t tab) join(button chromedp.CSS, name string) {
	t.t.Helper()
	t.enter("#guest input[name=name]", name)
	t.click(button)
}

func TestMeeting(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	host, guest := b.newTab(), b.newTab()
	guest.open(web)
	assert.Equal(t, "There are no meetings at the moment.", guest.text("#meetings"))
	guest.enter("#guest input[name=name]", renee)

	host.book(web, title, true)
	host.click(startButton)
	assert.Equal(t, title, host.text("#title"))
	assert.Equal(t, "host", host.text("#role"))

	guest.show()
	guest.click(joinButton) // the page refreshes itself, and keeps the name
	assert.Equal(t, renee, guest.text("#name"))
	assert.Equal(t, "participant", guest.text("#role"))
	assert.Equal(t, title, guest.text("#title"))
	observer := b.newTab()
	observer.open(web)
	observer.join(observeButton, "Olga")
	assert.Equal(t, "Olga", observer.text("#name"))
	assert.Equal(t, "observer", observer.text("#role"))

	host.show()
	host.run(chromedp.NavigateBack())
	assert.Equal(t, web+"/", host.address(), "Back returns to the list")
	host.click(endButton) // which the service reports to nobody
	assert.Contains(t, host.text("ul.past"), title)

	starts, joins := b.posted("snm.do"), b.posted("jm.do")
	require.Len(t, starts, 1)
	require.Len(t, joins, 2)
	b.requireSecretive(web, starts[0].Get("hostPass"), starts[0].Get("meetingPass"), starts[0].Get("observerPass"))
}

// TestScheduledMeeting has a host who leaves the meeting and comes back.
func TestScheduledMeeting(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	host := b.newTab()
	host.book(web, title, false)
	host.click(startButton)
	assert.Equal(t, "000001", host.text("#meeting"))
	host.run(chromedp.NavigateBack())
	host.waitFor(inProgress)
	host.click(startButton)
	assert.Equal(t, "host", host.text("#role"))

	host.open(web)
	host.join(joinButton, renee)
	assert.Equal(t, "participant", host.text("#role"))
	host.open(web)
	host.click(endButton) // and the service reports it
	assert.Contains(t, host.text("ul.past"), title)
	starts, joins := b.posted("ssm.do"), b.posted("jm.do")
	require.Len(t, starts, 2)
	require.Len(t, joins, 1)
	b.requireSecretive(web, starts[0].Get("hostPass"), joins[0].Get("meetingPass"))
}

func TestWithoutJavaScript(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	host := b.newTab(command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	host.book(web, "Q3_Review", true)
	host.click(startButton)
	const button = `form[action$="/snm.do"] button`
	assert.Equal(t, "Open the meeting", host.text(button))
	require.Empty(t, b.posted("snm.do"), "nothing is sent before the button is pressed")
	host.click(button)
	assert.Equal(t, "Q3_Review", host.text("#title"))
	require.Len(t, b.posted("snm.do"), 1)
	b.requireSecretive(web, b.posted("snm.do")[0].Get("hostPass"))
}

// screenshots is for the pictures of the documents, which are taken with fonts-inter:
//
//	go -C internal/tests test -run TestPages ./browser -screenshots "$PWD/docs"
var screenshots = flag.String("screenshots", "", "folder to write website.png and website-accounts.png to")

// TestPages shows that the pages are readable: on a phone, and with dark colors.
func TestPages(t *testing.T) {
	web, tb := newWebsite(t), newBrowser(t).newTab()
	for _, m := range []struct {
		title     string
		observers bool
	}{{"Onboarding", false}, {"Weekly planning", true}, {"Quarterly figures", false}} {
		tb.book(web, m.title, m.observers)
		tb.click(chromedp.CSS(`[aria-label="Start ` + m.title + `"]`))
		tb.waitFor("#meeting")
		tb.open(web)
		if m.title == "Onboarding" {
			tb.click(endButton)
			tb.waitFor("ul.past")
		}
	}
	tb.run(command(network.ClearBrowserCookies, cdp.Empty{})) // another visitor
	tb.book(web, "Design review", false)
	tb.waitFor(startButton)

	for _, page := range []struct{ path, file string }{
		{"/", "website.png"}, {"/accounts", "website-accounts.png"}, {"/meetings/x/join", ""}, // a problem
	} {
		for _, theme := range []string{"dark", "light"} {
			tb.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
			}))
			for _, width := range []int64{320, 960} {
				tb.run(chromedp.EmulateViewport(width, 500, chromedp.EmulateScale(1.5)))
				tb.open(web)
				if page.file == "" {
					tb.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#guest").action = "` + page.path + `"; document.querySelector("#guest").submit()`))
					tb.waitFor(".problem")
				} else {
					tb.open(web + page.path)
				}
				assert.LessOrEqual(t, ask(tb, chromedp.Evaluate[int64]("document.documentElement.scrollWidth")), width, page.path)
				assert.Empty(t, ask(tb, chromedp.Evaluate[[]string](unreadable)), "%s in %s", page.path, theme)
				picture(tb, page.file, theme, width)
			}
		}
	}
}

// unreadable finds the texts whose contrast is below 4.5, which WCAG 2.2 asks for.
const unreadable = `(() => {
	const rgb = (color) => color.match(/[\d.]+/g).map(Number);
	const luminance = (color) => rgb(color).slice(0, 3).map((c) => c / 255)
		.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const background = (element) => rgb(getComputedStyle(element).backgroundColor)[3] === 0
		? background(element.parentElement) : getComputedStyle(element).backgroundColor;
	const contrast = (element) => {
		const [dark, light] = [getComputedStyle(element).color, background(element)].map(luminance).sort((x, y) => x - y);
		return (light + 0.05) / (dark + 0.05);
	};
	return [...document.querySelectorAll("body *")]
		.filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
		.filter((e) => contrast(e) < 4.5).map((e) => e.textContent + " " + contrast(e));
})()`

// picture writes a screenshot with the 128 colors that are most frequent in it.
func picture(tb tab, file, theme string, width int64) {
	tb.t.Helper()
	if *screenshots == "" || file == "" || theme != "light" || width != 960 {
		return
	}
	height := ask(tb, chromedp.Evaluate[int64]("document.body.scrollHeight"))
	tb.run(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(1.5)))
	full, err := png.Decode(bytes.NewReader(ask(tb, chromedp.CaptureScreenshot())))
	require.NoError(tb.t, err)
	counts := make(map[color.Color]int)
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			counts[full.At(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(counts), func(x, y color.Color) int { return counts[y] - counts[x] })
	small := image.NewPaletted(full.Bounds(), colors[:min(len(colors), 128)])
	draw.Draw(small, small.Bounds(), full, image.Point{}, draw.Src)
	var encoded bytes.Buffer
	require.NoError(tb.t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&encoded, small))
	assert.Less(tb.t, encoded.Len(), 60_000)
	require.NoError(tb.t, os.WriteFile(filepath.Join(*screenshots, file), encoded.Bytes(), 0o644))
}
