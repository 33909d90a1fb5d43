package seed

import (
	"encoding/json"
	"testing"

	"dit8/core"
)

func TestValue(t *testing.T) {
	for _, text := range []string{"-1", "random", "Random"} {
		var a, b Value
		if a.Set(text) != nil || b.Set(text) != nil || !a.Random || a.Seed > core.MaxSeed || a.Seed == b.Seed {
			t.Errorf("%s: %d and %d", text, a.Seed, b.Seed)
		}
	}
	var v Value
	if v.Set("7") != nil || v.Seed != 7 || v.Random || v.String() != "7" {
		t.Errorf("%+v", v)
	}
	for _, text := range []string{"", "-2", "1.5", "x"} {
		if v.Set(text) == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, text := range []string{`{"class": "fox", "seed": -1}`, `{"class": "fox", "seed": "random"}`} {
		r, err := core.Request{}.WithJSON(JSON([]byte(text)))
		if err != nil || r.Class != "fox" || r.Seed == 0 {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{`{"seed": 7}`, `[]`, ``} {
		if got := string(JSON([]byte(text))); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if Fields(map[string]json.RawMessage{"seed": []byte("3")}) {
		t.Error("3 is random")
	}
}
