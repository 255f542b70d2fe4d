package browser

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// recorder is a service that records the forms that reach it, and sends the
// browser on to another origin.
type recorder struct {
	*httptest.Server
	mu    sync.Mutex
	forms []url.Values
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := new(recorder)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, ".do") {
			assert.NoError(t, req.ParseForm())
			r.mu.Lock()
			r.forms = append(r.forms, req.PostForm)
			r.mu.Unlock()
			elsewhere := strings.Replace(r.URL, "127.0.0.1", "localhost", 1)
			http.Redirect(w, req, elsewhere+"/room", http.StatusSeeOther)
			return
		}
		_, _ = w.Write([]byte(`<!DOCTYPE html><title>Room</title><p id="room">Welcome</p>`))
	}))
	t.Cleanup(r.Close)
	return r
}

// link returns a start link.
func (r *recorder) link(t *testing.T) iomeeting.Link {
	t.Helper()
	client, err := iomeeting.NewClient(r.URL)
	require.NoError(t, err)
	link, err := client.StartByID("000042", iomeeting.NewSecret(hostPassword))
	require.NoError(t, err)
	return link
}

// hostile are values that must arrive as they are.
var hostile = []string{
	`"><script>alert(1)</script>`, `</script><script>alert(1)//`, `<!--`, `-->`, `' onfocus='alert(1)`, "\u2028\u2029",
	"&amp;&lt;", "javascript:alert(1)", "]]>", "{{.}}", "ä会🙂", `\x22`, "%22%3E", "a+b c", "  spaces  ", title, "=&=", "_41",
}

func TestPostPage(t *testing.T) {
	b := newBrowser(t)
	service := newRecorder(t)
	client, err := iomeeting.NewClient(service.URL)
	require.NoError(t, err)
	for _, value := range hostile {
		link, err := client.Start(
			iomeeting.Host{Email: value, Password: iomeeting.NewSecret("p" + value)},
			&iomeeting.StartOptions{
				MeetingPassword: iomeeting.NewSecret("m" + value), ObserverPassword: iomeeting.NewSecret("o" + value), Title: value,
			},
		)
		require.NoError(t, err)
		partner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { link.ServePage(w, r, "") }))
		tb := b.newTab()
		service.mu.Lock()
		service.forms = nil
		service.mu.Unlock()
		tb.open(partner.URL)
		assert.Equal(t, "Welcome", tb.text("#room"), "the browser is sent on to another origin")
		assert.True(t, strings.HasPrefix(tb.address(), "http://localhost:"))
		service.mu.Lock()
		assert.Equal(t, []url.Values{link.Params()}, service.forms, "the form arrives once, as it is")
		service.mu.Unlock()
		partner.Close()
	}
	b.mu.Lock()
	assert.Empty(t, b.dialogs, "no script of a value ran")
	b.mu.Unlock()
}

// TestOpenByPost goes from a partner's list through the page to the service and back.
// The visitor's own POST opens the page, and the browser replaces it by the service's.
func TestOpenByPost(t *testing.T) {
	b := newBrowser(t)
	service := newRecorder(t)
	link := service.link(t)
	opened := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!DOCTYPE html><title>Meetings</title><form method="post" action="/open"><button>Start</button></form>`))
	})
	mux.HandleFunc("POST /open", func(w http.ResponseWriter, r *http.Request) {
		opened++
		link.ServePage(w, r, "进入会议")
	})
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!DOCTYPE html><p id="refused">Refused</p>`))
	}))
	partner := httptest.NewServer(protection.Handler(mux))
	defer partner.Close()

	tb := b.newTab()
	tb.open(partner.URL)
	tb.click("button")
	assert.Equal(t, "Welcome", tb.text("#room"))
	room := tb.address()
	var addresses []string
	for _, entry := range ask(tb, chromedp.NavigationEntries()).Entries {
		addresses = append(addresses, entry.URL)
	}
	require.Equal(t, []string{"about:blank", partner.URL + "/", room}, addresses, "the page has no entry")
	tb.run(chromedp.NavigateBack())
	assert.Equal(t, "Start", tb.text("button"))
	assert.Equal(t, partner.URL+"/", tb.address(), "Back returns to the list")
	assert.Equal(t, 1, opened)
	service.mu.Lock()
	assert.Equal(t, []url.Values{link.Params()}, service.forms, "nothing is sent twice")
	service.mu.Unlock()

	// Another site cannot open the meeting.
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!DOCTYPE html><form method="post" action="` + partner.URL + `/open"><button>Win</button></form>`))
	}))
	defer elsewhere.Close()
	tb.open(strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1))
	tb.click("button")
	tb.waitFor("#refused")
	assert.Equal(t, 1, opened)
	b.requireSecretive(partner.URL)
}

// TestPageWithoutScript shows the page to a browser that runs no script.
func TestPageWithoutScript(t *testing.T) {
	b := newBrowser(t)
	service := newRecorder(t)
	link := service.link(t)
	partner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { link.ServePage(w, r, "进入会议") }))
	defer partner.Close()
	tb := b.newTab(command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	tb.open(partner.URL)
	assert.Equal(t, "进入会议", tb.text("button"))
	tb.run(command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{}))
	tb.click("button")
	assert.Equal(t, "Welcome", tb.text("#room"))
}

func TestFormInYourOwnPage(t *testing.T) {
	b := newBrowser(t)
	service := newRecorder(t)
	link := service.link(t)
	partner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		iomeeting.ProtectPage(w.Header())
		_, _ = w.Write([]byte("<!DOCTYPE html><title>Booking</title>" + string(link.Form(`Start "now" <b>`))))
	}))
	defer partner.Close()
	tb := b.newTab()
	tb.open(partner.URL)
	assert.Equal(t, `Start "now" <b>`, tb.text("button"))
	tb.click("button")
	assert.Equal(t, "Welcome", tb.text("#room"))
	service.mu.Lock()
	assert.Equal(t, []url.Values{link.Params()}, service.forms)
	service.mu.Unlock()
	b.requireSecretive(partner.URL)
}
