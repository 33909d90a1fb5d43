package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"dit8/core"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
)

var tiny = dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3}

var testLimits = Limits{Steps: 50, Count: 4, Pixels: 4 * 32 * 32, Body: 10000, Waiting: 2}

func generator(t testing.TB) *core.Generator {
	t.Helper()
	g, err := core.NewGenerator(generic.New(), "0123456789abcdef", core.Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock},
		Classes: []string{"fox", "red-apple", "panda"}, Defaults: core.Defaults{Steps: 2, Guidance: 3}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5},
	}, tiny, dit.Random(tiny, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func call(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// problemIn is the error in an answer, which must be one.
func problemIn(t *testing.T, w *httptest.ResponseRecorder) (p struct {
	Error struct {
		Message, Type string
		Param, Code   *string
	}
}) {
	t.Helper()
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil || p.Error.Message == "" || p.Error.Type == "" || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d, no error in OpenAI's shape: %v", w.Code, err)
	}
	return p
}

const generations = "/v1/images/generations"

func TestGenerations(t *testing.T) {
	g := generator(t)
	h := New(g, Config{Limits: testLimits})
	want, err := g.Generate(context.Background(), core.Request{Classes: []core.ClassShare{{Class: "fox", Weight: 2}, {Class: "panda", Weight: 1, From: 0.6}},
		Seed: 7, Steps: 3, Guidance: 2, Count: 2, Solver: flow.AB2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := call(h, "POST", generations, `{"model": "tiny", "prompt": " fox:2, panda@0.6-0 ", "n": 2, "size": "16x16", "seed": 7, "steps": 3, "guidance": 2, "solver": "ab2",
		"response_format": "b64_json", "quality": null, "user": "u"}`)
	var got struct {
		Created  int64
		Size     string
		Metadata core.Metadata
		Data     []struct{ B64_JSON []byte }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got.Metadata.SHA256 != want.Metadata.SHA256 || len(got.Data) != 2 || got.Size != "16x16" || time.Since(time.Unix(got.Created, 0)) > time.Minute {
		t.Errorf("%+v", got)
	}
	for i, d := range got.Data {
		m, err := png.Decode(bytes.NewReader(d.B64_JSON))
		if err != nil || m.Bounds().Dx() != 16 {
			t.Fatalf("image %d: %v", i, err)
		}
		for y := range 16 {
			for x := range 16 {
				if r, _, b, _ := m.At(x, y).RGBA(); uint8(r>>8) != want.Images[i].NRGBAAt(x/2, y/2).R || uint8(b>>8) != want.Images[i].NRGBAAt(x/2, y/2).B {
					t.Fatalf("image %d differs at %d, %d", i, x, y)
				}
			}
		}
	}
}

func TestImage(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	const target = "/v1/images?class=fox&seed=3&n=3&guidance_interval=0.1,0.9&size=16x16"
	a, b := call(h, "GET", target, ""), call(h, "GET", target, "")
	tag := a.Header().Get("ETag")
	if a.Code != 200 || !bytes.Equal(a.Body.Bytes(), b.Body.Bytes()) || tag == "" || tag != b.Header().Get("ETag") {
		t.Fatalf("%d and %d, %d and %d bytes, tag %s", a.Code, b.Code, a.Body.Len(), b.Body.Len(), tag)
	}
	if c := a.Header(); c.Get("Cache-Control") != "public, max-age=31536000, immutable" || c.Get("Content-Type") != "image/png" {
		t.Errorf("headers %v", c)
	}
	if m, err := png.Decode(a.Body); err != nil || m.Bounds().Dx() != 32 || m.Bounds().Dy() != 32 {
		t.Errorf("a grid of three: %v", err)
	}
	if bytes.Contains(b.Body.Bytes(), []byte(`"device"`)) {
		t.Error("the file depends on what computed it")
	}
	if w := call(h, "HEAD", target, ""); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("ETag") != tag || w.Header().Get("Content-Type") != "image/png" {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
	for header, code := range map[string]int{tag: 304, `"x", W/` + tag: 304, "*": 304, `"x"`: 200} {
		w := call(h, "GET", target, "", "If-None-Match", header)
		if w.Code != code || (code == 304) != (w.Body.Len() == 0) || w.Header().Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d, %d bytes", header, w.Code, w.Body.Len())
		}
	}
	seen := map[string]string{tag: target}
	for _, other := range []string{"class=fox&seed=4", "class=panda", "prompt=fox,panda", "class=fox&size=16x16", "class=fox&steps=3"} {
		got := call(h, "HEAD", "/v1/images?"+other, "").Header().Get("ETag")
		if before, dup := seen[got]; dup {
			t.Errorf("%s and %s have one tag", other, before)
		}
		seen[got] = other
	}
	if got := call(h, "HEAD", "/v1/images?seed=4&class=fox&model=tiny&steps=2", "").Header().Get("ETag"); seen[got] != "class=fox&seed=4" {
		t.Errorf("the same request has another tag: %s", seen[got])
	}
}

type event struct {
	name string
	data map[string]any
}

func events(t *testing.T, body string) (all []event) {
	t.Helper()
	for block := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		if strings.HasPrefix(block, ": ") {
			continue
		}
		name, data, ok := strings.Cut(strings.TrimPrefix(block, "event: "), "\ndata: ")
		e := event{name: name}
		if err := json.Unmarshal([]byte(data), &e.data); err != nil || !ok {
			t.Fatalf("event %q: %v", block, err)
		}
		all = append(all, e)
	}
	return all
}

func TestStream(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	var plain struct{ Data []struct{ B64_JSON string } }
	json.Unmarshal(call(h, "POST", generations, `{"prompt": "fox", "n": 2, "steps": 9}`).Body.Bytes(), &plain)
	w := call(h, "POST", generations, `{"prompt": "fox", "n": 2, "steps": 9, "stream": true, "partial_images": 2}`)
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" || !w.Flushed {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var got []string
	for _, e := range events(t, w.Body.String()) {
		got = append(got, fmt.Sprintf("%s %v %v", e.name, e.data["partial_image_index"], e.data["index"]))
		if e.data["type"] != e.name {
			t.Errorf("event %s has type %v", e.name, e.data["type"])
		}
		b, _ := base64.StdEncoding.DecodeString(e.data["b64_json"].(string))
		if _, err := png.Decode(bytes.NewReader(b)); err != nil {
			t.Error(err)
		}
		if i := int(e.data["index"].(float64)); e.name == "image_generation.completed" && e.data["b64_json"] != plain.Data[i].B64_JSON {
			t.Errorf("image %d differs from that of an answer without a stream", i)
		}
	}
	const partial, completed = "image_generation.partial_image", "image_generation.completed"
	if want := []string{partial + " 0 0", partial + " 0 1", partial + " 1 0", partial + " 1 1", completed + " <nil> 0", completed + " <nil> 1"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("events %v", got)
	}
	if w := call(h, "POST", generations, `{"prompt": "fxo", "stream": true}`); w.Code != 400 {
		t.Errorf("%d", w.Code)
	}
}

func TestErrors(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	post := func(body string) []string { return []string{"POST", generations, body} }
	get := func(query string) []string { return []string{"GET", "/v1/images?" + query, ""} }
	for _, c := range []struct {
		request             []string
		status              int
		code, param, wanted string
	}{
		{post(`{"prompt": "fxo"}`), 400, "invalid_value", "prompt", `did you mean "fox"?`},
		{post(`{"prompt": "fox,fxo"}`), 400, "invalid_value", "prompt", `"fxo"`},
		{post(`{"prompt": "fox:x"}`), 400, "invalid_value", "prompt", "fox:2,panda"},
		{post(`{"prompt": "fox:-1"}`), 400, "invalid_value", "prompt", "above 0"},
		{post(`{"prompt": "fox@0-1"}`), 400, "invalid_value", "prompt", "from > to"},
		{post(`{"prompt": ""}`), 400, "invalid_value", "prompt", `""`},
		{post(`{"prompt": 3}`), 400, "invalid_value", "prompt", "a class"},
		{post(`{}`), 400, "invalid_value", "prompt", "missing"},
		{post(`{"prompt": "fox", "class": "fox"}`), 400, "invalid_value", "prompt", "given twice"},
		{post(`{"class": "fxo"}`), 400, "invalid_value", "class", "fxo"},
		{post(`{"classes": [{"class": "fox", "weight": 1}, {"class": "x", "weight": 1}]}`), 400, "invalid_value", "classes[1].class", `"x"`},
		{post(`{"prompt": "fox", "n": 5}`), 400, "invalid_value", "n", "1 to 4"},
		{post(`{"prompt": "fox", "n": 0}`), 400, "invalid_value", "n", "n is 0"},
		{post(`{"prompt": "fox", "count": 1}`), 400, "invalid_value", "count", "unknown"},
		{post(`{"prompt": "fox", "steps": 51}`), 400, "invalid_value", "steps", "1 to 50"},
		{post(`{"prompt": "fox", "steps": "9"}`), 400, "invalid_value", "steps", `"9"`},
		{post(`{"prompt": "fox", "size": "1024x1024"}`), 400, "invalid_value", "size", `up to "64x64"`},
		{post(`{"prompt": "fox", "n": 4, "size": "64x64"}`), 400, "invalid_value", "size", `up to "32x32"`},
		{post(`{"prompt": "fox", "size": "12x12"}`), 400, "invalid_value", "size", `multiple of "8x8"`},
		{post(`{"prompt": "fox", "size": "16x8"}`), 400, "invalid_value", "size", "16x8"},
		{post(`{"prompt": "fox", "size": 16}`), 400, "invalid_value", "size", "16"},
		{post(`{"prompt": "fox", "response_format": "file"}`), 400, "invalid_value", "response_format", "b64_json"},
		{post(`{"prompt": "fox", "edit": {"task": "image", "width": 8, "image": "AAA*"}}`), 400, "invalid_value", "edit.image", "base64"},
		{post(`{"prompt": "fox", "edit": {"task": "image", "width": 8, "image": "iVBORw0KGgo="}}`), 400, "invalid_value", "edit.image", "damaged"},
		{post(`{"prompt": "fox", "edit": {"task": "image", "width": "8"}}`), 400, "invalid_value", "edit.width", `"8"`},
		{post(`{"prompt": "fox", "n": 2, "index": 2}`), 400, "invalid_value", "index", "0 to 1"},
		{post(`{"prompt": "fox", "background": "transparent"}`), 400, "invalid_value", "background", "opaque"},
		{post(`{"prompt": "fox", "partial_images": 17}`), 400, "invalid_value", "partial_images", "0 to 16"},
		{post(`{"prompt": "fox", "stream": "yes"}`), 400, "invalid_value", "stream", "true or false"},
		{post(`{"prompt": "fox", "model": "dall-e-3"}`), 404, "model_not_found", "model", "dall-e-3"},
		{post(`{"prompt": "fox", "guidance": 1e9}`), 400, "invalid_value", "guidance", "0 to 100"},
		{post(`{"prompt": "fox", "edit": {"task": "image", "width": 3}}`), 400, "invalid_value", "edit.width", "8×8"},
		{post(`{"prompt": "fox", "stream": true, "edit": {"task": "image", "width": 3}}`), 400, "invalid_value", "edit.width", "8×8"},
		{post(`{"prompt": "fox", "colour": 3}`), 400, "invalid_value", "colour", "unknown"},
		{post(`[]`), 400, "invalid_value", "body", "a JSON object"},
		{post(`{"prompt": `), 400, "invalid_value", "body", "a JSON object"},
		{post(``), 400, "invalid_value", "body", "a JSON object"},
		{post(`{"prompt": "` + strings.Repeat("x", 10000) + `"}`), 413, "body_too_large", "body", "10000 bytes"},
		{get("class=fox&seed=-2"), 400, "invalid_value", "seed", "-2"},
		{get("class=fox&seed=x"), 400, "invalid_value", "seed", `"x"`},
		{get("class=fox&steps="), 400, "invalid_value", "steps", `""`},
		{get("class=fox&steps=1&steps=2"), 400, "invalid_value", "steps", "2 times"},
		{get("class=fox&guidance_interval=1"), 400, "invalid_value", "guidance_interval", "two numbers"},
		{get("class=fox&stream=true"), 400, "invalid_value", "stream", "unknown"},
		{get("class=%zz"), 400, "invalid_value", "query", "name=value"},
		{get("seed=1"), 400, "invalid_value", "prompt", "missing"},
		{[]string{"GET", "/v1/models/none", ""}, 404, "model_not_found", "model", "none"},
		{[]string{"GET", "/v2", ""}, 404, "not_found", "", "/v2"},
		{[]string{"DELETE", "/v1/models", ""}, 405, "method_not_allowed", "", "GET, HEAD, OPTIONS"},
		{[]string{"GET", generations, ""}, 405, "method_not_allowed", "", "POST, OPTIONS"},
	} {
		w := call(h, c.request[0], c.request[1], c.request[2])
		p := problemIn(t, w).Error
		param := ""
		if p.Param != nil {
			param = *p.Param
		}
		if w.Code != c.status || p.Code == nil || *p.Code != c.code || param != c.param || !strings.Contains(p.Message, c.wanted) {
			t.Errorf("%.90q: %d %+v; want %d, %s of %q with %q", c.request, w.Code, p, c.status, c.code, c.param, c.wanted)
		}
	}
	w := call(h, "POST", generations, `{"prompt": "fox"}`, "Content-Type", "text/plain")
	if p := problemIn(t, w); w.Code != 415 || *p.Error.Code != "unsupported_media_type" {
		t.Errorf("%d %+v", w.Code, p)
	}
}

func TestModelsAndHealth(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	for target, want := range map[string]string{
		"/v1/models":                  `"id":"tiny"`,
		"/v1/models/tiny":             `"classes":["fox","red-apple","panda"]`,
		"/v1/models/0123456789abcdef": `"defaults":{"steps":2,"guidance":3}`,
		"/healthz":                    `"status":"ok"`,
		"/openapi.json":               `"openapi":"3.1.0"`,
	} {
		w, head := call(h, "GET", target, ""), call(h, "HEAD", target, "")
		if w.Code != 200 || !json.Valid(w.Body.Bytes()) || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
		if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
			t.Errorf("HEAD %s: %d %v", target, head.Code, head.Header())
		}
		if tag := w.Header().Get("ETag"); strings.HasPrefix(target, version) {
			if again := call(h, "GET", target, "", "If-None-Match", "W/"+tag); tag == "" || tag != head.Header().Get("ETag") || again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tag {
				t.Errorf("%s with its ETag %q: %d %v", target, tag, again.Code, again.Header())
			}
		}
	}
}

func TestCORS(t *testing.T) {
	open := New(generator(t), Config{Limits: testLimits})
	w := call(open, "OPTIONS", generations, "", "Origin", "https://a.example", "Access-Control-Request-Method", "POST")
	if h := w.Header(); w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "POST, OPTIONS" || h.Get("Access-Control-Allow-Headers") != "Authorization, *" {
		t.Errorf("%d %v", w.Code, h)
	}
	some := New(generator(t), Config{Limits: testLimits, Origins: []string{"https://a.example"}, Tokens: []string{"t"}})
	for origin, want := range map[string]string{"https://a.example": "https://a.example", "https://b.example": "", "null": ""} {
		if w := call(some, "OPTIONS", generations, "", "Origin", origin); w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != want || w.Header().Get("Vary") != "Origin" {
			t.Errorf("from %s: %d %v", origin, w.Code, w.Header())
		}
	}
	// An error is readable too.
	if w := call(open, "GET", "/nope", "", "Origin", "https://a.example"); w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%v", w.Header())
	}
}

func TestTokens(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits, Tokens: []string{"first", "second"}})
	for header, code := range map[string]int{"Bearer first": 200, "bearer second": 200, "Bearer  first": 200, "": 401, "Bearer": 401, "Bearer third": 401, "Basic first": 401, "first": 401, "Bearer first,second": 401} {
		w := call(h, "GET", "/v1/models", "", "Authorization", header)
		if w.Code != code || (code == 401) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("Authorization %q: %d %v", header, w.Code, w.Header())
		}
		if code == 401 {
			if p := problemIn(t, w); *p.Error.Code != "invalid_api_key" {
				t.Errorf("%+v", p)
			}
		}
	}
	for _, target := range []string{"/healthz", "/openapi.json"} {
		if w := call(h, "GET", target, ""); w.Code != 200 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if w := call(h, "GET", "/v1/images?class=fox", "", "Authorization", "Bearer first"); !strings.HasPrefix(w.Header().Get("Cache-Control"), "private") {
		t.Errorf("a shared cache may keep what needs a token: %v", w.Header())
	}
}

func TestConfigFromEnv(t *testing.T) {
	env := map[string]string{"DIT8_TOKENS": " a, b,", "DIT8_MAX_STEPS": "7", "DIT8_MAX_WAITING": "0"}
	c, err := ConfigFromEnv(func(name string) string { return env[name] }, testLimits)
	if err != nil || len(c.Tokens) != 2 || c.Tokens[1] != "b" || c.Origins != nil || c.Steps != 7 || c.Waiting != 0 || c.Count != testLimits.Count {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{"0", "1001", "x", "1.5", "-1"} {
		env["DIT8_MAX_STEPS"] = bad
		if _, err := ConfigFromEnv(func(name string) string { return env[name] }, testLimits); err == nil || !strings.Contains(err.Error(), "DIT8_MAX_STEPS is") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// held is a generator whose requests wait for a signal in each step.
type held struct {
	*core.Generator
	started chan struct{}
	step    chan struct{}
}

func (g held) Generate(ctx context.Context, r core.Request, onStep func(core.Event)) (*core.Result, error) {
	g.started <- struct{}{}
	return g.Generator.Generate(ctx, r, func(e core.Event) {
		if onStep != nil {
			onStep(e)
		}
		<-g.step
	})
}

// Few requests wait, in order; more are told when to come again. One that goes away
// while it waits leaves its place.
func TestQueue(t *testing.T) {
	g := held{generator(t), make(chan struct{}, 9), make(chan struct{})}
	h := New(g, Config{Limits: testLimits})
	var all sync.WaitGroup
	codes := make([]int, 3)
	ask := func(i int, ctx context.Context) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/v1/images?class=fox&seed=%d", i), nil).WithContext(ctx))
		codes[i] = w.Code
	}
	all.Go(func() { ask(0, context.Background()) })
	<-g.started
	ctx, leave := context.WithCancel(context.Background())
	var left sync.WaitGroup
	left.Go(func() { ask(1, ctx) })
	until(t, func() bool { _, waiting := h.Load(); return waiting == 1 })
	all.Go(func() { ask(2, context.Background()) })
	until(t, func() bool { _, waiting := h.Load(); return waiting == 2 })
	w := call(h, "GET", "/v1/images?class=fox", "")
	if p := problemIn(t, w); w.Code != 429 || *p.Error.Code != "rate_limit_exceeded" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %+v %v", w.Code, p, w.Header())
	}
	leave()
	left.Wait()
	until(t, func() bool { computing, waiting := h.Load(); return computing == 1 && waiting == 1 })
	if w := call(h, "HEAD", "/v1/images?class=fox", ""); w.Code != 200 {
		t.Errorf("what needs no computing waits: %d", w.Code)
	}
	close(g.step)
	all.Wait()
	if fmt.Sprint(codes) != "[200 499 200]" {
		t.Errorf("answers %v", codes)
	}
	until(t, func() bool { computing, waiting := h.Load(); return computing == 0 && waiting == 0 })
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it does not come to that")
}

// A client that goes away stops the work, also in a stream, over real connections.
func TestClientGone(t *testing.T) {
	for _, body := range []string{`{"prompt": "fox", "steps": 50, "n": 4}`, `{"prompt": "fox", "steps": 50, "n": 4, "stream": true}`} {
		g := held{generator(t), make(chan struct{}, 9), make(chan struct{})}
		h := New(g, Config{Limits: testLimits})
		s := httptest.NewServer(h)
		ctx, leave := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			r, _ := http.NewRequestWithContext(ctx, "POST", s.URL+generations, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(r)
			if err == nil {
				_, err = io.ReadAll(res.Body)
			}
			done <- err
		}()
		<-g.started
		g.step <- struct{}{}
		leave()
		if err := <-done; err == nil {
			t.Error("the client was answered")
		}
		steps := 0
		until(t, func() bool {
			select {
			case g.step <- struct{}{}:
				steps++
			default:
			}
			computing, _ := h.Load()
			return computing == 0
		})
		if steps > 20 {
			t.Errorf("%d steps for nobody", steps)
		}
		s.Close()
	}
}

// broken is a generator that fails.
type broken struct {
	*core.Generator
	err error
}

func (g broken) Generate(context.Context, core.Request, func(core.Event)) (*core.Result, error) {
	if g.err == nil {
		panic("a kernel")
	}
	return nil, g.err
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{{core.ErrNotFinite, 422, "not_finite"}, {fmt.Errorf("out of memory"), 500, ""}, {nil, 500, ""}} {
		h := New(broken{generator(t), c.err}, Config{Limits: testLimits})
		for _, body := range []string{`{"prompt": "fox"}`, `{"prompt": "fox", "stream": true}`} {
			w := call(h, "POST", generations, body)
			if p := problemIn(t, w); w.Code != c.status || c.code != "" && *p.Error.Code != c.code {
				t.Errorf("%v: %d %+v", c.err, w.Code, p)
			}
			if computing, _ := h.Load(); computing != 0 {
				t.Error("the turn does not end")
			}
		}
	}
}

// A request without a body, as another runtime may give it.
func TestNoBody(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, &http.Request{Method: "POST", URL: &url.URL{Path: generations}, Header: http.Header{"Content-Type": {"application/json"}}})
	if w.Code != 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
