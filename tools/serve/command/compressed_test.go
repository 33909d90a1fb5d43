package command

import (
	"net/http/httptest"
	"testing"
	"testing/fstest"
)

func TestCompressed(t *testing.T) {
	files := fstest.MapFS{
		"index.html": {Data: []byte("<p>page")}, "index.html.br": {Data: []byte("brotli")}, "index.html.gz": {Data: []byte("gzip")},
		"dit8/dit8.wasm": {Data: []byte("\x00asm")}, "dit8/dit8.wasm.gz": {Data: []byte("gzipped")}, "app.js": {Data: []byte("1")},
	}
	h := page(files, blobs{}, nil, true)
	for _, c := range []struct{ path, accept, ranged, body, encoding, kind string }{
		{"/", "gzip, deflate, br, zstd", "", "brotli", "br", "text/html; charset=utf-8"},
		{"/", "gzip;q=1.0, br;q=0", "", "gzip", "gzip", "text/html; charset=utf-8"},
		{"/", "", "", "<p>page", "", "text/html; charset=utf-8"},
		{"/dit8/dit8.wasm", "br, gzip", "", "gzipped", "gzip", "application/wasm"},
		{"/dit8/dit8.wasm", "br", "", "\x00asm", "", "application/wasm"},
		{"/dit8/dit8.wasm", "gzip", "bytes=1-2", "as", "", "application/wasm"},
		{"/app.js", "br, gzip", "", "1", "", "text/javascript; charset=utf-8"},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Header.Set("Accept-Encoding", c.accept)
		if c.ranged != "" {
			r.Header.Set("Range", c.ranged)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header(); w.Body.String() != c.body || got.Get("Content-Encoding") != c.encoding || got.Get("Content-Type") != c.kind || got.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s, %q: %q %v", c.path, c.accept, w.Body, got)
		}
	}
}
