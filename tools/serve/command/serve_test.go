package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dit8/core/autoencoder"
	"dit8/core/pngfile"
	"dit8/weights"
	"dit8/weights/weightstest"
)

func built(t *testing.T) string {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "dit8"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"index.html": "<p>page", "dit8/dit8.wasm": "\x00asm", "dit8/worker.js": "1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPage(t *testing.T) {
	h := page(os.DirFS(built(t)), blobs{newBlob([]byte("blob"), ""), newBlob([]byte("vae"), "vae.dit8")}, nil, true)
	for _, c := range []struct {
		method, path, body, kind string
		status                   int
	}{
		{"GET", "/", "<p>page", "text/html; charset=utf-8", 200},
		{"GET", "/dit8/dit8.wasm", "\x00asm", "application/wasm", 200},
		{"GET", "/dit8/worker.js", "1", "text/javascript; charset=utf-8", 200},
		{"GET", "/dit8/default.dit8", "blob", "application/octet-stream", 200},
		{"GET", "/dit8/vae.dit8", "vae", "application/octet-stream", 200},
		{"HEAD", "/dit8/default.dit8", "", "application/octet-stream", 200},
		{"GET", "/dit8/models.js", modelList(blobs{newBlob([]byte("blob"), ""), newBlob([]byte("vae"), "vae.dit8")}), "text/javascript; charset=utf-8", 200},
		{"GET", "/nope", "404 page not found\n", "text/plain; charset=utf-8", 404},
		{"POST", "/", "Method Not Allowed\n", "text/plain; charset=utf-8", 405},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s %s: %d %q %s", c.method, c.path, w.Code, w.Body, w.Header().Get("Content-Type"))
		}
		if w.Header().Get("Cross-Origin-Opener-Policy") != "same-origin" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s %s: headers %v", c.method, c.path, w.Header())
		}
	}
	w := httptest.NewRecorder()
	page(os.DirFS(built(t)), blobs{}, nil, false).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Header().Get("Cross-Origin-Opener-Policy") != "" || w.Header().Get("Cross-Origin-Embedder-Policy") != "" || w.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("not isolated: headers %v", w.Header())
	}
}

// The program serves the built-in model at the address that it prints, until it
// is told to stop.
func TestRun(t *testing.T) {
	url, log, stop := start(t, "-dir", built(t))
	res, err := http.Get(url + "dit8/default.dit8")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || !bytes.Equal(got, weights.DefaultBytes()) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if c := stop(); c != 0 {
		t.Errorf("exit %d: %s", c, log)
	}
}

// The list names the model's file with the hash that the page demands of it.
func TestModelList(t *testing.T) {
	var out bytes.Buffer
	if code := run(context.Background(), nil, []string{"-list"}, &out, &out); code != 0 {
		t.Fatalf("exit %d: %s", code, &out)
	}
	sum := sha256.Sum256(weights.DefaultBytes())
	for _, want := range []string{"export const models", hex.EncodeToString(sum[:]), strconv.Itoa(len(weights.DefaultBytes()))} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: no %s", &out, want)
		}
	}
}

// The models of a folder are listed for the page and served to it; other files are neither.
func TestModelFolder(t *testing.T) {
	dir := t.TempDir()
	for name, from := range map[string]string{"small one.dit8": weightstest.Network(t, 4), "vae.dit8": weightstest.AutoencoderFile(t, autoencoder.Tiny, 4)} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("private"), 0o600)
	want, err := os.ReadFile(filepath.Join(dir, "small one.dit8"))
	if err != nil {
		t.Fatal(err)
	}
	url, log, stop := start(t, "-dir", built(t), "-models", dir)
	get := func(path string) (int, string) {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	code, text := get("models.json")
	var list []listed
	if err := json.Unmarshal([]byte(text), &list); err != nil || code != 200 || len(list) != 1 {
		t.Fatalf("%d, %v: %s", code, err, text)
	}
	sum := sha256.Sum256(want)
	if m := list[0]; m.Name != "small one" || m.SHA256 != hex.EncodeToString(sum[:]) || m.Bytes != int64(len(want)) || !strings.Contains(m.Draws, "classes") {
		t.Errorf("%+v", m)
	}
	if code, got := get(list[0].URL); code != 200 || got != string(want) {
		t.Errorf("%s: %d, %d bytes of %d", list[0].URL, code, len(got), len(want))
	}
	if _, text := get("v1/models"); strings.Count(text, `"object":"model"`) != 2 {
		t.Errorf("the API has %s", text)
	}
	if code, _ := get("dit8/models/notes.txt"); code != 404 {
		t.Errorf("notes.txt: %d", code)
	}
	if c := stop(); c != 0 {
		t.Errorf("exit %d: %s", c, log)
	}
	var out, bad bytes.Buffer
	if c := run(context.Background(), nil, []string{"-models", dir, "-list"}, &out, &bad); c != 0 || out.String() != text {
		t.Errorf("exit %d: %s%s", c, &out, &bad)
	}
	os.WriteFile(filepath.Join(dir, "broken.dit8"), []byte("broken"), 0o600)
	if c := run(context.Background(), nil, []string{"-models", dir, "-list"}, &out, &bad); c != 1 || !strings.Contains(bad.String(), "broken.dit8") {
		t.Errorf("exit %d: %s", c, &bad)
	}
}

// A network's latents become images through the autoencoder of another file, for the API
// and for the page, which is given both.
func TestVAE(t *testing.T) {
	model, vae := weightstest.Network(t, 4), weightstest.AutoencoderFile(t, autoencoder.Tiny, 4)
	url, log, stop := start(t, "-dir", built(t), "-model", model, "-vae", vae)
	get := func(path string) string {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%s: %d, %v, %s", path, res.StatusCode, err, b)
		}
		return string(b)
	}
	want, err := os.ReadFile(vae)
	if err != nil {
		t.Fatal(err)
	}
	if got := get("dit8/vae.dit8"); got != string(want) {
		t.Errorf("%d bytes of the autoencoder, want %d", len(got), len(want))
	}
	if list := get("dit8/models.js"); !strings.Contains(list, `vae: { url: new URL("./vae.dit8"`) {
		t.Error(list)
	}
	meta, err := pngfile.ReadMetadata(strings.NewReader(get("v1/images?class=owl")))
	if err != nil || meta.AutoencoderID == "" {
		t.Errorf("%+v, %v", meta, err)
	}
	var m struct {
		File, Size string
		Edits      []string
		Latents    struct {
			Channels, Size, Factor int
			Autoencoder            string
		}
	}
	if err := json.Unmarshal([]byte(get("v1/models/latents")), &m); err != nil {
		t.Fatal(err)
	}
	if m.File != meta.ModelID+"."+meta.AutoencoderID || m.Size != "16x16" || len(m.Edits) != 2 || m.Latents.Channels != 4 || m.Latents.Size != 8 ||
		m.Latents.Factor != 2 || m.Latents.Autoencoder != "TAESD" {
		t.Errorf("%+v", m)
	}
	get("v1/images?class=owl&model=" + m.File)
	if c := stop(); c != 0 {
		t.Errorf("exit %d: %s", c, log)
	}
	other := weightstest.AutoencoderFile(t, autoencoder.KL, 16)
	for want, args := range map[string][]string{
		"makes 4 channels, the autoencoder takes 16": {"-model", model, "-vae", other},
		"holds an autoencoder alone":                 {"-model", vae},
		"the file holds no autoencoder":              {"-model", model, "-vae", model},
	} {
		var out bytes.Buffer
		if code := run(context.Background(), nil, append(args, "-dir", ""), &out, &out); code != 1 || !strings.Contains(out.String(), want) {
			t.Errorf("%v: exit %d: %s", args, code, &out)
		}
	}
}

func TestBadCommands(t *testing.T) {
	dir := built(t)
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "not defined: -port", []string{"-port", "1"}},
		{2, `unexpected argument "x"`, []string{"x"}},
		{1, "make web", []string{"-dir", filepath.Join(dir, "nope")}},
		{2, `-log is "loud"`, []string{"-log", "loud"}},
		{1, `device is "cuda"`, []string{"-dir", "", "-device", "cuda"}},
		{1, "not a .dit8 file", []string{"-dir", dir, "-model", "main.go"}},
		{1, "no such file", []string{"-dir", dir, "-model", "none.dit8"}},
		{1, "no such file", []string{"-list", "-model", "none.dit8"}},
		{1, "listen", []string{"-dir", dir, "-addr", "256.0.0.1:1"}},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), nil, c.args, &out, &errs); code != c.code || !strings.Contains(errs.String(), c.want) {
			t.Errorf("serve %v: exit %d, %q; want %d and %q", c.args, code, &errs, c.code, c.want)
		}
	}
	var out bytes.Buffer
	if code := run(context.Background(), nil, []string{"-h"}, &out, &out); code != 0 || !strings.Contains(out.String(), "-model") {
		t.Errorf("-h: exit %d, %s", code, &out)
	}
}

// Several models answer by their names, one of them in memory at a time, and the log has the trace.
func TestModels(t *testing.T) {
	model, vae := weightstest.Network(t, 4), weightstest.AutoencoderFile(t, autoencoder.Tiny, 4)
	url, log, stop := start(t, "-dir", "", "-loaded", "1", "-model", weightstest.ClassModel, "-model", model, "-vae", vae)
	golden := weightstest.Classes(t)[0]
	for range 2 {
		if status, text := get(t, url+"v1/images?class=owl&model=latents"); status != 200 {
			t.Errorf("%d %.200s", status, text)
		}
		body := strings.TrimSuffix(string(golden.JSON), "}") + `}`
		body = strings.Replace(body, `"count"`, `"n"`, 1)
		req, _ := http.NewRequest("POST", url+"v1/images/generations", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || !strings.Contains(string(answer), golden.SHA256) {
			t.Errorf("%s %.300s", res.Status, answer)
		}
	}
	if _, text := get(t, url+"metrics"); !strings.Contains(text, "dit8_model_loads_total 6\n") { // 2 to check them, of which the first stays
		t.Error(text[strings.Index(text, "# HELP dit8_model"):][:200])
	}
	if c := stop(); c != 0 {
		t.Errorf("exit %d: %s", c, log)
	}
	if n := strings.Count(log.String(), "trace_id=0af7651916cd43dd8448eb211c80319c parent_id=b7ad6b7169203331"); n != 2 {
		t.Errorf("%d traces in the log:\n%s", n, log)
	}
	for want, args := range map[string][]string{
		"a second one for": {"-model", model, "-vae", vae, "-vae", vae},
		"-loaded is 0":     {"-loaded", "0"},
	} {
		var out bytes.Buffer
		if code := run(context.Background(), nil, append(args, "-dir", ""), &out, &out); code == 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%v: exit %d: %s", args, code, &out)
		}
	}
}

func TestTraced(t *testing.T) {
	for header, want := range map[string]int{
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": 2, "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more": 2,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more": 0, "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": 0,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": 0, "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": 0,
		"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": 0, "": 0, "x\n": 0,
	} {
		if got := traced(header); len(got) != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}
