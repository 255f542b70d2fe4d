package iomeeting_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

const (
	isEmpty    = "is empty"
	notUTF8    = "is not valid UTF-8"
	isControl  = "contains a control character"
	forbidden  = "contains a space, a backslash, a control character or invalid UTF-8"
	noHTTPS    = "must start with https://"
	insecure   = "must start with https://, because http sends passwords in plain text; WithInsecureHTTP allows it"
	noHost     = "has no valid host name"
	noPort     = "has a port outside the range 1 to 65535"
	notASCII   = "has a host name that is not ASCII; use its Punycode form, such as xn--bcher-kva.example"
	dots       = "must not contain . or .. in its path"
	notEndURL  = "is not an absolute http or https URL"
	withUser   = "must not contain a user name or password"
	withQuery  = "must not contain a query"
	withAnchor = "must not contain a fragment"
)

func TestBadSite(t *testing.T) {
	tests := []struct{ site, reason string }{
		{"", noHTTPS},
		{"abc.iomeeting.cn", noHTTPS},
		{"abc.iomeeting.cn:443", noHTTPS},
		{"//abc.iomeeting.cn", noHTTPS},
		{"localhost:8080", noHTTPS},
		{"ftp://abc.iomeeting.cn", noHTTPS},
		{"javascript:alert(1)", noHTTPS},
		{"http://abc.iomeeting.cn", insecure},
		{"http://128.0.0.1", insecure},
		{"http://127.0.0.1.example", insecure},
		{"http://localhost.example", insecure},
		{"http://[2001:db8::1]", insecure},
		{"https://", noHost},
		{"https:abc.iomeeting.cn", noHost},
		{"https:///a", noHost},
		{"https://:443", noHost},
		{"https://a<b", noHost},
		{"https://a,b", noHost},
		{"https://a%20b", "is not a URL"},
		{"https://[::1", "is not a URL"},
		{"https://user@abc.iomeeting.cn", withUser},
		{"https://user:secret@abc.iomeeting.cn", withUser},
		{"https://@abc.iomeeting.cn", withUser},
		{"https://abc.iomeeting.cn?", withQuery},
		{"https://abc.iomeeting.cn/?a=b", withQuery},
		{"https://abc.iomeeting.cn#", withAnchor},
		{"https://abc.iomeeting.cn/#a", withAnchor},
		{"https://abc.iomeeting.cn:", noPort},
		{"https://abc.iomeeting.cn:0", noPort},
		{"https://abc.iomeeting.cn:65536", noPort},
		{"https://abc.iomeeting.cn:99999", noPort},
		{"https://abc.iomeeting.cn:https", "is not a URL"},
		{"https://abc.iomeeting.cn/..", dots},
		{"https://abc.iomeeting.cn/a/../b", dots},
		{"https://abc.iomeeting.cn/./a", dots},
		{"https://abc.iomeeting.cn/%2e%2E/a", dots},
		{"https://abc.iomeeting.cn/%zz", "is not a URL"},
		{"https://abc.iomeeting.cn/a/..;v=1/b", dots},
		{"https://abc.iomeeting.cn/.;/b", dots},
		{"https://abc.iomeeting.cn/%5c..%5c", "contains a backslash or a control character in its path"},
		{"https://abc.iomeeting.cn/%0d%0aX", "contains a backslash or a control character in its path"},
		{"https://abc.iomeeting.cn/%00", "contains a backslash or a control character in its path"},
		{"https://a..b", noHost},
		{"https://.", noHost},
		{"https://..", noHost},
		{"https://.a", noHost},
		{"https://[fe80::1%25eth0]", noHost},
		{"http://localho\u017ft", notASCII},
		{"https://bücher.example", notASCII},
		{"https://会议.example", notASCII},
		{"https://a\u200bb.example", notASCII},
		{`https://abc.iomeeting.cn\a`, forbidden},
		{"https://abc.iomeeting.cn\n", forbidden},
		{" https://abc.iomeeting.cn", forbidden},
		{"https://abc.iomeeting.cn/a b", forbidden},
		{"https://abc.iomeeting.cn/\x00", forbidden},
		{"https://abc.iomeeting.cn/\u00a0", forbidden},
		{"https://abc.iomeeting.cn/\xff", forbidden},
	}
	for _, tt := range tests {
		t.Run(tt.site, func(t *testing.T) {
			c, err := iomeeting.NewClient(tt.site)
			assert.Nil(t, c)
			requireParameterError(t, err, "site", tt.reason)
		})
	}
}

func TestInsecureHTTP(t *testing.T) {
	c, err := iomeeting.NewClient("http://abc.iomeeting.cn", iomeeting.WithInsecureHTTP())
	require.NoError(t, err)
	link, err := c.JoinByID("123456", nil)
	require.NoError(t, err)
	assert.Equal(t, "http://abc.iomeeting.cn/jm.do?meetingID=123456", link.URL())

	_, err = iomeeting.NewClient("ftp://abc.iomeeting.cn", iomeeting.WithInsecureHTTP())
	requireParameterError(t, err, "site", noHTTPS)
}

func TestBadOptions(t *testing.T) {
	tests := []struct {
		option        iomeeting.Option
		param, reason string
	}{
		{nil, "option", "is nil"},
		{iomeeting.WithHTTPClient(nil), "httpClient", "is nil"},
		{iomeeting.WithLogger(nil), "logger", "is nil"},
		{iomeeting.WithTimeout(-time.Second), "timeout", "is negative"},
		{iomeeting.WithRetries(-1), "retries", "is negative"},
		{iomeeting.WithUserAgent(""), "userAgent", isEmpty},
		{iomeeting.WithUserAgent("a\r\nb: c"), "userAgent", isControl},
		{iomeeting.WithUserAgent("\xff"), "userAgent", notUTF8},
	}
	for _, tt := range tests {
		t.Run(tt.param+" "+tt.reason, func(t *testing.T) {
			c, err := iomeeting.NewClient(site, iomeeting.WithRetries(1), tt.option)
			assert.Nil(t, c)
			requireParameterError(t, err, tt.param, tt.reason)
		})
	}
}

func TestGoodOptions(t *testing.T) {
	_, err := iomeeting.NewClient(site,
		iomeeting.WithHTTPClient(&http.Client{}),
		iomeeting.WithLogger(slog.New(slog.DiscardHandler)),
		iomeeting.WithTimeout(0),
		iomeeting.WithRetries(0),
		iomeeting.WithUserAgent("会议/1.0"),
	)
	require.NoError(t, err)
}

// TestBadParameters passes each method a bad value for each of its parameters, and
// checks that nothing is sent.
func TestBadParameters(t *testing.T) {
	mock := httpmock.NewMockTransport() // without a responder
	c := newClient(t, over(mock))
	ctx := t.Context()
	secret := iomeeting.NewSecret

	// call passes v as the parameter.
	type method struct {
		name, param string
		required    bool
		call        func(v string) error
	}
	start := func(h iomeeting.Host, o iomeeting.StartOptions) error {
		link, err := c.Start(h, &o)
		assert.Equal(t, iomeeting.Link{}, link)
		return err
	}
	join := func(email string, o *iomeeting.JoinOptions) error {
		link, err := c.Join(email, o)
		assert.Equal(t, iomeeting.Link{}, link)
		return err
	}
	joinByID := func(id string, o *iomeeting.JoinOptions) error {
		link, err := c.JoinByID(id, o)
		assert.Equal(t, iomeeting.Link{}, link)
		return err
	}
	query := func(h iomeeting.Host) error {
		got, err := c.Query(ctx, h)
		assert.Zero(t, got)
		return err
	}
	methods := []method{
		{"Start", "hostEmail", true, func(v string) error {
			return start(iomeeting.Host{Email: v, Password: host.Password}, iomeeting.StartOptions{})
		}},
		{"Start", "hostPass", true, func(v string) error {
			return start(iomeeting.Host{Email: host.Email, Password: secret(v)}, iomeeting.StartOptions{})
		}},
		{"Start", "meetingPass", false, func(v string) error {
			return start(host, iomeeting.StartOptions{MeetingPassword: secret(v)})
		}},
		{"Start", "observerPass", false, func(v string) error {
			return start(host, iomeeting.StartOptions{ObserverPassword: secret(v)})
		}},
		{"StartByID", "meetingID", true, func(v string) error {
			_, err := c.StartByID(v, host.Password)
			return err
		}},
		{"StartByID", "hostPass", true, func(v string) error {
			_, err := c.StartByID("123456", secret(v))
			return err
		}},
		{"Join", "hostEmail", true, func(v string) error { return join(v, nil) }},
		{"Join", "meetingPass", false, func(v string) error {
			return join(host.Email, &iomeeting.JoinOptions{MeetingPassword: secret(v)})
		}},
		{"Join", "observerPass", false, func(v string) error {
			return join(host.Email, &iomeeting.JoinOptions{ObserverPassword: secret(v)})
		}},
		{"JoinByID", "meetingID", true, func(v string) error { return joinByID(v, nil) }},
		{"JoinByID", "meetingPass", false, func(v string) error {
			return joinByID("123456", &iomeeting.JoinOptions{MeetingPassword: secret(v)})
		}},
		{"JoinByID", "observerPass", false, func(v string) error {
			return joinByID("123456", &iomeeting.JoinOptions{ObserverPassword: secret(v)})
		}},
		{"Query", "hostEmail", true, func(v string) error {
			return query(iomeeting.Host{Email: v, Password: host.Password})
		}},
		{"Query", "hostPassword", true, func(v string) error {
			return query(iomeeting.Host{Email: host.Email, Password: secret(v)})
		}},
	}
	for name, schedule := range map[string]func(context.Context, iomeeting.Host, *iomeeting.ScheduleOptions) (iomeeting.ScheduleResult, error){
		"Schedule":            c.Schedule,
		"ScheduleIfAvailable": c.ScheduleIfAvailable,
	} {
		call := func(h iomeeting.Host, o iomeeting.ScheduleOptions) error {
			got, err := schedule(ctx, h, &o)
			assert.Zero(t, got)
			return err
		}
		methods = append(methods,
			method{name, "hostEmail", true, func(v string) error {
				return call(iomeeting.Host{Email: v, Password: host.Password}, iomeeting.ScheduleOptions{})
			}},
			method{name, "hostPassword", true, func(v string) error {
				return call(iomeeting.Host{Email: host.Email, Password: secret(v)}, iomeeting.ScheduleOptions{})
			}},
			method{name, "meetingPassword", false, func(v string) error {
				return call(host, iomeeting.ScheduleOptions{MeetingPassword: secret(v)})
			}},
			method{name, "meetingEndUrl", false, func(v string) error {
				return call(host, iomeeting.ScheduleOptions{EndURL: v})
			}},
			method{name, "operatorId", false, func(v string) error {
				return call(host, iomeeting.ScheduleOptions{OperatorID: v})
			}},
		)
	}

	values := []struct{ value, reason string }{
		{"canary\x00", isControl},
		{"canary\r\nX: y", isControl},
		{"canary\n", isControl},
		{"\tcanary", isControl},
		{"canary\x7f", isControl},
		{"canary\u0085", isControl},
		{"canary\xff", notUTF8},
		{"canary\xed\xa0\x80", notUTF8},
	}
	for _, m := range methods {
		t.Run(m.name+" "+m.param, func(t *testing.T) {
			if m.required {
				requireParameterError(t, m.call(""), m.param, isEmpty)
			}
			for _, v := range values {
				requireParameterError(t, m.call(v.value), m.param, v.reason)
			}
		})
	}
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestInvalidTexts(t *testing.T) {
	c := newClient(t)
	_, err := c.Start(host, &iomeeting.StartOptions{Title: "canary\xff"})
	requireParameterError(t, err, "title", notUTF8)
	_, err = c.Join(host.Email, &iomeeting.JoinOptions{UserName: "canary\xff"})
	requireParameterError(t, err, "userName", notUTF8)
	_, err = c.JoinByID("123456", &iomeeting.JoinOptions{UserName: "canary\xff"})
	requireParameterError(t, err, "userName", notUTF8)
}

// TestControlCharactersInTitle checks that a title may contain control characters,
// which other parameters may not. Titles are encoded as ASCII.
func TestControlCharactersInTitle(t *testing.T) {
	link, err := newClient(t).Start(host, &iomeeting.StartOptions{Title: "a\r\nb\x00"})
	require.NoError(t, err)
	assert.Equal(t, "a_0D_0Ab_00", link.Params().Get("title"))
}

func TestBothJoinPasswords(t *testing.T) {
	c := newClient(t)
	opts := &iomeeting.JoinOptions{
		MeetingPassword:  iomeeting.NewSecret("canary"),
		ObserverPassword: iomeeting.NewSecret("canary"),
	}
	_, err := c.Join(host.Email, opts)
	requireParameterError(t, err, "observerPass", "cannot be sent together with meetingPass")
	_, err = c.JoinByID("123456", opts)
	requireParameterError(t, err, "observerPass", "cannot be sent together with meetingPass")
}

func TestBadEndURL(t *testing.T) {
	mock := httpmock.NewMockTransport()
	c := newClient(t, over(mock))
	for _, endURL := range []string{
		"ended", "/ended", "//partner.example/ended", "partner.example/ended", "https:", "https://",
		"https:///ended", "https://:443/ended", "https:partner.example", "ftp://partner.example",
		"mailto:canary@partner.example", "https://partner.example:0/", "https://partner.example:65536/", "https://partner.example:99999/",
		"https://partner.example:/", "https://partner.example/%zz", "https://[::1/",
	} {
		_, err := c.Schedule(t.Context(), host, &iomeeting.ScheduleOptions{EndURL: endURL})
		requireParameterError(t, err, "meetingEndUrl", notEndURL)
	}
	for _, tt := range []struct{ endURL, reason string }{
		{"https://partner.example/ended ", forbidden},
		{" https://partner.example/ended", forbidden},
		{"https://partner.example/meeting ended", forbidden},
		{"https://partner.example/a\u3000b", forbidden},
		{`https://partner.example\ended`, forbidden},
		{"https://partner..example/", noHost},
		{"https://.partner.example/", noHost},
		{"https://partner<.example/", noHost},
		{`https://"partner.example"/`, noHost},
		{"https://'partner.example'/", noHost},
		{"https://partner\u200b.example/", notASCII},
		{"https://bücher.example/ended", notASCII},
	} {
		_, err := c.Schedule(t.Context(), host, &iomeeting.ScheduleOptions{EndURL: tt.endURL})
		requireParameterError(t, err, "meetingEndUrl", tt.reason)
		requireParameterError(t, iomeeting.ScheduleOptions{EndURL: tt.endURL}.Validate(), "meetingEndUrl", tt.reason)
	}
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestGoodEndURL(t *testing.T) {
	for _, endURL := range []string{
		"http://partner.example", "https://partner.example:8443/ended?a=b&c=%20#d",
		"http://my-partner.example:1/", "http://my_partner.example.:65535",
		"HTTP://10.0.0.1/会议", "https://[::1]/ended",
	} {
		mock, arrivals := answering(t, scheduleURL, "0,1")
		_, err := newClient(t, over(mock)).Schedule(t.Context(), host, &iomeeting.ScheduleOptions{EndURL: endURL})
		require.NoError(t, err)
		form, err := url.ParseQuery((*arrivals)[0].body)
		require.NoError(t, err)
		assert.Equal(t, endURL, form.Get("meetingEndUrl"))
	}
}

// TestOperatorIDNeedsEndURL checks that an operator ID without EndURL, which the
// service would send to nobody, is refused. EndURL without an operator ID is valid.
func TestOperatorIDNeedsEndURL(t *testing.T) {
	mock := httpmock.NewMockTransport()
	c := newClient(t, over(mock))
	opts := &iomeeting.ScheduleOptions{OperatorID: "canary"}
	const reason = "has no effect without meetingEndUrl"
	requireParameterError(t, opts.Validate(), "operatorId", reason)
	_, err := c.Schedule(t.Context(), host, opts)
	requireParameterError(t, err, "operatorId", reason)
	_, err = c.ScheduleIfAvailable(t.Context(), host, opts)
	requireParameterError(t, err, "operatorId", reason)
	assert.Zero(t, mock.GetTotalCallCount())

	opts = &iomeeting.ScheduleOptions{EndURL: "https://partner.example/ended"}
	require.NoError(t, opts.Validate())
	mock, arrivals := answering(t, scheduleURL, "0,1")
	_, err = newClient(t, over(mock)).Schedule(t.Context(), host, opts)
	require.NoError(t, err)
	require.Len(t, *arrivals, 1)
	assert.Contains(t, (*arrivals)[0].body, "&meetingEndUrl=https%3A%2F%2Fpartner.example%2Fended&")
	assert.Contains(t, (*arrivals)[0].body, "&operatorId=")
	assert.NotContains(t, (*arrivals)[0].body, "canary")
}

func TestNilContext(t *testing.T) {
	mock := httpmock.NewMockTransport()
	c := newClient(t, over(mock))
	var ctx context.Context
	_, err := c.Query(ctx, host)
	requireParameterError(t, err, "ctx", "is nil")
	_, err = c.Schedule(ctx, host, nil)
	requireParameterError(t, err, "ctx", "is nil")
	_, err = c.ScheduleIfAvailable(ctx, host, nil)
	requireParameterError(t, err, "ctx", "is nil")
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestZeroClient(t *testing.T) {
	const reason = "is missing: the Client was not made by NewClient"
	var c iomeeting.Client
	_, err := c.Start(host, nil)
	requireParameterError(t, err, "site", reason)
	_, err = c.JoinByID("123456", nil)
	requireParameterError(t, err, "site", reason)
	_, err = c.Query(t.Context(), host)
	requireParameterError(t, err, "site", reason)
	_, err = c.ScheduleIfAvailable(t.Context(), host, nil)
	requireParameterError(t, err, "site", reason)
}

func FuzzSite(f *testing.F) {
	for _, s := range []string{
		"https://abc.iomeeting.cn/a%2Fb/", "http://[::1]:80", "https://a.例え", "https://u:p@h",
		"https://h/%2e%2e", "https://h:0", "https://h?", `https://h\`, "https://[fe80::1%25eth0]/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, site string) {
		c, err := iomeeting.NewClient(site, iomeeting.WithInsecureHTTP())
		if err != nil {
			require.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
			return
		}
		given, err := url.Parse(site)
		require.NoError(t, err)
		link, err := c.JoinByID("0&1", nil)
		require.NoError(t, err)
		made, err := url.Parse(link.URL())
		require.NoError(t, err)
		require.Equal(t, given.Scheme, made.Scheme)
		require.Equal(t, given.Host, made.Host)
		require.Equal(t, strings.TrimRight(given.EscapedPath(), "/")+"/jm.do", made.EscapedPath())
		require.Equal(t, url.Values{"meetingID": {"0&1"}}, made.Query())
		require.Empty(t, made.Fragment)
		require.Nil(t, made.User)
	})
}
