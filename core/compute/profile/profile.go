// Package profile tells where a device's time goes: a compute.Device around
// another that adds up the time of each operation.
package profile

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dit8/core/compute"
)

// Device runs the operations of another device and times them.
type Device struct {
	compute.Device
	entries map[operation]*Entry
	epoch   time.Time
}

// operation is what an Entry is of; its name is made once, as that takes longer than
// some operations.
type operation struct {
	name    string // of a linear layer its epilogue
	in, out int    // of a linear layer, or a convolution
	taps    int    // of a convolution
}

func (o operation) String() string {
	if o.in == 0 {
		return o.name
	}
	kind := "linear"
	if o.taps > 0 {
		kind = fmt.Sprintf("convolution of %d", o.taps)
	}
	return fmt.Sprintf("%s %d→%d%s", kind, o.in, o.out, o.name)
}

// Entry is one operation with its shapes, such as "linear 384→1536 gelu".
type Entry struct {
	Name  string
	Calls int
	Time  time.Duration
	Best  time.Duration // of the fastest call
	MACs  int64         // multiplications with an addition, of all calls
}

// GMACs is the speed in 10⁹ multiply-adds a second.
func (e Entry) GMACs() float64 { return float64(e.MACs) / float64(max(e.Time, 1)) }

// New returns a Device around d.
func New(d compute.Device) *Device { return &Device{d, map[operation]*Entry{}, time.Now()} }

// Err is that of the device that is timed (compute.Lost).
func (d *Device) Err() error { return compute.Lost(d.Device) }

// Reset forgets what was measured.
func (d *Device) Reset() { clear(d.entries) }

// Entries are the operations since Reset, those that took longest first.
func (d *Device) Entries() []Entry {
	all := make([]Entry, 0, len(d.entries))
	for _, e := range d.entries {
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Name, b.Name)) })
	return all
}

// now reads one clock, where time.Now would read two.
func (d *Device) now() time.Duration { return time.Since(d.epoch) }

// add counts a call that began at start.
func (d *Device) add(start time.Duration, o operation, macs int) {
	took := d.now() - start
	e := d.entries[o]
	if e == nil {
		e = &Entry{Name: o.String(), Best: took}
		d.entries[o] = e
	}
	e.Calls++
	e.Time += took
	e.Best = min(e.Best, took)
	e.MACs += int64(macs)
}

func (d *Device) addLinear(start time.Duration, w compute.Linear, epilogue string, rows int) {
	d.add(start, operation{name: epilogue, in: w.In(), out: w.Out()}, rows*w.In()*w.Out())
}

var epilogues = [...]string{compute.NoActivation: "", compute.WithGELU: " gelu", compute.WithSiLU: " silu"}

// PatchEmbed is compute.Device's.
func (d *Device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	start := d.now()
	d.Device.PatchEmbed(dst, img, s, w, pos)
	d.add(start, operation{name: "patch embed"}, s.N*s.Tokens()*w.In()*w.Out())
}

// Unpatchify is compute.Device's.
func (d *Device) Unpatchify(img, tokens compute.F32, s compute.Image) {
	start := d.now()
	d.Device.Unpatchify(img, tokens, s)
	d.add(start, operation{name: "unpatchify"}, 0)
}

// NormModulate is compute.Device's.
func (d *Device) NormModulate(dst, x compute.F32, rows, dim int, norm compute.Norm, shift, scale compute.PerGroup) {
	start := d.now()
	d.Device.NormModulate(dst, x, rows, dim, norm, shift, scale)
	d.add(start, operation{name: "norm modulate"}, 0)
}

// Linear is compute.Device's.
func (d *Device) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	start := d.now()
	d.Device.Linear(dst, x, rows, w, act)
	d.addLinear(start, w, epilogues[act], rows)
}

// LinearGate is compute.Device's.
func (d *Device) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	start := d.now()
	d.Device.LinearGate(dst, x, rows, w, gate)
	d.addLinear(start, w, " gate", rows)
}

// LinearSwiGLU is compute.Device's.
func (d *Device) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	start := d.now()
	d.Device.LinearSwiGLU(dst, x, rows, gate, w)
	d.addLinear(start, w, " swiglu", 2*rows)
}

// NormRotate is compute.Device's.
func (d *Device) NormRotate(qkv compute.F32, h compute.Heads, qNorm, kNorm, rope compute.F32) {
	start := d.now()
	d.Device.NormRotate(qkv, h, qNorm, kNorm, rope)
	d.add(start, operation{name: "norm rotate"}, 0)
}

// conv is a convolution with its number of taps.
type conv struct {
	compute.Conv
	taps int
}

// Free is compute.FreeConv's.
func (c conv) Free() { compute.FreeConv(c.Conv) }

// NewConv is compute.Convolver's.
func (d *Device) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	v, ok := d.Device.(compute.Convolver)
	if !ok {
		return nil, fmt.Errorf("profile: the device %s has no convolutions", d.Name())
	}
	c, err := v.NewConv(w)
	if err != nil {
		return nil, err
	}
	return conv{c, w.Kernel * w.Kernel}, nil
}

// Conv is compute.Convolver's.
func (d *Device) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	start, own := d.now(), c.(conv)
	d.Device.(compute.Convolver).Conv(out, in, own.Conv)
	d.add(start, operation{in: c.In(), out: c.Out(), taps: own.taps}, out.Dst.Len*c.In()*own.taps)
}

// GroupNorm is compute.Convolver's.
func (d *Device) GroupNorm(dst, x compute.F32, h, w int, n compute.GroupNorm) {
	start := d.now()
	d.Device.(compute.Convolver).GroupNorm(dst, x, h, w, n)
	d.add(start, operation{name: "group norm"}, 0)
}

// Copy is compute.Device's.
func (d *Device) Copy(dst, src compute.F32) {
	start := d.now()
	d.Device.Copy(dst, src)
	d.add(start, operation{name: "copy"}, 0)
}

// Attention is compute.Device's.
func (d *Device) Attention(dst, qkv compute.F32, h compute.Heads) {
	start := d.now()
	d.Device.Attention(dst, qkv, h)
	d.add(start, operation{name: "attention"}, 2*h.Rows()*h.Tokens*h.Width())
}
