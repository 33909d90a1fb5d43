package command

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Those who make previews of links (Open Graph) want the picture's whole address, which only a server knows.
var (
	preview = []byte(`content="preview.jpg"`)
	hosts   = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]+)?$|^\[[0-9A-Fa-f:.]+\](:[0-9]+)?$`)
)

// previewed has the page name its preview by the address that a request came to. A proxy that ends TLS says so in X-Forwarded-Proto.
func previewed(files fs.FS, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := fs.ReadFile(files, "index.html")
		if err != nil || r.URL.Path != "/" || !bytes.Contains(text, preview) || !hosts.MatchString(r.Host) {
			h.ServeHTTP(w, r)
			return
		}
		scheme := "http"
		if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
			scheme = "https"
		}
		text = bytes.Replace(text, preview, []byte(`content="`+scheme+`://`+r.Host+`/preview.jpg"`), 1)
		w.Header().Set("Content-Type", kinds[".html"])
		w.Header().Add("Vary", "Accept-Encoding, X-Forwarded-Proto")
		if accepts(r, "gzip") {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			z.Write(text) // a buffer takes all
			z.Close()
			text = packed.Bytes()
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(text)))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
	})
}
