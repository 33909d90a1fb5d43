// Package computetest is the conformance suite of compute.Device: every device
// must give the bits of package generic, on shapes around every block size, on
// unaligned operands, and without touching anything but its outputs.
package computetest

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// Run tests the devices that open makes. name is what Device.Name must say: a
// suite that was meant for one implementation and ran on another has failed.
func Run(t *testing.T, name string, open func() compute.Device) {
	if got := open().Name(); got != name {
		t.Fatalf("the device is %q, the suite was to test %q", got, name)
	}
	type test struct {
		name string
		run  func(*testing.T, *bench)
	}
	tests := []test{
		{"memory", memory},
		{"linear", linear},
		{"linear gate", linearGate},
		{"norm", norm},
		{"swiglu", swiglu},
		{"norm and rotate", normRotate},
		{"attention", attention},
		{"patches", patches},
	}
	if _, ok := open().(compute.Convolver); ok {
		tests = append(tests, test{"convolution", convolution}, test{"group norm", groupNorm})
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) { c.run(t, &bench{dev: open(), ref: generic.New(), r: rng{state: 1}}) })
	}
}

// bench runs the same operation on the device under test and on the reference.
type bench struct {
	dev, ref compute.Device
	r        rng
}

const (
	margin = 3      // values around every operand; odd, so that none is aligned
	canary = -12345 // what they hold
)

// operand is the same values in the memory of both devices, with canaries around.
type operand struct {
	dev, ref   compute.F32 // the values
	devW, refW compute.F32 // with margins
	b          *bench
}

func (b *bench) put(t *testing.T, v []float32) operand {
	t.Helper()
	wide := make([]float32, len(v)+2*margin)
	for i := range wide {
		wide[i] = canary
	}
	copy(wide[margin:], v)
	o := operand{b: b}
	for _, s := range []struct {
		d          compute.Device
		whole, cut *compute.F32
	}{{b.dev, &o.devW, &o.dev}, {b.ref, &o.refW, &o.ref}} {
		f, err := s.d.Alloc(len(wide))
		if err != nil {
			t.Fatal(err)
		}
		s.d.Write(f, wide)
		*s.whole, *s.cut = f, f.Slice(margin, margin+len(v))
	}
	return o
}

// same fails unless both devices hold the same bits, margins included.
func (o operand) same(t *testing.T, what string) {
	t.Helper()
	got, want := make([]float32, o.devW.Len), make([]float32, o.refW.Len)
	o.b.dev.Read(got, o.devW)
	o.b.ref.Read(want, o.refW)
	for i := range want {
		if math.Float32bits(got[i]) == math.Float32bits(want[i]) {
			continue
		}
		if i < margin || i >= len(want)-margin {
			t.Fatalf("%s: wrote %v outside the output, at %d of %d", what, got[i], i-margin, len(want)-2*margin)
		}
		t.Fatalf("%s: value %d of %d is %v (%#x), want %v (%#x)", what, i-margin, len(want)-2*margin,
			got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
	}
}

func (o operand) free() {
	o.b.dev.Free(o.devW)
	o.b.ref.Free(o.refW)
}

// layer makes the same layer on both devices.
func (b *bench) layer(t *testing.T, w compute.Weights) (dev, ref compute.Linear) {
	t.Helper()
	dev, err := b.dev.NewLinear(w)
	if err != nil {
		t.Fatal(err)
	}
	ref, err = b.ref.NewLinear(w)
	if err != nil {
		t.Fatal(err)
	}
	return dev, ref
}

// rng is a small generator (splitmix64), so that the suite is the same everywhere.
type rng struct {
	state uint64
	first []byte // values by the fuzzer, which come first
}

func (r *rng) next() uint64 {
	r.state += 0x9E3779B97F4A7C15
	z := r.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// values are n numbers of about unit size, some of them exact zeros.
func (r *rng) values(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		if len(r.first) >= 4 {
			v[i] = moderate(binary.LittleEndian.Uint32(r.first))
			r.first = r.first[4:]
			continue
		}
		s := float32(0)
		for range 4 {
			s += float32(r.next()>>40)/(1<<24) - 0.5
		}
		if r.next()%17 == 0 {
			s = 0
		}
		v[i] = s * 1.7
	}
	return v
}

// moderate makes any bits a number below 2⁷, whose products stay finite in every
// operation.
func moderate(bits uint32) float32 {
	exponent := (bits >> 23 & 0xff) % (127 + 7)
	return math.Float32frombits(bits&^(0xff<<23) | exponent<<23)
}

func (r *rng) int8s(n int) []int8 {
	v := make([]int8, n)
	for i := range v {
		v[i] = int8(int(r.next()%255) - 127)
	}
	return v
}

// weights are those of a random layer.
func (r *rng) weights(in, out int, int8s bool) compute.Weights {
	w := compute.Weights{In: in, Out: out, Bias: r.values(out)}
	if !int8s {
		w.F32 = r.values(in * out)
		return w
	}
	w.I8, w.Scale = r.int8s(in*out), r.scales(out)
	return w
}

// scales are those of int8 weights about a hundredth of unit size.
func (r *rng) scales(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.next()>>40) / (1 << 31)
	}
	return v
}

func memory(t *testing.T, b *bench) {
	for _, n := range []int{0, 1, 2, 15, 16, 17, 1000, 100003} {
		f, err := b.dev.Alloc(n)
		if err != nil {
			t.Fatal(err)
		}
		if f.Len != n {
			t.Fatalf("alloc of %d values has %d", n, f.Len)
		}
		v := b.r.values(n)
		got := make([]float32, n)
		b.dev.Read(got, f)
		for i, x := range got {
			if x != 0 {
				t.Fatalf("alloc of %d values: value %d is %v, want zeros", n, i, x)
			}
		}
		b.dev.Write(f, v)
		b.dev.Read(got, f)
		for i := range v {
			if got[i] != v[i] {
				t.Fatalf("%d values: read %v at %d, wrote %v", n, got[i], i, v[i])
			}
		}
		if n > 2 {
			b.dev.Write(f.Slice(1, 3), []float32{7, 8})
			b.dev.Read(got, f)
			if got[0] != v[0] || got[1] != 7 || got[2] != 8 {
				t.Fatalf("a write to [1:3) gave %v", got[:3])
			}
		}
		if g, err := b.dev.Alloc(n); err != nil {
			t.Fatal(err)
		} else {
			b.dev.Copy(g, f)
			same := make([]float32, n)
			if b.dev.Read(same, g); !slices.Equal(same, got) {
				t.Fatalf("a copy of %d values differs", n)
			}
			b.dev.Free(g)
		}
		b.dev.Free(f) // the next, larger Alloc may get this memory and must clear it
	}
	if _, err := b.dev.Alloc(-1); err == nil {
		t.Error("alloc of -1 values was accepted")
	}
	for _, w := range []compute.Weights{
		{},
		{In: 2, Out: 2, Bias: make([]float32, 2)},
		{In: 2, Out: 2, F32: make([]float32, 3), Bias: make([]float32, 2)},
		{In: 2, Out: 2, F32: make([]float32, 4), Bias: make([]float32, 1)},
		{In: 2, Out: 2, I8: make([]int8, 4), Bias: make([]float32, 2)},
	} {
		if _, err := b.dev.NewLinear(w); err == nil {
			t.Errorf("weights with wrong lengths were accepted: %+v", w)
		}
	}
}

// shapes are rows × in × out around the block sizes that devices use: 4, 8, 16,
// 32 and 64, and the layers of real networks.
var shapes = [][3]int{
	{1, 1, 1}, {1, 2, 3}, {2, 3, 4}, {3, 4, 5}, {4, 5, 6}, {5, 8, 7}, {6, 7, 8}, {7, 9, 9},
	{8, 15, 15}, {9, 16, 16}, {3, 17, 17}, {4, 31, 31}, {5, 32, 32}, {1, 33, 33}, {2, 48, 47},
	{3, 63, 48}, {13, 64, 49}, {4, 65, 63}, {16, 100, 64}, {17, 127, 65}, {2, 128, 96},
	{33, 129, 5}, {64, 48, 192}, {12, 192, 576}, {5, 255, 100}, {6, 256, 130}, {3, 768, 192}, {20, 1030, 40}, {25, 96, 33}, {2, 1021, 67},
}

func linear(t *testing.T, b *bench) {
	for _, s := range shapes {
		for _, quantised := range []bool{false, true} {
			for act := compute.NoActivation; act <= compute.WithSiLU; act++ {
				what := fmt.Sprintf("%d×%d×%d int8=%v act=%d", s[0], s[1], s[2], quantised, act)
				b.linear(t, what, b.r.weights(s[1], s[2], quantised), s[0], b.rows(s[0], s[1]), act)
			}
		}
	}
	extremes(t, b)
}

// rows are activations whose rows differ in size: a quantised row must not see
// the others' scale. One row is zero, one too small to be quantised.
func (b *bench) rows(rows, n int) []float32 {
	v := b.r.values(rows * n)
	for r := range rows {
		scale := float32(math.Pow(10, float64(r%5-2)))
		switch r % 11 {
		case 3:
			scale = 0
		case 7:
			scale = compute.MinAbsMax / 8
		}
		for i := range n {
			v[r*n+i] *= scale
		}
	}
	return v
}

func (b *bench) linear(t *testing.T, what string, w compute.Weights, rows int, x []float32, act compute.Activation) {
	t.Helper()
	dev, ref := b.layer(t, w)
	in, out := b.put(t, x), b.put(t, b.r.values(rows*w.Out))
	b.dev.Linear(out.dev, in.dev, rows, dev, act)
	b.ref.Linear(out.ref, in.ref, rows, ref, act)
	out.same(t, what)
	in.same(t, what+": input")
	in.free()
	out.free()
}

// extremes are int8 products at the ends of their range, where a saturating
// intermediate would show, and activations at the ends of exp.
func extremes(t *testing.T, b *bench) {
	for _, n := range []int{1, 16, 64, 257, 4096} {
		for _, sign := range []int8{1, -1} {
			w := b.r.weights(n, 9, true)
			x := make([]float32, 3*n)
			for i := range w.I8 {
				w.I8[i] = 127 * sign
			}
			for i := range x {
				x[i] = 5
				if i >= n {
					x[i] = -5
				}
				if i >= 2*n && i%2 == 0 {
					x[i] = 5
				}
			}
			b.linear(t, fmt.Sprintf("extremes of %d, sign %d", n, sign), w, 3, x, compute.NoActivation)
		}
	}
	for _, scale := range []float32{1e-20, 1e-3, 30, 200, 1e4, 1e30} {
		x := b.r.values(4 * 20)
		for i := range x {
			x[i] *= scale
		}
		for _, act := range []compute.Activation{compute.WithGELU, compute.WithSiLU} {
			for _, quantised := range []bool{false, true} {
				b.linear(t, fmt.Sprintf("values of %g act=%d", scale, act), b.r.weights(20, 33, quantised), 4, x, act)
			}
		}
	}
	// rows whose values fall on half integers after scaling: rounding is to even
	x := make([]float32, 255)
	for i := range x {
		x[i] = float32(i-127) + 0.5
	}
	x[0] = 127
	for n := range 20 {
		b.linear(t, "halves", b.r.weights(255-n, 8, true), 1, x[:255-n], compute.NoActivation)
	}
}

func linearGate(t *testing.T, b *bench) {
	for _, s := range shapes {
		for _, groups := range []int{1, 2, 3} {
			for _, quantised := range []bool{false, true} {
				b.linearGate(t, b.r.weights(s[1], s[2], quantised), s[0], groups, s[2]+5)
			}
		}
	}
}

func (b *bench) linearGate(t *testing.T, w compute.Weights, per, groups, stride int) {
	t.Helper()
	rows := per * groups
	dev, ref := b.layer(t, w)
	in, out, g := b.put(t, b.rows(rows, w.In)), b.put(t, b.r.values(rows*w.Out)), b.put(t, b.r.values((groups-1)*stride+w.Out))
	b.dev.LinearGate(out.dev, in.dev, rows, dev, compute.PerGroup{V: g.dev, Stride: stride, Rows: per})
	b.ref.LinearGate(out.ref, in.ref, rows, ref, compute.PerGroup{V: g.ref, Stride: stride, Rows: per})
	out.same(t, fmt.Sprintf("%d×%d×%d in %d groups int8=%v", rows, w.In, w.Out, groups, w.I8 != nil))
	for _, o := range []operand{in, out, g} {
		o.free()
	}
}

// swiglu has layers of widths that are a multiple of nothing, and pairs of float32
// and int8.
func swiglu(t *testing.T, b *bench) {
	for _, s := range shapes {
		for kinds := range 4 {
			b.swiglu(t, s[0], b.r.weights(s[1], s[2], kinds&1 != 0), b.r.weights(s[1], s[2], kinds&2 != 0))
		}
	}
}

func (b *bench) swiglu(t *testing.T, rows int, gate, up compute.Weights) {
	t.Helper()
	gd, gr := b.layer(t, gate)
	wd, wr := b.layer(t, up)
	in, out := b.put(t, b.rows(rows, up.In)), b.put(t, b.r.values(rows*up.Out))
	b.dev.LinearSwiGLU(out.dev, in.dev, rows, gd, wd)
	b.ref.LinearSwiGLU(out.ref, in.ref, rows, gr, wr)
	what := fmt.Sprintf("%d×%d×%d int8: gate %v, other %v", rows, up.In, up.Out, gate.I8 != nil, up.I8 != nil)
	out.same(t, what)
	in.same(t, what+": input")
	in.free()
	out.free()
}

func norm(t *testing.T, b *bench) {
	for _, dim := range []int{1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 100, 192, 384, 1152} {
		for _, kind := range []compute.Norm{compute.LayerNorm, compute.RMSNorm} {
			for _, groups := range []int{1, 3} {
				b.norm(t, dim, kind, groups, 2*dim+1)
			}
			b.norm(t, dim, kind, 3, 0) // one vector for all groups
		}
	}
}

func (b *bench) norm(t *testing.T, dim int, kind compute.Norm, groups, stride int) {
	t.Helper()
	const per = 4
	rows := groups * per
	v := b.rows(rows, dim)
	for i := range dim {
		v[i] = 3 // no variance: eps alone
	}
	x, y, m := b.put(t, v), b.put(t, b.r.values(rows*dim)), b.put(t, b.r.values(2*dim+(groups-1)*stride))
	mod := func(f compute.F32, at int) compute.PerGroup {
		return compute.PerGroup{V: f.Slice(at, f.Len), Stride: stride, Rows: per}
	}
	what := fmt.Sprintf("norm %d of %d rows of %d in %d groups, stride %d", kind, rows, dim, groups, stride)
	b.dev.NormModulate(y.dev, x.dev, rows, dim, kind, mod(m.dev, 0), mod(m.dev, dim))
	b.ref.NormModulate(y.ref, x.ref, rows, dim, kind, mod(m.ref, 0), mod(m.ref, dim))
	y.same(t, what)
	x.same(t, what+": input")
	for _, o := range []operand{x, y, m} {
		o.free()
	}
}

func normRotate(t *testing.T, b *bench) {
	for _, h := range []compute.Heads{
		{N: 1, Tokens: 1, Heads: 1, Dim: 2}, {N: 2, Tokens: 3, Heads: 2, Dim: 4}, {N: 1, Tokens: 4, Heads: 3, Dim: 8}, {N: 1, Tokens: 7, Heads: 2, Dim: 12},
		{N: 2, Tokens: 15, Heads: 1, Dim: 16}, {N: 1, Tokens: 17, Heads: 2, Dim: 18}, {N: 3, Tokens: 5, Heads: 4, Dim: 32}, {N: 1, Tokens: 33, Heads: 3, Dim: 48},
		{N: 2, Tokens: 64, Heads: 3, Dim: 64}, {N: 1, Tokens: 65, Heads: 2, Dim: 72}, {N: 1, Tokens: 20, Heads: 1, Dim: 80},
	} {
		for _, normed := range []bool{false, true} {
			b.normRotate(t, h, normed)
		}
	}
}

func (b *bench) normRotate(t *testing.T, h compute.Heads, normed bool) {
	t.Helper()
	v := b.r.values(3 * h.Rows() * h.Width())
	for i := range h.Dim {
		v[i] *= 1e-4 // a head whose mean square is near eps
	}
	qkv, rope := b.put(t, v), b.put(t, b.r.values(h.Tokens*h.Dim))
	weights := 0
	if normed {
		weights = h.Dim
	}
	q, k := b.put(t, b.r.values(weights)), b.put(t, b.r.values(weights))
	b.dev.NormRotate(qkv.dev, h, q.dev, k.dev, rope.dev)
	b.ref.NormRotate(qkv.ref, h, q.ref, k.ref, rope.ref)
	what := fmt.Sprintf("%+v, normed %v", h, normed)
	qkv.same(t, what)
	for _, o := range []operand{qkv, rope, q, k} {
		o.same(t, what+": input")
		o.free()
	}
}

// heads are shapes of attention around block sizes: tokens and head widths that are
// multiples of nothing, one token, and more keys than a block has.
var heads = []compute.Heads{
	{N: 1, Tokens: 1, Heads: 1, Dim: 1}, {N: 1, Tokens: 2, Heads: 1, Dim: 3}, {N: 2, Tokens: 3, Heads: 2, Dim: 4}, {N: 1, Tokens: 4, Heads: 3, Dim: 8},
	{N: 1, Tokens: 7, Heads: 2, Dim: 12}, {N: 2, Tokens: 15, Heads: 1, Dim: 16}, {N: 1, Tokens: 16, Heads: 2, Dim: 16}, {N: 1, Tokens: 17, Heads: 2, Dim: 17},
	{N: 3, Tokens: 5, Heads: 4, Dim: 32}, {N: 1, Tokens: 31, Heads: 1, Dim: 33}, {N: 1, Tokens: 33, Heads: 3, Dim: 48}, {N: 2, Tokens: 64, Heads: 3, Dim: 64},
	{N: 1, Tokens: 65, Heads: 2, Dim: 72}, {N: 1, Tokens: 256, Heads: 1, Dim: 64}, {N: 1, Tokens: 276, Heads: 2, Dim: 64}, {N: 1, Tokens: 47, Heads: 1, Dim: 80},
	{N: 1, Tokens: 20, Heads: 1, Dim: 512}, {N: 1, Tokens: 6, Heads: 1, Dim: 130}, {N: 1, Tokens: 1027, Heads: 1, Dim: 20}, {N: 1, Tokens: 2049, Heads: 1, Dim: 7},
}

func attention(t *testing.T, b *bench) {
	for _, h := range heads {
		for _, h.Int8 = range []bool{false, true} {
			for _, scale := range []float32{1, 40} { // the larger makes one key take all
				v := b.r.values(3 * h.Rows() * h.Width())
				for i := range v {
					v[i] *= scale
				}
				what := fmt.Sprintf("%+v, values of %g", h, scale)
				t.Run(what, func(t *testing.T) { b.attention(t, what, h, v) })
			}
		}
	}
	attentionExtremes(t, b)
}

// references are what the reference made of attention, by what was asked: it takes
// long, and the suites of other devices in the process ask for the same.
var references sync.Map

// Forget drops them, where a process goes on to measure its memory.
func Forget() { references.Clear() }

type reference struct {
	h        compute.Heads
	qkv, dst []float32
}

func (b *bench) attention(t *testing.T, what string, h compute.Heads, v []float32) {
	t.Helper()
	qkv, out := b.put(t, v), b.put(t, b.r.values(h.Rows()*h.Width()))
	b.dev.Attention(out.dev, qkv.dev, h)
	known, _ := references.Load(what)
	if r, ok := known.(reference); ok && r.h == h && slices.Equal(r.qkv, v) {
		b.ref.Write(out.ref, r.dst)
	} else {
		b.ref.Attention(out.ref, qkv.ref, h)
		dst := make([]float32, out.ref.Len)
		b.ref.Read(dst, out.ref)
		references.Store(what, reference{h, v, dst})
	}
	out.same(t, what)
	qkv.same(t, what+": input")
	qkv.free()
	out.free()
}

// attentionExtremes are integers at the ends of their range: all scores equal and
// largest, rows of zeros, columns that are too small to be quantised, and weights that
// all are the largest there are, over more than a block of keys.
func attentionExtremes(t *testing.T, b *bench) {
	for _, tokens := range []int{1, 16, 33, 1024, 1100} {
		h := compute.Heads{N: 1, Tokens: tokens, Heads: 2, Dim: 32, Int8: true}
		for kind := range 5 {
			v := b.r.values(3 * h.Rows() * h.Width())
			for i := range v {
				row, part := i/(3*h.Width()), i/h.Width()%3
				switch {
				case kind == 0: // every product at its largest
					v[i] = 1
				case kind == 1 && part == 2:
					v[i] = float32(2*(row%2) - 1)
				case kind == 2 && part < 2 && row%3 == 0:
					v[i] = 0
				case kind == 3 && part == 2 && i%4 == 0:
					v[i] = compute.MinAbsMax / 4
				case kind == 4 && part < 2: // scores far apart
					v[i] *= 1e4
				}
			}
			what := fmt.Sprintf("extremes %d of %d tokens", kind, tokens)
			t.Run(what, func(t *testing.T) { b.attention(t, what, h, v) })
		}
	}
}

func patches(t *testing.T, b *bench) {
	for _, s := range []compute.Image{
		{N: 1, C: 1, H: 1, W: 1, P: 1}, {N: 1, C: 3, H: 4, W: 4, P: 2}, {N: 2, C: 4, H: 8, W: 8, P: 2},
		{N: 3, C: 2, H: 9, W: 9, P: 3}, {N: 1, C: 3, H: 32, W: 32, P: 4}, {N: 1, C: 5, H: 10, W: 20, P: 5}, {N: 1, C: 4, H: 16, W: 16, P: 8},
	} {
		for _, d := range []int{1, 7, 16, 33, 192} {
			b.patchEmbed(t, s, d)
		}
		b.unpatchify(t, s)
	}
}

func (b *bench) patchEmbed(t *testing.T, s compute.Image, d int) {
	t.Helper()
	dev, ref := b.layer(t, b.r.weights(s.PatchLen(), d, false))
	img, pos := b.put(t, b.r.values(s.Len())), b.put(t, b.r.values(s.Tokens()*d))
	out := b.put(t, b.r.values(s.N*s.Tokens()*d))
	b.dev.PatchEmbed(out.dev, img.dev, s, dev, pos.dev)
	b.ref.PatchEmbed(out.ref, img.ref, s, ref, pos.ref)
	out.same(t, fmt.Sprintf("patch embed %+v to %d", s, d))
	for _, o := range []operand{img, pos, out} {
		o.free()
	}
}

func (b *bench) unpatchify(t *testing.T, s compute.Image) {
	t.Helper()
	tokens, img := b.put(t, b.r.values(s.Len())), b.put(t, b.r.values(s.Len()))
	b.dev.Unpatchify(img.dev, tokens.dev, s)
	b.ref.Unpatchify(img.ref, tokens.ref, s)
	img.same(t, fmt.Sprintf("unpatchify %+v", s))
	tokens.free()
	img.free()
}
