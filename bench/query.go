package main

import (
	"errors"
	"fmt"
	"io"
)

const timed = "bare, with a timeout"

var queryContenders = []siteContender{
	{ours, newQuery},
	{bare, newBareQuery},
	{timed, newTimedQuery},
	{"default, HTTP/1.1", newDefaultQuery},
	{"default, HTTP/2", newDefaultQueryHTTP2},
	{"fasthttp", newFastHTTP},
	{"hand-written", newHandWritten},
}

// compareQueries measures Query and other ways to send the same request. It
// draws a chart if svg names a file, and ends with the memory of many
// concurrent calls.
func compareQueries(out io.Writer, p plan, svg string) (err error) {
	s, err := startServer(serverTask{Sites: len(queryContenders)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	g := s.group("Query over TLS", queryContenders, ours, bare, timed)
	_, err = fmt.Fprint(out, "The default transport keeps 2 idle connections over HTTP/1.1, which is what a server without HTTP/2 speaks.\n\n")
	if err != nil {
		return err
	}
	results, err := compare(out, g, p.queryLevels, p)
	if err != nil {
		return err
	}
	if svg != "" {
		if err := drawChart(svg, g, p.queryLevels, results); err != nil {
			return err
		}
	}
	footprints, err := measureMemory(s, p.memoryCalls)
	if err != nil {
		return err
	}
	return printFootprints(out, p.memoryCalls, footprints)
}
