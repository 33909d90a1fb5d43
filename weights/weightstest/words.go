package weightstest

import (
	"context"
	"testing"

	"dit8/core/compute"
	"dit8/weights"
)

// Words checks that a device gives the known pixels for prompts to testdata/words.dit8, at path, in one, two and four steps.
func Words(t *testing.T, path string, open func() compute.Device) {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g, err := f.Generator(open())
	if err != nil {
		t.Fatal(err)
	}
	defer g.Free()
	for _, c := range []struct{ json, want string }{
		{`{}`, "c1b8e0ff0bd4fad12d9dc24f6110c82aedca50c265410d011bd4ff2bad7cdeb5"},
		{`{"prompt": "kitties with hats", "style": "noto", "steps": 1, "count": 2}`, "21855acd431db3b96a82af5a896ad667012106cdd7fd07c54106de5b183ef5ab"},
		{`{"prompt": "valentine:2 face, no box, fluent 3d", "steps": 2, "seed": 7}`, "e7d8d7c711e9eebd64c5414eeb03e4d004e5523e3878adfcd03042cf6174a796"},
		{`{"classes": [{"class": "fox", "weight": 1, "from": 1, "to": 0.5}, {"class": "blue cat", "weight": 1, "from": 0.5, "to": 0}], "style": "noto"}`, "62d548fba66a1b3c67345d2295c67b13f1bb90b3c0abbc04a083ef196ce1e0d0"},
		{`{"prompt": "fox", "negative": "hat", "guidance": 2, "steps": 2}`, "7b7ea5b602614bde0f015677a623abe2b8143f65a75f9cc26e557778d4ab7160"},
	} {
		req, err := g.Defaults().WithJSON([]byte(c.json))
		if err != nil {
			t.Fatal(err)
		}
		res, err := g.Generate(context.Background(), req, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Metadata.SHA256; got != c.want {
			t.Errorf("%s: pixels are %s, want %s", c.json, got, c.want)
		}
	}
}
