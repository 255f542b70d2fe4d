package iomeetingtest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

// TestOpenAndSubmit opens links in each way in which a browser opens them.
func TestOpenAndSubmit(t *testing.T) {
	tests := []struct {
		name string
		open func(s site, link iomeeting.Link) error
	}{
		{name: "Open", open: func(s site, link iomeeting.Link) error { return s.Open(link) }},
		{name: "ServePage", open: func(s site, link iomeeting.Link) error {
			w := httptest.NewRecorder()
			link.ServePage(w, httptest.NewRequest(http.MethodPost, "/open", nil), "进入会议")
			return s.Submit(w.Body)
		}},
		{name: "Form", open: func(s site, link iomeeting.Link) error {
			return s.Submit(strings.NewReader(`<!DOCTYPE html><form action="/confirm.do"></form><script>if (1 < 2 && 3 < 4) alert("<form>")</script><form action="/search"><input name="q"></form>` +
				string(link.Form("Start")) + `<form method="post" action="/logout"><button>Log out</button></form>`))
		}},
		{name: "HTMLShortcut", open: func(s site, link iomeeting.Link) error {
			var file bytes.Buffer
			require.NoError(s.t, link.WriteShortcut(&file, iomeeting.HTMLShortcut, "Weekly"))
			return s.Submit(&file)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			c := s.Client()
			password := iomeeting.NewSecret(`"<b>'&amp;+% é会😀`)
			title := strings.Repeat(`A_B & "C" + 100% 会`, 200) // too long for a URL
			start := must(c.Start(tess, &iomeeting.StartOptions{Title: title, MeetingPassword: password}))
			join := must(c.JoinByID("000001", &iomeeting.JoinOptions{MeetingPassword: password, UserName: "Zoë <3"}))
			unknown := must(c.StartByID("<1>", tess.Password))

			require.NoError(t, tt.open(s, start))
			require.NoError(t, tt.open(s, join))
			assert.Equal(t, title, s.Meetings()[0].Title)
			assert.Equal(t, "test@abc.com (host), Zoë <3 (participant)", s.startByID("000001", tess).People)
			require.EqualError(t, tt.open(s, start), "iomeetingtest: 409 Conflict: test@abc.com is already in meeting 000001.")
			require.EqualError(t, tt.open(s, unknown), `iomeetingtest: 404 Not Found: There is no meeting "<1>".`)
		})
	}
}

func TestOpenAndSubmitFail(t *testing.T) {
	s := serve(t, tess)
	start := must(s.Client().Start(tess, nil))
	form := string(start.Form("Start"))
	require.EqualError(t, s.Open(iomeeting.Link{}), "iomeetingtest: the link is empty")
	require.EqualError(t, s.Submit(strings.NewReader("<p>Please log in.</p>")), "iomeetingtest: the page has 0 forms of links, not 1")
	require.EqualError(t, s.Submit(strings.NewReader(form+form)), "iomeetingtest: the page has 2 forms of links, not 1")
	require.ErrorIs(t, s.Submit(iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF)
	elsewhere := must(serve(t, tess).Client().Start(tess, nil))
	require.ErrorContains(t, s.Open(elsewhere), "not to this server at "+s.URL)
	require.ErrorContains(t, s.Submit(strings.NewReader(string(elsewhere.Form("Start")))), "not to this server at "+s.URL)
	assert.Empty(t, s.Requests())

	s.Wrap(func(http.Handler) http.Handler { return respond(http.StatusBadGateway) })
	require.EqualError(t, s.Open(start), "iomeetingtest: 502 Bad Gateway")
	s.Close()
	require.Error(t, s.Open(start))
}
