package main

import (
	"context"
	"log"
	"sync"
	"time"

	"github.com/iomeeting/iomeeting-go"
)

const (
	// askEvery is the minimum time between two queries about an account. All
	// visitors who look at a page in that time see the same answer.
	askEvery = time.Second

	// askWithin bounds a query, so that a page does not wait for a silent service.
	askWithin = 5 * time.Second

	// asksAtOnce bounds the concurrent queries of a page.
	asksAtOnce = 16
)

// watch knows what the service last said about each account.
type watch struct {
	client   *iomeeting.Client
	every    time.Duration
	accounts map[string]*account // by email address
}

type account struct {
	host     iomeeting.Host
	turn     chan struct{} // full during a query; those who wait for it share its answer
	last     answer
	answered time.Time
}

// answer is what the service said about an account. The zero answer says nothing.
type answer struct {
	asked time.Time // before the query was sent
	state iomeeting.QueryResult
	err   error
}

// isIn reports whether the account is in the meeting of that booking.
func (a answer) isIn(b booking) bool {
	return a.err == nil && a.state.InMeeting && a.state.MeetingPassword == b.password
}

func newWatch(client *iomeeting.Client, hosts []iomeeting.Host) *watch {
	w := &watch{client, askEvery, make(map[string]*account)}
	for _, host := range hosts {
		w.accounts[host.Email] = &account{host: host, turn: make(chan struct{}, 1)}
	}
	return w
}

// ask returns what the service says about an account.
func (w *watch) ask(ctx context.Context, email string) answer {
	a, ok := w.accounts[email]
	if !ok { // an account of another server
		return answer{err: iomeeting.ErrHostNotFound}
	}
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	if time.Since(a.answered) >= w.every {
		a.last = w.query(ctx, a.host)
		a.answered = time.Now()
	}
	return a.last
}

func (w *watch) query(ctx context.Context, host iomeeting.Host) answer {
	// The first visitor may leave, but others wait for the answer as well.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
	defer cancel()
	asked := time.Now()
	state, err := w.client.Query(ctx, host)
	if err != nil {
		log.Print(err)
	}
	return answer{asked, state, err}
}

// askAll returns what the service says about accounts, by email address.
func (w *watch) askAll(ctx context.Context, emails []string) map[string]answer {
	var (
		mu      sync.Mutex
		answers = make(map[string]answer, len(emails))
		slots   = make(chan struct{}, asksAtOnce)
		asking  sync.WaitGroup
	)
	for _, email := range emails {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			heard := w.ask(ctx, email)
			mu.Lock()
			defer mu.Unlock()
			answers[email] = heard
		})
	}
	asking.Wait()
	return answers
}
