package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/iomeeting/iomeeting-go"
)

const (
	email           = "alice@example.com"
	password        = "correct horse"
	meetingPassword = "join us"
)

var host = iomeeting.Host{Email: email, Password: iomeeting.NewSecret(password)}

// queryForm and scheduleForm are what the package sends.
func queryForm() url.Values {
	return url.Values{"hostEmail": {email}, "hostPassword": {password}}
}

func scheduleForm() url.Values {
	return url.Values{
		"hostEmail":       {email},
		"hostPassword":    {password},
		"meetingPassword": {meetingPassword},
		"meetingEndUrl":   {""},
		"operatorId":      {""},
	}
}

func BenchmarkQuery(b *testing.B) {
	compare(b, []int{1, 16, 64},
		client{"iomeeting", func(b *testing.B, _ int) call {
			c := newClient(b, tls13)
			return func(int) error {
				_, err := c.Query(context.Background(), host)
				return err
			}
		}},
		client{"nethttp", func(b *testing.B, _ int) call {
			t := &http.Transport{TLSClientConfig: trusted.Clone(), MaxIdleConnsPerHost: 256}
			return post(b, t, timeout, tls13+queryPath, queryForm, queryAnswer)
		}},
		client{"nethttp-nolimit", func(b *testing.B, _ int) call {
			t := &http.Transport{TLSClientConfig: trusted.Clone(), MaxIdleConnsPerHost: 256}
			return post(b, t, 0, tls13+queryPath, queryForm, queryAnswer)
		}},
		client{"DefaultTransport", func(b *testing.B, _ int) call {
			t := http.DefaultTransport.(*http.Transport).Clone()
			return post(b, t, timeout, tls13+queryPath, queryForm, queryAnswer)
		}},
		client{"fasthttp", queryByFastHTTP},
		client{"raw", queryByHand},
	)
}

func newClient(b *testing.B, site string) *iomeeting.Client {
	c, err := iomeeting.NewClient(site)
	require.NoError(b, err)
	return c
}

// timeout is the package's default.
const timeout = 30 * time.Second

// post returns a call of net/http. It makes the form anew each time, because a
// program gets new values for each call as well.
func post(b *testing.B, t *http.Transport, timeout time.Duration, url string, form func() url.Values, want string) call {
	c := &http.Client{Transport: t, Timeout: timeout}
	b.Cleanup(c.CloseIdleConnections)
	return func(int) error {
		res, err := c.PostForm(url, form())
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		return check(res.StatusCode, body, want)
	}
}

// check keeps a client from winning by failures.
func check(status int, body []byte, want string) error {
	if status != http.StatusOK || string(body) != want {
		return fmt.Errorf("HTTP status %d: %q", status, body)
	}
	return nil
}

// queryByFastHTTP leaves out what fasthttp does by default and a query does not need.
func queryByFastHTTP(b *testing.B, at int) call {
	c := &fasthttp.Client{
		TLSConfig:                     trusted.Clone(),
		MaxConnsPerHost:               at,
		NoDefaultUserAgentHeader:      true,
		DisableHeaderNamesNormalizing: true,
		DisablePathNormalizing:        true,
	}
	b.Cleanup(c.CloseIdleConnections)
	return func(int) error {
		req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(res)
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/x-www-form-urlencoded")
		req.SetRequestURI(tls13 + queryPath)
		req.PostArgs().Set("hostEmail", email)
		req.PostArgs().Set("hostPassword", password)
		if err := c.Do(req, res); err != nil {
			return err
		}
		return check(res.StatusCode(), res.Body(), queryAnswer)
	}
}

// queryByHand keeps a TLS connection for each worker, writes the same bytes for each
// query and reads until the answer: about what the connections alone cost.
func queryByHand(b *testing.B, at int) call {
	addr := strings.TrimPrefix(tls13, "https://")
	form := queryForm().Encode()
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: %d\r\n\r\n%s", queryPath, addr, len(form), form)
	header, end := []byte("HTTP/1.1 200 "), []byte("\r\n\r\n"+queryAnswer)
	conns, buffers := make([]*tls.Conn, at), make([][1024]byte, at)
	for i := range conns {
		conn, err := tls.Dial("tcp", addr, trusted)
		require.NoError(b, err)
		b.Cleanup(func() { _ = conn.Close() })
		conns[i] = conn
	}
	return func(worker int) error {
		if _, err := conns[worker].Write(request); err != nil {
			return err
		}
		response := buffers[worker][:0]
		for !bytes.HasSuffix(response, end) {
			n, err := conns[worker].Read(response[len(response):cap(response)])
			response = response[:len(response)+n]
			if err != nil || n == 0 || !bytes.HasPrefix(response, header) {
				return fmt.Errorf("the response is %q: %v", response, err)
			}
		}
		return nil
	}
}

// BenchmarkManyHosts queries many hosts, 64 at a time. peak-B is by how much heap and
// stacks grow at most.
func BenchmarkManyHosts(b *testing.B) {
	const at = 64
	c := newClient(b, tls13)
	for _, n := range []int{1_000, 10_000} {
		hosts := make([]iomeeting.Host, n)
		for i := range hosts {
			hosts[i] = iomeeting.Host{Email: fmt.Sprintf("host%05d@example.com", i), Password: host.Password}
		}
		b.Run(fmt.Sprintf("client=iomeeting/hosts=%d/at=%d", n, at), func(b *testing.B) {
			runtime.GC()
			growth := watchMemory(b.Context())
			for b.Loop() {
				together(b, at, n, func(_, i int) error {
					_, err := c.Query(b.Context(), hosts[i])
					return err
				})
			}
			b.ReportMetric(float64(growth.Load()), "peak-B")
		})
	}
}

// watchMemory returns by how much memory grows at most, until ctx is done.
func watchMemory(ctx context.Context) *atomic.Int64 {
	growth, before := new(atomic.Int64), memory()
	go func() {
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			growth.Store(max(growth.Load(), memory()-before))
		}
	}()
	return growth
}

func memory() (heapAndStacks int64) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() + samples[1].Value.Uint64())
}

// BenchmarkSchedule opens a connection for each call. resumed-% is how many of them
// resume a TLS session.
func BenchmarkSchedule(b *testing.B) {
	const at = 16
	options := iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret(meetingPassword)}
	type way struct {
		client string
		call   call
	}
	for _, site := range []struct{ tls, url string }{{"1.2", tls12}, {"1.3", tls13}} {
		bare := func(sessions tls.ClientSessionCache) call {
			t := &http.Transport{TLSClientConfig: trusted.Clone(), DisableKeepAlives: true}
			t.TLSClientConfig.ClientSessionCache = sessions
			return post(b, t, timeout, site.url+schedulePath, scheduleForm, scheduleAnswer)
		}
		c := newClient(b, site.url)
		ours := func(int) error {
			_, err := c.Schedule(context.Background(), host, &options)
			return err
		}
		ways := []way{{"iomeeting", ours}, {"nethttp", bare(tls.NewLRUClientSessionCache(0))}, {"nethttp-noresume", bare(nil)}}
		shuffle(ways)
		for _, way := range ways {
			b.Run(fmt.Sprintf("client=%s/tls=%s/at=%d", way.client, site.tls, at), func(b *testing.B) {
				opened, resumed := connections.Load(), resumptions.Load()
				measure(b, at, way.call)
				b.ReportMetric(100*float64(resumptions.Load()-resumed)/float64(connections.Load()-opened), "resumed-%")
			})
		}
	}
}
