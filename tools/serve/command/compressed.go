package command

import (
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
)

// encodings are the ends of the names of files that the build compresses (web/compress.mjs), the smallest first.
var encodings = []struct{ name, end string }{{"br", ".br"}, {"gzip", ".gz"}}

// compressed has h serve the compressed form of a file that lies beside it in files to clients that accept it. A part of a file
// is one of the plain file.
func compressed(files fs.FS, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := fileName(r)
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Accept-Encoding")
		if r.Header.Get("Range") == "" {
			for _, e := range encodings {
				if _, err := fs.Stat(files, name+e.end); err != nil || !accepts(r, e.name) {
					continue
				}
				w.Header().Set("Content-Encoding", e.name)
				w.Header().Set("Content-Type", kind)
				r = r.Clone(r.Context())
				r.URL.Path, r.URL.RawPath = "/"+name+e.end, ""
				break
			}
		}
		h.ServeHTTP(w, r)
	})
}

// kinds are the types of the files that are compressed.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".wasm": "application/wasm", ".webmanifest": "application/manifest+json",
}

// accepts says whether a client takes an encoding (RFC 9110, 12.5.3), which is one that it names and does not rule out.
func accepts(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		fields := strings.Split(part, ";")
		if strings.TrimSpace(fields[0]) != encoding {
			continue
		}
		return !slices.ContainsFunc(fields[1:], func(f string) bool {
			q, ok := strings.CutPrefix(strings.TrimSpace(f), "q=")
			return ok && strings.Trim(q, "0.") == ""
		})
	}
	return false
}
