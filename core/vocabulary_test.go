package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dit8/core/dit"
	"dit8/core/flow"
)

// A network of few steps that is told words: six of them, and two styles.
var (
	worded = dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 8, Times: dit.TimesSum}
	words  = Info{
		Name: "words", Convention: flow.Convention{Prediction: flow.X0, Clock: flow.FlowClock, Average: true, Floor: 0.05},
		Classes:    []string{"7", "blue", "cat", "face", "fox", "hat", "noto", "fluent-3d"},
		Vocabulary: &Vocabulary{Styles: 2, Synonyms: map[string][]string{"kitty": {"cat"}}, Examples: []string{"blue fox", "cat"}},
		Defaults:   Defaults{Steps: 4, Guidance: 1, Shift: 3}, StepCounts: []int{1, 2, 4, 20}, Pixels: Pixels{Mean: 0.5, Std: 0.5},
	}
)

// rows are the weights of a mix, which must be in the order of the table.
func rows(t *testing.T, mix []dit.Share) map[int]float32 {
	t.Helper()
	m := make(map[int]float32)
	for i, s := range mix {
		if i > 0 && mix[i-1].Label >= s.Label {
			t.Errorf("%v is not in order", mix)
		}
		m[s.Label] = s.Weight
	}
	return m
}

// Words become rows of the table of labels, in its order.
func TestWords(t *testing.T) {
	g := generator(t, worded, words)
	base := g.Defaults()
	if base.Prompt != "blue fox" || base.Class != "" || base.Steps != 4 || base.Shift != 3 {
		t.Fatalf("%+v", base)
	}
	for name, c := range map[string]struct {
		json string
		want map[int]float32
	}{
		"a prompt":           {`{"prompt": "fox, blue"}`, map[int]float32{1: 0.5, 4: 0.5}},
		"a style":            {`{"style": "noto"}`, map[int]float32{1: 0.5, 4: 0.5, 6: 1}},
		"no words":           {`{"prompt": "", "style": "fluent-3d"}`, map[int]float32{7: 1, 8: 1}},
		"nothing":            {`{"class": ""}`, map[int]float32{8: 1}},
		"a class":            {`{"class": "kitty"}`, map[int]float32{2: 1}},
		"a class of several": {`{"class": "fox-face"}`, map[int]float32{3: 0.5, 4: 0.5}},
		"an index":           {`{"class": "#5", "style": "noto"}`, map[int]float32{5: 1, 6: 1}},
		"a style's index":    {`{"class": "#6"}`, map[int]float32{6: 1, 8: 1}},
		"a digit":            {`{"class": "7"}`, map[int]float32{0: 1}},
		"a mix":              {`{"classes": [{"class": "fox", "weight": 3}, {"class": "blue fox noto", "weight": 1}]}`, map[int]float32{1: 0.125, 4: 0.875, 6: 0.25}},
		"unknown in a mix":   {`{"classes": [{"class": "my fox", "weight": 2}], "skip_unknown": true}`, map[int]float32{4: 1}},
		"unknown":            {`{"prompt": "my fox", "skip_unknown": true}`, map[int]float32{4: 1}},
	} {
		r, err := base.WithJSON([]byte(c.json))
		if err == nil {
			err = r.Check(words)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := r.Conditions(flow.Eval{T: 1, R: 1, Step: 1}, words); len(got) != 1 || !maps.Equal(rows(t, got[0].Mix), c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	r := with(g, func(r *Request) { r.Guidance, r.Negative = 2, "hat" })
	if got := r.Conditions(flow.Eval{T: 1}, words); len(got) != 2 || !maps.Equal(rows(t, got[1].Mix), map[int]float32{5: 1}) {
		t.Errorf("away from %v", got)
	}
	r.Negative = ""
	if got := r.Conditions(flow.Eval{T: 1}, words); len(got) != 2 || got[1].Mix != nil || got[1].Label != 8 {
		t.Errorf("away from %v", got)
	}
}

func TestWordsOrder(t *testing.T) {
	g := generator(t, worded, words)
	one := pixels(t, g, with(g, func(r *Request) { r.Prompt = "a cat with a blue hat" }))
	if other := pixels(t, g, with(g, func(r *Request) { r.Prompt = "blue hat, CATS" })); one != other {
		t.Error("the order of words matters")
	}
	if other := pixels(t, g, with(g, func(r *Request) { r.Prompt, r.Style = "cat blue hat", "noto" })); one == other {
		t.Error("the style does not matter")
	}
	res, err := g.Generate(context.Background(), with(g, func(r *Request) { r.Prompt, r.SkipUnknown = "zebra fox unicorn", true }), nil)
	if err != nil || !slices.Equal(res.Metadata.Skipped, []string{"zebra", "unicorn"}) {
		t.Errorf("%v, skipped %v", err, res.Metadata.Skipped)
	}
}

func TestWrongWords(t *testing.T) {
	for want, change := range map[string]func(*Request, *Info){
		`prompt is "happy foxx", allowed: words that the model knows, which it does not of "happy", "foxx" (did you mean "fox"?)`: func(r *Request, _ *Info) { r.Prompt = "happy foxx" },
		`prompt is "zebra", allowed: words`:                                        func(r *Request, _ *Info) { r.Prompt, r.SkipUnknown = "zebra", true },
		`style is "fluent", allowed: noto, fluent-3d`:                              func(r *Request, _ *Info) { r.Style = "fluent" },
		`style is "fluent-2d", allowed: noto, fluent-3d; did you mean "fluent-3d"`: func(r *Request, _ *Info) { r.Style = "fluent-2d" },
		`prompt is "fox", allowed: one of prompt, class and classes`:               func(r *Request, _ *Info) { r.Prompt, r.Class = "fox", "fox" },
		`prompt is a text of 1001 bytes, allowed: up to 1000`:                      func(r *Request, _ *Info) { r.Prompt = strings.Repeat("x", 1001) },
		`negative is "zebra"`:                                                      func(r *Request, _ *Info) { r.Negative = "zebra" },
		`classes[0].class is "zebra"`:                                              func(r *Request, _ *Info) { r.Prompt, r.Classes = "", []ClassShare{{Class: "zebra", Weight: 1}} },
		`prompt is "blue fox", allowed: class or classes in its place`:             func(_ *Request, i *Info) { i.Vocabulary = nil },
		`style is "noto", allowed: none`:                                           func(r *Request, i *Info) { r.Prompt, r.Class, r.Style, i.Vocabulary = "", "fox", "noto", nil },
	} {
		i := words
		r := i.Request()
		r.Prompt = "blue fox"
		change(&r, &i)
		err := r.Check(i)
		var f *FieldError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestVocabularyCheck(t *testing.T) {
	if err := words.Check(worded); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Info){
		"8 styles of 8 classes":       func(i *Info) { i.Vocabulary.Styles = 8 },
		"-1 styles":                   func(i *Info) { i.Vocabulary.Styles = -1 },
		`word 5 of the vocabulary`:    func(i *Info) { i.Classes[5] = "Hat" },
		`the style "fox box"`:         func(i *Info) { i.Classes[6] = "fox box" },
		`examples is "dog", allowed`:  func(i *Info) { i.Vocabulary.Examples = []string{"dog"} },
		"65 examples":                 func(i *Info) { i.Vocabulary.Examples = make([]string, 65) },
		"goes with a null class":      func(i *Info) { i.Convention.NoNullClass = true },
		"step_counts are [2 1]":       func(i *Info) { i.StepCounts = []int{2, 1} },
		"step_counts are [0]":         func(i *Info) { i.StepCounts = []int{0} },
		"step_counts are [1 2 3 4 5 ": func(i *Info) { i.StepCounts = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17} },
		`synonym "kitty" stands`:      func(i *Info) { i.Vocabulary.Synonyms = map[string][]string{"kitty": {"lion"}} },
	} {
		i := words
		v := *words.Vocabulary
		i.Classes, i.Vocabulary = slices.Clone(words.Classes), &v
		change(&i)
		if err := i.Check(worded); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	many := words
	many.Classes, many.Vocabulary = nil, &Vocabulary{}
	for i := range 100 {
		many.Classes = append(many.Classes, fmt.Sprintf("w%02d", i))
	}
	if _, err := many.Read(strings.Join(many.Classes, " ")); err == nil || !strings.Contains(err.Error(), "prompt is a text of 100 words that the model knows, allowed: up to 64") {
		t.Error(err)
	}
	if got := (Info{}).Words(); !reflect.DeepEqual(got.Words, []string(nil)) {
		t.Errorf("a model of classes has the words %v", got)
	}
}
