package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
)

// resuming is the transport that Schedule is measured against: it opens a
// connection for each request and resumes TLS sessions.
const resuming = "bare, resuming"

var scheduleContenders = []siteContender{
	{ours, newSchedule},
	{resuming, newResumingSchedule},
	{"bare, full handshakes", newBareSchedule},
}

// minResumed is the least share of our connections that must resume a TLS
// session.
const minResumed = 0.95

// compareSchedules measures Schedule and other ways to send the same request
// over a connection of its own, with one version of TLS after the other.
func compareSchedules(out io.Writer, p plan) error {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if err := compareSchedulesOver(out, p, version); err != nil {
			return err
		}
	}
	return nil
}

func compareSchedulesOver(out io.Writer, p plan, version uint16) (err error) {
	s, err := startServer(serverTask{Sites: len(scheduleContenders), TLSVersion: version})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	g := s.group("Schedule over "+tls.VersionName(version), scheduleContenders, ours, resuming)
	results, err := compare(out, g, p.scheduleLevels, p)
	if err != nil {
		return err
	}
	return checkResumed(g.title, results)
}

// checkResumed returns an error if too few of our connections resumed a TLS
// session. Each connection counts, however fast the machine is.
func checkResumed(title string, results []result) error {
	for _, r := range results {
		if r.contender != ours {
			continue
		}
		if float64(r.connections.Resumed) < minResumed*float64(r.connections.Opened) || r.connections.Opened == 0 {
			return fmt.Errorf("%s, %s: only %d of %d connections resumed a TLS session",
				title, concurrency(r.workers), r.connections.Resumed, r.connections.Opened)
		}
	}
	return nil
}
