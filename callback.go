package iomeeting

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const (
	// minSigningKey is the size of a SHA-256 hash. A longer key is no safer.
	minSigningKey = 32

	// maxCallback limits the body of the service's POST, in bytes.
	maxCallback = 4 << 10

	// callbackTimeout limits the time in which the body must arrive.
	callbackTimeout = 10 * time.Second
)

// EndSigner signs operator IDs, and verifies them when the service returns them.
// The service's POST to an end URL is not authenticated, so anyone who knows the
// URL could report that a meeting has ended. But the service returns the operator
// ID as it received it, and a signature in it proves that it is yours.
//
// A signature does not expire, and depends only on the operator ID and the key. Use
// a different operator ID for each call of [Client.Schedule].
//
// Create an EndSigner with [NewEndSigner]. It is safe for concurrent use. Spec:
// section 6, parameter operatorId and Result.
type EndSigner struct {
	keys []Secret // the first one signs
}

// NewEndSigner returns an EndSigner that signs with key, and accepts operator IDs
// signed with key or with a retired key. A key is at least 32 random bytes, such as
// the output of "openssl rand -base64 32".
//
// To change the key, pass the old one as retired until the last meeting that was
// scheduled with it has ended. If several servers handle the POSTs, first add the new
// key to the retired keys of every server, and then swap the two, so that no server
// refuses what another has signed.
//
// If a key is shorter than 32 bytes, NewEndSigner returns a [*ParameterError] for
// "key" or "retired".
func NewEndSigner(key Secret, retired ...Secret) (*EndSigner, error) {
	if len(key.Reveal()) < minSigningKey {
		return nil, &ParameterError{"key", "is shorter than 32 bytes"}
	}
	for _, old := range retired {
		if len(old.Reveal()) < minSigningKey {
			return nil, &ParameterError{"retired", "contains a key that is shorter than 32 bytes"}
		}
	}
	return &EndSigner{append([]Secret{key}, retired...)}, nil
}

// Sign returns the operator ID with its signature, for
// [ScheduleOptions.OperatorID]. Any string can be signed, but keep it below 3,000
// bytes, because [EndSigner.Handler] refuses a POST of more than 4 KiB. The result
// consists of letters, digits, "-", "_" and ".". The operator ID is encoded in it,
// but not encrypted. Sign panics if the EndSigner was not created with NewEndSigner.
func (s *EndSigner) Sign(operatorID string) string {
	payload := base64.RawURLEncoding.EncodeToString([]byte(operatorID))
	return payload + "." + signature(s.keys[0], payload)
}

// Verify reverses [EndSigner.Sign]. If signed was not made by Sign with one of the
// EndSigner's keys, Verify returns [ErrBadSignature]. It compares signatures in
// constant time.
func (s *EndSigner) Verify(signed string) (string, error) {
	payload, given, _ := strings.Cut(signed, ".")
	valid := false
	for _, key := range s.keys {
		if hmac.Equal([]byte(given), []byte(signature(key, payload))) {
			valid = true
		}
	}
	operatorID, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || !valid {
		return "", ErrBadSignature
	}
	return string(operatorID), nil
}

// signature returns the HMAC-SHA-256 of payload. The prefix makes it useless for
// anything else that is signed with the same key.
func signature(key Secret, payload string) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte("iomeeting operatorId: " + payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Handler returns the handler for [ScheduleOptions.EndURL]. When the service POSTs
// a signed operator ID, the handler calls onEnd with the ID that was signed, and
// responds with status 200.
//
// onEnd must be idempotent, because the service may POST again: Java's HTTP client
// does if the connection drops before the response. The context of onEnd is
// canceled if the service disconnects. If onEnd returns an error or panics, the
// handler responds with status 500, without the text of the error. It logs a panic
// to [slog.Default]; log errors yourself. The spec does not say whether the service
// POSTs again after a 500. Handler panics if onEnd is nil.
//
// The handler does not call onEnd for any other request. It responds with status
//   - 405 to a method other than POST;
//   - 415 to a body that is not application/x-www-form-urlencoded;
//   - 413 to a body of more than 4 KiB;
//   - 408 to a body that takes longer than 10 seconds, if the server supports read
//     deadlines;
//   - 400 to a body without exactly one operatorId;
//   - 403 to an operator ID with a wrong signature.
//
// If the form was parsed already, by middleware for example, the limits of that code
// apply instead.
//
// A wrong signature may be a forgery. It may also mean that your key has changed,
// and that you miss the end of every meeting. So the handler logs a record at level
// Warn to [slog.Default], "iomeeting: callback refused: bad signature", at most once
// a minute. Its attribute "refused" is the number of operator IDs that the handler
// has refused since it was created.
//
// Spec: section 6, Result.
func (s *EndSigner) Handler(onEnd func(ctx context.Context, operatorID string) error) http.Handler {
	return endHandler(s.Verify, onEnd)
}

// UnsignedEndHandler is like [EndSigner.Handler], but accepts what anyone POSTs, and
// passes operatorId to onEnd as it is. Use it only where nobody but the service can
// reach it.
//
// Spec: section 6, Result.
func UnsignedEndHandler(onEnd func(ctx context.Context, operatorID string) error) http.Handler {
	return endHandler(func(operatorID string) (string, error) { return operatorID, nil }, onEnd)
}

func endHandler(verify func(string) (string, error), onEnd func(context.Context, string) error) http.Handler {
	if onEnd == nil {
		panic("iomeeting: onEnd is nil")
	}
	var forged refusals
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received, code := readOperatorID(w, r)
		if code != http.StatusOK {
			http.Error(w, http.StatusText(code), code)
			return
		}
		operatorID, err := verify(received)
		if err != nil {
			forged.add(r.Context())
			http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
			return
		}
		if err := guarded(r.Context(), onEnd, operatorID); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	})
}

// refusals counts and logs callbacks that are refused for their signature.
type refusals struct {
	mu    sync.Mutex
	count int
	quiet time.Time // until when nothing is logged
}

// logEvery limits how much of the log an attacker can fill.
const logEvery = time.Minute

func (r *refusals) add(ctx context.Context) {
	if count, due := r.next(time.Now()); due {
		slog.WarnContext(ctx, "iomeeting: callback refused: bad signature", "refused", count)
	}
}

// next counts a refusal, and reports whether to log the count.
func (r *refusals) next(now time.Time) (count int, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if now.Before(r.quiet) {
		return r.count, false
	}
	r.quiet = now.Add(logEvery)
	return r.count, true
}

// readOperatorID returns the operatorId of a form in the body of r, or the HTTP
// status for a request without one.
func readOperatorID(w http.ResponseWriter, r *http.Request) (operatorID string, code int) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return "", http.StatusMethodNotAllowed
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return "", http.StatusUnsupportedMediaType
	}
	form := r.PostForm // set if another handler has read the body
	if form == nil {
		form, code = readForm(w, r)
		if code != http.StatusOK {
			return "", code
		}
	}
	if len(form["operatorId"]) != 1 {
		return "", http.StatusBadRequest
	}
	return form.Get("operatorId"), http.StatusOK
}

// readForm returns the form in the body of r, within limits of size and time.
func readForm(w http.ResponseWriter, r *http.Request) (form url.Values, code int) {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	if server == nil || server.ReadTimeout <= 0 || server.ReadTimeout > callbackTimeout {
		// The recorder of a test does not support deadlines.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(callbackTimeout))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
	if err != nil {
		return nil, codeOfReadError(err)
	}
	form, err = url.ParseQuery(string(body))
	if err != nil {
		return nil, http.StatusBadRequest
	}
	return form, http.StatusOK
}

func codeOfReadError(err error) int {
	var tooLong *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusRequestTimeout
	default:
		return http.StatusBadRequest
	}
}

// guarded calls onEnd, and turns a panic into an error.
func guarded(ctx context.Context, onEnd func(context.Context, string) error, operatorID string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			slog.ErrorContext(ctx, "iomeeting: onEnd panicked", "panic", v, "stack", string(debug.Stack()))
			err = errors.New("iomeeting: onEnd panicked")
		}
	}()
	return onEnd(ctx, operatorID)
}
