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

// newControl has a transport of its own: http.DefaultTransport must be unused
// when its TLS configuration is set.
func newControl(url string) control {
	return control{url, &http.Client{Transport: new(http.Transport), Timeout: 10 * time.Second}}
}

// opened returns how many connections were opened to each site.
func (c control) opened() (counts map[string]int, err error) {
	return counts, c.do(http.MethodGet, "/opened", &counts)
}

// held returns how many calls are held back.
func (c control) held() (n int, err error) {
	return n, c.do(http.MethodGet, "/held", &n)
}

// hold makes calls wait from now on.
func (c control) hold() error { return c.do(http.MethodPost, "/hold", nil) }

// release lets them go.
func (c control) release() error { return c.do(http.MethodPost, "/release", nil) }

func (c control) do(method, path string, answer any) error {
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
		return fmt.Errorf("the server answered %s with %s", path, res.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(answer)
}
