package prompt

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The table is checked by tools/dataset/words.test.mjs too.
func TestTokens(t *testing.T) {
	b, err := os.ReadFile("testdata/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var table []struct {
		Text   string
		Tokens []string
	}
	if err := json.Unmarshal(b, &table); err != nil || len(table) < 30 {
		t.Fatalf("%d rows, %v", len(table), err)
	}
	for _, c := range table {
		if got := Tokens(c.Text); !slices.Equal(got, c.Tokens) {
			t.Errorf("%q: %q, want %q", c.Text, got, c.Tokens)
		}
	}
}

var vocabulary = Vocabulary{
	Words:  []string{"ball", "berry", "blue", "box", "cat", "entry", "eyes", "face", "floor", "fox", "hat", "heart", "laughing", "no", "rolling"},
	Styles: []string{"noto", "noto-blob", "fluent-3d"},
	Synonyms: map[string][]string{
		"kitty": {"cat"}, "rofl": {"rolling", "floor", "laughing"}, "navy": {"blue"},
	},
}

func TestVocabulary(t *testing.T) {
	if err := vocabulary.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Vocabulary){
		"no words":                           func(v *Vocabulary) { v.Words = nil },
		`"Fox", no token`:                    func(v *Vocabulary) { v.Words[0] = "Fox" },
		`"the", no token`:                    func(v *Vocabulary) { v.Words[0] = "the" },
		`"heart-eyes", no token`:             func(v *Vocabulary) { v.Words[0] = "heart-eyes" },
		`"cat" and "box", which is not`:      func(v *Vocabulary) { v.Words[3], v.Words[4] = v.Words[4], v.Words[3] },
		`"box" and "box"`:                    func(v *Vocabulary) { v.Words[4] = "box" },
		`"Fluent 3D" is not one`:             func(v *Vocabulary) { v.Styles[2] = "Fluent 3D" },
		`"" is not one`:                      func(v *Vocabulary) { v.Styles[2] = "" },
		`"noto" is not one`:                  func(v *Vocabulary) { v.Styles[2] = "noto" },
		`"fox" is a word too`:                func(v *Vocabulary) { v.Styles[2] = "fox" },
		`synonym "fox" is a word itself`:     func(v *Vocabulary) { v.Synonyms["fox"] = []string{"cat"} },
		`"foxy" is a word itself, or stands`: func(v *Vocabulary) { v.Synonyms["foxy"] = nil },
		`stands for 17 words`:                func(v *Vocabulary) { v.Synonyms["foxy"] = slices.Repeat([]string{"fox"}, 17) },
		`stands for dog`:                     func(v *Vocabulary) { v.Synonyms["foxy"] = []string{"dog"} },
		`"Foxy" is no token`:                 func(v *Vocabulary) { v.Synonyms["Foxy"] = []string{"fox"} },
		`"a b" is no token`:                  func(v *Vocabulary) { v.Synonyms["a b"] = []string{"fox"} },
		"300 styles":                         func(v *Vocabulary) { v.Styles = make([]string, 300) },
	} {
		v := Vocabulary{slices.Clone(vocabulary.Words), slices.Clone(vocabulary.Styles), map[string][]string{"kitty": {"cat"}}}
		change(&v)
		if err := v.Check(); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `stands for "dog"`, "stands for dog"), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// rows names the rows of a text with their weights.
func rows(text, style string) map[string]float32 {
	names := append(append(slices.Clone(vocabulary.Words), vocabulary.Styles...), "null")
	m := make(map[string]float32)
	last := -1
	for _, r := range vocabulary.Rows(vocabulary.Read(text), style) {
		if r.Row <= last {
			panic("not in the order of rows")
		}
		last = r.Row
		m[names[r.Row]] = r.Weight
	}
	return m
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		text, style string
		want        map[string]float32
	}{
		{"fox", "", map[string]float32{"fox": 1}},
		{"A BLUE fox!", "", map[string]float32{"blue": 0.5, "fox": 0.5}},
		{"fox blue blue fox", "", map[string]float32{"blue": 0.5, "fox": 0.5}},
		{"heart-eyes", "", map[string]float32{"heart": 0.5, "eyes": 0.5}},
		{"foxes, berries; hats", "", map[string]float32{"fox": 1. / 3, "berry": 1. / 3, "hat": 1. / 3}},
		{"rofl", "", map[string]float32{"rolling": 1. / 3, "floor": 1. / 3, "laughing": 1. / 3}},
		{"kitties", "", map[string]float32{"cat": 1}},
		{"kitty cat", "", map[string]float32{"cat": 1}},
		{"fox:3 blue", "", map[string]float32{"blue": 0.25, "fox": 0.75}},
		{"heart-eyes:0.5 face", "", map[string]float32{"heart": 0.25, "eyes": 0.25, "face": 0.5}},
		{"fox:0 cat", "", map[string]float32{"cat": 1}},
		{"fox no hat", "", map[string]float32{"fox": 1, "hat": -1}},
		{"blue fox no hat:0.5", "", map[string]float32{"blue": 0.5, "fox": 0.5, "hat": -0.25}},
		{"fox hat:-0.25", "", map[string]float32{"fox": 1, "hat": -0.25}},
		{"no entry", "", map[string]float32{"no": 0.5, "entry": 0.5}},
		{"hat fox no", "", map[string]float32{"hat": 0.5, "fox": 0.5}},
		{"hat fox no hat", "", map[string]float32{"fox": 1, "hat": -1}},
		{"", "", map[string]float32{"null": 1}},
		{"the", "noto", map[string]float32{"null": 1, "noto": 1}},
		{"fox", "noto", map[string]float32{"fox": 1, "noto": 1}},
		{"a fox in the fluent 3d style", "", map[string]float32{"fox": 1, "fluent-3d": 1}},
		{"Fluent-3D fox", "noto", map[string]float32{"fox": 1, "fluent-3d": 1}},
		{"noto blob fox", "", map[string]float32{"fox": 1, "noto-blob": 1}},
		{"fox, style noto", "", map[string]float32{"fox": 1, "noto": 1}},
		{"noto fox noto-blob", "", map[string]float32{"fox": 1, "noto-blob": 1}},
		{"style: noto style", "", map[string]float32{"null": 1, "noto": 1}},
		{"fox:0.001", "", map[string]float32{"null": 1}},
		{"🦊:3 blue", "", map[string]float32{"blue": 0.25, "fox": 0.75}},
		{"a 🦊🐈️ hat", "", map[string]float32{"fox": 1. / 3, "cat": 1. / 3, "hat": 1. / 3}},
		{"no 🦊, ❤️", "Noto", map[string]float32{"no": 1. / 3, "fox": 1. / 3, "heart": 1. / 3, "noto": 1}},
		{"fox:-1", "", map[string]float32{"fox": -1, "null": 1}},
	} {
		if got := rows(c.text, c.style); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q in style %q: %v, want %v", c.text, c.style, got, c.want)
		}
	}
	said := vocabulary.Read("a foxx, fox:50 kitty dog in a style")
	if want := (Said{Words: []Word{{"fox", []string{"fox"}, 1, []int{9}}, {"kitty", []string{"cat"}, 1, []int{4}}}, Unknown: []string{"foxx", "50", "dog", "style"}}); !reflect.DeepEqual(said, want) {
		t.Errorf("%+v, want %+v", said, want)
	}
	for token, want := range map[string]string{"foxx": "fox", "hart": "hat", "kity": "kitty", "foxhat": "fox hat", "zebra": "", "laugh": "laughing"} {
		if got := vocabulary.Near(token); got != want {
			t.Errorf("near %s is %q, want %q", token, got, want)
		}
	}
}

func TestEmoji(t *testing.T) {
	for text, want := range map[string]string{"": "", "fox": "fox", "é★猫": "é★猫", "🦊": " fox", "🦊x": " fox x", "👍🏽:2": " thumbs-up:2", "👨\u200d🎨!": " man artist-palette!"} {
		if got := Spell(text); got != want {
			t.Errorf("%q is spelled %q, want %q", text, got, want)
		}
	}
	said := vocabulary.Read("fox 猫, straße 🚀 ★")
	if want := []string{"猫", "straße", "rocket"}; len(said.Words) != 1 || !slices.Equal(said.Unknown, want) {
		t.Errorf("%+v, want fox, and %q unknown", said, want)
	}
	if got := Words("Smiling 🦊!"); !slices.Equal(got, []string{"smiling", "fox"}) || Words("猫 fox") != nil {
		t.Errorf("words %q and %q", got, Words("猫 fox"))
	}
	last := rune(firstEmoji - 1)
	for sign, name := range emoji() {
		if sign <= last || Tokens(name) == nil || foreign(name) || strings.ContainsAny(name, " :,;") {
			t.Errorf("%q is called %q", sign, name)
		}
	}
}

// Any text reads, and its weights are finite.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"fox:2 no hat", "no", "style noto style", ":", "a:b:3", "fox:1e-9", "é\xff:NaN", "noto-blob:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		said := vocabulary.Read(text)
		for _, r := range vocabulary.Rows(said, "noto") {
			if r.Row < 0 || r.Row > vocabulary.Null() || !(r.Weight >= -MaxWeight/least && r.Weight <= MaxWeight/least) {
				t.Errorf("%q: %+v", text, r)
			}
		}
		for _, w := range Tokens(text) {
			if again := Tokens(w); len(again) > 1 || len(again) == 1 && again[0] != w && forms[w] == "" {
				t.Errorf("%q: the token %q reads as %q", text, w, again)
			}
		}
	})
}
