package iomeeting_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

var (
	signingKey = iomeeting.NewSecret("0123456789abcdef0123456789abcdef")
	otherKey   = iomeeting.NewSecret("fedcba9876543210fedcba9876543210")
)

func newSigner(t *testing.T, key iomeeting.Secret, retired ...iomeeting.Secret) *iomeeting.EndSigner {
	t.Helper()
	signer, err := iomeeting.NewEndSigner(key, retired...)
	require.NoError(t, err)
	return signer
}

func TestSign(t *testing.T) {
	signer := newSigner(t, signingKey)
	// printf 'iomeeting operatorId: Ym9va2luZy03' |
	//   openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary | basenc --base64url
	const signed = "Ym9va2luZy03.vi1oQX72Zdb-54v2vtRuw0mFR4iz23NawK_BpUZVLlw"
	assert.Equal(t, signed, signer.Sign("booking-7"))
	for _, id := range []string{"booking-7", "", "a,b", "会议", "\x00\xff\n", strings.Repeat("x", 1000)} {
		signed := signer.Sign(id)
		assert.Regexp(t, `^[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{43}$`, signed)
		got, err := signer.Verify(signed)
		require.NoError(t, err)
		assert.Equal(t, id, got)
	}
}

func TestVerifyRefuses(t *testing.T) {
	signer := newSigner(t, signingKey)
	signed := signer.Sign("booking-7")
	payload, signature, _ := strings.Cut(signed, ".")
	for name, forged := range map[string]string{
		"nothing":           "",
		"no signature":      payload,
		"empty signature":   payload + ".",
		"no ID":             "." + signature,
		"cut":               signed[:len(signed)-1],
		"too long":          signed + "A",
		"other ID":          "Ym9va2luZy04." + signature,
		"other key":         newSigner(t, otherKey).Sign("booking-7"),
		"line break":        signed[:3] + "\n" + signed[3:],
		"line break at end": signed + "\n",
		"space":             signed + " ",
		"padding":           payload + "=." + signature,
		"signed twice":      signed + "." + signature,
		"last bits changed": signed[:len(signed)-1] + string(signed[len(signed)-1]+1),
		"unsigned":          "booking-7",
	} {
		t.Run(name, func(t *testing.T) {
			id, err := signer.Verify(forged)
			require.ErrorIs(t, err, iomeeting.ErrBadSignature)
			require.EqualError(t, err, "iomeeting: bad signature")
			assert.Empty(t, id)
		})
	}
}

func TestChangeOfKey(t *testing.T) {
	before := newSigner(t, signingKey)
	old := before.Sign("booking-7")

	after := newSigner(t, otherKey, signingKey)
	id, err := after.Verify(old)
	require.NoError(t, err)
	assert.Equal(t, "booking-7", id)
	_, err = before.Verify(after.Sign("booking-8"))
	require.ErrorIs(t, err, iomeeting.ErrBadSignature, "after signs with the new key")

	_, err = newSigner(t, otherKey).Verify(old)
	require.ErrorIs(t, err, iomeeting.ErrBadSignature, "the old key is no longer accepted")
}

func TestShortKeys(t *testing.T) {
	short := iomeeting.NewSecret(strings.Repeat("k", 31))
	_, err := iomeeting.NewEndSigner(short)
	requireParameterError(t, err, "key", "is shorter than 32 bytes")
	_, err = iomeeting.NewEndSigner(iomeeting.Secret{})
	requireParameterError(t, err, "key", "is shorter than 32 bytes")
	_, err = iomeeting.NewEndSigner(signingKey, otherKey, short)
	requireParameterError(t, err, "retired", "contains a key that is shorter than 32 bytes")
}

func TestSignerDoesNotPrintKey(t *testing.T) {
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret(strings.Repeat(canary, 3)))
	require.NoError(t, err)
	requireSilent(t, signer)
}

func FuzzVerify(f *testing.F) {
	signer, err := iomeeting.NewEndSigner(signingKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", "")
	f.Add("booking-7", signer.Sign("booking-7"))
	f.Add("\xff", ".")
	f.Fuzz(func(t *testing.T, id, signed string) {
		got, err := signer.Verify(signer.Sign(id))
		require.NoError(t, err)
		require.Equal(t, id, got)
		if got, err := signer.Verify(signed); err == nil {
			require.Equal(t, signed, signer.Sign(got))
		}
	})
}

// ends collects the operator IDs that onEnd gets.
type ends struct{ ids []string }

func (e *ends) add(_ context.Context, id string) error {
	e.ids = append(e.ids, id)
	return nil
}

const formType = "application/x-www-form-urlencoded"

// callBack returns the response of h to a request.
func callBack(h http.Handler, method, target, contentType string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEndHandlers(t *testing.T) {
	var signed, unsigned ends
	signer := newSigner(t, signingKey)
	for _, contentType := range []string{formType, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"} {
		w := callBack(signer.Handler(signed.add), "POST", "/ended", contentType, strings.NewReader("operatorId="+signer.Sign("a,b 会")))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Empty(t, w.Body.String())
		w = callBack(iomeeting.UnsignedEndHandler(unsigned.add), "POST", "/ended?operatorId=url", contentType,
			strings.NewReader("other=1&operatorId=a%2Cb+%E4%BC%9A"))
		assert.Equal(t, http.StatusOK, w.Code)
	}
	assert.Equal(t, []string{"a,b 会", "a,b 会"}, signed.ids)
	assert.Equal(t, []string{"a,b 会", "a,b 会"}, unsigned.ids)

	w := callBack(iomeeting.UnsignedEndHandler(unsigned.add), "POST", "/ended", formType, strings.NewReader("operatorId="))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "", unsigned.ids[2], "a meeting without an operator ID")
}

// TestFormThatWasRead uses another handler that reads the form first.
func TestFormThatWasRead(t *testing.T) {
	var ended ends
	h := newSigner(t, signingKey).Handler(ended.add)
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.FormValue("a")
		h.ServeHTTP(w, r)
	})
	signed := newSigner(t, signingKey).Sign("booking-7")
	w := callBack(front, "POST", "/ended?operatorId="+signed, formType, strings.NewReader("operatorId="+signed))
	assert.Equal(t, http.StatusOK, w.Code)
	w = callBack(front, "POST", "/ended?operatorId="+signed, formType, strings.NewReader("a=b"))
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Equal(t, []string{"booking-7"}, ended.ids)
}

// endless is a body without an end. It counts the bytes that were read.
type endless struct{ read int }

func (b *endless) Read(p []byte) (int, error) {
	b.read += len(p)
	return copy(p, bytes.Repeat([]byte("a"), len(p))), nil
}

func TestEndHandlerRefuses(t *testing.T) {
	signer := newSigner(t, signingKey)
	signed := "operatorId=" + signer.Sign("canary")
	tests := []struct {
		name, method, target, contentType, body string
		code                                    int
	}{
		{"GET", "GET", "/ended?" + signed, "", "", 405},
		{"HEAD", "HEAD", "/ended?" + signed, "", "", 405},
		{"PUT", "PUT", "/ended", formType, signed, 405},
		{"JSON", "POST", "/ended", "application/json", `{"operatorId":"canary"}`, 415},
		{"multipart", "POST", "/ended", "multipart/form-data; boundary=a", "--a--", 415},
		{"text", "POST", "/ended", "text/plain", signed, 415},
		{"no type", "POST", "/ended", "", signed, 415},
		{"malformed type", "POST", "/ended", "/;", signed, 415},
		{"in the URL only", "POST", "/ended?" + signed, formType, "", 400},
		{"missing", "POST", "/ended", formType, "operatorID=" + signed, 400},
		{"twice", "POST", "/ended", formType, signed + "&" + signed, 400},
		{"malformed escape", "POST", "/ended", formType, signed + "&a=%zz", 400},
		{"semicolon", "POST", "/ended", formType, signed + ";a", 400},
		{"too long", "POST", "/ended", formType, signed + "&a=" + strings.Repeat("a", 4<<10), 413},
		{"unsigned", "POST", "/ended", formType, "operatorId=canary", 403},
		{"cut", "POST", "/ended", formType, signed[:len(signed)-1], 403},
		{"other key", "POST", "/ended", formType, "operatorId=" + newSigner(t, otherKey).Sign("canary"), 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ended ends
			w := callBack(signer.Handler(ended.add), tt.method, tt.target, tt.contentType, strings.NewReader(tt.body))
			assert.Equal(t, tt.code, w.Code)
			assert.Equal(t, http.StatusText(tt.code)+"\n", w.Body.String(), "the response contains nothing of the operator ID")
			assert.Empty(t, ended.ids)
			if tt.code == http.StatusMethodNotAllowed {
				assert.Equal(t, "POST", w.Header().Get("Allow"))
			}
		})
	}
}

// TestLongCallbacks uses the longest operator ID that Sign promises to work, and the
// longest body.
func TestLongCallbacks(t *testing.T) {
	signer := newSigner(t, signingKey)
	longID := strings.Repeat("x", 3000)
	signed := "operatorId=" + signer.Sign(longID) + "&a="
	full := signed + strings.Repeat("a", 4096-len(signed))
	var ended ends
	for body, code := range map[string]int{signed: 200, full: 200, full + "a": 413} {
		w := callBack(signer.Handler(ended.add), "POST", "/ended", formType, strings.NewReader(body))
		assert.Equal(t, code, w.Code, len(body))
	}
	assert.Equal(t, []string{longID, longID}, ended.ids)
}

func TestEndlessCallback(t *testing.T) {
	var ended ends
	body := new(endless)
	w := callBack(newSigner(t, signingKey).Handler(ended.add), "POST", "/ended", formType, body)
	assert.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	assert.Less(t, body.read, 16<<10)
	assert.Empty(t, ended.ids)
}

func TestCutCallback(t *testing.T) {
	for err, code := range map[error]int{io.ErrUnexpectedEOF: 400, os.ErrDeadlineExceeded: 408} {
		var ended ends
		body := io.MultiReader(strings.NewReader("operatorId=a"), failingReader{err})
		w := callBack(iomeeting.UnsignedEndHandler(ended.add), "POST", "/ended", formType, body)
		assert.Equal(t, code, w.Code)
		assert.Empty(t, ended.ids)
	}
}

// defaultLog makes slog.Default write its records, without their times, to the
// buffer that it returns.
func defaultLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	logger, text := logTo()
	original, writer, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(original)
		log.SetOutput(writer) // SetDefault has changed it
		log.SetFlags(flags)
	})
	slog.SetDefault(logger)
	return text
}

// TestRefusedCallbacksAreLogged expects a record for the first forged operator ID of
// each minute, with the number of all, and nothing else.
func TestRefusedCallbacksAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := defaultLog(t)
		var ended ends
		signer := newSigner(t, signingKey)
		h := signer.Handler(ended.add)
		send := func(body string) int {
			return callBack(h, "POST", "/ended", formType, strings.NewReader(body)).Code
		}
		record := func(refused int) string {
			return fmt.Sprintf("level=WARN msg=\"iomeeting: callback refused: bad signature\" refused=%d\n", refused)
		}

		assert.Equal(t, http.StatusOK, send("operatorId="+signer.Sign("booking-7")))
		assert.Equal(t, http.StatusBadRequest, send("a=b"))
		assert.Empty(t, logged.String(), "nothing was forged")
		for range 3 {
			assert.Equal(t, http.StatusForbidden, send("operatorId="+newSigner(t, otherKey).Sign("canary")))
		}
		assert.Equal(t, record(1), logged.String())
		time.Sleep(time.Minute - 1)
		assert.Equal(t, http.StatusForbidden, send("operatorId=canary"))
		assert.Equal(t, record(1), logged.String(), "the minute is not over")
		time.Sleep(time.Nanosecond)
		assert.Equal(t, http.StatusForbidden, send("operatorId=canary"))
		assert.Equal(t, record(1)+record(5), logged.String())

		var senders sync.WaitGroup
		time.Sleep(time.Hour)
		logged.Reset()
		for range 100 {
			senders.Go(func() { send("operatorId=canary") })
		}
		senders.Wait()
		assert.Equal(t, record(6), logged.String())
		time.Sleep(time.Minute)
		send("operatorId=canary")
		assert.Equal(t, record(6)+record(106), logged.String())

		logged.Reset()
		callBack(signer.Handler(ended.add), "POST", "/ended", formType, strings.NewReader("operatorId=canary"))
		assert.Equal(t, record(1), logged.String(), "another handler has its own count")
		assert.Equal(t, []string{"booking-7"}, ended.ids)
	})
}

// TestFailingOnEnd runs in a server, which goes on serving.
func TestFailingOnEnd(t *testing.T) {
	logged := defaultLog(t)
	h := iomeeting.UnsignedEndHandler(func(_ context.Context, id string) error {
		switch id {
		case "error":
			return errors.New("canary")
		case "panic":
			panic("canary")
		default:
			return nil
		}
	})
	s := httptest.NewServer(h)
	defer s.Close()
	for _, tt := range []struct {
		id   string
		code int
		body string
	}{
		{"error", 500, "Internal Server Error\n"},
		{"panic", 500, "Internal Server Error\n"},
		{"fine", 200, ""},
	} {
		res, err := s.Client().PostForm(s.URL, url.Values{"operatorId": {tt.id}})
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, tt.code, res.StatusCode)
		assert.Equal(t, tt.body, string(body))
	}
	assert.Contains(t, logged.String(), `msg="iomeeting: onEnd panicked" panic=canary stack=`)
	assert.Equal(t, 1, strings.Count(logged.String(), "level=ERROR"))
}

func TestNilOnEnd(t *testing.T) {
	assert.Panics(t, func() { iomeeting.UnsignedEndHandler(nil) })
	assert.Panics(t, func() { newSigner(t, signingKey).Handler(nil) })
}

func FuzzCallback(f *testing.F) {
	signer, err := iomeeting.NewEndSigner(signingKey)
	if err != nil {
		f.Fatal(err)
	}
	signed := signer.Sign("booking-7")
	for _, body := range []string{"", "operatorId=" + signed, "operatorId=" + signed + "&operatorId=", "operatorId=%zz", "operatorId=a;b"} {
		f.Add("POST", formType, body)
	}
	f.Add("GET", formType, "operatorId="+signed)
	f.Add("POST", "multipart/form-data; boundary=a", "--a--")
	f.Fuzz(func(t *testing.T, method, contentType, body string) {
		for _, h := range []func(func(context.Context, string) error) http.Handler{signer.Handler, iomeeting.UnsignedEndHandler} {
			var ended ends
			r := httptest.NewRequest("POST", "/ended", strings.NewReader(body))
			r.Method = method
			r.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			h(ended.add).ServeHTTP(w, r)
			require.Contains(t, []int{200, 400, 403, 405, 413, 415}, w.Code)
			require.Equal(t, w.Code == 200, len(ended.ids) == 1)
			if w.Code == 200 {
				form, err := url.ParseQuery(body)
				require.NoError(t, err)
				require.Len(t, form["operatorId"], 1)
				require.Contains(t, []string{ended.ids[0], signer.Sign(ended.ids[0])}, form.Get("operatorId"))
			}
		}
	})
}

// pipes is an in-memory listener.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestSlowCallback sends an endless body at one byte per second.
func TestSlowCallback(t *testing.T) {
	for readTimeout, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, time.Minute: 10 * time.Second, 2 * time.Second: 2 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			var ended ends
			l := make(pipes)
			server := &http.Server{Handler: newSigner(t, signingKey).Handler(ended.add), ReadTimeout: readTimeout}
			go func() { _ = server.Serve(l) }()
			client, conn := net.Pipe()
			l <- conn
			_, err := io.WriteString(client, "POST /ended HTTP/1.1\r\nHost: a\r\nContent-Type: "+formType+"\r\nTransfer-Encoding: chunked\r\n\r\n")
			require.NoError(t, err)
			start := time.Now()
			go func() {
				for {
					if _, err := io.WriteString(client, "1\r\na\r\n"); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			res, err := http.ReadResponse(bufio.NewReader(client), nil)
			require.NoError(t, err)
			assert.Equal(t, http.StatusRequestTimeout, res.StatusCode)
			assert.Equal(t, want, time.Since(start))
			assert.Empty(t, ended.ids)
			require.NoError(t, client.Close())
			require.NoError(t, server.Close())
			time.Sleep(time.Hour) // all goroutines end
		})
	}
}
