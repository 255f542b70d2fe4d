package iomeetingtest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
)

func TestStatuses(t *testing.T) {
	rene := iomeeting.Host{Email: "renée+1@abc.com", Password: iomeeting.NewSecret(" pässwörd & co, 100% ")}
	tests := []struct{ name, url, body, query, schedule string }{
		{name: "success", body: "hostEmail=test%40abc.com&hostPassword=123456", query: "200 0,,", schedule: "200 0,000001"},
		{name: "special characters", body: "hostEmail=ren%C3%A9e%2B1%40abc.com&hostPassword=+p%C3%A4ssw%C3%B6rd+%26+co%2C+100%25+", query: "200 0,,", schedule: "200 0,000001"},
		{name: "unknown host", body: "hostEmail=x%40abc.com&hostPassword=123456", query: "200 1,,", schedule: "200 1,"},
		{name: "nothing", query: "200 1,,", schedule: "200 1,"},
		{name: "wrong password", body: "hostEmail=test%40abc.com&hostPassword=12345", query: "200 2,,", schedule: "200 2,"},
		{name: "password with a space", body: "hostEmail=test%40abc.com&hostPassword=123456+", query: "200 2,,", schedule: "200 2,"},
		{name: "no password", body: "hostEmail=test%40abc.com", query: "200 2,,", schedule: "200 2,"},
		{name: "email address in the URL", url: "?hostEmail=test@abc.com", body: "hostPassword=123456", query: "200 1,,", schedule: "200 1,"},
		{name: "password in the URL", url: "?hostPassword=123456", body: "hostEmail=test%40abc.com", query: "200 2,,", schedule: "200 2,"},
		{name: "wrong ones in the URL", url: "?hostEmail=x&hostPassword=x", body: "hostEmail=test%40abc.com&hostPassword=123456", query: "200 0,,", schedule: "200 0,000001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess, rene)
			assert.Equal(t, tt.query, s.send(http.MethodPost, queryPath+tt.url, tt.body))
			assert.Equal(t, tt.schedule, s.send(http.MethodPost, schedulePath+tt.url, tt.body))
		})
	}
}

// TestQueryOfAHostInAMeeting has meetings with different passwords, which people need
// to join.
func TestQueryOfAHostInAMeeting(t *testing.T) {
	tests := []struct{ name, password, query string }{
		{name: "none", password: "", query: "200 3,000001,"},
		{name: "plain", password: "654321", query: "200 3,000001,654321"},
		{name: "commas", password: "%2Ca%2Cb%2C%2Cc%2C", query: "200 3,000001,,a,b,,c,"},
		{name: "spaces", password: "+a+b+", query: "200 3,000001, a b "},
		{name: "escapes and Unicode", password: "%E4%BC%9A%252C%2B", query: "200 3,000001,会%2C+"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tess)
			s.running(tess, "meetingPassword="+tt.password)
			assert.Equal(t, tt.query, s.query(tess))
			assert.Equal(t, "200 2,,", s.query(iomeeting.Host{Email: tess.Email, Password: ann.Password}))
			assert.Equal(t, 200, s.open("/jm.do?meetingID=000001&meetingPass="+tt.password).Status)
			assert.Equal(t, 403, s.open("/jm.do?meetingID=000001&meetingPass=x"+tt.password).Status)
		})
	}
}

func TestScheduleReadsItsOptionsFromTheBody(t *testing.T) {
	s, p := serve(t, tess), newPartner(t, respond(200))
	target := schedulePath + "?meetingPassword=654321&operatorId=42&meetingEndUrl=" + p.URL + "/url"
	assert.Equal(t, "200 0,000001", s.send(http.MethodPost, target, validForm+"&meetingEndUrl="+p.URL+"/body"))
	s.startByID("000001", tess)
	assert.Equal(t, "200 3,000001,", s.query(tess))
	assert.NoError(t, s.EndMeeting("000001"))
	assert.Equal(t, []string{"POST /body operatorId="}, p.callbacks())
}
