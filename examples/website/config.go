package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// config is what the site runs on.
type config struct {
	service string // the IOMeeting site
	hosts   []iomeeting.Host
	url     string // where the service reaches this site
	key     iomeeting.Secret
	end     func(meetingID string) error // ends a meeting; nil on a real site, which has no such call
	close   func()
}

// newConfig returns the configuration of a site that listens at address.
func newConfig(address string, getenv func(string) string) (config, error) {
	if getenv("IOMEETING_SITE") == "" {
		return inProcess(address), nil
	}
	return fromEnvironment(getenv)
}

// inProcess starts a service with four accounts.
func inProcess(address string) config {
	var hosts []iomeeting.Host
	for i := range 4 {
		hosts = append(hosts, iomeeting.Host{
			Email:    fmt.Sprintf("room-%d@example.com", i+1),
			Password: iomeeting.NewSecret(rand.Text()),
		})
	}
	service := iomeetingtest.NewServer(hosts...)
	return config{
		service: service.URL,
		hosts:   hosts,
		url:     address,
		key:     iomeeting.NewSecret(rand.Text() + rand.Text()),
		end:     service.EndMeeting,
		close:   service.Close,
	}
}

func fromEnvironment(getenv func(string) string) (config, error) {
	cfg := config{
		service: getenv("IOMEETING_SITE"),
		url:     strings.TrimRight(getenv("PARTNER_URL"), "/"),
		key:     iomeeting.NewSecret(getenv("PARTNER_KEY")),
		close:   func() {},
	}
	if cfg.url == "" {
		return config{}, errors.New("a real site needs PARTNER_URL")
	}
	if err := json.Unmarshal([]byte(getenv("IOMEETING_HOSTS")), &cfg.hosts); err != nil {
		// The error of package json may quote a part of a password.
		return config{}, errors.New(`a real site needs IOMEETING_HOSTS, as JSON: [{"Email": "…", "Password": "…"}]`)
	}
	return cfg, nil
}
