// Package browser opens links, shortcuts, the command, the example website and the front
// end of the example backend in Chromium.
package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

const hostPassword = "c4n&ry of alice"

var alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret(hostPassword)}

// patience ends a test whose browser hangs. No other result depends on it.
const patience = 90 * time.Second

// browser is a Chromium with a profile of its own.
type browser struct {
	t       *testing.T
	ctx     context.Context
	close   func()
	profile string

	mu      sync.Mutex
	visited []visit
	dialogs []string
}

// visit is a request that the browser made.
type visit struct {
	url, referer string
	form         url.Values // what the browser POSTed
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	// Chromium still writes to its profile while the test's folders are removed.
	profile, err := os.MkdirTemp("", "profile")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	b := &browser{t: t, profile: profile}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-popup-blocking", false), // as for people
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-back-forward-cache", true), // chromedp does not see a page that is restored from it
	)
	ctx, cancelTime := context.WithTimeout(context.Background(), patience) // t.Context ends before the browser does
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	b.ctx, _ = chromedp.NewContext(ctx)
	require.NoError(t, chromedp.Do(b.ctx), "these tests need Chromium; on Debian: apt-get install chromium")
	b.close = sync.OnceFunc(func() {
		assert.NoError(t, chromedp.Cancel(b.ctx)) // waits for the browser's end
		cancelAllocator()
		cancelTime()
	})
	t.Cleanup(b.close)
	return b
}

// tab is a page of the browser.
type tab struct {
	*browser
	ctx context.Context
}

func (b *browser) newTab(steps ...step) tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	tb := tab{b, ctx}
	require.NoError(b.t, chromedp.Listen(ctx, b.observe))
	tb.run(command(network.Enable, network.EnableParams{}), command(page.Enable, page.EnableParams{}))
	tb.run(steps...)
	return tb
}

type step = chromedp.Action[chromedp.Void]

// command is a step that sends one command of the protocol.
func command[P, R any](c cdp.Command[P, R], params P) step {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})
}

func (b *browser) observe(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		referer, _ := e.Request.Headers["Referer"].(string)
		var body []byte
		for _, entry := range e.Request.PostDataEntries {
			body = append(body, entry.Bytes...)
		}
		form, err := url.ParseQuery(string(body))
		assert.NoError(b.t, err)
		b.visited = append(b.visited, visit{e.Request.URL, referer, form})
	case *page.EventJavascriptDialogOpening:
		b.dialogs = append(b.dialogs, e.Message)
	}
}

func (t tab) run(steps ...step) {
	t.t.Helper()
	require.NoError(t.t, chromedp.Do(t.ctx, steps...))
}

func (t tab) open(url string) { t.t.Helper(); t.run(chromedp.Navigate(url)) }

// show brings the tab to the front: the website refreshes the pages that are seen.
func (t tab) show() { t.t.Helper(); t.run(command(page.BringToFront, cdp.Empty{})) }

// enter types text into a field.
func (t tab) enter(field chromedp.CSS, text string) {
	t.t.Helper()
	t.run(chromedp.Focus(field), command(input.InsertText, input.InsertTextParams{Text: text}))
}

func (t tab) click(button chromedp.CSS) { t.t.Helper(); t.run(chromedp.Click(button)) }

// waitFor waits until an element is there, perhaps on the page after this one.
func (t tab) waitFor(element chromedp.CSS) {
	t.t.Helper()
	err := chromedp.Do(t.ctx, chromedp.WaitVisible(element))
	for err != nil && strings.Contains(err.Error(), "Inspected target navigated") {
		err = chromedp.Do(t.ctx, chromedp.WaitVisible(element))
	}
	require.NoError(t.t, err)
}

// text returns the text of an element, once it is there.
func (t tab) text(element chromedp.CSS) string {
	t.t.Helper()
	t.waitFor(element)
	return strings.TrimSpace(ask(t, chromedp.TextContent(element)))
}

// address returns the URL that the tab shows.
func (t tab) address() string { t.t.Helper(); return ask(t, chromedp.Location()) }

// ask returns what an action finds out.
func ask[T any](t tab, action chromedp.Action[T]) T {
	t.t.Helper()
	found, err := chromedp.Run(t.ctx, action)
	require.NoError(t.t, err)
	return found
}

// requireSecretive checks that none of the secrets, and none of the passwords that the
// browser POSTed, appears in a URL or a Referer of the browser, or in its History, in
// any form. It closes the browser.
func (b *browser) requireSecretive(known string, secrets ...string) {
	b.t.Helper()
	b.close()
	b.mu.Lock()
	defer b.mu.Unlock()
	files, err := filepath.Glob(filepath.Join(b.profile, "Default", "History*"))
	require.NoError(b.t, err)
	var history strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(b.t, err)
		history.Write(content)
	}
	require.Contains(b.t, history.String(), known, "the History holds what was visited")
	for _, v := range b.visited {
		sent := slices.Concat(v.form["hostPass"], v.form["meetingPass"], v.form["observerPass"])
		require.False(b.t, len(sent) > 0 && v.referer != "", v.referer)
		secrets = append(secrets, sent...)
	}
	require.NotEmpty(b.t, secrets)
	for _, secret := range secrets {
		for _, form := range formsOf(secret) {
			require.NotContains(b.t, history.String(), form)
			for _, v := range b.visited {
				require.NotContains(b.t, v.url, form)
				require.NotContains(b.t, v.referer, form)
			}
		}
	}
	require.Empty(b.t, b.dialogs)
}

// build builds a program of the repository, in the root module, which has what the
// program depends on.
func build(t *testing.T, program string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "program")
	output, err := exec.Command("go", "-C", "../../..", "build", "-o", binary, program).CombinedOutput()
	require.NoError(t, err, string(output))
	return binary
}

// newWebsite starts the example website, and returns its URL.
func newWebsite(t *testing.T) (url string) {
	t.Helper()
	website := exec.CommandContext(t.Context(), build(t, "./examples/website"))
	out, err := website.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, website.Start())
	t.Cleanup(func() { _ = website.Wait() })
	_, err = fmt.Fscanf(out, "Open %s in a browser.\n", &url)
	require.NoError(t, err)
	return url
}
