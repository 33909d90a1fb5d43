package core

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dit8/core/dit"
	"dit8/core/flow"
)

// A network of average velocities that takes the guidance as an input, as pMF.
var (
	average = dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3,
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.AxialRope, Modulation: dit.StaticModulation, Times: dit.TimesToken,
		Context: dit.Context{Class: 2, Omega: 1, TMin: 1, TMax: 1, Time: 1}}
	averageInfo = Info{
		Name: "average", Convention: flow.Convention{Prediction: flow.X0, Clock: flow.FlowClock, Average: true, GuidanceInput: true, Floor: 0.05},
		Classes: info.Classes, Defaults: Defaults{Steps: 1, Guidance: 7.5, GuidanceInterval: []float32{0.1, 0.8}}, Pixels: info.Pixels,
	}
)

// Requests that make no sense for a model say why; the others change what they should.
func TestAverageRequests(t *testing.T) {
	g := generator(t, average, averageInfo)
	one := pixels(t, g, g.Defaults())
	for name, c := range map[string]struct {
		change func(*Request)
		want   string // of the error; none where the pixels change
	}{
		"heun":         {func(r *Request) { r.Solver = flow.Heun }, `solver is "heun", allowed: euler or restart: the model predicts average velocities`},
		"sde":          {func(r *Request) { r.Solver = flow.SDE }, "euler or restart"},
		"negative":     {func(r *Request) { r.Negative = "2" }, `negative is "2", allowed: none: the network takes the guidance as an input`},
		"rescale":      {func(r *Request) { r.GuidanceRescale = 0.5 }, "guidance_rescale is 0.5, allowed: none"},
		"low guidance": {func(r *Request) { r.Guidance = 0.5 }, "guidance is 0.5, allowed: 1 to 100"},
		"modulation":   {func(r *Request) { r.Modulation = []ModulationScale{{Scale: 2}} }, "modulation is a list of 1, allowed: none: the model has no AdaLN"},
		"ddim":         {func(r *Request) { r.Schedule = flow.DDIM }, "spacing ddim is for models on the ddpm clock"},
		"four steps":   {func(r *Request) { r.Steps = 4 }, ""},
		"omega":        {func(r *Request) { r.Guidance = 3 }, ""},
		"interval":     {func(r *Request) { r.GuidanceInterval = []float32{0.2, 0.6} }, ""},
		"no interval":  {func(r *Request) { r.GuidanceInterval = nil }, ""},
		"a mix": {func(r *Request) {
			r.Class, r.Classes = "", []ClassShare{{Class: "fox", Weight: 1}, {Class: "2", Weight: 1}}
		}, ""},
		"another seed":     {func(r *Request) { r.Seed = 9 }, ""},
		"shift":            {func(r *Request) { r.Steps, r.Shift = 4, 3 }, ""},
		"restart":          {func(r *Request) { r.Steps, r.Solver = 2, flow.Restart }, ""},
		"another's image":  {func(r *Request) { r.Edit = edit(8, EditImage) }, ""},
		"half of an image": {func(r *Request) { r.Steps, r.Edit = 2, edit(8, EditInpaint) }, ""},
	} {
		req := with(g, c.change)
		res, err := g.Generate(context.Background(), req, nil)
		if c.want != "" {
			var f *FieldError
			if !errors.As(err, &f) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if res.Metadata.SHA256 == one {
			t.Errorf("%s changes nothing", name)
		}
	}
	if _, err := generator(t, tiny, info).Generate(context.Background(), with(g, func(r *Request) { r.Solver = flow.Restart }), nil); err == nil ||
		!strings.Contains(err.Error(), "restart is for models of average velocities") {
		t.Errorf("restart of a velocity: %v", err)
	}
	if _, err := g.Inspect(context.Background(), g.Defaults()); !errors.Is(err, ErrNoAdaLN) {
		t.Errorf("inspect: %v", err)
	}
}

// What is known of an image stays, also in a jump to the data and back.
func TestAverageInpaints(t *testing.T) {
	g := generator(t, average, averageInfo)
	for _, solver := range []flow.Solver{flow.Euler, flow.Restart} {
		for _, task := range []EditTask{EditInpaint, EditUpscale, EditColorize} {
			req := with(g, func(r *Request) { r.Edit, r.Solver, r.Steps = edit(8, task), solver, 4 })
			res, err := g.Generate(context.Background(), req, nil)
			if err != nil {
				t.Fatal(err)
			}
			if e := res.Metadata.MeasurementError[0]; !(e <= 0.004) {
				t.Errorf("%s by %s: measurement error %v", task, solver, e)
			}
		}
	}
}

// One evaluation of a step to the data gives the network's own estimate.
func TestOneStepIsTheEstimate(t *testing.T) {
	g := generator(t, average, averageInfo)
	s := newSampler(context.Background(), g, g.Defaults())
	defer s.Free()
	var estimate []float32
	s.See = func(_ int, _, _, out []float32) error {
		estimate = append(estimate, out...)
		return nil
	}
	z, err := s.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range z { // z - 1·(z - x)/1, twice rounded
		if d := v - estimate[i]; d > 1e-5 || d < -1e-5 {
			t.Fatalf("value %d is %v, the network's estimate %v", i, v, estimate[i])
		}
	}
}

// A result says what its request would otherwise leave to the model's defaults.
func TestExplicitRequest(t *testing.T) {
	own := info
	own.Defaults = Defaults{Steps: 4, Guidance: 3, GuidanceInterval: []float32{0.1, 0.9}, Solver: flow.Heun, Schedule: flow.Cosine, Shift: 3}
	g := generator(t, tiny, own)
	req := g.Defaults()
	if req.Solver != flow.Heun || req.Schedule != flow.Cosine || req.Shift != 3 || req.GuidanceInterval[1] != 0.9 {
		t.Fatalf("the defaults are %+v", req)
	}
	req.Solver, req.Schedule, req.Shift, req.GuidanceInterval = "", "", 0, nil
	res, err := g.Generate(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	again := with(g, func(r *Request) { *r = res.Metadata.Request })
	if again.Solver != flow.Euler || again.Schedule != flow.Uniform || again.Shift != 1 || again.GuidanceInterval == nil {
		t.Errorf("the request of the result is %+v", again)
	}
	if got := pixels(t, g, again); got != res.Metadata.SHA256 {
		t.Error("the result's request makes another image")
	}
	if s := own.Solvers(); s[0] != flow.Heun || len(s) != len(flow.Solvers())-1 {
		t.Errorf("the solvers are %v", s)
	}
}

// The rules of the families for the ends of a guidance interval.
func TestGuidedIntervals(t *testing.T) {
	half := flow.Eval{T: 0.5, Step: 0.9}
	for rule, want := range map[flow.Interval][3]bool{ // [0.5, 1], [0, 0.5], [0.8, 1]
		flow.ClosedInterval: {true, true, false}, flow.OpenInterval: {false, false, false}, flow.StepInterval: {true, false, true},
	} {
		c := flow.Convention{Interval: rule}
		if got := [3]bool{c.Guided(half, 0.5, 1), c.Guided(half, 0, 0.5), c.Guided(half, 0.8, 1)}; got != want {
			t.Errorf("rule %q: %v, want %v", rule, got, want)
		}
	}
	if c := (flow.Convention{Interval: flow.OpenInterval}); !c.Guided(flow.Eval{T: 1}, 0, 1) || !c.Guided(flow.Eval{T: 0.1}, 0, 1) {
		t.Error("an open interval to the ends leaves them out")
	}
}
