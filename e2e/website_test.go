package e2e

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
	board := b.newTab()
	board.open(web.url)
	assert.Equal(t, "Available", board.text(".state"))

	hostTab := b.newTab()
	hostTab.open(web.url)
	hostTab.enter(".start input[name=title]", title)
	hostTab.click(".start button:not(.second)")
	assert.Equal(t, title, hostTab.text("#title"))
	assert.Equal(t, "host", hostTab.text("#role"))
	assert.Equal(t, web.service.URL+"/snm.do", hostTab.address())

	board.waitFor(`[data-state="meeting"]`) // it refreshes itself
	assert.Equal(t, title, board.text(".title"))

	participant := b.newTab()
	participant.open(web.url)
	participant.enter(".join input[name=name]", renee)
	participant.click(".join button[value=participant]")
	assert.Equal(t, renee, participant.text("#name"))
	assert.Equal(t, "participant", participant.text("#role"))
	assert.Equal(t, title, participant.text("#title"))
	assert.Equal(t, web.service.URL+"/jm.do", participant.address())

	observer := b.newTab()
	observer.open(web.url)
	observer.enter(".join input[name=name]", "Olga")
	observer.click(".join button[value=observer]")
	assert.Equal(t, "Olga", observer.text("#name"))
	assert.Equal(t, "observer", observer.text("#role"))

	require.NoError(t, web.service.EndMeeting("000001"))
	board.waitFor(`[data-state="available"]`)
	assert.Equal(t, "Available", board.text(".state"))

	// Each form arrived exactly once, and told nobody where it came from.
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
	board := b.newTab()
	board.open(web.url)
	hostTab := b.newTab()
	hostTab.open(web.url)
	hostTab.enter(".start input[name=title]", title)
	hostTab.click(".start button.second")
	assert.Equal(t, "000001", hostTab.text("#meeting"))
	assert.Equal(t, web.service.URL+"/ssm.do", hostTab.address())

	board.waitFor(`[data-state="meeting"]`)
	assert.Equal(t, title, board.text(".title"))
	require.NoError(t, web.service.EndMeeting("000001")) // and the service tells the site
	board.waitFor(`[data-state="available"]`)
	assert.Contains(t, board.text(".ended"), "“"+title+"” ended at ")

	require.Len(t, web.arrived("/meetingControl/schedule"), 1)
	require.Len(t, web.arrived("/ssm.do"), 1)
	b.requireSecretive(web.url, hostPassword,
		web.arrived("/meetingControl/schedule")[0].PostForm.Get("meetingPassword"))
}

var withoutScript = command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})

func TestWithoutJavaScript(t *testing.T) {
	web, b := newWebsite(t), newBrowser(t)
	hostTab := b.newTab(withoutScript)
	hostTab.open(web.url)
	hostTab.enter(".start input[name=title]", "Q3_Review")
	hostTab.click(".start button:not(.second)")
	const button = `form[action$="/snm.do"] button`
	assert.Equal(t, "Open the meeting", hostTab.text(button))
	require.Empty(t, web.arrived("/snm.do"), "nothing is sent before the button is pressed")
	hostTab.click(button)
	assert.Equal(t, "Q3_Review", hostTab.text("#title"))
	require.Len(t, web.arrived("/snm.do"), 1)
	b.requireSecretive(web.url, hostPassword)
}
