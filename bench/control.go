package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// control asks the server what it has counted, and tells it when to answer.
type control struct {
	url    string
	client *http.Client
}

// newControl returns a control with a transport of its own, because
// http.DefaultTransport must be unused until it trusts the server.
func newControl(url string) control {
	return control{url, &http.Client{Transport: new(http.Transport), Timeout: 10 * time.Second}}
}

// connections returns the connections to each site since the server started.
func (c control) connections() (counts []connections, err error) {
	return counts, c.do(http.MethodGet, "/connections", &counts)
}

// held returns how many queries are held back.
func (c control) held() (n int, err error) {
	return n, c.do(http.MethodGet, "/held", &n)
}

// hold makes queries wait from now on.
func (c control) hold() error { return c.do(http.MethodPost, "/hold", nil) }

// release answers them.
func (c control) release() error { return c.do(http.MethodPost, "/release", nil) }

func (c control) do(method, path string, result any) error {
	req, err := http.NewRequest(method, c.url+path, http.NoBody)
	if err != nil {
		return err
	}
	res, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server responded to %s with %s", path, res.Status)
	}
	if result == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(result)
}
