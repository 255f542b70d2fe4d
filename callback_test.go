package iomeeting_test

import (
	"bufio"
	"bytes"
	"cmp"
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

func newSigner(t testing.TB, key iomeeting.Secret, retired ...iomeeting.Secret) *iomeeting.EndSigner {
	t.Helper()
	signer, err := iomeeting.NewEndSigner(key, retired...)
	require.NoError(t, err)
	return signer
}

func TestSign(t *testing.T) {
	signer := newSigner(t, signingKey)
	// printf 'iomeeting operatorId: Ym9va2luZy03' |
	//   openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary | basenc --base64url
	assert.Equal(t, "Ym9va2luZy03.vi1oQX72Zdb-54v2vtRuw0mFR4iz23NawK_BpUZVLlw", signer.Sign("booking-7"))
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
		"unsigned":          "booking-7",
		"no signature":      payload,
		"empty signature":   payload + ".",
		"no ID":             "." + signature,
		"cut":               signed[:len(signed)-1],
		"too long":          signed + "A",
		"other ID":          "Ym9va2luZy04." + signature,
		"other key":         newSigner(t, otherKey).Sign("booking-7"),
		"line break":        signed[:3] + "\n" + signed[3:],
		"line break at end": signed + "\n",
		"padding":           payload + "=." + signature,
		"signed twice":      signed + "." + signature,
		"last bits changed": signed[:len(signed)-1] + string(signed[len(signed)-1]+1),
	} {
		id, err := signer.Verify(forged)
		assert.Equal(t, iomeeting.ErrBadSignature, err, name)
		assert.Empty(t, id, name)
	}
}

func TestChangeOfKey(t *testing.T) {
	thirdKey := iomeeting.NewSecret(strings.Repeat("k", 32))
	before, after, later := newSigner(t, signingKey), newSigner(t, otherKey, thirdKey, signingKey), newSigner(t, otherKey)
	for _, tt := range []struct {
		signer, verifier *iomeeting.EndSigner
		valid            bool
	}{
		{signer: before, verifier: after, valid: true},
		{signer: after, verifier: after, valid: true},
		{signer: after, verifier: later, valid: true}, // after signs with the new key
		{signer: after, verifier: before, valid: false},
		{signer: before, verifier: later, valid: false},
	} {
		id, err := tt.verifier.Verify(tt.signer.Sign("booking-7"))
		assert.Equal(t, tt.valid, err == nil)
		assert.Equal(t, tt.valid, id == "booking-7")
	}
}

func TestShortKeys(t *testing.T) {
	short := iomeeting.NewSecret(strings.Repeat("k", 31))
	_, err := iomeeting.NewEndSigner(short)
	requireParameterError(t, err, "key", "is shorter than 32 bytes")
	_, err = iomeeting.NewEndSigner(signingKey, otherKey, short)
	requireParameterError(t, err, "retired", "contains a key that is shorter than 32 bytes")
}

func FuzzVerify(f *testing.F) {
	signer := newSigner(f, signingKey)
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

// callBack returns the response of h to a POST of body.
func callBack(h http.Handler, target string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, body)
	r.Header.Set("Content-Type", formType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestEndHandlers POSTs to an end URL with an odd query, also behind another handler
// that parses the form first.
func TestEndHandlers(t *testing.T) {
	signer := newSigner(t, signingKey)
	signed := signer.Sign("a,b 会")
	var ended ends
	for _, h := range []http.Handler{signer.Handler(ended.add), iomeeting.UnsignedEndHandler(ended.add)} {
		parsed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.FormValue("a")
			h.ServeHTTP(w, r)
		})
		for _, h := range []http.Handler{h, parsed} {
			w := callBack(h, "/ended?a;b=%zz&operatorId=other", strings.NewReader("other=1&operatorId="+signed))
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Empty(t, w.Body.String())
			w = callBack(h, "/ended?a;b=%zz&operatorId="+signed, strings.NewReader("a=b"))
			assert.Equal(t, http.StatusBadRequest, w.Code)
		}
	}
	assert.Equal(t, http.StatusOK, callBack(iomeeting.UnsignedEndHandler(ended.add), "/ended", strings.NewReader("operatorId=")).Code)
	assert.Equal(t, []string{"a,b 会", "a,b 会", signed, signed, ""}, ended.ids, "the last one had no operator ID")
}

func TestEndHandlerRefuses(t *testing.T) {
	defaultLog(t)
	signer := newSigner(t, signingKey)
	form := "operatorId=" + signer.Sign("canary")
	longID := strings.Repeat("x", 3000) // as Sign promises
	long := "operatorId=" + signer.Sign(longID) + "&a="
	long += strings.Repeat("a", 4096-len(long))
	for _, tt := range []struct {
		name, method, target, contentType, body string
		code                                    int
		ended                                   []string
	}{
		{name: "POST", body: form, code: 200, ended: []string{"canary"}},
		{name: "another spelling of the type", contentType: "Application/X-WWW-Form-Urlencoded; charset=UTF-8", body: form, code: 200, ended: []string{"canary"}},
		{name: "4 KiB", body: long, code: 200, ended: []string{longID}},
		{name: "GET", method: "GET", target: "/ended?" + form, code: 405},
		{name: "HEAD", method: "HEAD", target: "/ended?" + form, code: 405},
		{name: "PUT", method: "PUT", body: form, code: 405},
		{name: "JSON", contentType: "application/json", body: `{"operatorId":"canary"}`, code: 415},
		{name: "multipart", contentType: "multipart/form-data; boundary=a", body: "--a--", code: 415},
		{name: "no type", contentType: "-", body: form, code: 415},
		{name: "malformed type", contentType: "/;", body: form, code: 415},
		{name: "in the URL only", target: "/ended?" + form, code: 400},
		{name: "missing", body: "operatorID=" + form, code: 400},
		{name: "twice", body: form + "&" + form, code: 400},
		{name: "malformed escape", body: form + "&a=%zz", code: 400},
		{name: "semicolon", body: form + ";a", code: 400},
		{name: "more than 4 KiB", body: long + "a", code: 413},
		{name: "unsigned", body: "operatorId=canary", code: 403},
		{name: "cut", body: form[:len(form)-1], code: 403},
		{name: "other key", body: "operatorId=" + newSigner(t, otherKey).Sign("canary"), code: 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ended ends
			r := httptest.NewRequest(cmp.Or(tt.method, "POST"), cmp.Or(tt.target, "/ended"), strings.NewReader(tt.body))
			if tt.contentType != "-" {
				r.Header.Set("Content-Type", cmp.Or(tt.contentType, formType))
			}
			w := httptest.NewRecorder()
			signer.Handler(ended.add).ServeHTTP(w, r)
			assert.Equal(t, tt.code, w.Code)
			assert.Equal(t, tt.ended, ended.ids)
			if tt.code != http.StatusOK {
				assert.Equal(t, http.StatusText(tt.code)+"\n", w.Body.String(), "nothing of the operator ID")
			}
			assert.Equal(t, tt.code == http.StatusMethodNotAllowed, w.Header().Get("Allow") == "POST")
		})
	}
}

// endless is a body without an end. It counts the bytes that were read.
type endless struct{ read int }

func (b *endless) Read(p []byte) (int, error) {
	b.read += len(p)
	return copy(p, bytes.Repeat([]byte("a"), len(p))), nil
}

func TestEndlessCallback(t *testing.T) {
	var ended ends
	body := new(endless)
	assert.Equal(t, http.StatusRequestEntityTooLarge, callBack(newSigner(t, signingKey).Handler(ended.add), "/ended", body).Code)
	assert.Less(t, body.read, 16<<10)
	cut := io.MultiReader(strings.NewReader("operatorId=a"), failingReader{io.ErrUnexpectedEOF})
	assert.Equal(t, http.StatusBadRequest, callBack(iomeeting.UnsignedEndHandler(ended.add), "/ended", cut).Code)
	assert.Empty(t, ended.ids)
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
	synctest.Test(t, func(t *testing.T) {
		var ended ends
		l := make(pipes)
		server := &http.Server{Handler: newSigner(t, signingKey).Handler(ended.add)}
		go func() { _ = server.Serve(l) }()
		client, conn := net.Pipe()
		l <- conn
		_, err := io.WriteString(client, "POST /ended HTTP/1.1\r\nHost: a\r\nContent-Type: "+formType+"\r\nTransfer-Encoding: chunked\r\n\r\n")
		require.NoError(t, err)
		start := time.Now()
		go func() {
			for err := error(nil); err == nil; time.Sleep(time.Second) {
				_, err = io.WriteString(client, "1\r\na\r\n")
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(client), nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadRequest, res.StatusCode)
		assert.Equal(t, 10*time.Second, time.Since(start))
		assert.Empty(t, ended.ids)
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
		time.Sleep(time.Hour) // all goroutines end
	})
}

// defaultLog makes slog.Default write its records, without their times, to the
// buffer that it returns.
func defaultLog(t testing.TB) *bytes.Buffer {
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

// TestRefusedCallbacksAreLogged sends callbacks after a while, and expects a record for
// the first forged one of each minute, with the number of all.
func TestRefusedCallbacksAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := defaultLog(t)
		var ended ends
		signer := newSigner(t, signingKey)
		h := signer.Handler(ended.add)
		forged := "operatorId=" + newSigner(t, otherKey).Sign("canary")
		for _, step := range []struct {
			after   time.Duration
			body    string
			count   int // of concurrent callbacks
			refused int // in the record; 0 for no record
		}{
			{body: "operatorId=" + signer.Sign("booking-7"), count: 1},
			{body: "a=b", count: 1},
			{body: forged, count: 1, refused: 1},
			{body: forged, count: 2},
			{after: time.Minute - 1, body: "operatorId=canary", count: 1},
			{after: 1, body: "operatorId=canary", count: 1, refused: 5},
			{after: time.Hour, body: forged, count: 64, refused: 6},
			{after: time.Minute, body: forged, count: 1, refused: 70},
		} {
			time.Sleep(step.after)
			logged.Reset()
			var senders sync.WaitGroup
			for range step.count {
				senders.Go(func() { callBack(h, "/ended", strings.NewReader(step.body)) })
			}
			senders.Wait()
			want := ""
			if step.refused > 0 {
				want = fmt.Sprintf("level=WARN msg=\"iomeeting: callback refused: bad signature\" refused=%d\n", step.refused)
			}
			assert.Equal(t, want, logged.String())
		}
		assert.Equal(t, []string{"booking-7"}, ended.ids)
	})
}

// TestOnEnd shows what onEnd gets, and what becomes of its errors and panics.
func TestOnEnd(t *testing.T) {
	type key struct{}
	h := iomeeting.UnsignedEndHandler(func(ctx context.Context, id string) error {
		assert.Equal(t, "value", ctx.Value(key{}), "the context of the request")
		if id == "panic" {
			panic("canary")
		}
		return errors.New("canary")
	})
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "value")))
	})
	w := callBack(front, "/ended", strings.NewReader("operatorId=error"))
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Equal(t, "Internal Server Error\n", w.Body.String())
	assert.PanicsWithValue(t, "canary", func() { callBack(front, "/ended", strings.NewReader("operatorId=panic")) })
	assert.Panics(t, func() { iomeeting.UnsignedEndHandler(nil) })
	assert.Panics(t, func() { newSigner(t, signingKey).Handler(nil) })
}

func FuzzCallback(f *testing.F) {
	defaultLog(f)
	signer := newSigner(f, signingKey)
	signed := signer.Sign("booking-7")
	for _, body := range []string{"", "operatorId=" + signed, "operatorId=" + signed + "&operatorId=", "operatorId=%zz", "operatorId=a;b"} {
		f.Add("POST", formType, body)
	}
	f.Add("GET", formType, "operatorId="+signed)
	f.Add("POST", "multipart/form-data; boundary=a", "--a--")
	f.Fuzz(func(t *testing.T, method, contentType, body string) {
		for _, handler := range []func(func(context.Context, string) error) http.Handler{signer.Handler, iomeeting.UnsignedEndHandler} {
			var ended ends
			r := httptest.NewRequest("POST", "/ended", strings.NewReader(body))
			r.Method = method
			r.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			handler(ended.add).ServeHTTP(w, r)
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
