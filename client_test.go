package iomeeting_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

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
	return clientOf(t, site, opts...)
}

// clientOf returns a client for the site at url.
func clientOf(t *testing.T, url string, opts ...iomeeting.Option) *iomeeting.Client {
	t.Helper()
	c, err := iomeeting.NewClient(url, opts...)
	require.NoError(t, err)
	return c
}

// over returns the option that makes a client use rt.
func over(rt http.RoundTripper) iomeeting.Option {
	return iomeeting.WithHTTPClient(&http.Client{Transport: rt})
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

// respond returns a response, with at most one header field.
func respond(status int, body string, field ...string) *http.Response {
	res := httpmock.NewStringResponse(status, body)
	if len(field) == 2 {
		res.Header.Set(field[0], field[1])
	}
	return res
}

func TestQueryOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name, prefix string
		opts         []iomeeting.Option
		answer       string
		want         iomeeting.QueryResult
		wantWire     string
	}{
		{
			name: "in a meeting", answer: "3,000042,pa,ss",
			want: iomeeting.QueryResult{InMeeting: true, MeetingID: "000042", MeetingPassword: iomeeting.NewSecret("pa,ss")},
			wantWire: "POST /meetingControl/query HTTP/1.1\r\n" +
				"Host: 127.0.0.1\r\n" +
				"User-Agent: iomeeting-go\r\n" +
				"Content-Length: 44\r\n" +
				"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n" +
				"\r\n" +
				"hostEmail=test%40abc.com&hostPassword=123456",
		},
		{
			name: "path and name of the program", prefix: "/a%2Fb/", opts: []iomeeting.Option{iomeeting.WithUserAgent("partner/1.0")}, answer: "0,,",
			wantWire: "POST /a%2Fb/meetingControl/query HTTP/1.1\r\n" +
				"Host: 127.0.0.1\r\n" +
				"User-Agent: partner/1.0\r\n" +
				"Content-Length: 44\r\n" +
				"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n" +
				"\r\n" +
				"hostEmail=test%40abc.com&hostPassword=123456",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wire := onTheWire(t, tt.answer, func(ctx context.Context, site string) {
				got, err := clientOf(t, site+tt.prefix, tt.opts...).Query(ctx, host)
				assert.NoError(t, err)
				assert.Equal(t, tt.want, got)
			})
			assert.Equal(t, tt.wantWire, wire)
		})
	}
}

func TestScheduleOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name     string
		opts     *iomeeting.ScheduleOptions
		wantWire string
	}{
		{
			name: "no options",
			wantWire: "POST /meetingControl/schedule HTTP/1.1\r\n" +
				"Host: 127.0.0.1\r\n" +
				"User-Agent: iomeeting-go\r\n" +
				"Content-Length: 88\r\n" +
				"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n" +
				"Connection: close\r\n" +
				"\r\n" +
				"hostEmail=test%40abc.com&hostPassword=123456&meetingEndUrl=&meetingPassword=&operatorId=",
		},
		{
			name: "all options",
			opts: &iomeeting.ScheduleOptions{
				MeetingPassword: iomeeting.NewSecret("ü &=%+#?;🙂"),
				EndURL:          "https://partner.example/ended?a=b&c=d",
				OperatorID:      "Joe_Smith 7+1",
			},
			wantWire: "POST /meetingControl/schedule HTTP/1.1\r\n" +
				"Host: 127.0.0.1\r\n" +
				"User-Agent: iomeeting-go\r\n" +
				"Content-Length: 196\r\n" +
				"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n" +
				"Connection: close\r\n" +
				"\r\n" +
				"hostEmail=test%40abc.com&hostPassword=123456" +
				"&meetingEndUrl=https%3A%2F%2Fpartner.example%2Fended%3Fa%3Db%26c%3Dd" +
				"&meetingPassword=%C3%BC+%26%3D%25%2B%23%3F%3B%F0%9F%99%82" +
				"&operatorId=Joe_Smith+7%2B1",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wire := onTheWire(t, "0,000042", func(ctx context.Context, site string) {
				got, err := clientOf(t, site).Schedule(ctx, host, tt.opts)
				assert.NoError(t, err)
				assert.Equal(t, iomeeting.ScheduleResult{MeetingID: "000042"}, got)
			})
			assert.Equal(t, tt.wantWire, wire)
		})
	}
}

// onTheWire returns the bytes that a call sends to a service that answers with s.
func onTheWire(t *testing.T, s string, call func(ctx context.Context, site string)) (wire string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &network{serve: func(l *line) {
			wire = l.wire.String()
			l.say(ok + "\r\n" + s)
			l.hangUp()
		}}
		n.mount(t)
		call(t.Context(), n.site())
		time.Sleep(time.Hour)
	})
	return wire
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

// TestAnswers covers the answers to each method that are not a result.
func TestAnswers(t *testing.T) {
	notFound, wrong, inMeeting := iomeeting.StatusHostNotFound, iomeeting.StatusWrongPassword, iomeeting.StatusInMeeting
	for _, tt := range []struct {
		name, method    string
		query, schedule string // the answers
		want            iomeeting.StatusError
		wantIs          error
		wantText        string
		wantRequests    int
	}{
		{name: "host not found", method: "Query", query: "1,,", want: iomeeting.StatusError{Op: "query", Status: notFound},
			wantIs: iomeeting.ErrHostNotFound, wantText: "iomeeting: query: host not found", wantRequests: 1},
		{name: "wrong password", method: "Query", query: "2,,", want: iomeeting.StatusError{Op: "query", Status: wrong},
			wantIs: iomeeting.ErrWrongPassword, wantText: "iomeeting: query: wrong host password", wantRequests: 1},
		{name: "host not found", method: "Schedule", schedule: "1,", want: iomeeting.StatusError{Op: "schedule", Status: notFound},
			wantIs: iomeeting.ErrHostNotFound, wantText: "iomeeting: schedule: host not found", wantRequests: 1},
		{name: "wrong password", method: "Schedule", schedule: "2,", want: iomeeting.StatusError{Op: "schedule", Status: wrong},
			wantIs: iomeeting.ErrWrongPassword, wantText: "iomeeting: schedule: wrong host password", wantRequests: 1},
		{name: "in a meeting", method: "ScheduleIfAvailable", query: "3,654321,pa,ss",
			want:   iomeeting.StatusError{Op: "schedule", Status: inMeeting, MeetingID: "654321", MeetingPassword: iomeeting.NewSecret("pa,ss")},
			wantIs: iomeeting.ErrInMeeting, wantText: "iomeeting: schedule: host is in a meeting", wantRequests: 1},
		{name: "wrong password", method: "ScheduleIfAvailable", query: "2,,", want: iomeeting.StatusError{Op: "query", Status: wrong},
			wantIs: iomeeting.ErrWrongPassword, wantText: "iomeeting: query: wrong host password", wantRequests: 1},
		{name: "host not found", method: "ScheduleIfAvailable", query: "0,,", schedule: "1,", want: iomeeting.StatusError{Op: "schedule", Status: notFound},
			wantIs: iomeeting.ErrHostNotFound, wantText: "iomeeting: schedule: host not found", wantRequests: 2},
	} {
		t.Run(tt.method+": "+tt.name, func(t *testing.T) {
			mock, _ := answering(t, queryURL, tt.query)
			mock.RegisterResponder("POST", scheduleURL, httpmock.NewStringResponder(200, tt.schedule))
			err := calls[tt.method](t.Context(), newClient(t, over(mock)))
			require.EqualError(t, err, tt.wantText)
			var status *iomeeting.StatusError
			require.ErrorAs(t, err, &status)
			assert.Equal(t, tt.want, *status)
			for _, sentinel := range []error{
				iomeeting.ErrHostNotFound, iomeeting.ErrWrongPassword, iomeeting.ErrInMeeting,
				iomeeting.ErrInvalidParameter, iomeeting.ErrBadResponse, iomeeting.ErrOutcomeUnknown,
			} {
				assert.Equal(t, sentinel == tt.wantIs, errors.Is(err, sentinel), sentinel)
			}
			assert.Equal(t, tt.wantRequests, mock.GetTotalCallCount())
		})
	}
}

func TestScheduleIfAvailable(t *testing.T) {
	mock, queries := answering(t, queryURL, "0,,")
	mock.RegisterResponder("POST", scheduleURL, httpmock.NewStringResponder(200, "0,123456"))
	c := newClient(t, over(mock))
	got, err := c.ScheduleIfAvailable(t.Context(), host, nil)
	require.NoError(t, err)
	assert.Equal(t, iomeeting.ScheduleResult{MeetingID: "123456"}, got)
	assert.Len(t, *queries, 1)
	assert.Equal(t, 2, mock.GetTotalCallCount())

	_, err = c.ScheduleIfAvailable(t.Context(), host, &iomeeting.ScheduleOptions{OperatorID: "7"})
	require.ErrorIs(t, err, iomeeting.ErrInvalidParameter, "before the query")
	assert.Len(t, *queries, 1)
}

// TestUnknownStatusError uses an error that a user has made.
func TestUnknownStatusError(t *testing.T) {
	err := &iomeeting.StatusError{Op: "query", Status: 7}
	require.EqualError(t, err, "iomeeting: query: status 7")
	assert.NoError(t, errors.Unwrap(err))
}

// TestActivatedMock uses httpmock.Activate, which replaces http.DefaultTransport by
// something other than an *http.Transport.
func TestActivatedMock(t *testing.T) {
	httpmock.Activate()
	defer httpmock.DeactivateAndReset()
	httpmock.RegisterResponder("POST", queryURL, httpmock.NewStringResponder(200, "0,,"))
	httpmock.RegisterResponder("POST", scheduleURL, httpmock.NewStringResponder(200, "0,123456"))
	for _, opts := range [][]iomeeting.Option{nil, {iomeeting.WithHTTPClient(new(http.Client))}} {
		httpmock.ZeroCallCounters()
		require.NoError(t, calls["ScheduleIfAvailable"](t.Context(), newClient(t, opts...)))
		assert.Equal(t, 2, httpmock.GetTotalCallCount())
	}
}

func TestDeclaredCharset(t *testing.T) {
	for _, contentType := range []string{
		`text/html;charset="ISO-8859-1"`, "text/html; charset=iso-8859-1", "text/html;charset=ISO-8859-1;bad", "Text/Plain; Charset='latin1' ; a=b",
	} {
		service := &script{steps: []step{answer(200, "3,1,p\xe4ss", "Content-Type", contentType)}}
		got, err := newClient(t, over(service)).Query(t.Context(), host)
		require.NoError(t, err)
		assert.Equal(t, "päss", got.MeetingPassword.Reveal())
	}
}
