package main

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// TestVisitorsShareAnAnswer has many visitors look at the pages at the same time.
// Each account is queried once.
func TestVisitorsShareAnAnswer(t *testing.T) {
	p := newPartner(t, alice, bob)
	p.site.watch.every = time.Hour
	var visitors sync.WaitGroup
	for range 20 {
		visitors.Go(func() { p.get("/accounts") })
	}
	visitors.Wait()
	assert.Len(t, p.service.Requests(), 2)
	p.site.watch.every = 0
	p.get("/accounts")
	assert.Len(t, p.service.Requests(), 4)
}

// TestBoardAsksAboutLeasedAccounts shows that the board costs no query for
// accounts that are free.
func TestBoardAsksAboutLeasedAccounts(t *testing.T) {
	p := newPartner(t, alice, bob)
	p.get("/")
	assert.Empty(t, p.service.Requests())
	p.submit(p.post("/start", "title", title, "name", "Harriet"))
	before := len(p.service.Requests())
	p.get("/")
	assert.Len(t, p.service.Requests(), before+1)
}

func TestVisitorLeavesDuringAQuery(t *testing.T) {
	p := newPartner(t, alice)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	heard := p.site.watch.ask(ctx, alice.Email)
	assert.NoError(t, heard.err)
	assert.True(t, !heard.state.InMeeting)
}

func TestAccountOfAnotherServer(t *testing.T) {
	p := newPartner(t, alice)
	assert.ErrorIs(t, p.site.watch.ask(t.Context(), bob.Email).err, iomeeting.ErrHostNotFound)
	assert.Empty(t, p.service.Requests())
}

// silent is a service that does not answer.
type silent struct{}

func (silent) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// TestVisitorsShareASilence has visitors look at the same time while the service
// does not answer. None of them waits for the query of another and then for one
// more.
func TestVisitorsShareASilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := iomeeting.NewClient("https://abc.iomeeting.cn", iomeeting.WithHTTPClient(&http.Client{Transport: silent{}}))
		require.NoError(t, err)
		w := newWatch(client, []iomeeting.Host{alice})
		began := time.Now()
		var visitors sync.WaitGroup
		for range 10 {
			visitors.Go(func() {
				assert.ErrorIs(t, w.ask(t.Context(), alice.Email).err, context.DeadlineExceeded)
			})
		}
		visitors.Wait()
		assert.Equal(t, askWithin, time.Since(began))
	})
}
