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
	entries map[string]*Entry
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
func New(d compute.Device) *Device { return &Device{Device: d, entries: map[string]*Entry{}} }

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

// add counts a call that began at start.
func (d *Device) add(start time.Time, name string, macs int) {
	took := time.Since(start)
	e := d.entries[name]
	if e == nil {
		e = &Entry{Name: name, Best: took}
		d.entries[name] = e
	}
	e.Calls++
	e.Time += took
	e.Best = min(e.Best, took)
	e.MACs += int64(macs)
}

func linear(w compute.Linear, rows int, epilogue string) (string, int) {
	return fmt.Sprintf("linear %d→%d%s", w.In(), w.Out(), epilogue), rows * w.In() * w.Out()
}

var epilogues = [...]string{compute.NoActivation: "", compute.WithGELU: " gelu", compute.WithSiLU: " silu"}

// PatchEmbed is compute.Device's.
func (d *Device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	start := time.Now()
	d.Device.PatchEmbed(dst, img, s, w, pos)
	_, macs := linear(w, s.N*s.Tokens(), "")
	d.add(start, "patch embed", macs)
}

// Unpatchify is compute.Device's.
func (d *Device) Unpatchify(img, tokens compute.F32, s compute.Image) {
	start := time.Now()
	d.Device.Unpatchify(img, tokens, s)
	d.add(start, "unpatchify", 0)
}

// NormModulate is compute.Device's.
func (d *Device) NormModulate(dst, x compute.F32, rows, dim int, norm compute.Norm, shift, scale compute.PerGroup) {
	start := time.Now()
	d.Device.NormModulate(dst, x, rows, dim, norm, shift, scale)
	d.add(start, "norm modulate", 0)
}

// Linear is compute.Device's.
func (d *Device) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	start := time.Now()
	d.Device.Linear(dst, x, rows, w, act)
	name, macs := linear(w, rows, epilogues[act])
	d.add(start, name, macs)
}

// LinearGate is compute.Device's.
func (d *Device) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	start := time.Now()
	d.Device.LinearGate(dst, x, rows, w, gate)
	name, macs := linear(w, rows, " gate")
	d.add(start, name, macs)
}

// LinearSwiGLU is compute.Device's.
func (d *Device) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	start := time.Now()
	d.Device.LinearSwiGLU(dst, x, rows, gate, w)
	name, macs := linear(w, rows, " swiglu")
	d.add(start, name, 2*macs)
}

// NormRotate is compute.Device's.
func (d *Device) NormRotate(qkv compute.F32, h compute.Heads, qNorm, kNorm, rope compute.F32) {
	start := time.Now()
	d.Device.NormRotate(qkv, h, qNorm, kNorm, rope)
	d.add(start, "norm rotate", 0)
}

// Copy is compute.Device's.
func (d *Device) Copy(dst, src compute.F32) {
	start := time.Now()
	d.Device.Copy(dst, src)
	d.add(start, "copy", 0)
}

// Attention is compute.Device's.
func (d *Device) Attention(dst, qkv compute.F32, h compute.Heads) {
	start := time.Now()
	d.Device.Attention(dst, qkv, h)
	d.add(start, "attention", 2*h.Rows()*h.Tokens*h.Width())
}
