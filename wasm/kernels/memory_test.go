//go:build js

package kernels

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/weights"
	"dit8/weights/weightstest"
)

// held is the memory in use: the kernels' by address, Go's in bytes.
type held struct {
	free      []span // pieces of the arena that are not lent
	end       uint64 // of the arena; the kernels' memory grows when this does
	sys, heap uint64 // Go's memory in all, Go's live values
}

func measure(d *Device) held {
	runtime.GC()
	runtime.GC() // the first leaves what finalizers and pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return held{slices.Clone(d.mem.free), d.mem.end, m.Sys, m.HeapAlloc}
}

// same reports an error unless now is as before: the kernels' memory to the byte,
// Go's live values but for what the runtime keeps for itself. Go's memory in all
// grows until a collection sets in, which is after 4 MiB of garbage or later.
func (before held) same(t *testing.T, now held) {
	t.Helper()
	const values, garbage = 64 << 10, 8 << 20
	if !slices.Equal(now.free, before.free) || now.end != before.end {
		t.Errorf("kernels: free %v of %d bytes, before %v of %d", now.free, now.end, before.free, before.end)
	}
	if now.heap > before.heap+values {
		t.Errorf("Go holds %d bytes, before %d", now.heap, before.heap)
	}
	if now.sys > before.sys+garbage {
		t.Errorf("Go's memory has %d bytes, before %d", now.sys, before.sys)
	}
}

// generator makes one of tiny on dev.
func generator(t *testing.T, dev compute.Device) *core.Generator {
	t.Helper()
	info := core.Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock},
		Classes: []string{"a", "b", "c"}, Defaults: core.Defaults{Steps: 500, Guidance: 3}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5},
	}
	g, err := core.NewGenerator(dev, "id", info, tiny, dit.Random(tiny, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Ten thousand steps, by requests of several shapes in turn, take no more memory
// than the first five hundred.
func TestManySteps(t *testing.T) {
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	g := generator(t, d)
	shapes := []core.Request{
		{Class: "a", Steps: 100, Guidance: 3, Count: 1}, {Class: "b", Steps: 100, Guidance: 1, Count: 1},
		{Class: "c", Steps: 150, Guidance: 2, Count: 2}, {Class: "a", Steps: 150, Guidance: 1, Count: 3},
	}
	hashes := make([]string, len(shapes))
	var early held
	for steps, i := 0, 0; steps < 10_000; i++ {
		k := i % len(shapes)
		req := shapes[k]
		res, err := g.Generate(context.Background(), req, func(core.Event) { steps++ })
		if err != nil {
			t.Fatal(err)
		}
		if hash := res.Metadata.SHA256; hashes[k] == "" {
			hashes[k] = hash
		} else if hash != hashes[k] {
			t.Fatalf("after %d steps the pixels of %+v are %s, at first %s", steps, req, hash, hashes[k])
		}
		if steps == 500 {
			early = measure(d)
		}
	}
	early.same(t, measure(d))
}

// canceller calls cancel within the operation that left counts down to.
type canceller struct {
	compute.Device
	left   int
	cancel func()
}

func (c *canceller) operation() {
	if c.left--; c.left == 0 {
		c.cancel()
	}
}

func (c *canceller) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	c.operation()
	c.Device.PatchEmbed(dst, img, s, w, pos)
}

func (c *canceller) Unpatchify(img, tokens compute.F32, s compute.Image) {
	c.operation()
	c.Device.Unpatchify(img, tokens, s)
}

func (c *canceller) NormModulate(dst, x compute.F32, rows, dim int, norm compute.Norm, shift, scale compute.PerGroup) {
	c.operation()
	c.Device.NormModulate(dst, x, rows, dim, norm, shift, scale)
}

func (c *canceller) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	c.operation()
	c.Device.Linear(dst, x, rows, w, act)
}

func (c *canceller) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	c.operation()
	c.Device.LinearGate(dst, x, rows, w, gate)
}

func (c *canceller) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	c.operation()
	c.Device.LinearSwiGLU(dst, x, rows, gate, w)
}

func (c *canceller) NormRotate(qkv compute.F32, h compute.Heads, qNorm, kNorm, rope compute.F32) {
	c.operation()
	c.Device.NormRotate(qkv, h, qNorm, kNorm, rope)
}

func (c *canceller) Copy(dst, src compute.F32) {
	c.operation()
	c.Device.Copy(dst, src)
}

func (c *canceller) Attention(dst, qkv compute.F32, h compute.Heads) {
	c.operation()
	c.Device.Attention(dst, qkv, h)
}

// cancelled makes req's images until the k-th operation, within which it is
// cancelled.
func (c *canceller) cancelled(t *testing.T, g *core.Generator, req core.Request, k int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.left, c.cancel = k, cancel
	if res, err := g.Generate(ctx, req, nil); !errors.Is(err, context.Canceled) || res != nil {
		t.Fatalf("cancelled in operation %d: %v", k, err)
	}
	if c.left > 0 {
		t.Fatalf("ended %d operations before the one in which it is cancelled", c.left)
	}
}

// Two hundred requests that are cancelled in the middle of a step, each in another
// of their operations, leave the memory as it was.
func TestManyCancelled(t *testing.T) {
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	c := &canceller{Device: d}
	g := generator(t, c)
	req := g.Defaults()
	req.Steps = 100
	want, err := g.Generate(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.cancelled(t, g, req, 1)
	before := measure(d)
	for k := range 200 { // conditioning takes 5 operations, a step 18
		c.cancelled(t, g, req, k+1)
	}
	before.same(t, measure(d))
	if res, err := g.Generate(context.Background(), req, nil); err != nil || res.Metadata.SHA256 != want.Metadata.SHA256 {
		t.Errorf("the request after them has other pixels than the one before: %v", err)
	}
}

// After a request of the default model that is cancelled in the middle of a step
// the golden requests give the golden pixels.
func TestGoldenAfterCancelled(t *testing.T) {
	golden := weightstest.Pixels(t)
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	c := &canceller{Device: d}
	r, err := weights.Open("../../weights/default.dit8")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g, err := r.Generator(c)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range []int{3, 20, 64, 100} { // while conditioning, in a step's attention and linear layers, in the next step
		c.cancelled(t, g, golden[0].Request, k)
		want := golden[i%len(golden)]
		res, err := g.Generate(context.Background(), want.Request, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.Metadata.SHA256 != want.SHA256 {
			t.Errorf("cancelled in operation %d: %+v gives pixels %s, the golden ones are %s", k, want.Request, res.Metadata.SHA256, want.SHA256)
		}
	}
}
