package core

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
)

var (
	tiny = dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3}
	info = Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock},
		Classes: []string{"fox", "red-apple", "2"}, Defaults: Defaults{Steps: 4, Guidance: 3}, Pixels: Pixels{Mean: 0.5, Std: 0.5},
	}
)

func generator(t testing.TB, cfg dit.Config, info Info) *Generator {
	t.Helper()
	g, err := NewGenerator(generic.New(), "id", info, cfg, dit.Random(cfg, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGenerate(t *testing.T) {
	g := generator(t, tiny, info)
	req := g.Defaults()
	req.Seed, req.Count = 7, 3
	var steps []int
	var last []byte
	res, err := g.Generate(context.Background(), req, func(e Event) {
		steps = append(steps, e.Step)
		if e.Steps != 4 || e.First != 0 || e.Images != 3 || e.T != float32(5-e.Step)/4 {
			t.Errorf("event %+v", e)
		}
		last = e.Image(2).Pix
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(steps, []int{1, 2, 3, 4}) {
		t.Errorf("events of steps %v", steps)
	}
	if len(res.Images) != 3 || res.Images[0].Rect.Dx() != 8 || res.Images[0].Rect.Dy() != 8 {
		t.Fatalf("%d images of %v", len(res.Images), res.Images[0].Rect)
	}
	// The last step ends where its estimate of the clean image lies: z - dt·v = z - t·v.
	if !bytes.Equal(last, res.Images[2].Pix) {
		t.Error("the last event's estimate is not the result")
	}
	m := res.Metadata
	if !reflect.DeepEqual(m.Request, req) || m.Model != "tiny" || m.ModelID != "id" || m.Device != "generic" || len(m.Images) != 3 ||
		m.SHA256 != PixelHash(res.Images...) || m.Images[1] != PixelHash(res.Images[1]) {
		t.Errorf("metadata %+v", m)
	}
	if m.Images[0] == m.Images[1] {
		t.Error("two images of a request are equal")
	}
	// An image does not depend on how many are asked for, nor on who looks.
	req.Count = 1
	one, err := g.Generate(context.Background(), req, nil)
	if err != nil || one.Metadata.SHA256 != m.Images[0] {
		t.Errorf("the first of three images differs from a single one: %v", err)
	}
	for _, change := range []func(*Request){
		func(r *Request) { r.Seed++ },
		func(r *Request) { r.Class = "red-apple" },
		func(r *Request) { r.Guidance = 1 },
		func(r *Request) { r.Guidance = 0 },
		func(r *Request) { r.Steps++ },
	} {
		r := req
		change(&r)
		other, err := g.Generate(context.Background(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if other.Metadata.SHA256 == one.Metadata.SHA256 {
			t.Errorf("%+v gives the image of %+v", r, req)
		}
	}
	byIndex := req
	byIndex.Class = "0"
	if r, err := g.Generate(context.Background(), byIndex, nil); err != nil || r.Metadata.SHA256 != one.Metadata.SHA256 {
		t.Errorf("class 0 and class fox differ: %v", err)
	}
}

// Splitting a request into batches, or its conditioning into parts, does not
// change it.
func TestBatches(t *testing.T) {
	g := generator(t, tiny, info)
	req := g.Defaults()
	req.Count, req.Steps = 5, 6
	whole, err := g.Generate(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func(b, c int) { maxBatchValues, maxConditioningValues = b, c }(maxBatchValues, maxConditioningValues)
	maxBatchValues = 2 * 2 * tiny.WorkspaceLen()
	maxConditioningValues = 4 * 2 * tiny.ConditioningLen()
	events, first := 0, -1
	split, err := g.Generate(context.Background(), req, func(e Event) {
		events++
		if e.Step != events || e.Steps != 18 {
			t.Errorf("event %+v after %d events", e, events)
		}
		first = e.First
	})
	if err != nil {
		t.Fatal(err)
	}
	if first != 4 || events != 18 {
		t.Errorf("%d events, the last batch starts at image %d", events, first)
	}
	if split.Metadata.SHA256 != whole.Metadata.SHA256 {
		t.Error("the result depends on the batches")
	}
}

// Image n of a request is the first one of the same request that begins there, with all that noise goes into.
func TestFirst(t *testing.T) {
	g := generator(t, tiny, info)
	req := g.Defaults()
	req.Count, req.Seed, req.SeedTo, req.SeedMix, req.Solver = 4, 3, 9, 0.25, flow.SDE
	whole, err := g.Generate(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	for first, want := range map[int][]string{2: whole.Metadata.Images[2:3], 1: whole.Metadata.Images[1:4]} {
		req.First, req.Count = first, len(want)
		part, err := g.Generate(context.Background(), req, func(e Event) {
			if e.T == 1 && bytes.Equal(e.State(0).Pix, e.Image(0).Pix) {
				t.Error("the state at time 1 is noise, not the estimate")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(part.Metadata.Images, want) || part.Metadata.Request.First != first {
			t.Errorf("from %d: %v, want %v", first, part.Metadata.Images, want)
		}
	}
}

func TestCancel(t *testing.T) {
	g := generator(t, tiny, info)
	req := g.Defaults()
	req.Steps = 1000
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	_, err := g.Generate(ctx, req, func(Event) {
		if steps++; steps == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || steps != 3 {
		t.Errorf("%v after %d steps, want cancelled after 3", err, steps)
	}
	if _, err := g.Generate(context.Background(), g.Defaults(), nil); err != nil {
		t.Errorf("after a cancelled request: %v", err)
	}
}

func TestRequestCheck(t *testing.T) {
	ok := Request{Class: "fox", Steps: 1, Guidance: 0, Count: 1}
	for _, c := range []struct {
		field  string
		change func(*Request)
		want   string
	}{
		{"class", func(r *Request) { r.Class = "" }, `class is ""`},
		{"class", func(r *Request) { r.Class = "fxo" }, `did you mean "fox"?`},
		{"class", func(r *Request) { r.Class = "3" }, "index from 0 to 2"},
		{"class", func(r *Request) { r.Class = "-1" }, "class is"},
		{"class", func(r *Request) { r.Class = strings.Repeat("x", 1<<20) }, "class is"},
		{"seed", func(r *Request) { r.Seed = 1 << 53 }, "seed is 9007199254740992, allowed: 0 to 9007199254740991"},
		{"steps", func(r *Request) { r.Steps = 0 }, "steps is 0, allowed: 1 to 1000"},
		{"steps", func(r *Request) { r.Steps = 1001 }, "steps is 1001"},
		{"guidance", func(r *Request) { r.Guidance = float32(math.NaN()) }, "guidance is NaN"},
		{"guidance", func(r *Request) { r.Guidance = float32(math.Inf(1)) }, "guidance is +Inf"},
		{"guidance", func(r *Request) { r.Guidance = -0.5 }, "guidance is -0.5, allowed: 0 to 100"},
		{"count", func(r *Request) { r.Count = 0 }, "count is 0, allowed: 1 to 64"},
		{"count", func(r *Request) { r.Count = 1e9 }, "count is 1000000000"},
		{"first", func(r *Request) { r.First = -1 }, "first is -1, allowed: 0 to 1000000"},
		{"first", func(r *Request) { r.First = 1_000_001 }, "first is 1000001"},
		{"seed_to", func(r *Request) { r.SeedTo = 1 << 53 }, "seed_to is 9007199254740992"},
		{"seed_mix", func(r *Request) { r.SeedMix = 1.5 }, "seed_mix is 1.5, allowed: 0 to 1"},
		{"negative", func(r *Request) { r.Negative = "fxo" }, `negative is "fxo", allowed: a class name or an index from 0 to 2; did you mean "fox"?`},
		{"guidance_rescale", func(r *Request) { r.GuidanceRescale = -1 }, "guidance_rescale is -1, allowed: 0 to 1"},
		{"guidance_interval", func(r *Request) { r.GuidanceInterval = []float32{0.5, 0.5} }, "guidance_interval is [0.5 0.5], allowed: two numbers"},
		{"guidance_interval", func(r *Request) { r.GuidanceInterval = []float32{0.5} }, "guidance_interval is [0.5]"},
		{"guidance_interval", func(r *Request) { r.GuidanceInterval = []float32{-1, float32(math.NaN())} }, "guidance_interval is"},
		{"solver", func(r *Request) { r.Solver = "rk4" }, `solver is "rk4", allowed: euler, heun, midpoint, ab2, sde`},
		{"schedule", func(r *Request) { r.Schedule = "linear" }, `allowed: spacing is "linear", allowed: uniform, cosine, logit-normal, tail, ddim`},
		{"schedule", func(r *Request) { r.Schedule = "ddim" }, "spacing ddim is for models on the ddpm clock"},
		{"shift", func(r *Request) { r.Shift = 1000 }, "shift is 1000, allowed: 0.01 to 100"},
		{"diffusion", func(r *Request) { r.Diffusion = 11 }, "diffusion is 11, allowed: 0 to 10"},
		{"class", func(r *Request) { r.Classes = []ClassShare{{Class: "fox", Weight: 1}} }, "class or classes, one of them"},
		{"classes", func(r *Request) { r.Class, r.Classes = "", []ClassShare{} }, "classes is a list of 0, allowed: 1 to 16"},
		{"classes[0].class", func(r *Request) { r.Class, r.Classes = "", []ClassShare{{Class: "cow", Weight: 1}} }, `classes[0].class is "cow"`},
		{"classes[0].weight", func(r *Request) {
			r.Class, r.Classes = "", []ClassShare{{Class: "fox", Weight: float32(math.Inf(1))}}
		}, "classes[0].weight is +Inf"},
		{"classes[0].from", func(r *Request) { r.Class, r.Classes = "", []ClassShare{{"fox", 1, 0.5, 0.5}} }, "from is 0.5 and to is 0.5"},
		{"classes", func(r *Request) { r.Class, r.Classes = "", []ClassShare{{"fox", 1, 1, 0.5}} }, "at t = 0.5 a weight of 0 in sum, allowed: above 0"},
		{"classes", func(r *Request) { r.Class, r.Classes = "", []ClassShare{{"fox", 1, 0.9, 0}} }, "at t = 1 a weight of 0"},
		{"classes", func(r *Request) {
			r.Class, r.Classes = "", []ClassShare{{Class: "fox", Weight: 1}, {"1", -1, 0.7, 0.2}}
		}, "at t = 0.7 a weight of 0"},
		{"edit.task", func(r *Request) { r.Edit = &Edit{Task: "paint"} }, `edit.task is "paint", allowed: "image"`},
		{"edit.strength", func(r *Request) { r.Edit = &Edit{Task: EditImage, Strength: 2} }, "edit.strength is 2"},
		{"edit.factor", func(r *Request) { r.Edit = &Edit{Task: EditUpscale, Factor: 1} }, "edit.factor is 1, allowed: 2 to 64"},
		{"edit.factor", func(r *Request) { r.Edit = &Edit{Task: EditImage, Factor: 2} }, "edit.factor is 2, allowed: none"},
		{"edit.mask", func(r *Request) { r.Edit = &Edit{Task: EditImage, Mask: []byte{1}} }, "edit.mask is 1 bytes, allowed: none"},
		{"solver", func(r *Request) { r.Solver, r.Edit = "heun", &Edit{Task: EditColorize} }, "euler or sde where an image is edited"},
	} {
		r := ok
		c.change(&r)
		err := r.Check(info)
		var f *FieldError
		if !errors.As(err, &f) || f.Field != c.field || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 {
			t.Errorf("%s: %v, want %q", c.field, err, c.want)
		}
	}
	for name, want := range map[string]int{"fox": 0, "2": 2, "1": 1, "red-apple": 1} {
		r := ok
		r.Class = name
		if err := r.Check(info); err != nil {
			t.Errorf("class %s: %v", name, err)
		}
		if k := r.Conditions(flow.Eval{T: 1, R: 1, Step: 1}, info)[0].Label; k != want {
			t.Errorf("class %s is %d, want %d", name, k, want)
		}
	}
}

func TestInfoCheck(t *testing.T) {
	if err := info.Check(tiny); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Info){
		"name":                                 func(i *Info) { i.Name = "" },
		"2 class":                              func(i *Info) { i.Classes = i.Classes[:2] },
		"model's name has a control character": func(i *Info) { i.Name = "a\x1b[2J" },
		"class 1 has a control character":      func(i *Info) { i.Classes = []string{"a", "b\n", "c"} },
		"text has control characters":          func(i *Info) { i.License = "MIT\r\n\x07" },
		"both named":                           func(i *Info) { i.Classes = []string{"a", "b", "a"} },
		"class 1":                              func(i *Info) { i.Classes = []string{"a", "", "c"} },
		"steps":                                func(i *Info) { i.Defaults.Steps = 0 },
		"guidance":                             func(i *Info) { i.Defaults.Guidance = -1 },
		"prediction":                           func(i *Info) { i.Convention.Prediction = "" },
		"pixels":                               func(i *Info) { i.Pixels.Std = float32(math.NaN()) },
		"source":                               func(i *Info) { i.Source = strings.Repeat("x", MaxTextLen+1) },
		"the model's":                          func(i *Info) { i.Name = strings.Repeat("x", MaxNameLen+1) },
	} {
		i := info
		change(&i)
		if err := i.Check(tiny); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLatentsAndBadNumbers(t *testing.T) {
	latent := tiny
	latent.InChannels = 4
	i := info
	i.Pixels = Pixels{}
	if _, err := generator(t, latent, i).Generate(context.Background(), generator(t, latent, i).Defaults(), nil); err == nil || !strings.Contains(err.Error(), "4-channel latents") {
		t.Errorf("a latent model: %v", err)
	}
	grey := tiny
	grey.InChannels = 1
	g := generator(t, grey, info)
	res, err := g.Generate(context.Background(), g.Defaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := res.Images[0].Pix; p[0] != p[1] || p[1] != p[2] || p[3] != 255 {
		t.Errorf("a one-channel model's first pixel is %v", p[:4])
	}
	huge := func(yield func(param.Tensor, error) bool) {
		for t := range dit.Random(tiny, 1, false) {
			for k := range t.F32 {
				t.F32[k] *= 1e30
			}
			if !yield(t, nil) {
				return
			}
		}
	}
	g, err = NewGenerator(generic.New(), "id", info, tiny, iter.Seq2[param.Tensor, error](huge))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Generate(context.Background(), g.Defaults(), nil); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("a model that overflows: %v", err)
	}
}

func TestLevel(t *testing.T) {
	for x, want := range map[float32]uint8{-5: 0, 0: 0, 0.0019: 0, 0.002: 1, 0.5: 128, 0.997: 254, 0.999: 255, 1: 255, 7: 255} {
		if got := level(x); got != want {
			t.Errorf("level(%v) = %d, want %d", x, got, want)
		}
	}
}
