package calib_test

import (
	"bytes"
	"math"
	"testing"

	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/family"
	"dit8/tools/quantize/proof"
	"dit8/weights"
)

const goldens = "../../../testdata/golden/sit_rgb/"

// golden reads a network of the goldens.
func golden(t *testing.T) (convert.Model, calib.Floats) {
	t.Helper()
	c, err := checkpoint.Open(goldens+"model.safetensors", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	network, err := family.Read(c, family.Said{NumHeads: 6, Convention: "sit", GuidedChannels: -1})
	if err != nil {
		t.Fatal(err)
	}
	steps := 5
	m, err := convert.New(network, convert.About{Path: "m", Steps: &steps})
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Floats()
	if err != nil {
		t.Fatal(err)
	}
	return m, f
}

// improved is the file of a copy of f.
func improved(t *testing.T, m convert.Model, f calib.Floats, how calib.Options, o convert.Options) []byte {
	t.Helper()
	f = f.Copy()
	rounded, _, err := calib.Improve(f, how, o.Int8, func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Write(&b, nil, o.Stored(f, rounded), o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// follow is how far a file's model is from the official sampler's images.
func follow(t *testing.T, file []byte) float64 {
	t.Helper()
	r, err := weights.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	w, err := calib.Load(r.Header().Config, r.Header().Info.Convention, r.Tensors())
	if err != nil {
		t.Fatal(err)
	}
	path := goldens + "sample_euler_21pts_cfg3.safetensors"
	ref, err := proof.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close()
	results, err := proof.Trajectory(w, ref, proof.Options{Scale: math.NaN()})
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for _, c := range results {
		worst = max(worst, c.Rel)
	}
	return worst
}

// Calibrated models follow the official code at least as well as plainly rounded
// ones, and come out the same every time.
func TestImprove(t *testing.T) {
	m, f := golden(t)
	o := convert.Options{Types: convert.Types{Default: "int8"}, Compress: "small"}
	for _, how := range []calib.Options{{Smooth: true, Images: 2}, {GPTQ: true, Images: 2}, {Smooth: true, GPTQ: true, Images: 2}} {
		first := improved(t, m, f, how, o)
		if e := follow(t, first); !(e <= 0.012) {
			t.Errorf("%+v: relative error %.3e", how, e)
		}
		if !bytes.Equal(first, improved(t, m, f, how, o)) {
			t.Errorf("%+v: another file the second time", how)
		}
	}
}

// What is kept in float is not rounded by the calibration either.
func TestImproveKeeps(t *testing.T) {
	m, f := golden(t)
	o := convert.Options{Types: convert.Types{Default: "int8", Keep: convert.Rules{{Pattern: "blocks.*.mlp.fc2", Type: "f16"}}}}
	r, err := weights.NewReader(bytes.NewReader(improved(t, m, f, calib.Options{GPTQ: true, Images: 2}, o)))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Header().Tensors {
		switch dtype := x.DType.String(); {
		case x.Name == "blocks.0.mlp.fc2.weight" && dtype != "f16", x.Name == "blocks.0.mlp.fc1.weight" && dtype != "int8":
			t.Errorf("%s is %s", x.Name, dtype)
		}
	}
}

// Without calibration nothing is sampled, and nothing changes.
func TestImproveNothing(t *testing.T) {
	rounded, smoothed, err := calib.Improve(calib.Floats{}, calib.Options{}, nil, nil)
	if rounded != nil || smoothed != nil || err != nil {
		t.Errorf("%v, %v, %v", rounded, smoothed, err)
	}
}
