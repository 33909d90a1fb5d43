package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
)

// worded is a model that is told words, of few steps.
func worded(t *testing.T) *core.Generator {
	t.Helper()
	cfg := tiny
	cfg.NumClasses, cfg.Times = 6, dit.TimesSum
	g, err := core.NewGenerator(generic.New(), "0123456789abcdef", core.Info{
		Name: "words", Convention: flow.Convention{Prediction: flow.X0, Clock: flow.FlowClock, Average: true, Floor: 0.05},
		Classes:    []string{"blue", "fox", "hat", "panda", "noto", "fluent-3d"},
		Vocabulary: &core.Vocabulary{Styles: 2, Synonyms: map[string][]string{"vixen": {"fox"}}, Examples: []string{"blue panda"}},
		Defaults:   core.Defaults{Steps: 2, Guidance: 1, Shift: 3}, StepCounts: []int{1, 2, 4}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5},
	}, cfg, dit.Random(cfg, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A prompt is taken as it comes, and what of it is unknown is noted.
func TestWordedPrompt(t *testing.T) {
	h := New(worded(t), Config{Limits: testLimits})
	type answer struct {
		Notes    []string
		Metadata struct {
			Request core.Request
			SHA256  string
			Skipped []string
		}
		Data []struct{ URL string }
	}
	post := func(body string) (a answer) {
		t.Helper()
		w := call(h, "POST", "/v1/images/generations", body)
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", body, w.Code, w.Body)
		}
		return a
	}
	one := post(`{"prompt": "A cute baby vixen, with a blue hat!", "style": "noto", "quality": "hd", "response_format": "url"}`)
	if got := one.Metadata.Request; got.Prompt != "A cute baby vixen, with a blue hat!" || got.Style != "noto" || !got.SkipUnknown || got.Steps != 2 || got.Class != "" {
		t.Errorf("%+v", got)
	}
	if fmt.Sprint(one.Metadata.Skipped) != "[cute baby]" || len(one.Notes) != 1 || !strings.Contains(one.Notes[0], "are left out: cute, baby") {
		t.Errorf("%v, notes %q", one.Metadata.Skipped, one.Notes)
	}
	for _, same := range []string{
		`{"prompt": "hat blue fox in the noto style", "skip_unknown": false, "response_format": "url"}`, `{"class": "blue-fox-hat-noto"}`,
		`{"classes": [{"class": "fox blue hat noto", "weight": 2}]}`, `{"prompt": "fox:2 hat:2 blue:2", "style": "noto"}`,
	} {
		other := post(same)
		if other.Metadata.SHA256 != one.Metadata.SHA256 || other.Notes != nil {
			t.Errorf("%s: other pixels, or notes %q", same, other.Notes)
		}
		if len(other.Data) > 0 && other.Data[0].URL != "" && !strings.Contains(other.Data[0].URL, "skip_unknown=false") {
			t.Errorf("the address %s", other.Data[0].URL)
		}
	}
	address, err := url.Parse(one.Data[0].URL)
	if err != nil || !strings.HasPrefix(address.Path, "/v1/images") {
		t.Fatalf("%q, %v", one.Data, err)
	}
	if w := call(h, "GET", address.RequestURI(), ""); w.Code != 200 || w.Header().Get("Content-Type") != "image/png" {
		t.Errorf("%s: %d", address, w.Code)
	}
	timed := post(`{"prompt": "fox@1-0.5,panda@0.5-0", "style": "vivid"}`).Metadata.Request
	if len(timed.Classes) != 2 || timed.Prompt != "" || timed.Style != "" {
		t.Errorf("%+v", timed)
	}
	for body, want := range map[string]string{
		`{"prompt": "zebra"}`:                             `prompt is \"zebra\", allowed: words that the model knows`,
		`{"prompt": "foxx", "skip_unknown": false}`:       `did you mean \"fox\"?`,
		`{"prompt": "fox", "style": "pixel"}`:             `style is \"pixel\", allowed: noto, fluent-3d`,
		`{"prompt": "fox", "class": "fox"}`:               "one of prompt, class and classes",
		`{}`:                                              "allowed: words, as in a blue fox with a hat",
		`{"class": "zebra"}`:                              `class is \"zebra\"`,
		`{"prompt": "` + strings.Repeat("x", 2000) + `"}`: "prompt is a text of 2000 bytes",
	} {
		if w := call(h, "POST", "/v1/images/generations", body); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.60s: %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
}

// The model says what a prompt may have.
func TestWordedModel(t *testing.T) {
	h := New(worded(t), Config{Limits: testLimits})
	var m struct {
		Words, Styles, Examples []string
		StepCounts              []int `json:"step_counts"`
	}
	if err := json.Unmarshal(call(h, "GET", "/v1/models/words", "").Body.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m.Words, []string{"blue", "fox", "hat", "panda"}) || !reflect.DeepEqual(m.Styles, []string{"noto", "fluent-3d"}) ||
		!reflect.DeepEqual(m.Examples, []string{"blue panda"}) || !reflect.DeepEqual(m.StepCounts, []int{1, 2, 4}) {
		t.Errorf("%+v", m)
	}
}
