package iomeetingtest_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// crowd is many people who use one server concurrently.
type crowd struct {
	site
	partner *partner
	hosts   []iomeeting.Host
	sent    atomic.Int64 // requests
	ids     sync.Map     // of the meetings that were scheduled or started
}

func (c *crowd) add(id string) {
	_, used := c.ids.LoadOrStore(id, true)
	assert.False(c.t, used, "two meetings were given the same ID")
}

// act does one of the things that can be done with a random host or a random meeting.
// Before there is a meeting, its ID is empty.
func (c *crowd) act(random *rand.Rand) {
	host := c.hosts[random.IntN(len(c.hosts))]
	var m iomeetingtest.Meeting
	if all := c.Meetings(); len(all) > 0 {
		m = all[random.IntN(len(all))]
	}
	c.sent.Add(1)
	switch random.IntN(7) {
	case 0:
		c.add(c.scheduled(host, fmt.Sprintf("operatorId=%d&meetingEndUrl=%s", random.Uint64(), c.partner.URL)))
	case 1:
		if v := c.start(host); v.Status == 200 {
			c.add(v.ID)
		}
	case 2, 3:
		assert.Contains(c.t, []int{200, 403, 404, 409, 410}, c.startByID(m.ID, host).Status)
	case 4:
		assert.Contains(c.t, []int{200, 400, 409, 410}, c.joinByID(m.ID).Status)
	case 5:
		assert.Regexp(c.t, `^200 (0,,|3,\d{6},)$`, c.query(host))
	default:
		c.sent.Add(-1)
		c.FailNext(iomeetingtest.Delay(0), iomeetingtest.Pass().ForHost(host.Email))
		c.Requests()
		_ = c.EndMeeting(m.ID) // it may have ended
	}
}

// TestConcurrentUse lets a crowd use the server, and then checks that what it left is
// consistent: IDs, states and callbacks.
func TestConcurrentUse(t *testing.T) {
	c := &crowd{site: serve(t, tess, ann), partner: newPartner(t, respond(200)), hosts: []iomeeting.Host{tess, ann}}
	var all sync.WaitGroup
	for i := range uint64(16) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(i, i))
			for range 40 {
				c.act(random)
			}
		})
		all.Go(func() { c.Wrap(header("x")) })
	}
	all.Wait()
	require.Len(t, c.Requests(), int(c.sent.Load()))

	var callbacks []string
	running := map[string]string{tess.Email: "200 0,,", ann.Email: "200 0,,"}
	for _, m := range c.Meetings() {
		_, ok := c.ids.LoadAndDelete(m.ID)
		require.True(t, ok, "nobody was given this ID")
		if m.State == iomeetingtest.InProgress {
			require.Equal(t, "200 0,,", running[m.Host], "the host is in two meetings")
			running[m.Host] = "200 3," + m.ID + ","
		}
		if m.State == iomeetingtest.Ended && m.EndURL != "" {
			callbacks = append(callbacks, "POST / operatorId="+m.OperatorID)
		}
	}
	c.ids.Range(func(id, _ any) bool { return assert.Fail(t, "no meeting has the ID", id) })
	require.ElementsMatch(t, callbacks, c.partner.callbacks())
	for _, host := range c.hosts {
		require.Equal(t, running[host.Email], c.query(host))
	}
}
