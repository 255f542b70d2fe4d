package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// TestBackend starts and joins meetings from a front end on another origin, in new
// tabs, and kills one of the two servers of the API.
func TestBackend(t *testing.T) {
	service := iomeetingtest.NewServer(alice)
	t.Cleanup(service.Close)
	url, servers := runBackend(t, service, alice)
	arrived := func(path string) (requests []iomeetingtest.Request) {
		for _, r := range service.Requests() {
			if r.Path == path {
				requests = append(requests, r)
			}
		}
		return requests
	}
	b := newBrowser(t)
	front := b.newTab()
	front.open(url)

	front.enter("#new input[name=title]", title)
	host := front.opened(chromedp.DoubleClick(chromedp.CSS("#new button"))) // one key, one meeting
	assert.Equal(t, "host", host.text("#role"))
	assert.Equal(t, service.URL+"/ssm.do", host.address())
	front.show()
	assert.Equal(t, title, front.text(`li[data-state="in progress"] h3`))
	require.Len(t, arrived("/meetingControl/schedule"), 1)

	require.NoError(t, servers[0].Kill())
	front.enter("#name", "Renée")
	participant := front.opened(chromedp.Click(chromedp.CSS(`li[data-state="in progress"] form[action$="/join"] button`)))
	assert.Equal(t, "Renée", participant.text("#name"))
	assert.Equal(t, "000001", participant.text("#meeting"))
	assert.Equal(t, service.URL+"/jm.do", participant.address())

	front.show()
	front.enter("#new input[name=title]", "One too many")
	host = front.opened(chromedp.Click(chromedp.CSS("#new button")))
	assert.Equal(t, "All meeting rooms are in use. Please try again later.", host.text("#problem"))
	front.show()
	assert.Equal(t, "One too many", front.text(`li[data-state="booked"] h3`))
	require.NoError(t, service.EndMeeting("000001"))
	assert.Equal(t, title, front.text(`li[data-state="over"] h3`))
	host.show()
	host.run(chromedp.Reload()) // as the page says
	assert.Equal(t, "000002", host.text("#meeting"))

	secrets := []string{hostPassword}
	for _, r := range arrived("/meetingControl/schedule") {
		secrets = append(secrets, r.PostForm.Get("meetingPassword"))
	}
	require.Len(t, secrets, 1+2)
	for _, r := range append(arrived("/ssm.do"), arrived("/jm.do")...) {
		assert.Equal(t, "POST", r.Method)
		assert.Empty(t, r.Query)
		assert.Empty(t, r.Header.Get("Referer"))
	}
	res, err := http.Get(ask(front, chromedp.Evaluate[string]("api")) + "/bookings")
	require.NoError(t, err)
	defer res.Body.Close()
	list, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	for _, secret := range secrets {
		assert.NotContains(t, string(list), secret)
	}
	b.requireSecretive(url, secrets...)
}

// opened returns the tab that a click opens.
func (t tab) opened(click step) tab {
	t.t.Helper()
	found := chromedp.WaitNewTarget(t.ctx, func(*target.Info) bool { return true })
	t.run(click)
	ctx, cancel := chromedp.NewContext(t.browser.ctx, chromedp.WithTargetID(<-found))
	t.t.Cleanup(cancel)
	return tab{t.browser, ctx}
}

// runBackend runs examples/backend, and returns the address of its front end and the
// servers of its API.
func runBackend(t *testing.T, service *iomeetingtest.Server, hosts ...iomeeting.Host) (url string, servers []*os.Process) {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "-C", "../../../examples/backend", "build", "-o", filepath.Join(dir, "backend"), ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	var accounts []map[string]string
	for _, host := range hosts {
		accounts = append(accounts, map[string]string{"Email": host.Email, "Password": host.Password.Reveal()})
	}
	content, err := json.Marshal(accounts)
	require.NoError(t, err)
	hostsFile := filepath.Join(dir, "hosts.json")
	require.NoError(t, os.WriteFile(hostsFile, content, 0o600))

	ctx, cancel := context.WithCancel(context.Background()) // t.Context ends before the browser does
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "backend"), "-site="+service.URL, "-hosts="+hostsFile)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(stdout); url == "" && lines.Scan(); {
		if found := regexp.MustCompile(`process (\d+)$`).FindStringSubmatch(lines.Text()); found != nil {
			pid, _ := strconv.Atoi(found[1])
			process, err := os.FindProcess(pid)
			require.NoError(t, err)
			servers = append(servers, process)
		} else if found := regexp.MustCompile(`^Open (\S+) in`).FindStringSubmatch(lines.Text()); found != nil {
			url = found[1]
		}
	}
	require.NotEmpty(t, url)
	require.Len(t, servers, 2)
	return url, servers
}
