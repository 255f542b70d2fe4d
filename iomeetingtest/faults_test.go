package iomeetingtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// TestFaultsOfASchedule makes a Schedule fail that would end a meeting.
func TestFaultsOfASchedule(t *testing.T) {
	tests := []struct {
		name           string
		fault          iomeetingtest.Fault
		answer, states string
		callbacks      int
	}{
		{name: "status 200", fault: iomeetingtest.HTTPStatus(200), answer: "200 HTTP status 200, set by FailNext\n", states: "in progress"},
		{name: "status 302", fault: iomeetingtest.HTTPStatus(302), answer: "302 HTTP status 302, set by FailNext\n", states: "in progress"},
		{name: "status 599", fault: iomeetingtest.HTTPStatus(599), answer: "599 HTTP status 599, set by FailNext\n", states: "in progress"},
		{name: "answer", fault: iomeetingtest.RawAnswer("<html>100% %d\xff\x00"), answer: "200 <html>100% %d\xff\x00", states: "in progress"},
		{name: "empty answer", fault: iomeetingtest.RawAnswer(""), answer: "200 ", states: "in progress"},
		{name: "delay", fault: iomeetingtest.Delay(time.Microsecond), answer: "200 0,000002", states: "ended, scheduled", callbacks: 1},
		{name: "pass", fault: iomeetingtest.Pass(), answer: "200 0,000002", states: "ended, scheduled", callbacks: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, p := serve(t, tess), newPartner(t, respond(200))
			s.running(tess, "meetingEndUrl="+p.URL)
			s.FailNext(tt.fault)
			assert.Equal(t, tt.answer, s.schedule(tess))
			assert.Equal(t, tt.states, s.states())
			assert.Len(t, p.callbacks(), tt.callbacks)
			assert.Regexp(t, "^200 0,", s.schedule(tess), "a fault is used once")
		})
	}
}

func TestDrop(t *testing.T) {
	s, p := serve(t, tess), newPartner(t, respond(200))
	s.running(tess, "meetingEndUrl="+p.URL)
	s.FailNext(iomeetingtest.Drop())
	_, _, err := s.do(http.MethodPost, schedulePath, validForm)
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, "ended, scheduled", s.states())
	assert.Len(t, p.callbacks(), 1)
	assert.Len(t, s.Requests(), 3)
}

func TestFaultsOfTheClient(t *testing.T) {
	s := serve(t, tess)
	c := s.Client()
	s.FailNext(iomeetingtest.Drop(), iomeetingtest.HTTPStatus(503))
	_, err := c.Query(t.Context(), tess)
	require.NoError(t, err, "the second retry succeeds")
	s.FailNext(iomeetingtest.Pass(), iomeetingtest.HTTPStatus(500))
	_, err = c.ScheduleIfAvailable(t.Context(), tess, nil)
	require.ErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
	assert.Len(t, s.Requests(), 5)
	assert.Empty(t, s.Meetings())
}

func TestBadFaults(t *testing.T) {
	for _, code := range []int{0, 199, 600} {
		message := fmt.Sprintf("iomeetingtest: HTTP status %d is not in the range 200 to 599", code)
		assert.PanicsWithValue(t, message, func() { iomeetingtest.HTTPStatus(code) })
	}
	assert.PanicsWithValue(t, "iomeetingtest: ForHost needs an email address", func() { iomeetingtest.Drop().ForHost("") })
	assert.PanicsWithValue(t, `iomeetingtest: "/snm.do" is not the path of a call`, func() { iomeetingtest.Drop().ForPath("/snm.do") })
	s := serve(t, tess)
	assert.PanicsWithValue(t, "iomeetingtest: FailNext was called with the zero Fault", func() {
		s.FailNext(iomeetingtest.HTTPStatus(500), iomeetingtest.Fault{}.ForHost(tess.Email))
	})
	assert.Equal(t, "200 0,,", s.query(tess), "neither was queued")
}

// TestFaultsAreRemovedInOrder sends other requests in between, which remove none.
func TestFaultsAreRemovedInOrder(t *testing.T) {
	s := serve(t, tess)
	s.FailNext(iomeetingtest.RawAnswer("first"), iomeetingtest.RawAnswer("second"))
	s.FailNext(iomeetingtest.RawAnswer("third"), iomeetingtest.Delay(0))
	assert.Equal(t, "000001", s.start(tess, "meetingPass=%01").ID)
	assert.Equal(t, "200 first", s.query(tess))
	assert.Equal(t, "404 404 page not found\n", s.send(http.MethodPost, "/nothing", validForm))
	assert.Equal(t, "405 method not allowed\n", s.send(http.MethodGet, queryPath, ""))
	assert.Equal(t, "400 the form cannot be read\n", s.send(http.MethodPost, queryPath, "%zz"))
	assert.Equal(t, "200 second", s.schedule(tess))
	assert.Equal(t, "200 third", s.query(tess))
	assert.Equal(t, "200 3,000001,\x01", s.query(tess), "an answer that net/http would not take for text")
	assert.Equal(t, "200 3,000001,\x01", s.query(tess))
}

// TestLimitedFaults has a queue in which each fault has an answer of its own.
func TestLimitedFaults(t *testing.T) {
	s := serve(t, tess, ann)
	fault := iomeetingtest.RawAnswer
	all := fault("5")
	s.FailNext(
		fault("1").ForHost(ann.Email),
		fault("2").ForPath(schedulePath),
		fault("3").ForHost(ann.Email).ForPath(schedulePath),
		fault("4").ForPath(schedulePath).ForHost(tess.Email),
		all.ForHost("nobody@abc.com"), // a copy
		all,
		fault("6").ForHost(ann.Email).ForHost(tess.Email).ForPath(schedulePath).ForPath(queryPath), // the last ones count
	)
	for _, want := range []string{"200 5", "200 6", "200 0,,"} {
		assert.Equal(t, want, s.query(tess))
	}
	for _, want := range []string{"200 2", "200 4", "200 0,000001"} {
		assert.Equal(t, want, s.schedule(tess))
	}
	assert.Equal(t, "200 1", s.query(ann))
	assert.Equal(t, "200 3", s.schedule(ann))
	assert.Equal(t, "200 1,,", s.send(http.MethodPost, queryPath+"?hostEmail=nobody@abc.com", ""), "the parameter is in the body")
	assert.Equal(t, "200 5", s.send(http.MethodPost, queryPath, "hostEmail=nobody@abc.com"), "a host without an account")
}

func TestDelayEndsWhenTheClientDisconnects(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, p := serve(t, tess), newPartner(t, func(http.ResponseWriter, *http.Request) { cancel() })
	s.running(tess, "meetingEndUrl="+p.URL)
	served := make(chan struct{})
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			close(served)
		})
	})
	s.FailNext(iomeetingtest.Delay(time.Hour))
	_, err := s.Client().Schedule(ctx, tess, nil)
	require.ErrorIs(t, err, context.Canceled)
	receive(t, served)
}
