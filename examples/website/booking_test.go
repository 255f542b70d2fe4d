package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
)

func TestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		at := func(minute int) time.Time { return begin.Add(time.Duration(minute) * time.Minute) }
		password := iomeeting.NewSecret("its own")
		in := func(minute int, password iomeeting.Secret) answer {
			return answer{at(minute), iomeeting.QueryResult{InMeeting: true, MeetingID: "1", MeetingPassword: password}, nil}
		}
		available := func(minute int) answer { return answer{asked: at(minute)} }
		silent := answer{asked: at(9), err: errors.New("no response")}
		time.Sleep(10 * time.Minute)
		soon, past := at(11), at(9)
		for _, test := range []struct {
			name    string
			booking booking
			held    bool
			heard   answer
			want    state
		}{
			{"called", booking{startBy: soon}, false, answer{}, unconfirmed},
			{"outcome unknown for long", booking{startBy: past}, false, answer{}, gone},
			{"failed", booking{startBy: soon, failed: true}, false, answer{}, gone},
			{"failed, but it ended", booking{startBy: soon, failed: true, ended: at(3)}, false, answer{}, ended},
			{"made", booking{lease: "l", startBy: soon}, true, available(9), waiting},
			{"made, in a meeting of others", booking{lease: "l", startBy: soon}, true, in(9, iomeeting.NewSecret("another")), waiting},
			{"never started", booking{lease: "l", startBy: past}, true, available(9), gone},
			{"started", booking{lease: "l", startBy: past}, true, in(9, password), inProgress},
			{"started, lease lost", booking{lease: "l", startBy: past}, false, in(9, password), inProgress},
			{"service silent", booking{lease: "l", startBy: past, started: at(2)}, true, silent, unknown},
			{"over", booking{lease: "l", startBy: past, started: at(2)}, true, available(9), ended},
			{"over, the next one is on", booking{lease: "l", startBy: past, started: at(2)}, true, in(9, iomeeting.NewSecret("next")), ended},
			{"over, lease taken", booking{lease: "l", startBy: past, started: at(2)}, false, answer{}, ended},
			{"old answer", booking{lease: "l", startBy: soon, started: at(9)}, true, available(8), waiting},
			{"end reported", booking{lease: "l", startBy: soon, ended: at(9)}, false, answer{}, ended},
			{"end reported after the answer", booking{lease: "l", startBy: soon, ended: at(9)}, true, in(8, password), ended},
			{"end of another attempt reported", booking{lease: "l", startBy: soon, ended: at(8)}, true, in(9, password), inProgress},
		} {
			test.booking.password = password
			assert.Equal(t, test.want, test.booking.state(test.held, test.heard), test.name)
		}
	})
}

func TestBooks(t *testing.T) {
	var b books
	b.update("x", func(*booking) { t.Error("there is no such booking") })
	assert.Empty(t, b.all())
	b.add(booking{id: "old", created: time.Unix(1, 0)})
	b.add(booking{id: "new", created: time.Unix(2, 0)})
	b.update("old", func(b *booking) { b.title = "changed" })
	assert.Equal(t, "changed", b.get("old").title)
	assert.Equal(t, booking{}, b.get("x"))
	all := b.all()
	assert.Equal(t, []string{"new", "old"}, []string{all[0].id, all[1].id})
}
