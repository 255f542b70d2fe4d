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

// opened are the ways in which a browser opens a link.
var opened = []struct {
	name string
	open func(s site, link iomeeting.Link) error
}{
	{"Open", func(s site, link iomeeting.Link) error { return s.Open(link) }},
	{"ServePage", func(s site, link iomeeting.Link) error {
		w := httptest.NewRecorder()
		link.ServePage(w, httptest.NewRequest(http.MethodPost, "/open", nil), "进入会议")
		return s.Submit(w.Body)
	}},
	{"Form", func(s site, link iomeeting.Link) error {
		page := `<!DOCTYPE html><form action="/confirm.do"></form><script>if (1 < 2 && 3 < 4) alert("<form>")</script><form action="/search"><input name="q"></form>` +
			string(link.Form("Start")) + `<form method="post" action="/logout"><button>Log out</button></form>`
		return s.Submit(strings.NewReader(page))
	}},
	{"HTMLShortcut", func(s site, link iomeeting.Link) error {
		var file bytes.Buffer
		require.NoError(s.t, link.WriteShortcut(&file, iomeeting.HTMLShortcut, "Weekly"))
		return s.Submit(&file)
	}},
}

func TestBrowser(t *testing.T) {
	for _, way := range opened {
		t.Run(way.name, func(t *testing.T) {
			s := serve(t, tess, rene)
			c := s.Client()
			link := func(link iomeeting.Link, err error) iomeeting.Link {
				require.NoError(t, err)
				return link
			}
			password := iomeeting.NewSecret(`"<b>'&amp;+% é会😀`)
			start := link(c.Start(rene, &iomeeting.StartOptions{Title: `A_B & "C" + 100% 会`, MeetingPassword: password}))
			require.NoError(t, way.open(s, start))
			require.NoError(t, way.open(s, link(c.JoinByID("000001", &iomeeting.JoinOptions{MeetingPassword: password, UserName: "Zoë <3"}))))
			assert.Equal(t, `A_B & "C" + 100% 会`, s.Meetings()[0].Title)

			assert.EqualError(t, way.open(s, start), "iomeetingtest: 409 Conflict: renée+1@abc.com is already in meeting 000001.")
			assert.EqualError(t, way.open(s, link(c.JoinByID("000001", nil))),
				"iomeetingtest: 403 Forbidden: The password of meeting 000001 is wrong or missing.")
			assert.EqualError(t, way.open(s, link(c.StartByID("<1>", tess.Password))), `iomeetingtest: 404 Not Found: There is no meeting "<1>".`)
		})
	}
}

func TestBrowserFails(t *testing.T) {
	s := serve(t, tess)
	assert.EqualError(t, s.Open(iomeeting.Link{}), "iomeetingtest: the link is empty")
	start, err := s.Client().Start(tess, nil)
	require.NoError(t, err)
	form := string(start.Form("Start"))
	assert.EqualError(t, s.Submit(strings.NewReader("<p>Please log in.</p>")), "iomeetingtest: the page has 0 forms of links, not 1")
	assert.EqualError(t, s.Submit(strings.NewReader(form+form)), "iomeetingtest: the page has 2 forms of links, not 1")
	assert.ErrorIs(t, s.Submit(iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF)
	elsewhere, err := serve(t, tess).Client().Start(tess, nil)
	require.NoError(t, err)
	assert.ErrorContains(t, s.Open(elsewhere), "not to this server at "+s.URL)
	assert.ErrorContains(t, s.Submit(strings.NewReader(string(elsewhere.Form("Start")))), "not to this server at "+s.URL)
	assert.Empty(t, s.Requests())

	s.Wrap(func(http.Handler) http.Handler { return respond(http.StatusBadGateway) })
	assert.EqualError(t, s.Open(start), "iomeetingtest: 502 Bad Gateway")
	s.Close()
	assert.Error(t, s.Open(start))
}
