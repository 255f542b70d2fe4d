package browser

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
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

func TestMeeting(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	participant := b.newTab()
	participant.open(web.url)
	assert.Equal(t, "There are no meetings at the moment.", participant.text("#meetings"))
	participant.enter("#join input[name=name]", renee)

	host := web.startMeeting(b, title, "Harriet", true)
	assert.Equal(t, title, host.text("#title"))
	assert.Equal(t, "host", host.text("#role"))
	assert.Equal(t, web.service.URL+"/snm.do", host.address())

	participant.show()
	assert.Equal(t, title, participant.text(`[data-state="progress"] h3`)) // the page refreshes itself
	participant.click("button[name=join]")                                 // and keeps the name
	assert.Equal(t, renee, participant.text("#name"))
	assert.Equal(t, "participant", participant.text("#role"))
	assert.Equal(t, title, participant.text("#title"))
	assert.Equal(t, web.service.URL+"/jm.do", participant.address())

	observer := b.newTab()
	observer.open(web.url)
	observer.enter("#join input[name=name]", "Olga")
	observer.click("button[name=observe]")
	assert.Equal(t, "Olga", observer.text("#name"))
	assert.Equal(t, "observer", observer.text("#role"))

	board := b.newTab()
	board.open(web.url)
	board.waitFor(`[data-state="progress"]`)
	require.NoError(t, web.service.EndMeeting("000001"))
	assert.Contains(t, board.text("ul.past"), title)

	// Each form arrived exactly once, without saying where it came from.
	starts, joins := web.arrived("/snm.do"), web.arrived("/jm.do")
	require.Len(t, starts, 1)
	require.Len(t, joins, 2)
	for _, r := range append(starts, joins...) {
		assert.Equal(t, "POST", r.Method)
		assert.Empty(t, r.Query)
		assert.Empty(t, r.Header.Get("Referer"))
		assert.Equal(t, "null", r.Header.Get("Origin"))
	}
	assert.Equal(t, hostPassword, starts[0].PostForm.Get("hostPass"))
	b.requireSecretive(web.url, hostPassword,
		starts[0].PostForm.Get("meetingPass"), starts[0].PostForm.Get("observerPass"))
}

func TestScheduledMeeting(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	host := web.startMeeting(b, title, "Harriet", false)
	assert.Equal(t, "000001", host.text("#meeting"))
	assert.Equal(t, web.service.URL+"/ssm.do", host.address())

	board := b.newTab()
	board.open(web.url)
	assert.Equal(t, title, board.text(`[data-state="progress"] h3`))
	require.NoError(t, web.service.EndMeeting("000001")) // and the service notifies the site
	board.show()
	assert.Contains(t, board.text("ul.past"), title)

	require.Len(t, web.arrived("/meetingControl/schedule"), 1)
	require.Len(t, web.arrived("/ssm.do"), 1)
	b.requireSecretive(web.url, hostPassword,
		web.arrived("/meetingControl/schedule")[0].PostForm.Get("meetingPassword"))
}

var withoutScript = command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})

func TestWithoutJavaScript(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	host := b.newTab(withoutScript)
	host.open(web.url)
	host.enter("#start input[name=title]", "Q3_Review")
	host.enter("#start input[name=name]", "Harriet")
	host.click("#start input[name=observers]")
	host.click("#start button")
	const button = `form[action$="/snm.do"] button`
	assert.Equal(t, "Open the meeting", host.text(button))
	require.Empty(t, web.arrived("/snm.do"), "nothing is sent before the button is pressed")
	host.click(button)
	assert.Equal(t, "Q3_Review", host.text("#title"))
	require.Len(t, web.arrived("/snm.do"), 1)
	b.requireSecretive(web.url, hostPassword)
}
