package iomeetingtest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// known is what a test knows of a meeting.
type known struct {
	host       iomeeting.Host
	operatorID string // "" if the meeting has no end URL
}

// crowd is many people who use one service at once.
type crowd struct {
	site
	user  *user
	hosts []iomeeting.Host

	mu       sync.Mutex
	meetings map[string]known // by ID
}

func (c *crowd) add(id string, m known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	assert.Regexp(c.t, `^\d{6}$`, id)
	assert.NotContains(c.t, c.meetings, id, "an ID was given twice")
	c.meetings[id] = m
}

// someMeeting returns a meeting, or an empty ID while there is none.
func (c *crowd) someMeeting(random *rand.Rand) (id string, m known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.meetings) == 0 {
		return "", known{}
	}
	ids := slices.Sorted(maps.Keys(c.meetings))
	id = ids[random.IntN(len(ids))]
	return id, c.meetings[id]
}

// act does one of the things that can be done, and returns how many requests
// that took.
func (c *crowd) act(random *rand.Rand) int64 {
	host := c.hosts[random.IntN(len(c.hosts))]
	id, m := c.someMeeting(random)
	switch random.IntN(8) {
	case 0, 1:
		operatorID := strconv.FormatUint(random.Uint64(), 10)
		c.add(c.scheduled(host, "meetingEndUrl", c.user.URL, "operatorId", operatorID), known{host, operatorID})
		return 1
	case 2:
		v := c.start(host)
		assert.Contains(c.t, []int{200, 409}, v.Status)
		if v.Status == http.StatusOK {
			c.add(v.Meeting, known{host, ""})
		}
		return 1
	case 3, 4:
		assert.Contains(c.t, []int{200, 404, 409, 410}, c.startByID(id, m.host).Status)
		return 1
	case 5:
		assert.Contains(c.t, []int{200, 400, 409, 410}, c.joinByID(id).Status)
		assert.Contains(c.t, []int{200, 409}, c.open("/jm.do", "hostEmail", host.Email).Status)
		return 2
	case 6:
		assert.Regexp(c.t, `^(0,,|3,\d{6},)$`, c.query(host).Body)
		return 1
	default:
		c.FailNext(iomeetingtest.Delay(0), iomeetingtest.Pass())
		_ = c.Requests()
		_ = c.EndMeeting(id) // it may have ended
		return 0
	}
}

// endings returns how often each operator ID was told.
func (c *crowd) endings() map[string]int {
	times := make(map[string]int)
	for _, told := range c.user.wasTold() {
		times[told.Body]++
	}
	return times
}

// TestManyAtOnce lets a crowd at the service, and then looks whether what it
// left fits together.
func TestManyAtOnce(t *testing.T) {
	const people, acts = 16, 40
	hosts := []iomeeting.Host{tess, rene, {Email: "ann@abc.com", Password: tess.Password}}
	c := &crowd{site: serve(t, hosts...), user: newUser(t, accept), hosts: hosts, meetings: make(map[string]known)}
	var sent atomic.Int64
	var all sync.WaitGroup
	for i := range uint64(people) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(i, i))
			for range acts {
				sent.Add(c.act(random))
			}
		})
	}
	all.Wait()
	require.Len(t, c.Requests(), int(sent.Load()))
	c.requireIDs()
	c.requireOneRunningMeetingEach()
	c.requireEndings()
}

// requireIDs checks that the IDs are those of the first meetings.
func (c *crowd) requireIDs() {
	var want []string
	for i := range len(c.meetings) {
		want = append(want, fmt.Sprintf("%06d", i+1))
	}
	require.Equal(c.t, want, slices.Sorted(maps.Keys(c.meetings)))
}

// requireOneRunningMeetingEach compares the pages of all meetings with what
// query says of their hosts.
func (c *crowd) requireOneRunningMeetingEach() {
	running := make(map[string][]string)
	for id, m := range c.meetings {
		if c.joinByID(id).Status == http.StatusOK {
			running[m.host.Email] = append(running[m.host.Email], id)
		}
	}
	for _, h := range c.hosts {
		switch ids := running[h.Email]; len(ids) {
		case 0:
			require.Equal(c.t, line("0,,"), c.query(h))
		case 1:
			require.Equal(c.t, line("3,"+ids[0]+","), c.query(h))
		default:
			require.Fail(c.t, "a host is in several meetings", ids)
		}
	}
}

// requireEndings checks that the meetings which have ended were told so, and
// ends the others.
func (c *crowd) requireEndings() {
	before, want := make(map[string]int), make(map[string]int)
	told := c.endings()
	for id, m := range c.meetings {
		over := c.joinByID(id).Status == http.StatusGone
		err := c.EndMeeting(id)
		require.Equal(c.t, over, err != nil)
		if m.operatorID == "" {
			continue
		}
		body := form("operatorId", m.operatorID).Encode()
		want[body] = 1
		if over {
			before[body] = 1
		}
	}
	require.Equal(c.t, before, told)
	require.Equal(c.t, want, c.endings())
}
