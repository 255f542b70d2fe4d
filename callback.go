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

	// logEvery limits how much of the log an attacker can fill.
	logEvery = time.Minute
)

// EndSigner signs operator IDs, and verifies them when the service returns them.
// The service's POST to an end URL is not authenticated, so anyone who knows the
// URL could report that a meeting has ended. But the service returns the operator
// ID as it received it, and a signature in it proves that it is yours.
//
// A signature does not expire, and depends only on the operator ID and the key: use
// a different operator ID for each call of [Client.Schedule]. An EndSigner is safe
// for concurrent use.
type EndSigner struct {
	keys []Secret // the first one signs
}

// NewEndSigner returns an EndSigner that signs with key, and accepts operator IDs
// signed with key or with a retired key. A key is at least 32 random bytes, such as
// the output of "openssl rand -base64 32".
//
// To change the key, pass the old one as retired until the last meeting that was
// scheduled with it has ended. With several servers, first add the new key to the
// retired keys of each, and then swap the two.
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
// bytes, because [EndSigner.Handler] refuses a POST of more than 4 KiB. The operator
// ID is encoded in the result, but not encrypted.
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

// Handler returns the handler for [ScheduleOptions.EndURL]. It calls onEnd with the
// operator ID that was signed, and responds to every other request with a 4xx status.
//
// onEnd must be idempotent, because the service may POST again if the connection
// drops. If onEnd returns an error, the handler responds with status 500, and neither
// shows nor logs the error; the spec does not say whether the service POSTs again.
//
// A wrong signature is a forgery, or a sign that your key has changed and that you are
// missing the end of every meeting. So it is logged to [slog.Default], at most once a
// minute.
func (s *EndSigner) Handler(onEnd func(ctx context.Context, operatorID string) error) http.Handler {
	return endHandler(s.Verify, onEnd)
}

// UnsignedEndHandler is like [EndSigner.Handler], but accepts what anyone POSTs, and
// passes operatorId to onEnd as it is. Use it only where nobody but the service can
// reach it.
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
		operatorID, err := verify(received)
		switch {
		case code != http.StatusOK:
		case err != nil:
			code = http.StatusForbidden
			forged.log(r.Context())
		case onEnd(r.Context(), operatorID) != nil:
			code = http.StatusInternalServerError
		}
		if code != http.StatusOK {
			http.Error(w, http.StatusText(code), code)
		}
	})
}

// refusals counts and logs callbacks that are refused for their signature.
type refusals struct {
	mu    sync.Mutex
	count int
	quiet time.Time // nothing is logged before it
}

func (r *refusals) log(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if now := time.Now(); !now.Before(r.quiet) {
		r.quiet = now.Add(logEvery)
		slog.WarnContext(ctx, "iomeeting: callback refused: bad signature", "refused", r.count)
	}
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
		// The recorder of a test does not support deadlines.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(callbackTimeout))
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return "", http.StatusRequestEntityTooLarge
		}
		if err == nil {
			form, err = url.ParseQuery(string(body))
		}
		if err != nil {
			return "", http.StatusBadRequest
		}
	}
	if len(form["operatorId"]) != 1 {
		return "", http.StatusBadRequest
	}
	return form.Get("operatorId"), http.StatusOK
}
