package iomeeting_test

import (
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
	isEmpty   = "is empty"
	notUTF8   = "is not valid UTF-8"
	isControl = "contains a control character"
	notURL    = "is not a URL"
	noHTTPS   = "must start with https:// or http://"
	insecure  = "must start with https://, because http sends passwords in plain text; WithInsecureHTTP allows it"
	noHost    = "has no host name"
	noPort    = "has a port outside the range 1 to 65535"
	notASCII  = "has a host name that is not ASCII; use its Punycode form, such as xn--bcher-kva.example"
	withUser  = "must not contain a user name or password"
	withQuery = "must not contain a query or a fragment"
	withDots  = "must not contain .. in its path"
)

// badURLs are invalid as a site and as an end URL.
var badURLs = map[string]string{
	"abc.iomeeting.cn":                noHTTPS,
	"abc.iomeeting.cn:443":            noHTTPS,
	"//abc.iomeeting.cn":              noHTTPS,
	"ftp://abc.iomeeting.cn":          noHTTPS,
	"javascript:alert(1)":             noHTTPS,
	"https://":                        noHost,
	"https:abc.iomeeting.cn":          noHost,
	"https://:443":                    noHost,
	"https://abc.iomeeting.cn:0":      noPort,
	"https://abc.iomeeting.cn:65536":  noPort,
	"https://abc.iomeeting.cn:https":  notURL,
	"https://abc.iomeeting.cn/%zz":    notURL,
	"https://[::1":                    notURL,
	`https://abc.iomeeting.cn/a\b`:    notURL,
	" https://abc.iomeeting.cn":       notURL,
	"https://abc.iomeeting.cn/a b":    notURL,
	"https://abc.iomeeting.cn/\u3000": notURL,
	"https://bücher.example":          notASCII,
	"https://a\u200bb.example":        notASCII,
}

func TestBadSite(t *testing.T) {
	sites := map[string]string{
		"":                                     isEmpty,
		"http://abc.iomeeting.cn":              insecure,
		"http://127.0.0.1.example":             insecure,
		"http://localhost.example":             insecure,
		"http://[2001:db8::1]":                 insecure,
		"http://localho\u017ft":                notASCII, // EqualFold says that ſ is s
		"https://user:secret@abc.iomeeting.cn": withUser,
		"https://@abc.iomeeting.cn":            withUser,
		"https://abc.iomeeting.cn?":            withQuery,
		"https://abc.iomeeting.cn/?a=b":        withQuery,
		"https://abc.iomeeting.cn#":            withQuery,
		"https://abc.iomeeting.cn/a#b":         withQuery,
		"https://abc.iomeeting.cn/..":          withDots,
		"https://abc.iomeeting.cn/a/../b":      withDots,
		"https://abc.iomeeting.cn/%2e%2E/a":    withDots,
		"https://abc.iomeeting.cn\n":           notURL,
		"https://abc.iomeeting.cn/\u0080":      notURL,
		"https://abc.iomeeting.cn/\xff":        notURL,
	}
	for _, urls := range []map[string]string{sites, badURLs} {
		for site, reason := range urls {
			t.Run(site, func(t *testing.T) {
				c, err := iomeeting.NewClient(site)
				assert.Nil(t, c)
				requireParameterError(t, err, "site", reason)
			})
		}
	}
}

func TestInsecureHTTP(t *testing.T) {
	c, err := iomeeting.NewClient("http://abc.iomeeting.cn", iomeeting.WithInsecureHTTP())
	require.NoError(t, err)
	assert.Equal(t, "http://abc.iomeeting.cn/jm.do?meetingID=123456", mustLink(c.JoinByID("123456", nil)).URL())
	_, err = iomeeting.NewClient("ftp://abc.iomeeting.cn", iomeeting.WithInsecureHTTP())
	requireParameterError(t, err, "site", noHTTPS)
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		option        iomeeting.Option
		param, reason string
	}{
		{option: iomeeting.WithHTTPClient(nil), param: "httpClient", reason: "is nil"},
		{option: iomeeting.WithTransportWrapper(nil), param: "transportWrapper", reason: "is nil"},
		{option: iomeeting.WithTransportWrapper(func(http.RoundTripper) http.RoundTripper { return nil }), param: "transportWrapper", reason: "returned nil"},
		{option: iomeeting.WithLogger(nil), param: "logger", reason: "is nil"},
		{option: iomeeting.WithTimeout(-time.Second), param: "timeout", reason: "is negative"},
		{option: iomeeting.WithRetries(-1), param: "retries", reason: "is negative"},
		{option: iomeeting.WithUserAgent(""), param: "userAgent", reason: isEmpty},
		{option: iomeeting.WithUserAgent("a\r\nb: c"), param: "userAgent", reason: isControl},
		{option: iomeeting.WithUserAgent("\xff"), param: "userAgent", reason: notUTF8},
	} {
		c, err := iomeeting.NewClient(site, iomeeting.WithRetries(1), tt.option)
		assert.Nil(t, c)
		requireParameterError(t, err, tt.param, tt.reason)
	}
	_, err := iomeeting.NewClient(site,
		iomeeting.WithHTTPClient(&http.Client{}),
		iomeeting.WithLogger(slog.New(slog.DiscardHandler)),
		iomeeting.WithTimeout(0),
		iomeeting.WithRetries(0),
		iomeeting.WithUserAgent("会议/1.0"),
	)
	require.NoError(t, err)
}

// TestBadParameters passes each method bad values for each of its parameters, and
// checks that nothing is sent.
func TestBadParameters(t *testing.T) {
	mock := httpmock.NewMockTransport() // without a responder
	c := newClient(t, over(mock))
	const email, id = "test@abc.com", "123456"
	secret := iomeeting.NewSecret
	start := func(h iomeeting.Host, o iomeeting.StartOptions) (any, error) { return c.Start(h, &o) }
	join := func(email string, o iomeeting.JoinOptions) (any, error) { return c.Join(email, &o) }
	joinByID := func(id string, o iomeeting.JoinOptions) (any, error) { return c.JoinByID(id, &o) }
	query := func(h iomeeting.Host) (any, error) { return c.Query(t.Context(), h) }
	schedule := func(h iomeeting.Host, o iomeeting.ScheduleOptions) (any, error) {
		return c.Schedule(t.Context(), h, &o)
	}
	ifAvailable := func(h iomeeting.Host, o iomeeting.ScheduleOptions) (any, error) {
		return c.ScheduleIfAvailable(t.Context(), h, &o)
	}
	type (
		startOptions    = iomeeting.StartOptions
		joinOptions     = iomeeting.JoinOptions
		scheduleOptions = iomeeting.ScheduleOptions
	)
	byEmail := func(v string) iomeeting.Host { return iomeeting.Host{Email: v, Password: host.Password} }
	byPassword := func(v string) iomeeting.Host { return iomeeting.Host{Email: email, Password: secret(v)} }

	required := map[string]func(v string) (any, error){
		"Start hostEmail":                  func(v string) (any, error) { return start(byEmail(v), startOptions{}) },
		"Start hostPass":                   func(v string) (any, error) { return start(byPassword(v), startOptions{}) },
		"StartByID meetingID":              func(v string) (any, error) { return c.StartByID(v, host.Password) },
		"StartByID hostPass":               func(v string) (any, error) { return c.StartByID(id, secret(v)) },
		"Join hostEmail":                   func(v string) (any, error) { return join(v, joinOptions{}) },
		"JoinByID meetingID":               func(v string) (any, error) { return joinByID(v, joinOptions{}) },
		"Query hostEmail":                  func(v string) (any, error) { return query(byEmail(v)) },
		"Query hostPassword":               func(v string) (any, error) { return query(byPassword(v)) },
		"Schedule hostEmail":               func(v string) (any, error) { return schedule(byEmail(v), scheduleOptions{}) },
		"Schedule hostPassword":            func(v string) (any, error) { return schedule(byPassword(v), scheduleOptions{}) },
		"ScheduleIfAvailable hostEmail":    func(v string) (any, error) { return ifAvailable(byEmail(v), scheduleOptions{}) },
		"ScheduleIfAvailable hostPassword": func(v string) (any, error) { return ifAvailable(byPassword(v), scheduleOptions{}) },
	}
	optional := map[string]func(v string) (any, error){
		"Start meetingPass":                   func(v string) (any, error) { return start(host, startOptions{MeetingPassword: secret(v)}) },
		"Start observerPass":                  func(v string) (any, error) { return start(host, startOptions{ObserverPassword: secret(v)}) },
		"Join meetingPass":                    func(v string) (any, error) { return join(email, joinOptions{MeetingPassword: secret(v)}) },
		"Join observerPass":                   func(v string) (any, error) { return join(email, joinOptions{ObserverPassword: secret(v)}) },
		"JoinByID meetingPass":                func(v string) (any, error) { return joinByID(id, joinOptions{MeetingPassword: secret(v)}) },
		"JoinByID observerPass":               func(v string) (any, error) { return joinByID(id, joinOptions{ObserverPassword: secret(v)}) },
		"Schedule meetingPassword":            func(v string) (any, error) { return schedule(host, scheduleOptions{MeetingPassword: secret(v)}) },
		"Schedule meetingEndUrl":              func(v string) (any, error) { return schedule(host, scheduleOptions{EndURL: v}) },
		"Schedule operatorId":                 func(v string) (any, error) { return schedule(host, scheduleOptions{OperatorID: v}) },
		"ScheduleIfAvailable meetingPassword": func(v string) (any, error) { return ifAvailable(host, scheduleOptions{MeetingPassword: secret(v)}) },
		"ScheduleIfAvailable meetingEndUrl":   func(v string) (any, error) { return ifAvailable(host, scheduleOptions{EndURL: v}) },
		"ScheduleIfAvailable operatorId":      func(v string) (any, error) { return ifAvailable(host, scheduleOptions{OperatorID: v}) },
	}
	encoded := map[string]func(v string) (any, error){ // these may contain control characters
		"Start title":       func(v string) (any, error) { return start(host, startOptions{Title: v}) },
		"Join userName":     func(v string) (any, error) { return join(email, joinOptions{UserName: v}) },
		"JoinByID userName": func(v string) (any, error) { return joinByID(id, joinOptions{UserName: v}) },
	}
	check := func(calls map[string]func(v string) (any, error), value, reason string) {
		for name, call := range calls {
			t.Run(name+" "+reason, func(t *testing.T) {
				_, param, _ := strings.Cut(name, " ")
				result, err := call(value)
				requireParameterError(t, err, param, reason)
				assert.Zero(t, result)
			})
		}
	}
	check(required, "", isEmpty)
	check(required, "canary\n", isControl)
	check(required, "canary\xff", notUTF8)
	check(optional, "canary\n", isControl)
	check(optional, "canary\xff", notUTF8)
	check(encoded, "canary\xff", notUTF8)
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestHostValidate(t *testing.T) {
	for value, reason := range map[string]string{
		"":                   isEmpty,
		"\x00":               isControl,
		"canary\r\nX: y":     isControl,
		"\tcanary":           isControl,
		"canary\x7f":         isControl,
		"canary\u0085":       isControl,
		"canary\xed\xa0\x80": notUTF8,
	} {
		requireParameterError(t, iomeeting.Host{Email: value, Password: host.Password}.Validate(), "hostEmail", reason)
		requireParameterError(t, iomeeting.Host{Email: "a", Password: iomeeting.NewSecret(value)}.Validate(), "hostPassword", reason)
	}
	require.NoError(t, iomeeting.Host{Email: "会 & = % + # ?", Password: iomeeting.NewSecret(" \u2028")}.Validate())
}

func TestBothJoinPasswords(t *testing.T) {
	c := newClient(t)
	opts := &iomeeting.JoinOptions{MeetingPassword: iomeeting.NewSecret("canary"), ObserverPassword: iomeeting.NewSecret("canary")}
	_, err := c.Join(host.Email, opts)
	requireParameterError(t, err, "observerPass", "cannot be sent together with meetingPass")
	_, err = c.JoinByID("123456", opts)
	requireParameterError(t, err, "observerPass", "cannot be sent together with meetingPass")
}

func TestScheduleOptionsValidate(t *testing.T) {
	for endURL, reason := range badURLs {
		requireParameterError(t, iomeeting.ScheduleOptions{EndURL: endURL}.Validate(), "meetingEndUrl", reason)
	}
	for _, endURL := range []string{
		"", "http://partner.example", "https://partner.example:8443/ended?a=b&c=%20#d", "http://my_partner.example.:65535",
		"HTTP://10.0.0.1/会议", "https://[::1]/../ended", "https://user:pass@partner.example",
	} {
		require.NoError(t, iomeeting.ScheduleOptions{EndURL: endURL}.Validate())
	}
	requireParameterError(t, iomeeting.ScheduleOptions{OperatorID: "canary"}.Validate(), "operatorId", "has no effect without meetingEndUrl")
	require.NoError(t, iomeeting.ScheduleOptions{OperatorID: "a", EndURL: "https://partner.example"}.Validate())
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
		made, err := url.Parse(mustLink(c.JoinByID("0&1", nil)).URL())
		require.NoError(t, err)
		require.Equal(t, given.Scheme, made.Scheme)
		require.Equal(t, given.Host, made.Host)
		require.Equal(t, strings.TrimRight(given.EscapedPath(), "/")+"/jm.do", made.EscapedPath())
		require.Equal(t, url.Values{"meetingID": {"0&1"}}, made.Query())
		require.Empty(t, made.Fragment)
		require.Nil(t, made.User)
	})
}
