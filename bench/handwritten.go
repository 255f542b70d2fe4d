package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// handWritten keeps a connection for each worker and does nothing that the
// connection itself does not need: about the limit of what a client can reach.
// Within the noise of a run another contender may pass it.
type handWritten struct {
	addr    string
	config  *tls.Config
	request []byte
	conns   []*wire // by worker
}

// wire is a connection that is kept open.
type wire struct {
	net.Conn
	answers *bufio.Reader
	body    []byte
}

func newHandWritten(t target, workers int) (caller, error) {
	config, err := trusting(t.CA)
	if err != nil {
		return nil, err
	}
	addr := strings.TrimPrefix(t.Site, "https://")
	body := queryForm().Encode()
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: %d\r\n\r\n%s", queryPath, addr, len(body), body)
	return &handWritten{addr, config, []byte(request), make([]*wire, workers)}, nil
}

func (c *handWritten) call(worker int) error {
	if c.conns[worker] == nil {
		conn, err := tls.Dial("tcp", c.addr, c.config)
		if err != nil {
			return err
		}
		c.conns[worker] = &wire{Conn: conn, answers: bufio.NewReader(conn)}
	}
	w := c.conns[worker]
	if _, err := w.Write(c.request); err != nil {
		return err
	}
	status, err := w.readAnswer()
	if err != nil {
		return err
	}
	return checkAnswer(status, w.body, queryAnswer)
}

func (c *handWritten) close() {
	for _, w := range c.conns {
		if w != nil {
			_ = w.Close() // no call is in progress on it
		}
	}
}

// readAnswer reads the header, and the body into w.body.
func (w *wire) readAnswer() (status int, err error) {
	line, err := w.answers.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	_, line, ok := bytes.Cut(line, []byte("HTTP/1.1 "))
	if !ok || len(line) < 3 {
		return 0, errors.New("the response is not HTTP/1.1")
	}
	if status, err = strconv.Atoi(string(line[:3])); err != nil {
		return 0, err
	}
	length, err := w.readLength()
	if err != nil {
		return 0, err
	}
	if cap(w.body) < length {
		w.body = make([]byte, length)
	}
	w.body = w.body[:length]
	_, err = io.ReadFull(w.answers, w.body)
	return status, err
}

// readLength reads the rest of the header, and returns its Content-Length.
func (w *wire) readLength() (int, error) {
	length := -1
	for {
		line, err := w.answers.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		if !bytes.EqualFold(name, []byte("Content-Length")) {
			continue
		}
		if length, err = strconv.Atoi(string(value)); err != nil {
			return 0, err
		}
	}
	if length < 0 || length > 1<<20 {
		return 0, errors.New("the response has no usable Content-Length")
	}
	return length, nil
}
