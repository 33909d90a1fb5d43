package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// page serves the files in dir, and blob as the model. isolate keeps the page apart
// from other sites, which browsers demand before they give it shared memory.
func page(dir string, blob []byte, isolate bool) http.Handler {
	mux := http.NewServeMux()
	list := modelList(blob)
	mux.Handle("GET /", http.FileServer(http.Dir(dir)))
	mux.HandleFunc("GET /dit8/models.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		http.ServeContent(w, r, "models.js", time.Time{}, strings.NewReader(list))
	})
	mux.HandleFunc("GET /dit8/default.dit8", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(blob)))
		http.ServeContent(w, r, "default.dit8", time.Time{}, bytes.NewReader(blob))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		if isolate {
			w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
			w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		}
		mux.ServeHTTP(w, r)
	})
}

// modelList is the JavaScript module that names the page's models, of which there is
// one, with the hash that the page checks its file against.
func modelList(blob []byte) string {
	return fmt.Sprintf("export const models = [{ name: \"default\", url: new URL(\"./default.dit8\", import.meta.url).href, sha256: \"%x\", bytes: %d }];\n", sha256.Sum256(blob), len(blob))
}

// headers lets the page load nothing from elsewhere.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; " +
		"style-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"Cache-Control":                "no-cache",
}
