package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// fuzzed answers a request, which must not fail nor hang.
func fuzzed(t *testing.T, h http.Handler, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(ctx))
	if w.Code >= 499 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if kind := w.Header().Get("Content-Type"); w.Code >= 400 && kind != "application/json" {
		t.Fatalf("%d of type %q: %s", w.Code, kind, w.Body)
	}
}

func fuzzHandler(f *testing.F) http.Handler {
	return New(generator(f), Config{Limits: Limits{Steps: 3, Count: 2, Pixels: 2 * 32 * 32, Body: 4000, Waiting: 1}})
}

func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{"prompt": "fox", "n": 2, "size": "16x16", "steps": 3, "stream": true, "partial_images": 2}`,
		`{"prompt": "fox:2,panda:-1@0.6-0", "guidance": 100, "guidance_rescale": 1, "solver": "sde", "diffusion": 10, "steps": 3}`,
		`{"classes": [{"class": "fox", "weight": 1000}, {"class": "panda", "weight": -999.999}], "guidance": 100, "solver": "heun", "steps": 3}`,
		`{"class": "1", "seed": 9007199254740991, "seed_to": 1, "seed_mix": 0.5, "shift": 100, "schedule": "cosine", "steps": 2, "guidance_interval": [0, 1]}`,
		`{"class": "fox", "steps": 2, "edit": {"task": "super-resolution", "width": 2, "factor": 4, "image": "AAAAAAAAAAAAAAAA"}}`,
		`{"class": "fox", "steps": 2, "edit": {"task": "inpaint", "width": 8, "image": "AAAA", "mask": "AQ==", "strength": 0.5}}`,
		`{"prompt": null}`, `[[[[`, `{"steps": 1e400}`, "{\"prompt\": \"\xff\"}", `{"a": 1, "a": 2}`,
	} {
		f.Add([]byte(body), "application/json")
	}
	h := fuzzHandler(f)
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		r := httptest.NewRequest("POST", generations, strings.NewReader(string(body)))
		r.Header.Set("Content-Type", kind)
		fuzzed(t, h, r)
	})
}

func FuzzQuery(f *testing.F) {
	for _, query := range []string{
		"class=fox&seed=1&steps=2", "prompt=fox:2,panda&n=2&size=16x16", "class=fox&guidance_interval=0.1,0.9", "class=%zz", "a;b", "class=fox&steps=1e0",
		"class=fox&size=auto", "class=fox&size=99999999999999999999x1", "class=fox&seed=01", "class=fox&guidance=NaN", "class=fox&guidance_interval=[]",
		"class=fox&solver=sde&diffusion=10&guidance=100&steps=3", "class=fox&shift=1e-45",
	} {
		f.Add(query)
	}
	h := fuzzHandler(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/v1/images", nil)
		r.URL.RawQuery = query
		fuzzed(t, h, r)
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add("GET", "/v1/images", "If-None-Match", `W/"a", *`)
	f.Add("OPTIONS", "/v1/models/tiny", "Origin", "null")
	f.Add("HEAD", "//v1/../healthz", "Authorization", "Bearer \x00")
	f.Add("PUT", "/v1/models/%2f", "Content-Length", "-1")
	f.Add("POST", "/v1/images/generations", "Content-Type", "application/json; charset=\"")
	f.Add("*", "", "", "")
	h := fuzzHandler(f)
	f.Fuzz(func(t *testing.T, method, path, name, value string) {
		fuzzed(t, h, &http.Request{Method: method, URL: &url.URL{Path: path}, Host: "x", Header: http.Header{http.CanonicalHeaderKey(name): {value}}})
	})
}
