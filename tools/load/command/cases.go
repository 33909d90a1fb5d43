package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"strings"

	"dit8/core"
	"dit8/testdata/golden"
)

// request is one of the mix: what is sent, and what the answer must be unless the
// server is busy.
type request struct {
	method, path, body string
	header             [2]string
	status             int
	check              func(body []byte) error // nil: none
}

// mix are the golden requests, as answers and as streams, and some that need no
// computing.
func mix() (all []request, err error) {
	for _, file := range []string{"pixels.json", "options.json"} {
		text, err := golden.Requests.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var cases []struct {
			Request map[string]any
			SHA256  string
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // seeds have 53 bits
		if err := d.Decode(&cases); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for i, c := range cases {
			body := c.Request
			body["n"] = body["count"]
			delete(body, "count")
			r := request{method: http.MethodPost, path: "v1/images/generations", header: [2]string{"Content-Type", "application/json"}, status: http.StatusOK}
			r.check = func(b []byte) error { return plain(b, c.SHA256) }
			if i%2 == 1 {
				body["stream"], body["partial_images"] = true, 2
				r.check = func(b []byte) error { return streamed(b, c.SHA256) }
			}
			text, err := json.Marshal(body)
			if err != nil {
				return nil, err
			}
			r.body = string(text)
			all = append(all, r)
		}
	}
	return append(all,
		request{method: http.MethodGet, path: "v1/images?class=fox&size=128x128", status: http.StatusOK},
		request{method: http.MethodGet, path: "v1/images?class=rose&seed=7", header: [2]string{"If-None-Match", "*"}, status: http.StatusNotModified},
		request{method: http.MethodGet, path: "v1/models", status: http.StatusOK},
		request{method: http.MethodGet, path: "v1/images?class=none", status: http.StatusBadRequest},
	), nil
}

// plain checks the images of an answer.
func plain(body []byte, sha256 string) error {
	var answer struct{ Data []picture }
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	return same(answer.Data, sha256)
}

// streamed checks the completed images of a stream.
func streamed(body []byte, sha256 string) error {
	var all []picture
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var p picture
		if err := json.Unmarshal([]byte(data), &p); err != nil {
			return err
		}
		if p.Type == "image_generation.completed" {
			all = append(all, p)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return same(all, sha256)
}

type picture struct {
	Type string
	PNG  []byte `json:"b64_json"`
}

// same compares the pixels that the files hold with a golden hash.
func same(pictures []picture, sha256 string) error {
	var all []*image.NRGBA
	for _, p := range pictures {
		m, err := png.Decode(bytes.NewReader(p.PNG))
		if err != nil {
			return err
		}
		n := image.NewNRGBA(m.Bounds())
		for y := range n.Rect.Dy() {
			for x := range n.Rect.Dx() {
				n.Set(x, y, m.At(x, y))
			}
		}
		all = append(all, n)
	}
	if got := core.PixelHash(all...); got != sha256 {
		return fmt.Errorf("pixels %s, the golden ones are %s", got, sha256)
	}
	return nil
}

// wrong is the error of a whole answer that is not as it must be.
type wrong struct{ error }

// send sends r and returns the status, after a check of the answer.
func (c *client) send(r request) (status int, err error) {
	req, err := http.NewRequest(r.method, c.url+r.path, strings.NewReader(r.body))
	if err != nil {
		return 0, err
	}
	if r.header[0] != "" {
		req.Header.Set(r.header[0], r.header[1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	switch {
	case err != nil:
		return 0, err
	case res.StatusCode == http.StatusTooManyRequests && r.status == http.StatusOK:
		if res.Header.Get("Retry-After") == "" {
			return 0, fmt.Errorf("%s: 429 without Retry-After", r.path)
		}
	case res.StatusCode != r.status:
		return 0, wrong{fmt.Errorf("%s %s: %d, expected %d: %.200s", r.method, r.path, res.StatusCode, r.status, body)}
	case r.check != nil:
		if err := r.check(body); err != nil {
			return 0, wrong{fmt.Errorf("%s %.100s: %w", r.path, r.body, err)}
		}
	}
	return res.StatusCode, nil
}
