//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/iomeeting/iomeeting-go/iomeetingtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProcesses runs the program, reads its accounts again, and kills a server.
func TestProcesses(t *testing.T) {
	p := newPartner(t, 2)
	p.writeHosts(t, 1)
	cmd := exec.Command(os.Args[0], "-site="+p.site, "-hosts="+p.hostsFile, "-db="+p.db)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	var pids []int
	var page string
	for page == "" && lines.Scan() {
		if found := regexp.MustCompile(`process (\d+)$`).FindStringSubmatch(lines.Text()); found != nil {
			pid, _ := strconv.Atoi(found[1])
			pids = append(pids, pid)
		} else if found := regexp.MustCompile(`^Open (\S+) in`).FindStringSubmatch(lines.Text()); found != nil {
			page = found[1]
		}
	}
	require.Len(t, pids, 2, &log)
	_, html := send(t, "GET", page, "", nil)
	api := regexp.MustCompile(`data-api="([^"]+)"`).FindStringSubmatch(html)[1]
	start := func(key string) int {
		res, _ := send(t, "POST", api+"/bookings/"+key+"/start", page, url.Values{"title": {"Title of " + key}})
		return res.StatusCode
	}

	assert.Equal(t, 200, start("a"))
	assert.Equal(t, 429, start("b"), "the only account is in use")
	p.writeHosts(t, 2)
	for _, pid := range pids {
		require.NoError(t, syscall.Kill(pid, syscall.SIGHUP))
	}
	assert.Eventually(t, func() bool { return start("b") == 200 }, time.Minute, 10*time.Millisecond)

	require.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
	require.True(t, lines.Scan())
	assert.Equal(t, fmt.Sprintf("Process %d has ended: signal: killed", pids[0]), lines.Text())
	for range 5 {
		assert.Equal(t, 200, start("a"))
		assert.Equal(t, map[string]string{"a": "waiting", "b": "waiting"}, states(t, api))
	}
	assert.Equal(t, 2, p.schedules())
	for _, m := range p.service.Meetings() {
		require.NoError(t, p.service.EndMeeting(m.ID))
	}
	assert.Equal(t, map[string]string{"a": "over", "b": "over"}, states(t, api))

	// A request that has begun is served.
	p.service.FailNext(iomeetingtest.Pass(), iomeetingtest.Delay(300*time.Millisecond))
	last := make(chan int)
	go func() { last <- start("c") }()
	require.Eventually(t, func() bool { return p.schedules() == 3 }, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	assert.Equal(t, 200, <-last)
	require.True(t, lines.Scan())
	assert.Equal(t, fmt.Sprintf("Process %d has ended: exit status 0", pids[1]), lines.Text())
	assert.NoError(t, cmd.Wait())
	assert.NotContains(t, log.String(), password)
}
