package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// page serves the built page's files, the model's and those of more that it can choose. isolate keeps the page apart
// from other sites, which browsers demand before they give it shared memory.
func page(built fs.FS, b blobs, more []listed, isolate bool) http.Handler {
	mux := http.NewServeMux()
	list := modelList(b)
	mux.Handle("GET /", previewed(built, compressed(built, tagged(built, http.FileServerFS(built)))))
	mux.HandleFunc("GET /dit8/models.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		http.ServeContent(w, r, "models.js", time.Time{}, strings.NewReader(list))
	})
	serveModels(mux, more)
	for name, blob := range map[string]blob{"default.dit8": b.model, "vae.dit8": b.vae} {
		if blob.data == nil {
			continue
		}
		mux.HandleFunc("GET /dit8/"+name, func(w http.ResponseWriter, r *http.Request) {
			serveModel(w, r, blob.sha256, bytes.NewReader(blob.data))
		})
	}
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

// fileName is the name of the file that a request asks the page's for.
func fileName(r *http.Request) string {
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if strings.HasSuffix(r.URL.Path, "/") {
		name = path.Join(name, "index.html")
	}
	return name
}

// tagged gives files that have no time, as those in a program, a tag of their content, so that
// browsers need not take them again.
func tagged(files fs.FS, h http.Handler) http.Handler {
	var tags sync.Map // by name
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := fileName(r)
		if st, err := fs.Stat(files, name); err == nil && st.ModTime().IsZero() && !st.IsDir() {
			tag, ok := tags.Load(name)
			if !ok {
				if data, err := fs.ReadFile(files, name); err == nil {
					tag = fmt.Sprintf(`"%x"`, sha256.Sum256(data))
					tags.Store(name, tag)
				}
			}
			if tag, ok := tag.(string); ok {
				w.Header().Set("ETag", tag)
			}
		}
		h.ServeHTTP(w, r)
	})
}

// modelList is the JavaScript module that names the page's models, of which there is
// one, with the hashes that the page checks its files against, and the names that the
// command line needs.
func modelList(b blobs) string {
	file := func(name string, blob blob) string {
		text := fmt.Sprintf(`url: new URL("./%s", import.meta.url).href, sha256: "%s", bytes: %d`, name, blob.sha256, len(blob.data))
		if blob.name != "" {
			quoted, _ := json.Marshal(blob.name) // a string has no errors
			text += ", file: " + string(quoted)
		}
		return text
	}
	entry := `name: "default", ` + file("default.dit8", b.model)
	if b.vae.data != nil {
		entry += ", vae: { " + file("vae.dit8", b.vae) + " }"
	}
	return "export const models = [{ " + entry + " }];\n"
}

// headers lets the page load nothing from elsewhere.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' https: http://127.0.0.1:* http://localhost:*; " + // a model may come from elsewhere
		"style-src 'self'; img-src 'self' blob: data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"Cache-Control":                "no-cache",
}
