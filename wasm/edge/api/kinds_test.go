package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"
)

// imagesIn is an answer with images.
type imagesIn struct {
	Data []struct {
		B64_JSON []byte
		URL      string
	}
	Notes    []string
	Metadata struct {
		Request struct {
			Seed  uint64
			Class string
			Edit  struct {
				Task  string
				Width int
				Image []byte
				Mask  []byte
			}
		}
	}
}

func answerOf(t *testing.T, w *httptest.ResponseRecorder) (a imagesIn) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return a
}

// pngOf is a file of a w×h picture, whose left half is red; clear makes that transparent.
func pngOf(w, h int, clear bool) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{0, 0, 255, 255}
			if x < w/2 {
				c = color.NRGBA{255, 0, 0, 255}
				if clear {
					c.A = 0
				}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.Bytes()
}

// send posts a form of names and values, of which []byte are files.
func send(h *Handler, path string, fields ...any) *httptest.ResponseRecorder {
	var b bytes.Buffer
	f := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		name := fields[i].(string)
		if file, ok := fields[i+1].([]byte); ok {
			w, _ := f.CreateFormFile(name, name+".png")
			w.Write(file)
		} else {
			f.WriteField(name, fields[i+1].(string))
		}
	}
	f.Close()
	return call(h, "POST", path, b.String(), "Content-Type", f.FormDataContentType())
}

// What OpenAI's clients send besides is taken.
func TestOpenAIFields(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	for _, more := range []string{
		`"style": "vivid"`, `"style": "natural"`, `"moderation": "low"`, `"output_compression": 50`, `"quality": "hd"`, `"quality": "high"`, `"quality": "low"`, `"quality": "medium"`, `"style": null`,
		`"user": "u"`, `"background": "auto"`, `"output_format": "png"`, `"seed": -1`, `"seed": "random"`,
	} {
		answerOf(t, call(h, "POST", generations, `{"prompt": "fox", `+more+`}`))
	}
	if p := problemIn(t, call(h, "POST", generations, `{"prompt": "fox",}`)).Error; !strings.Contains(p.Message, "allowed: a JSON object (") || !strings.Contains(p.Message, "at byte 18") {
		t.Errorf("a comma too many: %q", p.Message)
	}
	for _, more := range []string{`"style": "x"`, `"output_compression": 101`, `"quality": "best"`, `"seed": -2`} {
		if w := call(h, "POST", generations, `{"prompt": "fox", `+more+`}`); w.Code != 400 {
			t.Errorf("%s: %d", more, w.Code)
		}
	}
}

// An address gives the bytes that b64_json has.
func TestAddresses(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	for _, body := range []string{
		`"prompt": "fox"`, `"prompt": "fox:2,panda@0.6-0", "n": 3, "seed": 7, "size": "16x16"`, `"class": "1", "steps": 3, "guidance_interval": [0.1, 0.9], "solver": "ab2", "negative": "panda"`,
		`"class": "fox", "seed_to": 3, "seed_mix": 0.25, "shift": 2, "schedule": "cosine", "guidance_rescale": 0.5, "n": 2, "first": 3`,
	} {
		plain := answerOf(t, call(h, "POST", generations, "{"+body+"}"))
		urls := answerOf(t, call(h, "POST", generations, "{"+body+`, "response_format": "url"}`, "X-Forwarded-Proto", "https"))
		for i, d := range urls.Data {
			if !strings.HasPrefix(d.URL, "https://example.com/v1/images?") || d.B64_JSON != nil {
				t.Fatalf("%s: %q", body, d.URL)
			}
			w := call(h, "GET", d.URL, "")
			if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), plain.Data[i].B64_JSON) {
				t.Errorf("%s: %d, image %d differs at %s", body, w.Code, i, d.URL)
			}
		}
	}
	a := answerOf(t, call(h, "POST", generations, `{"prompt": "fox", "response_format": "url", "modulation": [{"scale": 0.5}]}`))
	if !strings.HasPrefix(a.Data[0].URL, "data:image/png;base64,iVBOR") {
		t.Errorf("what no address can say: %.60s", a.Data[0].URL)
	}
	for _, seed := range []string{"-1", "random"} {
		w := call(h, "GET", "/v1/images?class=fox&seed="+seed, "")
		to := w.Header().Get("Location")
		if w.Code != 302 || w.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(to, "/v1/images?") {
			t.Fatalf("a random seed: %d %v", w.Code, w.Header())
		}
		if w := call(h, "GET", to, ""); w.Code != 200 {
			t.Errorf("%s: %d", to, w.Code)
		}
	}
}

// Every path is there without /v1 too, and guarded alike.
func TestPathsWithoutVersion(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits, Tokens: []string{"t"}})
	for _, c := range [][3]string{
		{"POST", "/images/generations", `{"prompt": "fox"}`}, {"GET", "/images?class=fox", ""}, {"GET", "/models", ""}, {"GET", "/models/tiny", ""},
		{"POST", "/v1/images/generations", `{"prompt": "fox"}`},
	} {
		if w := call(h, c[0], c[1], c[2]); w.Code != 401 {
			t.Errorf("%v without a token: %d", c, w.Code)
		}
		if w := call(h, c[0], c[1], c[2], "Authorization", "Bearer t"); w.Code != 200 {
			t.Errorf("%v: %d %s", c, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/images/edits", "/images/variations"} {
		if w := call(h, "POST", path, "{}", "Authorization", "Bearer t"); w.Code != 415 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestEdits(t *testing.T) {
	limits := testLimits
	limits.Body = 100000
	h := New(generator(t), Config{Limits: limits})
	count := func(mask []byte) (n int) {
		for _, b := range mask {
			if b != 0 {
				n++
			}
		}
		return n
	}
	for _, path := range []string{"/v1/images/edits", "/images/edits"} {
		a := answerOf(t, send(h, path, "image", pngOf(8, 8, false), "mask", pngOf(8, 8, true), "prompt", "fox", "n", "2", "seed", "7"))
		if e := a.Metadata.Request.Edit; e.Task != "inpaint" || count(e.Mask) != 32 || len(a.Data) != 2 || len(a.Notes) != 1 || !strings.Contains(a.Notes[0], "mask: what is transparent is painted anew: 32 of 64 pixels") {
			t.Errorf("a mask: %+v, %q", e.Task, a.Notes)
		}
		m, err := png.Decode(bytes.NewReader(a.Data[0].B64_JSON))
		if err != nil {
			t.Fatal(err)
		}
		if r, _, b, _ := m.At(7, 3).RGBA(); r != 0 || b != 0xffff {
			t.Errorf("what is kept has changed: %d %d", r, b)
		}
	}
	a := answerOf(t, send(h, "/v1/images/edits", "image[]", pngOf(40, 20, true), "prompt", "fox", "fit", "stretch"))
	if e := a.Metadata.Request.Edit; e.Task != "inpaint" || count(e.Mask) != 32 || !strings.Contains(strings.Join(a.Notes, "; "), "image: scaled from 40×20 to 8×8, fit stretch") {
		t.Errorf("a transparent picture of another size: %+v, %q", e, a.Notes)
	}
	a = answerOf(t, send(h, "/v1/images/edits", "image", pngOf(16, 16, false), "prompt", "fox", "strength", "0.4", "response_format", "url", "input_fidelity", "high"))
	if e := a.Metadata.Request.Edit; e.Task != "image" || len(e.Image) != 192 || !strings.HasPrefix(a.Data[0].URL, "data:image/png;base64,") {
		t.Errorf("a picture to start from: %+v", e)
	}
	w := send(h, "/v1/images/edits", "image", pngOf(8, 8, true), "prompt", "fox", "stream", "True")
	if all := events(t, w.Body.String()); w.Code != 200 || w.Header().Get("X-Accel-Buffering") != "no" || all[len(all)-1].name != "image_edit.completed" {
		t.Errorf("a stream: %d %v %v", w.Code, w.Header(), all)
	}
	for _, c := range []struct {
		param, want string
		fields      []any
	}{
		{"image", "missing", []any{"prompt", "fox"}},
		{"image", "read are PNG", []any{"prompt", "fox", "image", []byte("no picture")}},
		{"mask", "damaged", []any{"prompt", "fox", "image", pngOf(8, 8, false), "mask", []byte("\x89PNG\r\n\x1a\n")}},
		{"mask", "missing", []any{"prompt", "fox", "image", pngOf(8, 8, false), "task", "inpaint"}},
		{"prompt", "missing", []any{"image", pngOf(8, 8, true)}},
		{"prompt", "fxo", []any{"image", pngOf(8, 8, true), "prompt", "fxo"}},
		{"fit", "cover", []any{"image", pngOf(8, 8, true), "prompt", "fox", "fit", "crop"}},
		{"edit", "unknown", []any{"image", pngOf(8, 8, true), "prompt", "fox", "edit", "{}"}},
		{"strength", "allowed: above 0", []any{"image", pngOf(8, 8, true), "prompt", "fox", "strength", "2"}},
		{"mask", "something to paint (", []any{"image", pngOf(8, 8, false), "mask", pngOf(1, 1, false), "prompt", "fox"}},
		{"image", "given twice", []any{"image", pngOf(8, 8, true), "image", pngOf(8, 8, true)}},
		{"image", "allowed are up to 200000", []any{"image", pngOf(600, 600, true), "prompt", "fox"}},
	} {
		w := send(h, "/v1/images/edits", c.fields...)
		p := problemIn(t, w).Error
		if w.Code != 400 || p.Param == nil || *p.Param != c.param || !strings.Contains(p.Message, c.want) {
			t.Errorf("%d %+v; want %s with %q", w.Code, p, c.param, c.want)
		}
	}
}

// A variation of a picture that dit8 made is of its class; of others a class is needed.
func TestVariations(t *testing.T) {
	limits := testLimits
	limits.Body = 100000
	h := New(generator(t), Config{Limits: limits})
	made := answerOf(t, call(h, "POST", generations, `{"prompt": "panda", "seed": 4, "size": "16x16"}`)).Data[0].B64_JSON
	a := answerOf(t, send(h, "/v1/images/variations", "image", made, "n", "2", "size", "16x16"))
	if r := a.Metadata.Request; r.Class != "panda" || r.Edit.Task != "image" || len(a.Data) != 2 {
		t.Errorf("%+v", r)
	}
	answerOf(t, send(h, "/v1/images/variations", "image", pngOf(8, 8, false), "class", "fox"))
	if w := send(h, "/v1/images/variations", "image", pngOf(8, 8, false)); w.Code != 400 {
		t.Errorf("without a class: %d", w.Code)
	}
}

// In JSON a picture may be a file in base64 or a data: address.
func TestEditInJSON(t *testing.T) {
	limits := testLimits
	limits.Body = 100000
	h := New(generator(t), Config{Limits: limits})
	// 2×1 pixels, blue and red, below a header of 54 bytes
	bmp := append([]byte("BM\x3e\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x18\x00"), make([]byte, 24)...)
	bmp = append(bmp, 255, 0, 0, 0, 0, 255, 0, 0)
	body := fmt.Sprintf(`{"prompt": "fox", "edit": {"task": "image", "image": %q, "fit": "stretch"}}`, base64.StdEncoding.EncodeToString(bmp))
	if e := answerOf(t, call(h, "POST", generations, body)).Metadata.Request.Edit; len(e.Image) != 192 || !bytes.Equal(e.Image[:3], []byte{0, 0, 255}) {
		t.Errorf("a BMP: %+v", e)
	}
	text := base64.StdEncoding.EncodeToString(pngOf(40, 20, true))
	for _, image := range []string{text, "data:image/png;base64," + text} {
		a := answerOf(t, call(h, "POST", generations, fmt.Sprintf(`{"prompt": "fox", "edit": {"task": "inpaint", "image": %q, "fit": "contain"}}`, image)))
		if e := a.Metadata.Request.Edit; e.Width != 8 || len(e.Image) != 192 || len(e.Mask) != 64 || !strings.Contains(strings.Join(a.Notes, "; "), "fit contain") {
			t.Errorf("%+v, %q", e, a.Notes)
		}
	}
}

func TestOrigins(t *testing.T) {
	read := func(text string) ([]string, error) {
		c, err := ConfigFromEnv(func(name string) string {
			if name == "DIT8_ORIGINS" {
				return text
			}
			return ""
		}, testLimits)
		return c.Origins, err
	}
	for text, want := range map[string]string{
		"": "", "*": "", "https://a.example, *": "", "https://A.Example/": "https://a.example", "HTTPS://a.example:443": "https://a.example", "http://localhost:8080": "http://localhost:8080",
		"https://a.example,https://b.example": "https://a.example https://b.example", "http://a.example:80/": "http://a.example",
		"https://a.example:": "https://a.example", "https://xn--mller-kva.example": "https://xn--mller-kva.example",
	} {
		if got, err := read(text); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"a.example", "https://a.example/page", "https://*.example", "https://", "localhost:8080", "https://a.example?x", "https://m\u00fcller.example"} {
		if got, err := read(text); err == nil || !strings.Contains(err.Error(), "DIT8_ORIGINS has") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// A name with an accent that is put on a letter is the one that the model has.
func TestDecomposedNames(t *testing.T) {
	g := generator(t)
	info := g.Info()
	info.Classes[1] = "caf\u00e9"
	h := New(g, Config{Limits: testLimits})
	for _, body := range []string{`{"prompt": "cafe\u0301"}`, `{"prompt": "café"}`, `{"prompt": "cafe\u0301:2,fox"}`, `{"class": "fox", "negative": "cafe\u0301"}`} {
		answerOf(t, call(h, "POST", generations, body))
	}
}

// An image that is neither a picture nor pixels is named, by what it is.
func TestNoPicture(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	for b, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\n": "git lfs pull", "<html>": "HTML", "abc": "no picture that is read", "": "missing", "\x00\x00\x00\x18ftypheic\x00\x00": "HEIC",
	} {
		body, err := json.Marshal(map[string]any{"prompt": "fox", "edit": map[string]any{"task": "image", "image": []byte(b)}})
		if err != nil {
			t.Fatal(err)
		}
		w := call(h, "POST", "/images/generations", string(body))
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"param":"edit.image"`) || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q: %d %s, want %q", b, w.Code, w.Body, want)
		}
	}
}
