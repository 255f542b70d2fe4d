package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// netHTTP is net/http, as a program without a client of the service would use
// it.
type netHTTP struct {
	client *http.Client
	url    string
	proto  int // the major version of HTTP that the server must speak
	form   func() url.Values
	answer string
}

func overNetHTTP(t http.RoundTripper, site string) *netHTTP {
	return &netHTTP{&http.Client{Transport: t}, site + queryPath, 1, queryForm, queryAnswer}
}

// newTransport returns an HTTP/1.1 transport that trusts the target.
func newTransport(t target) (*http.Transport, error) {
	config, err := trusting(t.CA)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(true)
	return transport, nil
}

// newBareQuery returns net/http as a busy backend would set it up: with as many
// idle connections as there are concurrent calls.
func newBareQuery(t target, _ int) (caller, error) { return bareQuery(t) }

func bareQuery(t target) (*netHTTP, error) {
	transport, err := newTransport(t)
	if err != nil {
		return nil, err
	}
	transport.MaxIdleConnsPerHost = 256
	return overNetHTTP(transport, t.Site), nil
}

// newTimedQuery returns newBareQuery's client with the timeout that iomeeting
// has.
func newTimedQuery(t target, _ int) (caller, error) {
	c, err := bareQuery(t)
	if err != nil {
		return nil, err
	}
	c.client.Timeout = 30 * time.Second
	return c, nil
}

// newDefaultQuery returns net/http with its defaults, over HTTP/1.1: with two
// idle connections.
func newDefaultQuery(t target, _ int) (caller, error) {
	transport, err := newTransport(t)
	return overNetHTTP(transport, t.Site), err
}

// newDefaultQueryHTTP2 returns net/http with the settings of
// http.DefaultTransport, which asks for HTTP/2.
func newDefaultQueryHTTP2(t target, _ int) (caller, error) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("http.DefaultTransport is not an http.Transport")
	}
	c := overNetHTTP(base.Clone(), t.Site)
	c.proto = 2
	return c, nil
}

// newBareSchedule returns net/http with a connection for each request, and a
// full TLS handshake for each connection.
func newBareSchedule(t target, _ int) (caller, error) { return freshSchedule(t, nil) }

// newResumingSchedule returns newBareSchedule's client with a TLS session to
// resume.
func newResumingSchedule(t target, _ int) (caller, error) {
	c, err := freshSchedule(t, tls.NewLRUClientSessionCache(0))
	if err != nil {
		return nil, err
	}
	return c, c.call(0)
}

func freshSchedule(t target, sessions tls.ClientSessionCache) (*netHTTP, error) {
	transport, err := newTransport(t)
	if err != nil {
		return nil, err
	}
	transport.DisableKeepAlives = true
	transport.TLSClientConfig.ClientSessionCache = sessions
	return &netHTTP{&http.Client{Transport: transport}, t.Site + schedulePath, 1, scheduleForm, scheduleAnswer}, nil
}

func (c *netHTTP) call(int) error {
	res, err := c.client.PostForm(c.url, c.form())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.ProtoMajor != c.proto {
		return fmt.Errorf("the server spoke %s", res.Proto)
	}
	return checkAnswer(res.StatusCode, body, c.answer)
}

func (c *netHTTP) close() { c.client.CloseIdleConnections() }
