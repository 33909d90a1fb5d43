package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"dit8/core"
)

// problem is an error as OpenAI's API words it.
type problem struct {
	status int

	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"` // the field it is about
	Code    *string `json:"code"`
}

func (p *problem) Error() string { return p.Message }

const (
	invalid     = "invalid_request_error"
	clientGone  = 499 // as proxies log it; nobody reads it
	notFinished = "server_error"
)

func newProblem(status int, kind, code, param, message string) *problem {
	p := &problem{status: status, Message: message, Type: kind}
	if code != "" {
		p.Code = &code
	}
	if param != "" {
		p.Param = &param
	}
	return p
}

// problemOf words any error.
func problemOf(err error) *problem {
	var p *problem
	var f *core.FieldError
	var large *http.MaxBytesError
	var over spent
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &f):
		return newProblem(http.StatusBadRequest, invalid, "invalid_value", f.Field, f.Error())
	case errors.As(err, &large):
		return newProblem(http.StatusRequestEntityTooLarge, invalid, "body_too_large", "body",
			"the body has more than the "+strconv.FormatInt(large.Limit, 10)+" bytes that are allowed")
	case errors.As(err, &over):
		return newProblem(http.StatusTooManyRequests, "images", "rate_limit_exceeded", "", over.Error())
	case errors.Is(err, errFull):
		return newProblem(http.StatusTooManyRequests, "requests", "rate_limit_exceeded", "", "too many requests are waiting; try again later")
	case errors.Is(err, core.ErrNotFinite):
		return newProblem(http.StatusUnprocessableEntity, invalid, "not_finite", "", "with these settings the model's values overflow; less guidance or weights nearer to 1 help")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return newProblem(clientGone, invalid, "canceled", "", "the request was cancelled")
	}
	return newProblem(http.StatusInternalServerError, notFinished, "", "", "internal error: "+err.Error())
}

// fail answers with an error.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	switch p.status {
	case http.StatusTooManyRequests:
		after := h.queue.retryAfter()
		var over spent
		if errors.As(err, &over) {
			after = over.seconds()
		}
		w.Header().Set("Retry-After", strconv.Itoa(after))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, r, p.status, map[string]any{"error": p})
}

func writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	write(w, r, status, "application/json", marshal(v))
}

// writeTagged answers with what stays for as long as the server runs: a client that has it
// asks whether it is still so.
func writeTagged(w http.ResponseWriter, r *http.Request, v any) {
	b := marshal(v)
	sum := sha256.Sum256(b)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache")
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, r, http.StatusOK, "application/json", b)
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // only values that JSON has are given
		panic(err)
	}
	return append(b, '\n')
}

// write answers with a whole body, of which HEAD gets the length.
func write(w http.ResponseWriter, r *http.Request, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body) // an error is the client's going away
	}
}
