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
	"time"
)

const (
	// minSigningKey is the size of a SHA-256, beyond which a key gains nothing.
	minSigningKey = 32

	// maxCallback bounds the body of the service's POST, in bytes.
	maxCallback = 4 << 10

	// callbackTimeout bounds how long the service may take to send it.
	callbackTimeout = 10 * time.Second
)

// EndSigner signs operator IDs. The service's POST to an end URL is
// unauthenticated, so that anyone who knows the URL could report a meeting as
// ended. But the service hands the operator ID back as it got it: a signature
// inside of it proves that the ID is one of ours.
//
// A signature does not expire, and two meetings with one operator ID have the
// same: each call of [Client.Schedule] wants an operator ID of its own.
//
// It is made by [NewEndSigner], and may be used by several goroutines at once.
// Spec: section 6, parameter operatorId and Result.
type EndSigner struct {
	keys []Secret // the first one signs
}

// NewEndSigner returns a signer that signs with key, and takes what was signed
// with key or with one of the retired ones. To change the key, retire the old
// one, and drop it when the last meeting that was scheduled with it has ended.
// Where several servers take the POSTs, first hand them the new key as a retired
// one, so that none refuses what another signs.
//
// A key is 32 bytes or more that nobody can guess, such as what
// "openssl rand -base64 32" prints.
//
// The error is a [*ParameterError] for "key" or "retired", where one is shorter
// than 32 bytes.
func NewEndSigner(key Secret, retired ...Secret) (*EndSigner, error) {
	if len(key.Reveal()) < minSigningKey {
		return nil, &ParameterError{"key", "is shorter than 32 bytes"}
	}
	for _, old := range retired {
		if len(old.Reveal()) < minSigningKey {
			return nil, &ParameterError{"retired", "holds a key that is shorter than 32 bytes"}
		}
	}
	return &EndSigner{append([]Secret{key}, retired...)}, nil
}

// Sign returns the operator ID with its signature, for
// [ScheduleOptions.OperatorID]. Any string can be signed, but one of more than
// 3,000 bytes comes back in a form that [EndSigner.Handler] finds too long. The
// result consists of letters, digits, "-", "_" and "."; the ID can be read in
// it. Sign panics for an EndSigner that NewEndSigner did not make.
func (s *EndSigner) Sign(operatorID string) string {
	payload := base64.RawURLEncoding.EncodeToString([]byte(operatorID))
	return payload + "." + signature(s.keys[0], payload)
}

// Verify returns the operator ID that [EndSigner.Sign] made signed of. It takes
// a time that says nothing about the keys or the right signature. The error is
// [ErrBadSignature].
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

// signature returns the HMAC-SHA-256 of payload. Its first words keep a key that
// signs other things too from signing operator IDs.
func signature(key Secret, payload string) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte("iomeeting operatorId: " + payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Handler returns the handler for [ScheduleOptions.EndURL]. For a POST of the
// service it calls onEnd with the operator ID as it was before
// [EndSigner.Sign], and answers 200.
//
// The service POSTs again when a connection drops before the answer, so onEnd
// must be idempotent. Its context is done when the service goes away. If it
// returns an error or panics, the answer is 500 without the error's text; a
// panic goes to [slog.Default], and an error nowhere. The spec does not say that
// the service POSTs again after a 500. A nil onEnd panics at once.
//
// Everything else is answered without calling onEnd, and not logged: a method
// other than POST with 405, a body that is not application/x-www-form-urlencoded
// with 415, more than 4 KiB with 413, a body that takes longer than 10 seconds
// (on a server whose ResponseWriter has read deadlines) with 408, one without
// exactly one operatorId with 400, and one whose signature is wrong with 403.
// Where a handler in front has parsed the form, its limits hold in place of
// these.
//
// Spec: section 6, Result.
func (s *EndSigner) Handler(onEnd func(ctx context.Context, operatorID string) error) http.Handler {
	return endHandler(s.Verify, onEnd)
}

// UnsignedEndHandler returns a handler as [EndSigner.Handler] does, which takes
// what anyone POSTs, and hands on operatorId as it came. It is for networks on
// which nobody but the service can reach it.
//
// Spec: section 6, Result.
func UnsignedEndHandler(onEnd func(ctx context.Context, operatorID string) error) http.Handler {
	return endHandler(func(operatorID string) (string, error) { return operatorID, nil }, onEnd)
}

func endHandler(verify func(string) (string, error), onEnd func(context.Context, string) error) http.Handler {
	if onEnd == nil {
		panic("iomeeting: onEnd is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received, code := readOperatorID(w, r)
		if code != http.StatusOK {
			http.Error(w, http.StatusText(code), code)
			return
		}
		operatorID, err := verify(received)
		if err != nil {
			http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
			return
		}
		if err := guarded(r.Context(), onEnd, operatorID); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	})
}

// readOperatorID returns the operatorId of a form in the body of r, or the HTTP
// status of a request that has none.
func readOperatorID(w http.ResponseWriter, r *http.Request) (operatorID string, code int) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return "", http.StatusMethodNotAllowed
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return "", http.StatusUnsupportedMediaType
	}
	form := r.PostForm // of a handler in front, which has read the body
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
		// A recorder in a test has no deadline to set.
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

// guarded calls onEnd, and makes a panic an error.
func guarded(ctx context.Context, onEnd func(context.Context, string) error, operatorID string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			slog.ErrorContext(ctx, "iomeeting: onEnd panicked", "panic", v, "stack", string(debug.Stack()))
			err = errors.New("iomeeting: onEnd panicked")
		}
	}()
	return onEnd(ctx, operatorID)
}
