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
		{`{}`, "506bbf74284de777eff5b7d397ed36752370313b47fed0de775e1f7b2f3c2ccf"},
		{`{"prompt": "kitties with hats", "style": "noto", "steps": 1, "count": 2}`, "bbd9d2032c68c2294ea78e2376899783f70a7483f9a119c0f540cb2e74e1589c"},
		{`{"prompt": "valentine:2 face, no box, fluent 3d", "steps": 2, "seed": 7}`, "63083625f36256fc23db04d8d4e3eba3856d9358304df8e9ecbd3f7094278548"},
		{`{"classes": [{"class": "fox", "weight": 1, "from": 1, "to": 0.5}, {"class": "blue cat", "weight": 1, "from": 0.5, "to": 0}], "style": "noto"}`, "495cb37db615ffa3c5c70c2a394fa0e5605dbdb2ea0837dc7f62b962b9604015"},
		{`{"prompt": "fox", "negative": "hat", "guidance": 2, "steps": 2}`, "04b3204728e6d515084210c85f6ab094f1b06163829cc43087bee18edc20f46c"},
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
