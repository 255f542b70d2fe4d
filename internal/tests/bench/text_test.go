package bench

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-querystring/query"

	"github.com/iomeeting/iomeeting-go"
)

// startFields are the parameters of a start link, for go-querystring.
type startFields struct {
	HostEmail   string `url:"hostEmail"`
	HostPass    string `url:"hostPass"`
	MeetingPass string `url:"meetingPass,omitempty"`
	Title       string `url:"title,omitempty"`
}

func BenchmarkLink(b *testing.B) {
	const (
		site = "https://abc.iomeeting.cn"
		want = site + "/snm.do?hostEmail=alice%40example.com&hostPass=correct+horse&meetingPass=join+us&title=Weekly+review"
	)
	c := newClient(b, site)
	options := iomeeting.StartOptions{MeetingPassword: iomeeting.NewSecret(meetingPassword), Title: "Weekly review"}
	fields := startFields{HostEmail: email, HostPass: password, MeetingPass: meetingPassword, Title: options.Title}
	b.Run("client=iomeeting", func(b *testing.B) {
		produce(b, want, func() (string, error) {
			link, err := c.Start(host, &options)
			return link.URL(), err
		})
	})
	b.Run("client=querystring", func(b *testing.B) {
		produce(b, want, func() (string, error) {
			values, err := query.Values(fields)
			return site + "/snm.do?" + values.Encode(), err
		})
	})
}

func BenchmarkEncodeText(b *testing.B) {
	for _, t := range []struct{ name, text, escaped string }{
		{"ASCII", "Review of Q3: 100% done, what is next?", "Review+of+Q3%3A+100%25+done%2C+what+is+next%3F"},
		{"CJK", "第三季度评审", "%E7%AC%AC%E4%B8%89%E5%AD%A3%E5%BA%A6%E8%AF%84%E5%AE%A1"},
	} {
		encoded := strings.ReplaceAll(t.escaped, "%", "_")
		b.Run("client=iomeeting/text="+t.name, func(b *testing.B) {
			produce(b, encoded, func() (string, error) { return iomeeting.EncodeText(t.text) })
		})
		b.Run("client=QueryEscape/text="+t.name, func(b *testing.B) {
			produce(b, t.escaped, func() (string, error) { return url.QueryEscape(t.text), nil })
		})
	}
}

// produce measures a function that returns want.
func produce(b *testing.B, want string, work func() (string, error)) {
	b.ReportAllocs()
	for b.Loop() {
		if got, err := work(); got != want || err != nil {
			b.Fatalf("got %s, %v, want %s", got, err, want)
		}
	}
}
