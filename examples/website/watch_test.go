package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

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
	assert.True(t, heard.state.Available())
}

func TestAccountOfAnotherServer(t *testing.T) {
	p := newPartner(t, alice)
	assert.ErrorIs(t, p.site.watch.ask(t.Context(), bob.Email).err, iomeeting.ErrHostNotFound)
	assert.Empty(t, p.service.Requests())
}
