package iomeetingtest_test

import (
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

// crowd is many people who use one server concurrently.
type crowd struct {
	site
	partner *partner
	hosts   map[string]iomeeting.Host // by email address
	sent    atomic.Int64              // requests

	mu  sync.Mutex
	ids []string // of the meetings that were scheduled or started
}

func (c *crowd) add(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids = append(c.ids, id)
}

// act does one of the things that can be done with a random host or a random
// meeting. Before there is a meeting, its ID is empty.
func (c *crowd) act(random *rand.Rand) {
	host := c.hosts[[]string{tess.Email, rene.Email, "ann@abc.com"}[random.IntN(3)]]
	var m iomeetingtest.Meeting
	if all := c.Meetings(); len(all) > 0 {
		m = all[random.IntN(len(all))]
	}
	switch random.IntN(8) {
	case 0, 1:
		operatorID := strconv.FormatUint(random.Uint64(), 10)
		c.add(c.scheduled(host, "meetingEndUrl", c.partner.URL, "operatorId", operatorID))
	case 2:
		v := c.start(host)
		assert.Contains(c.t, []int{200, 409}, v.Status)
		if v.Status == http.StatusOK {
			c.add(v.Meeting)
		}
	case 3, 4:
		assert.Contains(c.t, []int{200, 404, 409, 410}, c.startByID(m.ID, c.hosts[m.Host]).Status)
	case 5:
		assert.Contains(c.t, []int{200, 400, 409, 410}, c.joinByID(m.ID).Status)
	case 6:
		assert.Regexp(c.t, `^(0,,|3,\d{6},)$`, c.query(host).Body)
	default:
		c.FailNext(iomeetingtest.Delay(0), iomeetingtest.Pass().ForHost(host.Email))
		_ = c.Requests()
		_ = c.EndMeeting(m.ID) // it may have ended
		return
	}
	c.sent.Add(1)
}

// TestConcurrentUse lets a crowd use the server, and then checks that what it left
// is consistent.
func TestConcurrentUse(t *testing.T) {
	const people, acts = 16, 40
	ann := iomeeting.Host{Email: "ann@abc.com", Password: tess.Password}
	c := &crowd{
		site:    serve(t, tess, rene, ann),
		partner: newPartner(t, accept),
		hosts:   map[string]iomeeting.Host{tess.Email: tess, rene.Email: rene, ann.Email: ann},
	}
	var all sync.WaitGroup
	for i := range uint64(people) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(i, i))
			for range acts {
				c.act(random)
			}
		})
		all.Go(func() { c.Wrap(header("x")) })
	}
	all.Wait()
	require.Len(t, c.Requests(), int(c.sent.Load()))
	c.requireIDs()
	c.requireStates()
	c.requireCallbacks()
}

// requireIDs checks that every meeting was given an ID of its own.
func (c *crowd) requireIDs() {
	var listed []string
	for _, m := range c.Meetings() {
		listed = append(listed, m.ID)
	}
	slices.Sort(c.ids)
	require.Equal(c.t, c.ids, listed)
}

// requireStates checks that the pages and the calls agree with the states of the
// meetings, so that each host is in one meeting at most.
func (c *crowd) requireStates() {
	status := map[iomeetingtest.State]int{
		iomeetingtest.Scheduled: 409, iomeetingtest.InProgress: 200, iomeetingtest.Ended: 410,
	}
	running := make(map[string]string)
	for _, m := range c.Meetings() {
		require.Equal(c.t, status[m.State], c.joinByID(m.ID).Status)
		if m.State == iomeetingtest.InProgress {
			require.Empty(c.t, running[m.Host], "the host is in two meetings")
			running[m.Host] = m.ID
		}
	}
	for email, host := range c.hosts {
		want := "0,,"
		if id := running[email]; id != "" {
			want = "3," + id + ","
		}
		require.Equal(c.t, line(want), c.query(host))
	}
}

// requireCallbacks checks that the server has sent one callback for each meeting
// that ended, and does so for the others when they end.
func (c *crowd) requireCallbacks() {
	all := c.Meetings()
	ended := slices.DeleteFunc(slices.Clone(all), func(m iomeetingtest.Meeting) bool { return m.State != iomeetingtest.Ended })
	require.ElementsMatch(c.t, callbacksOf(ended), c.partner.callbacks())
	for _, m := range all {
		require.Equal(c.t, m.State == iomeetingtest.Ended, c.EndMeeting(m.ID) != nil)
	}
	require.ElementsMatch(c.t, callbacksOf(all), c.partner.callbacks())
}

// callbacksOf returns the callbacks that the ends of these meetings cause.
func callbacksOf(meetings []iomeetingtest.Meeting) []callback {
	var want []callback
	for _, m := range meetings {
		if m.EndURL != "" {
			want = append(want, postOf("/", form("operatorId", m.OperatorID).Encode()))
		}
	}
	return want
}
