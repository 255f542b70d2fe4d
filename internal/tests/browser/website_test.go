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
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const title = `会议 "Q3_Review" 100% C++`

// formsOf returns the forms in which a secret may stand somewhere.
func formsOf(secret string) []string {
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
		hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
	}
}

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

func TestMeeting(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	host, guest := b.newTab(), b.newTab()
	guest.open(web)
	assert.Equal(t, "There are no meetings at the moment.", guest.text("#meetings"))
	guest.enter("#guest input[name=name]", "Renée O'Brien")

	host.book(web, title, true)
	host.click(`form[action$="/start"] button`)
	assert.Equal(t, title, host.text("#title"))
	assert.Equal(t, "host", host.text("#role"))

	guest.show()
	guest.click(`button[formaction$="/join"]`) // the page refreshes itself, and keeps the name
	assert.Equal(t, "Renée O'Brien", guest.text("#name"))
	assert.Equal(t, "participant", guest.text("#role"))
	guest.run(chromedp.NavigateBack())
	assert.Equal(t, web+"/", guest.address(), "Back returns to the list")
	guest.enter("#guest input[name=name]", "Olga")
	guest.click(`button[formaction$="/observe"]`)
	assert.Equal(t, "observer", guest.text("#role"))

	host.show()
	host.run(chromedp.NavigateBack())
	host.click(`form[action$="/end"] button`)
	assert.Contains(t, host.text("ul.past"), title)
	b.requireSecretive(web)
}

// The pictures of the documents are taken with fonts-inter:
//
//	go -C internal/tests test -run TestPages ./browser -screenshots "$PWD/docs"
var screenshots = flag.String("screenshots", "", "folder to write website.png and website-accounts.png to")

// TestPages shows that the pages are readable on a phone and in dark colors.
func TestPages(t *testing.T) {
	web, tb := newWebsite(t), newBrowser(t).newTab()
	for _, title := range []string{"Onboarding", "Weekly planning", "Quarterly figures"} {
		tb.book(web, title, title == "Weekly planning")
		tb.click(chromedp.CSS(`[aria-label="Start ` + title + `"]`))
		tb.waitFor("#meeting")
	}
	tb.open(web)
	tb.click(`[aria-label="End Onboarding"]`)
	tb.waitFor("ul.past")
	tb.run(command(network.ClearBrowserCookies, cdp.Empty{})) // another visitor
	tb.book(web, "Design review", false)
	tb.waitFor(`form[action$="/start"]`)
	for _, theme := range []string{"dark", "light"} {
		tb.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
		}))
		for _, width := range []int64{320, 960} {
			tb.run(chromedp.EmulateViewport(width, 500))
			tb.open(web)
			tb.requireReadable(width)
			tb.run(chromedp.Evaluate[chromedp.Void](`Object.assign(document.querySelector("#guest"), {action: "/meetings/x/join"}).submit()`))
			tb.waitFor(".problem")
			tb.requireReadable(width)
			tb.open(web + "/accounts")
			tb.requireReadable(width)
		}
	}
	if *screenshots != "" {
		tb.picture(web, "website.png")
		tb.picture(web+"/accounts", "website-accounts.png")
	}
	tb.run(chromedp.EmulateViewport(320, 500))
	tb.book(web, strings.Repeat("W", 200), true)
	tb.waitFor(`[aria-label^="Start WW"]`)
	tb.requireReadable(320)
}

// requireReadable checks that the page is no wider than the screen, and that each text
// has a contrast of 4.5, as WCAG 2.2 asks for.
func (t tab) requireReadable(width int64) {
	t.t.Helper()
	require.True(t.t, ask(t, chromedp.Poll[bool](`document.readyState === "complete"`)))
	require.Equal(t.t, width, ask(t, chromedp.Evaluate[int64]("document.documentElement.scrollWidth")), t.address())
	require.Empty(t.t, ask(t, chromedp.Evaluate[[]string](unreadable)), t.address())
}

// unreadable finds the texts with less contrast.
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
func (t tab) picture(url, file string) {
	t.t.Helper()
	t.open(url)
	height := ask(t, chromedp.Evaluate[int64]("document.body.scrollHeight"))
	t.run(chromedp.EmulateViewport(960, height, chromedp.EmulateScale(1.5)))
	full, err := png.Decode(bytes.NewReader(ask(t, chromedp.CaptureScreenshot())))
	require.NoError(t.t, err)
	counts, wide := make(map[color.Color]int), full.Bounds().Dx()
	for i := range wide * full.Bounds().Dy() {
		counts[full.At(i%wide, i/wide)]++
	}
	colors := slices.SortedFunc(maps.Keys(counts), func(x, y color.Color) int { return counts[y] - counts[x] })
	small := image.NewPaletted(full.Bounds(), colors[:min(len(colors), 128)])
	draw.Draw(small, small.Bounds(), full, image.Point{}, draw.Src)
	var encoded bytes.Buffer
	require.NoError(t.t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&encoded, small))
	require.NoError(t.t, os.WriteFile(filepath.Join(*screenshots, file), encoded.Bytes(), 0o644))
}
