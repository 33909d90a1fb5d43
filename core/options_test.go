package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
)

// pixels is the hash of what req makes.
func pixels(t *testing.T, g *Generator, req Request) string {
	t.Helper()
	res, err := g.Generate(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res.Metadata.SHA256
}

// with is g's defaults, changed.
func with(g *Generator, change func(r *Request)) Request {
	r := g.Defaults()
	r.Seed = 3
	change(&r)
	return r
}

// Requests that say the same in different words make the same images, and those
// that do not make others.
func TestOptions(t *testing.T) {
	g := generator(t, tiny, info)
	fox := pixels(t, g, with(g, func(*Request) {}))
	plain := pixels(t, g, with(g, func(r *Request) { r.Guidance = 1 }))
	seed9 := pixels(t, g, with(g, func(r *Request) { r.Seed = 9 }))
	for name, c := range map[string]struct {
		want   string
		change func(*Request)
	}{
		"names of the defaults":         {fox, func(r *Request) { r.Solver, r.Schedule, r.Shift = flow.Euler, flow.Uniform, 1 }},
		"a mix of one":                  {fox, func(r *Request) { r.Class, r.Classes = "", []ClassShare{{Class: "fox", Weight: 5}} }},
		"a mix of the same":             {fox, func(r *Request) { r.Class, r.Classes = "", []ClassShare{{"0", 1, 1, 0.5}, {"fox", 2, 0.5, 0}} }},
		"guidance everywhere":           {fox, func(r *Request) { r.GuidanceInterval = []float32{0, 1} }},
		"guidance nowhere":              {plain, func(r *Request) { r.GuidanceInterval = []float32{0.3, 0.4} }}, // between two steps
		"away from the class itself":    {plain, func(r *Request) { r.Negative = "fox" }},
		"a second seed that has no say": {fox, func(r *Request) { r.SeedTo = 9 }},
		"an sde without diffusion":      {"", func(r *Request) { r.Solver = flow.SDE }},
		"another solver":                {"", func(r *Request) { r.Solver = flow.AB2 }},
		"another schedule":              {"", func(r *Request) { r.Schedule = flow.Cosine }},
		"a shift":                       {"", func(r *Request) { r.Shift = 2 }},
		"a rescaled guidance":           {"", func(r *Request) { r.GuidanceRescale = 1 }},
		"away from another class":       {"", func(r *Request) { r.Negative = "2" }},
		"a mix": {"", func(r *Request) {
			r.Class, r.Classes = "", []ClassShare{{Class: "fox", Weight: 1}, {Class: "2", Weight: 1}}
		}},
		"a mix over t":        {"", func(r *Request) { r.Class, r.Classes = "", []ClassShare{{"fox", 1, 1, 0.5}, {"2", 1, 0.5, 0}} }},
		"modulation as it is": {fox, func(r *Request) { r.Modulation = []ModulationScale{{Scale: 2}, {Scale: 0.5}} }},
		"weaker gates":        {"", func(r *Request) { r.Modulation = []ModulationScale{{Quantity: "alpha", Scale: 0.5}} }},
		"half another seed":   {"", func(r *Request) { r.SeedTo, r.SeedMix = 9, 0.5 }},
	} {
		got := pixels(t, g, with(g, c.change))
		if c.want != "" && got != c.want || c.want == "" && (got == fox || got == plain || got == seed9) {
			t.Errorf("%s: pixels %.8s, the default's are %.8s, without guidance %.8s", name, got, fox, plain)
		}
	}
}

// A blend by 1 is the second seed's noise, but for the rounding of a cosine.
func TestSeedMixEnds(t *testing.T) {
	g := generator(t, tiny, info)
	s := newSampler(context.Background(), g, with(g, func(r *Request) { r.SeedTo, r.SeedMix = 9, 1 }))
	defer s.Free()
	z, err := s.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	other := newSampler(context.Background(), g, with(g, func(r *Request) { r.Seed = 9 }))
	defer other.Free()
	want, err := other.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range z {
		if math.Abs(float64(z[i]-want[i])) > 1e-4 {
			t.Fatalf("value %d is %v, the second seed's is %v", i, z[i], want[i])
		}
	}
}

// counter counts images that go through the network.
type counter struct {
	compute.Device
	images []int
}

func (c *counter) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	c.images = append(c.images, s.N)
	c.Device.PatchEmbed(dst, img, s, w, pos)
}

// Conditional and unconditional run as one batch, and outside of the interval one
// evaluation is enough.
func TestGuidanceCost(t *testing.T) {
	dev := &counter{Device: generic.New()}
	g, err := NewGenerator(dev, "id", info, tiny, dit.Random(tiny, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	pixels(t, g, with(g, func(r *Request) { r.Steps, r.GuidanceInterval = 10, []float32{0.25, 0.75} }))
	// t = 1, 0.9, … 0.1
	if want := []int{1, 1, 1, 2, 2, 2, 2, 2, 1, 1}; !slices.Equal(dev.images, want) {
		t.Errorf("images in the network's batches: %v, want %v", dev.images, want)
	}
}

// Neither batches nor the memory for conditioning change what is random in an SDE
// or known in an edit.
func TestOptionsInBatches(t *testing.T) {
	g := generator(t, tiny, info)
	for name, change := range map[string]func(*Request){
		"sde":  func(r *Request) { r.Solver, r.Steps, r.GuidanceInterval = flow.SDE, 6, []float32{0.3, 0.7} },
		"heun": func(r *Request) { r.Solver, r.Steps = flow.Heun, 7 },
		"edit": func(r *Request) { r.Solver, r.Edit = flow.SDE, edit(8, EditUpscale) },
	} {
		req := with(g, change)
		req.Count = 5
		want := pixels(t, g, req)
		batch, cond := maxBatchValues, maxConditioningValues
		maxBatchValues, maxConditioningValues = 4*tiny.WorkspaceLen(), 3*tiny.ConditioningLen()
		got := pixels(t, g, req)
		maxBatchValues, maxConditioningValues = batch, cond
		if got != want {
			t.Errorf("%s: other pixels in small batches", name)
		}
	}
}

// edit is one of a picture of n×n pixels, a diagonal gradient.
func edit(n int, task EditTask) *Edit {
	e := &Edit{Task: task, Width: n}
	if task == EditUpscale {
		e.Factor, e.Width = 2, n/2
	}
	for i := range e.Width * e.Width {
		x, y := i%e.Width, i/e.Width
		level := byte(60 + 100*(x+y)/(2*e.Width))
		e.Image = append(e.Image, level)
		if task != EditColorize {
			e.Image = append(e.Image, level/2, 200-level)
		}
		if task == EditInpaint {
			e.Mask = append(e.Mask, byte(x*3/e.Width)) // the left third is kept
		}
	}
	return e
}

// Images have what was given, but for the rounding to bytes.
func TestEdit(t *testing.T) {
	g := generator(t, tiny, info)
	for task, bound := range map[EditTask]float64{EditInpaint: 0, EditUpscale: 0.002, EditColorize: 0.003} {
		for _, solver := range []flow.Solver{flow.Euler, flow.SDE} {
			req := with(g, func(r *Request) { r.Edit, r.Solver, r.Count, r.Steps = edit(8, task), solver, 2, 8 })
			res, err := g.Generate(context.Background(), req, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(res.Metadata.MeasurementError); n != 2 {
				t.Fatalf("%s: %d measurement errors of 2 images", task, n)
			}
			for _, e := range res.Metadata.MeasurementError {
				if !(e <= bound) {
					t.Errorf("%s by %s: measurement error %.4f, want up to %v", task, solver, e, bound)
				}
			}
			if res.Metadata.Images[0] == res.Metadata.Images[1] {
				t.Errorf("%s by %s: two images of different noise are equal", task, solver)
			}
		}
	}
	// what is kept is there bit for bit, what is painted is not
	e := edit(8, EditInpaint)
	res, err := g.Generate(context.Background(), with(g, func(r *Request) { r.Edit = e }), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 64 {
		same := bytes.Equal(res.Images[0].Pix[4*i:4*i+3], e.Image[3*i:3*i+3])
		if same != (e.Mask[i] == 0) {
			t.Errorf("pixel %d, mask %d: %v of %v", i, e.Mask[i], res.Images[0].Pix[4*i:4*i+3], e.Image[3*i:3*i+3])
		}
	}
	// a little noise comes back to about the image
	near := with(g, func(r *Request) { r.Edit, r.Guidance = edit(8, EditImage), 1 })
	near.Edit.Strength = 0.01
	if res, err = g.Generate(context.Background(), near, nil); err != nil {
		t.Fatal(err)
	}
	if e := res.Metadata.MeasurementError[0]; !(e < 0.05) {
		t.Errorf("started at t = 0.01 the image is %v from the one given", e)
	}
}

func TestEditRefuses(t *testing.T) {
	g := generator(t, tiny, info)
	grey := tiny
	grey.InChannels = 1
	for want, change := range map[string]func(*Edit){
		"edit.width is 7, allowed: 8":                                        func(e *Edit) { e.Width = 7 },
		"edit.image is 191 bytes, allowed: 192: 8×8 pixels of 3":             func(e *Edit) { e.Image = e.Image[1:] },
		"edit.image is 0 bytes":                                              func(e *Edit) { e.Image = nil },
		"edit.mask is 0 bytes, allowed: 64, one a pixel":                     func(e *Edit) { e.Mask = nil },
		"edit.mask is all 0: nothing is to be painted":                       func(e *Edit) { e.Mask = make([]byte, 64) },
		"edit.factor is 3, allowed: a divisor of 8":                          func(e *Edit) { e.Task, e.Factor, e.Mask = EditUpscale, 3, nil },
		"edit.width is 8, allowed: 4, as the model's images have 8×8 pixels": func(e *Edit) { e.Task, e.Factor, e.Mask = EditUpscale, 2, nil },
		"edit.image is 192 bytes, allowed: 64: 8×8 pixels of 1":              func(e *Edit) { e.Task, e.Mask = EditColorize, nil },
	} {
		e := edit(8, EditInpaint)
		change(e)
		_, err := g.Generate(context.Background(), with(g, func(r *Request) { r.Edit = e }), nil)
		var f *FieldError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	_, err := generator(t, grey, info).Generate(context.Background(), with(g, func(r *Request) { r.Edit = edit(8, EditColorize) }), nil)
	if err == nil || !strings.Contains(err.Error(), "the model has no colours") {
		t.Errorf("colorize by a grey model: %v", err)
	}
}

// A request survives its way through JSON, field by field.
func TestRequestJSON(t *testing.T) {
	r := Request{
		Classes: []ClassShare{{"fox", 1, 1, 0.5}, {"2", 2, 0.5, 0}}, Prompt: "fox", Style: "noto", SkipUnknown: true, Seed: 1, Steps: 2, Count: 3, First: 5, Guidance: 4,
		GuidanceInterval: []float32{0.25, 0.75}, GuidanceRescale: 0.5, Negative: "2",
		Solver: flow.SDE, Schedule: flow.Cosine, Shift: 2, Diffusion: 0.5, SeedTo: 6, SeedMix: 0.25,
		Modulation: []ModulationScale{{"gamma", "mlp", []int{0, 1}, []int{2, 3}, 0.5}},
		Edit:       &Edit{Task: EditInpaint, Image: []byte{1, 2, 3}, Width: 1, Mask: []byte{1}, Strength: 0.5, Factor: 7},
	}
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() != (name == "Class") {
			t.Errorf("the test's request leaves %s out", name)
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Request{Class: "fox", Guidance: 1}.WithJSON(data)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%s became %+v, %v", data, got, err)
	}
	for text, want := range map[string]string{
		`{"classes": [{"clas": "fox"}]}`:       `classes is [{"clas": "fox"}], allowed: a list`,
		`{"edit": {"task": "inpaint", "x":1}}`: "edit.x is",
		`{"edit": null}`:                       "edit is null",
		`{"edit": {"image": "§"}}`:             "edit.image is",
		`{"modulation": [{"scal": 1}]}`:        `modulation is [{"scal": 1}], allowed: a list`,
		`{"solver": 1}`:                        "solver is 1, allowed: euler, heun",
		`{"guidance_interval": 1}`:             "guidance_interval is 1",
	} {
		if _, err := r.WithJSON([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
