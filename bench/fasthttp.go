package main

import (
	"time"

	"github.com/valyala/fasthttp"
)

// fastHTTP sends queries by github.com/valyala/fasthttp.
type fastHTTP struct {
	client *fasthttp.Client
	url    string
}

// newFastHTTP returns a client that leaves out what fasthttp does by default and
// a query does not need.
func newFastHTTP(t target, workers int) (caller, error) {
	config, err := trusting(t.CA)
	if err != nil {
		return nil, err
	}
	return fastHTTP{
		client: &fasthttp.Client{
			TLSConfig:                     config,
			MaxConnsPerHost:               workers,
			MaxIdleConnDuration:           90 * time.Second, // as net/http; 10 seconds by default
			NoDefaultUserAgentHeader:      true,
			DisableHeaderNamesNormalizing: true,
			DisablePathNormalizing:        true,
		},
		url: t.Site + queryPath,
	}, nil
}

func (c fastHTTP) call(int) error {
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.Header.SetMethod(fasthttp.MethodPost)
	req.Header.SetContentType("application/x-www-form-urlencoded")
	req.SetRequestURI(c.url)
	req.PostArgs().Set("hostEmail", email)
	req.PostArgs().Set("hostPassword", password)
	if err := c.client.Do(req, res); err != nil {
		return err
	}
	return checkAnswer(res.StatusCode(), res.Body(), queryAnswer)
}

func (c fastHTTP) close() { c.client.CloseIdleConnections() }
