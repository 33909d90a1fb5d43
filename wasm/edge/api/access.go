package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
)

// cors lets pages of other sites read the answer, all or those of Config.Origins.
func (h *Handler) cors(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("X-Content-Type-Options", "nosniff")
	if len(h.config.Origins) == 0 {
		header.Set("Access-Control-Allow-Origin", "*")
	} else {
		header.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); slices.Contains(h.config.Origins, origin) {
			header.Set("Access-Control-Allow-Origin", origin)
		}
	}
	header.Set("Access-Control-Expose-Headers", "ETag, Retry-After")
}

// preflight answers what a browser asks before a request.
func preflight(w http.ResponseWriter, allow string) {
	header := w.Header()
	header.Set("Allow", allow)
	header.Set("Access-Control-Allow-Methods", allow)
	header.Set("Access-Control-Allow-Headers", "Authorization, *") // * leaves Authorization out
	header.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// authorize demands one of the tokens, where there are any. Each is compared, as
// hashes and in constant time, so that the time taken tells nothing of them.
func (h *Handler) authorize(r *http.Request) error {
	if len(h.tokens) == 0 {
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	found := 0
	for _, t := range h.tokens {
		found |= subtle.ConstantTimeCompare(sum[:], t[:])
	}
	if found == 0 || !strings.EqualFold(scheme, "Bearer") {
		return newProblem(http.StatusUnauthorized, invalid, "invalid_api_key", "", "a valid token is missing: Authorization: Bearer TOKEN")
	}
	return nil
}
