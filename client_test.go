package iomeeting_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

const (
	site        = "https://as.iomeeting.cn"
	queryURL    = "https://as.iomeeting.cn/meetingControl/query"
	scheduleURL = "https://as.iomeeting.cn/meetingControl/schedule"
)

var host = iomeeting.Host{Email: "test@abc.com", Password: iomeeting.NewSecret("123456")}

// newClient returns a client of site.
func newClient(t *testing.T, opts ...iomeeting.Option) *iomeeting.Client {
	t.Helper()
	c, err := iomeeting.NewClient(site, opts...)
	require.NoError(t, err)
	return c
}

// TestSpecLinks makes every link of the spec's examples. The client sorts parameters
// by name, and the spec does not.
func TestSpecLinks(t *testing.T) {
	c := newClient(t)
	const email, id = "test@abc.com", "123456"
	meetingPass, observerPass := iomeeting.NewSecret("654321"), iomeeting.NewSecret("111111")
	type link func() (iomeeting.Link, error)
	start := func(opts *iomeeting.StartOptions) link {
		return func() (iomeeting.Link, error) { return c.Start(host, opts) }
	}
	join := func(opts *iomeeting.JoinOptions) link {
		return func() (iomeeting.Link, error) { return c.Join(email, opts) }
	}
	joinByID := func(opts *iomeeting.JoinOptions) link {
		return func() (iomeeting.Link, error) { return c.JoinByID(id, opts) }
	}
	tests := []struct {
		make link
		spec string // as in the examples, with the parameter names of the tables
		url  string
	}{
		{
			start(nil),
			"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456",
			"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456",
		},
		{
			start(&iomeeting.StartOptions{Title: "Marketing"}),
			"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456&title=Marketing",
			"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&title=Marketing",
		},
		{
			start(&iomeeting.StartOptions{MeetingPassword: meetingPass}),
			"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321",
			"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&meetingPass=654321",
		},
		{
			start(&iomeeting.StartOptions{MeetingPassword: meetingPass, Title: "Marketing"}),
			"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321&title=Marketing",
			"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&meetingPass=654321&title=Marketing",
		},
		{
			start(&iomeeting.StartOptions{MeetingPassword: meetingPass, ObserverPassword: observerPass, Title: "Marketing"}),
			"https://as.iomeeting.cn/snm.do?hostEmail=test@abc.com&hostPass=123456&meetingPass=654321&observerPass=111111&title=Marketing",
			"https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&meetingPass=654321&observerPass=111111&title=Marketing",
		},
		{
			join(nil),
			"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com",
			"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com",
		},
		{
			join(&iomeeting.JoinOptions{MeetingPassword: meetingPass}),
			"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com&meetingPass=654321",
			"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&meetingPass=654321",
		},
		{
			join(&iomeeting.JoinOptions{ObserverPassword: observerPass}),
			"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com&observerPass=111111",
			"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&observerPass=111111",
		},
		{
			join(&iomeeting.JoinOptions{UserName: "Joe Smith"}),
			"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com&userName=Joe+Smith",
			"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&userName=Joe+Smith",
		},
		{
			join(&iomeeting.JoinOptions{MeetingPassword: meetingPass, UserName: "Joe Smith"}),
			"https://as.iomeeting.cn/jm.do?hostEmail=test@abc.com&meetingPass=654321&userName=Joe+Smith",
			"https://as.iomeeting.cn/jm.do?hostEmail=test%40abc.com&meetingPass=654321&userName=Joe+Smith",
		},
		{
			func() (iomeeting.Link, error) { return c.StartByID(id, meetingPass) },
			"https://as.iomeeting.cn/ssm.do?meetingID=123456&hostPass=654321",
			"https://as.iomeeting.cn/ssm.do?hostPass=654321&meetingID=123456",
		},
		{
			joinByID(nil),
			"https://as.iomeeting.cn/jm.do?meetingID=123456",
			"https://as.iomeeting.cn/jm.do?meetingID=123456",
		},
		{
			joinByID(&iomeeting.JoinOptions{MeetingPassword: meetingPass}),
			"https://as.iomeeting.cn/jm.do?meetingID=123456&meetingPass=654321",
			"https://as.iomeeting.cn/jm.do?meetingID=123456&meetingPass=654321",
		},
		{
			joinByID(&iomeeting.JoinOptions{ObserverPassword: observerPass}),
			"https://as.iomeeting.cn/jm.do?meetingID=123456&observerPass=111111",
			"https://as.iomeeting.cn/jm.do?meetingID=123456&observerPass=111111",
		},
		{
			joinByID(&iomeeting.JoinOptions{UserName: "Joe Smith"}),
			"https://as.iomeeting.cn/jm.do?meetingID=123456&userName=Joe+Smith",
			"https://as.iomeeting.cn/jm.do?meetingID=123456&userName=Joe+Smith",
		},
		{
			joinByID(&iomeeting.JoinOptions{MeetingPassword: meetingPass, UserName: "Joe Smith"}),
			"https://as.iomeeting.cn/jm.do?meetingID=123456&meetingPass=654321&userName=Joe+Smith",
			"https://as.iomeeting.cn/jm.do?meetingID=123456&meetingPass=654321&userName=Joe+Smith",
		},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			link, err := tt.make()
			require.NoError(t, err)
			assert.Equal(t, tt.url, link.URL())

			spec, err := url.Parse(tt.spec)
			require.NoError(t, err)
			assert.Equal(t, spec.Query(), link.Params())
			spec.RawQuery = ""
			assert.Equal(t, spec.String(), link.Endpoint())
		})
	}
}

func TestTitleOfLink(t *testing.T) {
	c := newClient(t)
	const title = `会议 "Q3_Review" 100% C++ *~`
	link, err := c.Start(host, &iomeeting.StartOptions{Title: title})
	require.NoError(t, err)
	const encoded = "_E4_BC_9A_E8_AE_AE+_22Q3_5FReview_22+100_25+C_2B_2B+"
	assert.Equal(t, "https://as.iomeeting.cn/snm.do?hostEmail=test%40abc.com&hostPass=123456&title="+encoded+"%2A_7E", link.URL())

	got, err := iomeeting.DecodeText(link.Params().Get("title"))
	require.NoError(t, err)
	assert.Equal(t, title, got)
}

func TestSitesOfLinks(t *testing.T) {
	for site, want := range map[string]string{
		"https://abc.iomeeting.cn":            "https://abc.iomeeting.cn/jm.do",
		"https://abc.iomeeting.cn/":           "https://abc.iomeeting.cn/jm.do",
		"https://abc.iomeeting.cn:8443/":      "https://abc.iomeeting.cn:8443/jm.do",
		"https://abc.iomeeting.cn:1":          "https://abc.iomeeting.cn:1/jm.do",
		"https://abc.iomeeting.cn:65535":      "https://abc.iomeeting.cn:65535/jm.do",
		"https://abc.iomeeting.cn/a/b":        "https://abc.iomeeting.cn/a/b/jm.do",
		"https://abc.iomeeting.cn/a/b/":       "https://abc.iomeeting.cn/a/b/jm.do",
		"https://abc.iomeeting.cn/a%2Fb/%20/": "https://abc.iomeeting.cn/a%2Fb/%20/jm.do",
		"HTTPS://abc.iomeeting.cn/A":          "https://abc.iomeeting.cn/A/jm.do",
		"https://[2001:db8::1]:8443/a":        "https://[2001:db8::1]:8443/a/jm.do",
		"https://abc.iomeeting.cn.":           "https://abc.iomeeting.cn./jm.do",
		"https://abc_1.iomeeting.cn":          "https://abc_1.iomeeting.cn/jm.do",
		"https://xn--bcher-kva.example":       "https://xn--bcher-kva.example/jm.do",
		"HTTP://LocalHost:8080":               "http://LocalHost:8080/jm.do",
		"http://localhost:8080":               "http://localhost:8080/jm.do",
		"http://127.8.9.10":                   "http://127.8.9.10/jm.do",
		"http://[::1]:80/a":                   "http://[::1]:80/a/jm.do",
	} {
		c, err := iomeeting.NewClient(site)
		require.NoError(t, err)
		link, err := c.JoinByID("123456", nil)
		require.NoError(t, err)
		assert.Equal(t, want, link.Endpoint())
		assert.Equal(t, want+"?meetingID=123456", link.URL())
	}
}

func TestLinkParamsAreACopy(t *testing.T) {
	link, err := newClient(t).Start(host, nil)
	require.NoError(t, err)
	link.Params().Set("hostPass", "other")
	assert.Equal(t, url.Values{"hostEmail": {"test@abc.com"}, "hostPass": {"123456"}}, link.Params())
}

func TestLinksAreComparable(t *testing.T) {
	c := newClient(t)
	one, err := c.Start(host, &iomeeting.StartOptions{Title: "a"})
	require.NoError(t, err)
	same, err := c.Start(host, &iomeeting.StartOptions{Title: "a"})
	require.NoError(t, err)
	other, err := c.Start(host, &iomeeting.StartOptions{Title: "b"})
	require.NoError(t, err)
	assert.True(t, one == same)
	assert.False(t, one == other)
}

func TestZeroLink(t *testing.T) {
	var link iomeeting.Link
	assert.Empty(t, link.URL())
	assert.Empty(t, link.Endpoint())
	assert.Empty(t, link.String())
	assert.Equal(t, url.Values{}, link.Params())
}

// arrival is a request that a transport got.
type arrival struct {
	method, url, body string
	header            http.Header
}

// answering returns a mock that answers requests to url, and the requests that
// arrive.
func answering(t *testing.T, url, answer string) (*httpmock.MockTransport, *[]arrival) {
	t.Helper()
	var arrivals []arrival
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodPost, url, func(req *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(req.Body)
		assert.NoError(t, err)
		assert.Equal(t, int64(len(body)), req.ContentLength)
		assert.Nil(t, req.GetBody)
		arrivals = append(arrivals, arrival{req.Method, req.URL.String(), string(body), req.Header})
		return httpmock.NewStringResponse(http.StatusOK, answer), nil
	})
	return mock, &arrivals
}

// over returns the option that makes a client use rt.
func over(rt http.RoundTripper) iomeeting.Option {
	return iomeeting.WithHTTPClient(&http.Client{Transport: rt})
}

var callHeader = http.Header{
	"Content-Type":    {"application/x-www-form-urlencoded; charset=utf-8"},
	"Accept-Encoding": {"identity"},
	"User-Agent":      {"iomeeting-go"},
}

func TestQueryOnTheWire(t *testing.T) {
	mock, arrivals := answering(t, queryURL, "3,000042,pa,ss")
	got, err := newClient(t, over(mock)).Query(t.Context(), host)
	require.NoError(t, err)
	assert.Equal(t, iomeeting.QueryResult{
		InMeeting:       true,
		MeetingID:       "000042",
		MeetingPassword: iomeeting.NewSecret("pa,ss"),
	}, got)
	assert.Equal(t, []arrival{{
		method: "POST",
		url:    "https://as.iomeeting.cn/meetingControl/query",
		body:   "hostEmail=test%40abc.com&hostPassword=123456",
		header: callHeader,
	}}, *arrivals)
}

func TestScheduleOnTheWire(t *testing.T) {
	tests := []struct {
		name string
		opts *iomeeting.ScheduleOptions
		body string
	}{
		{
			"no options", nil,
			"hostEmail=test%40abc.com&hostPassword=123456&meetingEndUrl=&meetingPassword=&operatorId=",
		},
		{
			"empty options", &iomeeting.ScheduleOptions{},
			"hostEmail=test%40abc.com&hostPassword=123456&meetingEndUrl=&meetingPassword=&operatorId=",
		},
		{
			"all options", &iomeeting.ScheduleOptions{
				MeetingPassword: iomeeting.NewSecret("ü &=%+#?;🙂"),
				EndURL:          "https://partner.example/ended?a=b&c=d",
				OperatorID:      "Joe_Smith 7+1",
			},
			"hostEmail=test%40abc.com&hostPassword=123456" +
				"&meetingEndUrl=https%3A%2F%2Fpartner.example%2Fended%3Fa%3Db%26c%3Dd" +
				"&meetingPassword=%C3%BC+%26%3D%25%2B%23%3F%3B%F0%9F%99%82" +
				"&operatorId=Joe_Smith+7%2B1",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mock, arrivals := answering(t, scheduleURL, "0,000042")
			got, err := newClient(t, over(mock)).Schedule(t.Context(), host, tt.opts)
			require.NoError(t, err)
			assert.Equal(t, iomeeting.ScheduleResult{MeetingID: "000042"}, got)
			assert.Equal(t, []arrival{{
				method: "POST",
				url:    "https://as.iomeeting.cn/meetingControl/schedule",
				body:   tt.body,
				header: callHeader,
			}}, *arrivals)
		})
	}
}

// FuzzCalls decodes the form of a call as a servlet does.
func FuzzCalls(f *testing.F) {
	f.Add("test@abc.com", "123456", "", "7")
	f.Add("& = % + # ? ;", "a b", "🙂", "_41")
	f.Add("ä", "%00", "+", "\r\n")
	f.Fuzz(func(t *testing.T, email, password, meetingPassword, operatorID string) {
		var got url.Values
		service := &script{steps: []step{func(req *http.Request) (*http.Response, error) {
			if err := req.ParseForm(); err != nil {
				return nil, err
			}
			got = req.PostForm
			return respond(200, "0,1"), nil
		}}}
		_, err := newClient(t, over(service)).Schedule(t.Context(),
			iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)},
			&iomeeting.ScheduleOptions{
				MeetingPassword: iomeeting.NewSecret(meetingPassword),
				EndURL:          "https://partner.example/ended",
				OperatorID:      operatorID,
			})
		if err != nil {
			assert.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
			assert.Empty(t, service.times)
			return
		}
		assert.Equal(t, url.Values{
			"hostEmail": {email}, "hostPassword": {password}, "meetingPassword": {meetingPassword},
			"meetingEndUrl": {"https://partner.example/ended"}, "operatorId": {operatorID},
		}, got)
	})
}

func TestPathPrefixOfCalls(t *testing.T) {
	mock, arrivals := answering(t, "https://abc.iomeeting.cn/a%2Fb/meetingControl/query", "0,,")
	c, err := iomeeting.NewClient("https://abc.iomeeting.cn/a%2Fb/", over(mock), iomeeting.WithUserAgent("partner/1.0"))
	require.NoError(t, err)
	got, err := c.Query(t.Context(), host)
	require.NoError(t, err)
	assert.False(t, got.InMeeting)
	require.Len(t, *arrivals, 1)
	assert.Equal(t, "https://abc.iomeeting.cn/a%2Fb/meetingControl/query", (*arrivals)[0].url)
	assert.Equal(t, []string{"partner/1.0"}, (*arrivals)[0].header["User-Agent"])
}

func TestStatusErrors(t *testing.T) {
	query := func(c *iomeeting.Client) error {
		got, err := c.Query(context.Background(), host)
		assert.Zero(t, got)
		assert.False(t, got.InMeeting)
		var status *iomeeting.StatusError
		if assert.ErrorAs(t, err, &status) {
		}
		return err
	}
	schedule := func(c *iomeeting.Client) error {
		got, err := c.Schedule(context.Background(), host, nil)
		assert.Zero(t, got)
		return err
	}
	tests := []struct {
		url, answer string
		call        func(*iomeeting.Client) error
		want        error
		status      iomeeting.StatusError
		text        string
	}{
		{
			queryURL, "1,,", query, iomeeting.ErrHostNotFound,
			iomeeting.StatusError{Op: "query", Status: iomeeting.StatusHostNotFound},
			"iomeeting: query: host not found",
		},
		{
			queryURL, "2,,", query, iomeeting.ErrWrongPassword,
			iomeeting.StatusError{Op: "query", Status: iomeeting.StatusWrongPassword},
			"iomeeting: query: wrong host password",
		},
		{
			scheduleURL, "1,", schedule, iomeeting.ErrHostNotFound,
			iomeeting.StatusError{Op: "schedule", Status: iomeeting.StatusHostNotFound},
			"iomeeting: schedule: host not found",
		},
		{
			scheduleURL, "2,", schedule, iomeeting.ErrWrongPassword,
			iomeeting.StatusError{Op: "schedule", Status: iomeeting.StatusWrongPassword},
			"iomeeting: schedule: wrong host password",
		},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			mock, arrivals := answering(t, tt.url, tt.answer)
			err := tt.call(newClient(t, over(mock)))
			require.EqualError(t, err, tt.text)
			var status *iomeeting.StatusError
			require.ErrorAs(t, err, &status)
			assert.Equal(t, tt.status, *status)
			for _, sentinel := range sentinels {
				assert.Equal(t, sentinel == tt.want, errors.Is(err, sentinel), sentinel)
			}
			assert.Len(t, *arrivals, 1, "a refusal is not retried")
		})
	}
}

var sentinels = []error{
	iomeeting.ErrHostNotFound, iomeeting.ErrWrongPassword, iomeeting.ErrInMeeting,
	iomeeting.ErrInvalidParameter, iomeeting.ErrBadResponse, iomeeting.ErrOutcomeUnknown,
}

func TestScheduleIfAvailable(t *testing.T) {
	opts := &iomeeting.ScheduleOptions{EndURL: "https://partner.example/ended", OperatorID: "7"}
	tests := []struct {
		name, query string
		want        error
		result      iomeeting.ScheduleResult
		scheduled   int
	}{
		{"available", "0,,", nil, iomeeting.ScheduleResult{MeetingID: "123456"}, 1},
		{"in a meeting", "3,654321,", iomeeting.ErrInMeeting, iomeeting.ScheduleResult{}, 0},
		{"host not found", "1,,", iomeeting.ErrHostNotFound, iomeeting.ScheduleResult{}, 0},
		{"wrong password", "2,,", iomeeting.ErrWrongPassword, iomeeting.ScheduleResult{}, 0},
		{"bad response", "<html>", iomeeting.ErrBadResponse, iomeeting.ScheduleResult{}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mock, _ := answering(t, queryURL, tt.query)
			mock.RegisterResponder("POST", scheduleURL, httpmock.NewStringResponder(200, "0,123456"))
			got, err := newClient(t, over(mock)).ScheduleIfAvailable(t.Context(), host, opts)
			require.ErrorIs(t, err, tt.want)
			assert.Equal(t, tt.result, got)
			assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown)
			calls := mock.GetCallCountInfo()
			assert.Equal(t, 1, calls["POST "+queryURL])
			assert.Equal(t, tt.scheduled, calls["POST "+scheduleURL])
		})
	}
}

func TestErrInMeetingHasMeetingID(t *testing.T) {
	mock, _ := answering(t, queryURL, "3,654321,")
	_, err := newClient(t, over(mock)).ScheduleIfAvailable(t.Context(), host, nil)
	require.EqualError(t, err, "iomeeting: schedule: host is in a meeting")
	var status *iomeeting.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, iomeeting.StatusError{Op: "schedule", Status: iomeeting.StatusInMeeting, MeetingID: "654321"}, *status)
}

// TestUnknownStatusError uses an error that a user has made.
func TestUnknownStatusError(t *testing.T) {
	err := &iomeeting.StatusError{Op: "query", Status: 7}
	require.EqualError(t, err, "iomeeting: query: status 7")
	assert.NoError(t, errors.Unwrap(err))
}

// TestActivatedMock uses httpmock.Activate, which replaces http.DefaultTransport by
// something other than a *http.Transport.
func TestActivatedMock(t *testing.T) {
	httpmock.Activate()
	defer httpmock.DeactivateAndReset()
	httpmock.RegisterResponder("POST", queryURL, httpmock.NewStringResponder(200, "0,,"))
	httpmock.RegisterResponder("POST", scheduleURL, httpmock.NewStringResponder(200, "0,123456"))

	for _, opts := range [][]iomeeting.Option{
		nil,
		{iomeeting.WithHTTPClient(&http.Client{})},
	} {
		httpmock.ZeroCallCounters()
		c := newClient(t, opts...)
		query, err := c.Query(t.Context(), host)
		require.NoError(t, err)
		assert.False(t, query.InMeeting)
		schedule, err := c.Schedule(t.Context(), host, nil)
		require.NoError(t, err)
		assert.Equal(t, "123456", schedule.MeetingID)
		assert.Equal(t, 2, httpmock.GetTotalCallCount())
	}
}

func TestMockedErrors(t *testing.T) {
	broken := errors.New("broken")
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", queryURL, httpmock.NewErrorResponder(broken))
	_, err := newClient(t, over(mock), iomeeting.WithRetries(0)).Query(t.Context(), host)
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "iomeeting: query: broken")

	_, err = newClient(t, over(mock), iomeeting.WithRetries(0)).Schedule(t.Context(), host, nil)
	require.ErrorIs(t, err, httpmock.NoResponderFound)
	assert.NotErrorIs(t, err, iomeeting.ErrOutcomeUnknown, "the mock has not read the request")
}

func TestBadResponses(t *testing.T) {
	tests := []struct {
		name     string
		response *http.Response
		reason   string
		refusal  bool // Schedule was not carried out
	}{
		{"redirect", respond(302, "", "Location", "https://elsewhere.example/?hostPassword=123456"), "is a redirect with HTTP status 302, which the client does not follow", true},
		{"redirect to an invalid URL", respond(303, "", "Location", "https://%zz"), "is a redirect with HTTP status 303, which the client does not follow", true},
		{"redirect that resends the form", respond(307, "", "Location", "http://elsewhere.example/"), "is a redirect with HTTP status 307, which the client does not follow", true},
		{"the first redirect", respond(300, ""), "is a redirect with HTTP status 300, which the client does not follow", true},
		{"the last redirect", respond(399, ""), "is a redirect with HTTP status 399, which the client does not follow", true},
		{"the first refusal", respond(400, ""), "has HTTP status 400 Bad Request", true},
		{"the last refusal", respond(499, ""), "has HTTP status 499", true},
		{"not found", respond(404, "<h1>gone</h1>"), "has HTTP status 404 Not Found", true},
		{"not implemented", respond(501, ""), "has HTTP status 501 Not Implemented", true},
		{"no content", respond(204, ""), "has HTTP status 204 No Content", false},
		{"partial content", respond(206, "0,,"), "has HTTP status 206 Partial Content", false},
		{"unknown status", respond(299, "0,,"), "has HTTP status 299", false},
		{"HTML", respond(200, "<html>123456</html>"), "does not start with a status of the spec", false},
		{"compressed", respond(200, "\x1f\x8b", "Content-Encoding", "gzip"), "is compressed, although the client did not ask for it", false},
		{"empty", respond(200, ""), "is empty", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.ResponderFromResponse(tt.response))
			c := newClient(t, over(mock))
			check := func(op string, err error) {
				require.ErrorIs(t, err, iomeeting.ErrBadResponse)
				var bad *iomeeting.ResponseError
				require.ErrorAs(t, err, &bad)
				assert.Equal(t, op, bad.Op)
				assert.Equal(t, tt.response.StatusCode, bad.StatusCode)
				assert.Equal(t, tt.reason, bad.Reason)
			}
			_, err := c.Query(t.Context(), host)
			check("query", err)
			require.EqualError(t, err, "iomeeting: query: bad response: the response "+tt.reason)

			_, err = c.Schedule(t.Context(), host, nil)
			check("schedule", err)
			assert.Equal(t, !tt.refusal, errors.Is(err, iomeeting.ErrOutcomeUnknown))
			text := "iomeeting: schedule: bad response: the response " + tt.reason
			if !tt.refusal {
				text += "; the outcome is unknown: call Query before scheduling again"
			}
			require.EqualError(t, err, text)
			assert.Equal(t, 2, mock.GetTotalCallCount(), "neither was retried")
		})
	}
}

// TestIdentityEncoding uses a service that declares its response as uncompressed.
func TestIdentityEncoding(t *testing.T) {
	for _, encoding := range []string{"identity", "Identity"} {
		service := &script{steps: []step{answer(200, "0,1", "Content-Encoding", encoding)}}
		got, err := newClient(t, over(service)).Schedule(t.Context(), host, nil)
		require.NoError(t, err)
		assert.Equal(t, "1", got.MeetingID)
	}
}

// respond returns a response, with at most one header field.
func respond(status int, body string, field ...string) *http.Response {
	res := httpmock.NewStringResponse(status, body)
	if len(field) == 2 {
		res.Header.Set(field[0], field[1])
	}
	return res
}

func TestDeclaredCharset(t *testing.T) {
	mock := httpmock.NewMockTransport()
	for _, contentType := range []string{
		`text/html;charset="ISO-8859-1"`, "text/html; charset=iso-8859-1", "text/html;charset=ISO-8859-1;bad", "Text/Plain; Charset='latin1' ; a=b",
	} {
		mock.RegisterResponder("POST", queryURL, httpmock.ResponderFromResponse(
			respond(200, "3,1,p\xe4ss", "Content-Type", contentType)))
		got, err := newClient(t, over(mock)).Query(t.Context(), host)
		require.NoError(t, err)
		assert.Equal(t, "päss", got.MeetingPassword.Reveal())
	}
}
