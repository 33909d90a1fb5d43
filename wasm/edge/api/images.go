package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dit8/core"
	"dit8/core/pngfile"
)

// generations answers POST /v1/images/generations.
func (h *Handler) generations(w http.ResponseWriter, r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, invalid, "unsupported_media_type", "body", "the body must be JSON, with Content-Type: application/json")
	}
	body := []byte{}
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, int64(h.config.Body))); err != nil {
			return unread(err)
		}
	}
	a, err := h.parseBody(body)
	if err != nil {
		return err
	}
	return h.answer(w, r, a)
}

// answer computes and answers with the images in JSON, or with events.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, a asked) error {
	if a.stream {
		return h.stream(w, r, a)
	}
	res, err := h.run(r, a, nil)
	if err != nil {
		return renamed(err, false)
	}
	answer := h.format(a.size)
	answer["created"] = time.Now().Unix()
	answer["metadata"] = res.Metadata
	if len(a.notes) > 0 {
		answer["notes"] = a.notes
	}
	data := []map[string]any{}
	for i, m := range res.Images {
		if a.index != nil && *a.index != i {
			continue
		}
		b, err := a.model.png([]*image.NRGBA{m}, a.size, res.Metadata)
		if err != nil {
			return err
		}
		if a.url {
			data = append(data, map[string]any{"url": h.address(r, a, i, b)})
		} else {
			data = append(data, map[string]any{"b64_json": b})
		}
	}
	answer["data"] = data
	writeJSON(w, r, http.StatusOK, answer)
	return nil
}

// unread words an error of reading a body: it is too large, or did not come whole.
func unread(err error) error {
	if p := problemOf(err); p.status < 500 {
		return p
	}
	return newProblem(http.StatusBadRequest, invalid, "unreadable_body", "body", "the body did not arrive whole: "+err.Error())
}

// format says what images are, in OpenAI's words.
func (h *Handler) format(size int) map[string]any {
	return map[string]any{"size": fmt.Sprintf("%dx%[1]d", size), "output_format": "png", "quality": "standard", "background": "opaque"}
}

// png is the images as a PNG file, in a grid where there are several. It does not
// depend on what computed them.
func (m *model) png(images []*image.NRGBA, size int, meta core.Metadata) ([]byte, error) {
	meta.Device = ""
	var b bytes.Buffer
	err := pngfile.Write(&b, core.Grid(images, size/m.ImageSize()), meta)
	return b.Bytes(), err
}

// image answers GET /v1/images. The same URL gives the same bytes for as long as
// the model is the same, so that it is known without computing what a cache may
// keep.
func (h *Handler) image(w http.ResponseWriter, r *http.Request) error {
	a, err := h.parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if a.random { // which no cache should keep for another
		q := a.query()
		if a.index != nil {
			q.Set("index", strconv.Itoa(*a.index))
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", r.URL.Path+"?"+q.Encode())
		w.WriteHeader(http.StatusFound)
		return nil
	}
	tag, err := h.etag(a)
	if err != nil {
		return err
	}
	cache := "public, max-age=31536000, immutable"
	if len(h.tokens) > 0 {
		cache = "private, max-age=31536000, immutable"
	}
	header := func() {
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", cache)
	}
	if matches(r.Header.Values("If-None-Match"), tag) {
		header()
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead {
		header()
		w.Header().Set("Content-Type", "image/png")
		return nil
	}
	res, err := h.run(r, a, nil)
	if err != nil {
		return renamed(err, false)
	}
	images := res.Images
	if a.index != nil {
		images = images[*a.index : *a.index+1]
	}
	b, err := a.model.png(images, a.size, res.Metadata)
	if err != nil {
		return err
	}
	header()
	write(w, r, http.StatusOK, "image/png", b)
	return nil
}

// etag identifies the answer to a: the model file, the request with its defaults,
// and how pixels become a file.
func (h *Handler) etag(a asked) (string, error) {
	const version = 1
	b, err := json.Marshal([]any{version, a.model.file(), a.Request, a.size, a.index})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:16]) + `"`, nil
}

// matches compares an If-None-Match header with a tag (RFC 9110, 13.1.2).
func matches(header []string, tag string) bool {
	for _, line := range header {
		for t := range strings.SplitSeq(line, ",") {
			if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == tag {
				return true
			}
		}
	}
	return false
}
