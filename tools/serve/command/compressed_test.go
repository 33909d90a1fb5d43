package command

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
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

// Who shows links to the page finds its preview by a whole address.
func TestPreview(t *testing.T) {
	files := fstest.MapFS{"index.html": {Data: []byte(`<meta property="og:image" content="preview.jpg">`)}, "index.html.br": {Data: []byte("brotli")}}
	h := page(files, blobs{}, nil, false)
	for _, test := range []struct{ path, host, proto, want string }{
		{"/", "dit8.example", "https", "https://dit8.example/preview.jpg"},
		{"/?model=x", "127.0.0.1:8080", "", "http://127.0.0.1:8080/preview.jpg"},
		{"/", "[::1]:80", "", "http://[::1]:80/preview.jpg"},
		{"/", `a"><script>`, "", `content="preview.jpg"`},
		{"/", "", "https", `content="preview.jpg"`},
	} {
		for _, encoding := range []string{"", "gzip"} {
			r := httptest.NewRequest("GET", test.path, nil)
			r.Host = test.host
			r.Header.Set("X-Forwarded-Proto", test.proto)
			r.Header.Set("Accept-Encoding", encoding)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			text := w.Body.Bytes()
			if w.Header().Get("Content-Encoding") == "gzip" {
				z, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				if text, err = io.ReadAll(z); err != nil {
					t.Fatal(err)
				}
			}
			if w.Code != 200 || !strings.Contains(string(text), test.want) {
				t.Errorf("%q of %q, %q: %d %s, want %s", test.path, test.host, encoding, w.Code, text, test.want)
			}
		}
	}
}
