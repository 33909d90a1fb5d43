package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
)

var tiny = Options{
	Name: "tiny", Batch: 3, Passes: 4,
	Config: dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3},
}

// device is the generic one, with what it lent counted and its output changed.
type device struct {
	compute.Device
	values, layers int
	passes         int
	change         func(img []float32, pass int) // after Unpatchify
}

type layer struct {
	compute.Linear
	d *device
}

func (l layer) Free() { l.d.layers-- }

func (d *device) Alloc(n int) (compute.F32, error) { d.values += n; return d.Device.Alloc(n) }
func (d *device) Free(f compute.F32)               { d.values -= f.Len }

func (d *device) NewLinear(w compute.Weights) (compute.Linear, error) {
	d.layers++
	l, err := d.Device.NewLinear(w)
	return layer{l, d}, err
}

func (d *device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	d.Device.PatchEmbed(dst, img, s, w.(layer).Linear, pos)
}

func (d *device) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	d.Device.Linear(dst, x, rows, w.(layer).Linear, act)
}

func (d *device) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	d.Device.LinearGate(dst, x, rows, w.(layer).Linear, gate)
}

func (d *device) Unpatchify(img, tokens compute.F32, s compute.Image) {
	d.Device.Unpatchify(img, tokens, s)
	if d.passes++; d.change != nil {
		d.change(img.Host, d.passes)
	}
}

func TestRun(t *testing.T) {
	d := &device{Device: generic.New()}
	o := tiny
	o.Check = true
	var progress []int
	o.Progress = func(done, total int) {
		if progress = append(progress, done); total != warmUp+4 {
			t.Errorf("%d passes in all", total)
		}
	}
	r, err := Run(context.Background(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(progress) != "[1 2 3 4 5 6 7]" {
		t.Errorf("progress %v", progress)
	}
	if r.Name != "tiny" || r.Device != "generic" || r.Config != o.Config || r.Batch != 3 || r.Passes != 4 ||
		!(r.BestMS > 0 && r.BestMS <= r.MedianMS) || !(r.GMACs > 0) {
		t.Errorf("result %+v", r)
	}
	// y_embedder 4·24, pos_embed 16·24, x_embedder 12·24+24, t_embedder 256·24+24 + 24·24+24, final 48·24+48 + 12·24+12
	// and two blocks of 144·24+144 + 72·24+72 + 24·24+24 + 40·24+40 + 24·40+24
	if want := int64(96 + 384 + 312 + 6168 + 600 + 1200 + 300 + 2*(3600+1800+600+1000+984)); r.Parameters != want {
		t.Errorf("%d parameters, want %d", r.Parameters, want)
	}
	share, calls := 0.0, map[string]int{}
	for i, o := range r.Operations {
		share += o.Share
		calls[o.Name] = o.Calls
		if last := i == len(r.Operations)-1; last != (o.Name == Other) {
			t.Errorf("operation %d is %s", i, o.Name)
		}
		if (o.GMACs > 0) != (strings.HasPrefix(o.Name, "linear") || o.Name == "attention" || o.Name == "patch embed") {
			t.Errorf("%s: %v GMAC/s", o.Name, o.GMACs)
		}
	}
	if math.Abs(share-100) > 1e-6 {
		t.Errorf("the shares add up to %v", share)
	}
	if calls["attention"] != 2 || calls["linear 24→144"] != 2 || calls["linear 256→24 silu"] != 1 || calls["norm modulate"] != 5 {
		t.Errorf("calls %v", calls)
	}
	if d.values != 0 || d.layers != 0 {
		t.Errorf("%d values and %d layers were not given back", d.values, d.layers)
	}

	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tiny on generic", "batch 3", "GMAC/s", "linear 24→40 gelu", "other"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &text)
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"best_ms":`, `"median_ms":`, `"gmac_per_s":`, `"hidden_size":24`, `"operations":[{"name":"`, `"share":`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the JSON lacks %q: %s", want, b)
		}
	}
}

// What is wrong with a device is seen before it is timed, and what it lent is
// given back.
func TestWrongDevice(t *testing.T) {
	last := warmUp + tiny.Passes
	for want, change := range map[string]func(img []float32, pass int){
		"holds NaN":                            func(img []float32, _ int) { img[5] = float32(math.NaN()) },
		"holds -Inf":                           func(img []float32, _ int) { img[5] = float32(math.Inf(-1)) },
		"all zeros":                            func(img []float32, _ int) { clear(img) },
		"images 0 and 1":                       func(img []float32, _ int) { img[5]++ },
		"the second time":                      func(img []float32, pass int) { img[len(img)-1] += float32(pass) },
		"the last pass":                        func(img []float32, pass int) { img[0] += float32(pass / last) },
		"output value 575 is 7, the generic's": func(img []float32, _ int) { img[len(img)-1] = 7 },
	} {
		d := &device{Device: generic.New(), change: change}
		o := tiny
		o.Check = true
		_, err := Run(context.Background(), d, o)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "generic device's", "generic's"), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if d.values != 0 || d.layers != 0 {
			t.Errorf("%s: %d values and %d layers were not given back", want, d.values, d.layers)
		}
	}
}

func TestCancel(t *testing.T) {
	for stop := range warmUp + tiny.Passes {
		ctx, cancel := context.WithCancel(context.Background())
		o := tiny
		passes := 0
		o.Progress = func(done, _ int) {
			if passes = done; done == stop {
				cancel()
			}
		}
		if stop == 0 {
			cancel()
		}
		d := &device{Device: generic.New()}
		if _, err := Run(ctx, d, o); !errors.Is(err, context.Canceled) || passes != stop || d.values != 0 || d.layers != 0 {
			t.Errorf("%v after %d passes, want cancelled after %d; %d values are left", err, passes, stop, d.values)
		}
		cancel()
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`{"config": "d256"}`: "d256 2 10 256", `{"config": "s4", "batch": 1}`: "s4 1 10 384", `{"config": "s2", "passes": 3}`: "s2 1 3 384",
		`{"config": {"input_size": 8, "patch_size": 2, "in_channels": 3, "hidden_size": 24, "depth": 2, "num_heads": 3, "mlp_hidden_size": 40, "num_classes": 3}, "batch": 64}`: "custom 64 10 24",
	} {
		o, err := Parse([]byte(text))
		if got := fmt.Sprint(o.Name, " ", o.Batch, o.Passes, o.Config.HiddenSize); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		``:                   "there is nothing",
		`[]`:                 "cannot unmarshal array",
		`{}`:                 "config: there is nothing",
		`{"config": null}`:   `config is "", allowed: d256, s4, s2`,
		`{"config": "d257"}`: `config is "d257", allowed: d256, s4, s2, ditb2, ditxl2, pmfb16, imfb2, jitb16, lightningxl1 or an object`,
		`{"config": "` + strings.Repeat("x", 1000) + `"}`: `x…", allowed`,
		`{"config": "d256"} {}`:                           "more follows",
		`{"config": "d256", "batches": 2}`:                `unknown field "batches"`,
		`{"config": "d256", "batch": 0}`:                  "batch is 0, allowed: 1 to 64",
		`{"config": "d256", "batch": 65}`:                 "batch is 65, allowed: 1 to 64",
		`{"config": "d256", "batch": "two"}`:              `batch is "two", allowed: an integer from 1 to 64`,
		`{"config": "d256", "passes": 1.5}`:               "passes is 1.5, allowed: an integer from 1 to 1000",
		`{"config": "d256", "passes": null}`:              "passes is null",
		`{"config": "d256", "passes": 1001}`:              "passes is 1001, allowed: 1 to 1000",
		`{"config": {"hidden": 1}}`:                       `config: json: unknown field "hidden"`,
		`{"config": {"input_size": "8"}}`:                 "config: json",
		`{"config": {"input_size": 32}}`:                  "patch_size is 0, allowed 1 to 64",
	} {
		if o, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || o.Config.HiddenSize != 0 && o.Valid() == nil {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
}

// Large networks and batches are refused before anything is allocated.
func TestLimits(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"config is a network of 23001610764 parameters, allowed: up to 16000000000": func(o *Options) {
			o.Config.HiddenSize, o.Config.Depth, o.Config.MLPHidden, o.Config.NumHeads = 4608, 60, 18432, 16
		},
		"config is a network of 77491642934":                                                  func(o *Options) { o.Config.HiddenSize, o.Config.Depth, o.Config.MLPHidden = 8190, 64, dit.MaxMLPHidden },
		"batch is 64, which takes 163577856 activations, allowed: up to 67108864 activations": func(o *Options) { o.Batch, o.Config.InputSize, o.Config.HiddenSize = 64, 256, 24 },
	} {
		o := tiny
		change(&o)
		_, err := Run(context.Background(), nil, o)
		var f *core.FieldError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, p := range Presets() {
		p.Passes = 1
		if err := p.Valid(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}
