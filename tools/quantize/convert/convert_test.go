package convert

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dit8/core"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/family"
	"dit8/weights"
)

const goldens = "../../../testdata/golden/"

// golden describes a network of the goldens.
func golden(t *testing.T, path string, heads int, a About) (Model, error) {
	t.Helper()
	c, err := checkpoint.Open(goldens+path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	network, err := family.Read(c, family.Said{NumHeads: heads, Convention: "sit", GuidedChannels: -1})
	if err != nil {
		t.Fatal(err)
	}
	a.Path = path
	return New(network, a)
}

func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v; want %q", what, err, want)
	}
}

// rules are those of texts as -keep takes them.
func rules(t *testing.T, texts ...string) (r Rules) {
	t.Helper()
	for _, s := range texts {
		if err := r.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// The file has the types that were asked for.
func TestTypes(t *testing.T) {
	m, err := golden(t, "sit_tiny/model.safetensors", 4, About{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dtype string
		keep  []string
		want  map[string]string
	}{
		{"int8", nil, map[string]string{
			"blocks.0.mlp.fc2.weight": "int8", "final_layer.linear.weight": "f16", "blocks.1.adaLN_modulation.1.weight": "int8",
			"blocks.0.mlp.fc2.bias": "f32", "pos_embed": "f16"}},
		{"int8", []string{"blocks.*.mlp.fc2=f16"}, map[string]string{
			"blocks.0.mlp.fc2.weight": "f16", "blocks.1.mlp.fc2.bias": "f16", "blocks.1.mlp.fc1.weight": "int8"}},
		{"int8", []string{"final_layer.*=f32", "*.adaLN_modulation.1.weight=f32", "blocks.1.*=f16"}, map[string]string{
			"final_layer.linear.weight": "f32", "blocks.0.adaLN_modulation.1.weight": "f32", "blocks.1.adaLN_modulation.1.weight": "f16",
			"blocks.1.attn.qkv.weight": "f16", "blocks.0.attn.qkv.weight": "int8"}},
		{"f32", []string{"blocks.*=int8", "y_embedder.*=int8"}, map[string]string{
			"blocks.0.attn.qkv.weight": "int8", "blocks.0.attn.qkv.bias": "f32", "pos_embed": "f32", "y_embedder.embedding_table.weight": "int8"}},
		{"f16", []string{"*=f32"}, map[string]string{"blocks.0.attn.qkv.weight": "f32", "pos_embed": "f32"}},
	} {
		o := Options{Types: Types{Default: c.dtype, Keep: rules(t, c.keep...)}, Compress: "small"}
		if err := o.Check(m.Config.Specs()); err != nil {
			t.Errorf("%v: %v", c.keep, err)
		}
		var b bytes.Buffer
		if err := m.Write(&b, nil, m.Tensors(o.Types), o); err != nil {
			t.Fatal(err)
		}
		if n, err := m.Size(m.Tensors(o.Types), o); err != nil || n != int64(b.Len()) {
			t.Errorf("%v: a size of %d, %v; the file has %d", c.keep, n, err, b.Len())
		}
		r, err := weights.NewReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Header().Tensors {
			if want := c.want[x.Name]; want != "" && x.DType.String() != want {
				t.Errorf("%s %v: %s is %s, want %s", c.dtype, c.keep, x.Name, x.DType, want)
			}
		}
	}
}

func TestRules(t *testing.T) {
	m, err := golden(t, "sit_tiny/model.safetensors", 4, About{})
	if err != nil {
		t.Fatal(err)
	}
	for keep, want := range map[string]string{
		"blocks.*.mpl.fc2=f16": "no tensor's name matches",
		"pos_embed=int8":       "are no matrices",
	} {
		refused(t, keep, Types{Default: "int8", Keep: rules(t, keep)}.Check(m.Config.Specs()), want)
	}
	for text, want := range map[string]string{
		"pos_embed":      "is not PATTERN=TYPE",
		"pos_embed=bf16": "type int8, f16 or f32",
		"[=f16":          "is not one",
	} {
		refused(t, text, new(Rules).Set(text), want)
	}
}

// What a file says of a model besides its network.
func TestNew(t *testing.T) {
	steps, none, guidance := 7, -1, 1.5
	m, err := golden(t, "sit_rgb/model.safetensors", 6, About{License: "MIT", Source: "there", Steps: &steps, Guidance: &guidance})
	if err != nil {
		t.Fatal(err)
	}
	i := m.Info
	if i.Name != "model" || i.License != "MIT" || i.Source != "there" {
		t.Errorf("name %q, licence %q, source %q", i.Name, i.License, i.Source)
	}
	if d := i.Defaults; d.Steps != 7 || d.Guidance != 1.5 || d.Solver != "" || d.GuidanceInterval != nil {
		t.Errorf("defaults %+v", i.Defaults)
	}
	if i.Pixels != (core.Pixels{Mean: 0.5, Std: 0.5}) {
		t.Errorf("three channels are pixels, here %+v", i.Pixels)
	}
	if len(i.Classes) != m.Config.NumClasses || i.Classes[1] != "1" {
		t.Errorf("classes %q", i.Classes)
	}
	m, err = golden(t, "sit_tiny/model.safetensors", 4, About{Name: "mine"})
	if err != nil || m.Info.Name != "mine" || m.Info.Pixels != (core.Pixels{}) {
		t.Errorf("%+v, %v", m.Info, err)
	}
	_, err = golden(t, "sit_tiny/model.safetensors", 4, About{Steps: &none})
	refused(t, "no steps", err, "steps is -1")
	for path, want := range map[string]string{
		"a/m.safetensors": "m", "m.safetensors.index.json": "m", "m.pt": "m", "m.ckpt": "m", "m-2.5.bin": "m-2.5", "folder": "folder", "x/folder/.": "folder",
	} {
		if got := nameOf(path); got != want {
			t.Errorf("%s is named %q, want %q", path, got, want)
		}
	}
}

func TestClassNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "labels.json")
	for text, want := range map[string]string{
		`["a","b","c"]`: "", `{"2":"c","0":"a","1":"b"}`: "",
		`["a","b"]`:                 "2 names, the checkpoint has 3 classes",
		`{"0":"a"}`:                 "1 names, the checkpoint has 3 classes",
		`{"0":"a","1":"b","3":"c"}`: "no name for class 2",
		`[1,2,3]`:                   "neither an array",
		"[\"a\xff\",\"b\",\"c\"]":   "UTF-8",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		names, _, err := ClassNames(path, 3)
		if want != "" {
			refused(t, text, err, want)
		} else if err != nil || !slices.Equal(names, []string{"a", "b", "c"}) {
			t.Errorf("%s: %q, %v", text, names, err)
		}
	}
}

// A stream ends between two tensors.
func TestWatched(t *testing.T) {
	m, err := golden(t, "sit_tiny/model.safetensors", 4, About{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	for _, err = range m.Watched(ctx, m.Tensors(Types{Default: "f32"}), func(what string, done, total int) {
		if n++; n == 3 {
			stop()
		}
	}) {
		if err != nil {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d tensors went by", n)
	}
	refused(t, "stopped", err, "interrupted, nothing was written")
}
