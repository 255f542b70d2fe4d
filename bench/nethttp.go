package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// netHTTP is net/http, as a program that has no client of the service would
// use it.
type netHTTP struct {
	client *http.Client
	url    string
	proto  int // the major version of HTTP that it must come to speak
	post   func(c *http.Client, url string) (*http.Response, error)
}

// newBare returns net/http with what a busy backend would set: as many idle
// connections as there are calls at once.
func newBare(t target, _ int) (caller, error) {
	config, err := trusting(t.CA)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 256, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(true)
	return &netHTTP{&http.Client{Transport: transport}, t.Site + queryPath, 1, postRequest}, nil
}

// newTimed returns newBare's client with what no backend should be without, the
// time-out that iomeeting has.
func newTimed(t target, workers int) (caller, error) {
	c, err := newBare(t, workers)
	if err != nil {
		return nil, err
	}
	timed := c.(*netHTTP)
	timed.client.Timeout = 30 * time.Second
	return timed, nil
}

// newDefault returns net/http with nothing set but whom to trust. That alone
// makes it HTTP/1.1, with two idle connections.
func newDefault(t target, _ int) (caller, error) {
	config, err := trusting(t.CA)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config}
	return &netHTTP{&http.Client{Transport: transport}, t.Site + queryPath, 1, postForm}, nil
}

// newDefaultHTTP2 returns net/http with http.DefaultTransport's settings, which
// ask for HTTP/2.
func newDefaultHTTP2(t target, _ int) (caller, error) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("http.DefaultTransport is no http.Transport")
	}
	return &netHTTP{&http.Client{Transport: base.Clone()}, t.Site + queryPath, 2, postForm}, nil
}

func (c *netHTTP) call(int) error {
	res, err := c.post(c.client, c.url)
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
	return checkAnswer(res.StatusCode, body)
}

func (c *netHTTP) close() { c.client.CloseIdleConnections() }

// form is made anew for each call, as the contenders must do with what a user
// hands them.
func form() url.Values {
	return url.Values{"hostEmail": {email}, "hostPassword": {password}}
}

func postRequest(c *http.Client, url string) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(form().Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.Do(req)
}

func postForm(c *http.Client, url string) (*http.Response, error) {
	return c.PostForm(url, form())
}

// checkAnswer keeps a contender from winning by errors.
func checkAnswer(status int, body []byte) error {
	if status != http.StatusOK || string(body) != answer {
		return fmt.Errorf("the server answered with HTTP status %d and %q", status, body)
	}
	return nil
}
