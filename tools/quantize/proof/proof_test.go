package proof_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dit8/core/sampling"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/family"
	"dit8/tools/quantize/proof"
)

const goldens = "../../../testdata/golden/"

// model describes a checkpoint of the goldens.
func model(t *testing.T, path string, said family.Said) convert.Model {
	t.Helper()
	c, err := checkpoint.Open(goldens+path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	network, err := family.Read(c, said)
	if err != nil {
		t.Fatal(err)
	}
	m, err := convert.New(network, convert.About{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// load puts a checkpoint of the goldens on a device, in the types of a file.
func load(t *testing.T, path, dtype string, said family.Said) sampling.Network {
	t.Helper()
	m := model(t, path, said)
	w, err := calib.Load(m.Config, m.Info.Convention, m.Tensors(convert.Types{Default: dtype}))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// outputs compares with a file of the network's outputs.
func outputs(t *testing.T, w sampling.Network, path string) ([]proof.Comparison, error) {
	t.Helper()
	return proof.Outputs(w, reference(t, path), open)
}

// open says nothing of a reference but the channels that are guided.
var open = proof.Options{Scale: math.NaN(), Channels: 3}

// heads says nothing but the number of heads.
func heads(n int) family.Said { return family.Said{NumHeads: n, GuidedChannels: -1} }

// reference opens a reference file of the goldens, or any other.
func reference(t *testing.T, path string) *proof.Reference {
	t.Helper()
	if !filepath.IsAbs(path) {
		path = goldens + path
	}
	ref, err := proof.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ref.Close() })
	return ref
}

// within demands that results are as many as they should be, and within a bound.
func within(t *testing.T, what string, results []proof.Comparison, err error, count int, bound float64) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if len(results) != count {
		t.Errorf("%s: compared %v, want %d outputs", what, results, count)
	}
	for _, r := range results {
		if !(r.Rel <= bound) {
			t.Errorf("%s: relative error %.3e of %s, allowed up to %g", what, r.Rel, r.Name, bound)
		}
	}
}

// refused demands an error that says what is wanted.
func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v; want %q", what, err, want)
	}
}

// Float networks compute what the official code computes, also with guidance.
func TestGoldens(t *testing.T) {
	for _, c := range []struct {
		dir, model, forward string
		outputs             int
		said                family.Said
	}{
		{"dit_tiny", "model.safetensors", "forward", 2, heads(4)},
		{"dit_tiny", "model.safetensors", "forward_fractional_t", 1, heads(4)},
		{"dit_tiny", "model.pt", "forward", 2, heads(4)},
		{"sit_tiny", "model.safetensors", "forward", 2, heads(4)},
		{"sit_tiny", "model_f16.safetensors", "forward_f16", 2, heads(4)},
		{"sit_tiny", "train.pt", "forward", 2, heads(4)},
		{"sit_rgb", "model.safetensors", "forward", 2, heads(6)},
		{"sit_lowvar", "model.safetensors", "forward", 2, heads(readCase(t, "sit_lowvar").Config.NumHeads)},
		{"diffusers", "official_model.safetensors", "forward", 1, heads(4)},
		{"diffusers", "", "forward", 1, family.Said{Numerics: "official", GuidedChannels: -1}},
		{"diffusers", "diffusion_pytorch_model.safetensors", "forward", 1, family.Said{Numerics: "official", GuidedChannels: -1}},
		{"diffusers_dit", "", "forward", 1, heads(0)},
	} {
		w := load(t, c.dir+"/"+c.model, "f32", c.said)
		results, err := outputs(t, w, c.dir+"/"+c.forward+".safetensors")
		within(t, c.dir+"/"+c.forward, results, err, c.outputs, 1e-5)
	}
}

// caseFile is what a case.json says.
type caseFile struct {
	Config struct {
		NumHeads int `json:"num_heads"`
	}
	Files []struct{ File, Why string }
}

func readCase(t *testing.T, dir string) (c caseFile) {
	t.Helper()
	b, err := os.ReadFile(goldens + dir + "/case.json")
	if err == nil {
		err = json.Unmarshal([]byte(strings.Replace(string(b), `"files": {`, `"file_notes": {`, 1)), &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every awkward but legal file computes the same as the plain one.
func TestEdgeFiles(t *testing.T) {
	c := readCase(t, "edge")
	if len(c.Files) < 18 {
		t.Errorf("only %d files", len(c.Files))
	}
	said := family.Said{NumHeads: c.Config.NumHeads, Convention: "dit", GuidedChannels: -1}
	for _, f := range c.Files {
		if f.File == "st_unaligned_tensors.safetensors" {
			in, err := checkpoint.Open(goldens+"edge/"+f.File, "")
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			_, err = family.Read(in, said)
			refused(t, f.File, err, "tensor aaa.pad: unexpected")
			continue
		}
		results, err := outputs(t, load(t, "edge/"+f.File, "f32", said), "edge/forward.safetensors")
		within(t, f.File+" ("+f.Why+")", results, err, 1, 1e-4)
	}
}

// What diffusers' copy of converted weights computes, which is something else.
func TestDiffusersNumerics(t *testing.T) {
	w := load(t, "diffusers", "f32", heads(0))
	results, err := outputs(t, w, "diffusers/forward.safetensors")
	within(t, "diffusers", results, err, 1, 3e-5)
	if results[0].Name != "out_diffusers" {
		t.Errorf("compared with %s", results[0].Name)
	}
	ref := edited(t, "diffusers/forward.safetensors", func(header map[string]any) {
		header["out"], header["was"] = header["out_diffusers"], header["out_official"]
		delete(header, "out_diffusers")
		delete(header, "out_official")
	})
	w = load(t, "diffusers", "f32", family.Said{Numerics: "official", GuidedChannels: -1})
	results, err = outputs(t, w, ref)
	if err != nil || !(results[0].Rel > 0.1) {
		t.Errorf("official numerics give diffusers' output: %v, %v", results, err)
	}
}

// Models of every convention follow the official samplers from their noise.
func TestTrajectories(t *testing.T) {
	for dir, c := range map[string]struct {
		heads      int
		convention string
		f32, int8  float64 // bounds
		files      int
	}{
		"sit_tiny": {4, "sit", 1e-6, 0.03, 8},
		"sit_rgb":  {6, "sit", 1e-6, 0.015, 2},
		"dit_tiny": {4, "dit", 3e-5, 0.05, 3},
	} {
		files, err := filepath.Glob(goldens + dir + "/sample_*.safetensors")
		if err != nil || len(files) != c.files {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for dtype, bound := range map[string]float64{"f32": c.f32, "int8": c.int8} {
			w := load(t, dir+"/model.safetensors", dtype, family.Said{NumHeads: c.heads, Convention: c.convention, GuidedChannels: -1})
			for _, f := range files {
				bound := bound
				if dtype == "f32" && strings.Contains(f, "dopri5") {
					bound = 6e-3 // its own relative tolerance is 1e-3 a step
				}
				path, err := filepath.Abs(f)
				if err != nil {
					t.Fatal(err)
				}
				count := 2
				if strings.Contains(f, "20pts") { // without the states on the way
					count = 1
				}
				results, err := proof.Trajectory(w, reference(t, path), open)
				within(t, f, results, err, count, bound)
				if len(results) > 0 && !strings.Contains(results[0].Note, "PSNR") {
					t.Errorf("%s: no PSNR in %q", f, results[0].Note)
				}
			}
		}
	}
}

// Where a reference says no times, its points are evenly spaced.
func TestTrajectoryWithoutTimes(t *testing.T) {
	sit := load(t, "sit_tiny/model.safetensors", "f32", family.Said{NumHeads: 4, Convention: "sit", GuidedChannels: -1})
	path := edited(t, "sit_tiny/sample_euler_10pts_cfg4.safetensors", func(header map[string]any) {
		header["grid"] = header["grid_t"]
		delete(header, "grid_t")
	})
	results, err := proof.Trajectory(sit, reference(t, path), open)
	within(t, path, results, err, 2, 1e-6)
}

func TestTrajectoryRefusals(t *testing.T) {
	sit := load(t, "sit_tiny/model.safetensors", "f32", family.Said{NumHeads: 4, Convention: "sit", GuidedChannels: -1})
	dit := load(t, "dit_tiny/model.safetensors", "f32", family.Said{NumHeads: 4, Convention: "dit", GuidedChannels: -1})
	euler, ddim := "sit_tiny/sample_euler_10pts_cfg4.safetensors", "dit_tiny/sample_ddim_20_cfg4.safetensors"
	for _, c := range []struct {
		want, solver, file string
		model              sampling.Network
	}{
		{`the solver is "rk4"`, "rk4", euler, sit},
		{"on the ddpm clock", "", ddim, sit},
		{`the solver is "euler"`, "euler", ddim, dit},
		{"tensor step_noise is missing", "ddpm", ddim, dit},
		{"tensor noise: shape is [1 3 32 32], expected [1 4 8 8]", "", "sit_rgb/sample_euler_21pts_cfg3.safetensors", sit},
	} {
		_, err := proof.Trajectory(c.model, reference(t, c.file), proof.Options{Scale: math.NaN(), Solver: c.solver})
		refused(t, c.file, err, c.want)
	}
	for _, c := range []struct {
		solver string
		scale  float64
	}{{"", 2}, {"heun2", math.NaN()}} { // another guidance, another solver
		results, err := proof.Trajectory(sit, reference(t, euler), proof.Options{Scale: c.scale, Solver: c.solver})
		if err != nil || !(results[0].Rel > 1e-3) {
			t.Errorf("%+v follows all the same: %v, %v", c, results, err)
		}
	}
}

// edited is a copy of a safetensors file with another header.
func edited(t *testing.T, path string, edit func(header map[string]any)) string {
	t.Helper()
	b, err := os.ReadFile(goldens + path)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(b)
	var header map[string]any
	if err := json.Unmarshal(b[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	edit(header)
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(out, slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, b[8+n:]), 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

// References of other shapes are refused, though they have as many values.
func TestReferenceShapes(t *testing.T) {
	w := load(t, "sit_tiny/model.safetensors", "f32", family.Said{NumHeads: 4, Convention: "sit", GuidedChannels: -1})
	for _, c := range []struct {
		file, tensor string
		shape        []int
	}{
		{"forward", "out_cfg", []int{1, 16, 8, 8}}, {"forward", "out_cfg", []int{1, 1024, 1, 1}}, {"forward", "out_cfg", []int{16, 1, 8, 8}},
		{"forward", "out", []int{4, 8, 8, 4}}, {"forward", "x", []int{4, 8, 8, 4}}, {"forward", "t", []int{4, 1}}, {"forward", "cfg_x", []int{1024}},
		{"sample_euler_10pts_cfg4", "noise", []int{2, 8, 8, 4}}, {"sample_euler_10pts_cfg4", "final", []int{512}},
		{"sample_euler_10pts_cfg4", "traj", []int{2, 10, 4, 8, 8}}, {"sample_euler_10pts_cfg4", "grid_t", []int{2, 5}},
	} {
		path := edited(t, "sit_tiny/"+c.file+".safetensors", func(header map[string]any) { header[c.tensor].(map[string]any)["shape"] = c.shape })
		look := proof.Trajectory
		if c.file == "forward" {
			look = proof.Outputs
		}
		_, err := look(w, reference(t, path), open)
		refused(t, c.file, err, fmt.Sprintf("tensor %s: shape is %v, expected ", c.tensor, c.shape))
	}
}

// Ratios are those of the textbook, and equal values have one too.
func TestRatios(t *testing.T) {
	a, b := []float32{0, 0.5, 1, 0.25}, []float32{0, 0.5, 1, 0.75}
	if got := proof.RangePSNR(a, a); got != proof.MaxPSNR || proof.WithUnit(got) != "exact" {
		t.Errorf("equal values: %v", got)
	}
	if got, want := proof.RangePSNR(a, b), 10*math.Log10(1/(0.25/4)); math.Abs(got-want) > 1e-9 || proof.WithUnit(got) != "12.0 dB" {
		t.Errorf("%v, want %v", got, want)
	}
	c := proof.Compare("x", []float32{3, 4}, []float32{0, 5})
	if math.Abs(c.Rel-math.Sqrt(10)/5) > 1e-9 || c.MaxAbs != 3 {
		t.Errorf("%+v", c)
	}
	if c := proof.Compare("zeros", make([]float32, 2), make([]float32, 2)); c.Rel != 0 {
		t.Errorf("equal zeros: %+v", c)
	}
}
