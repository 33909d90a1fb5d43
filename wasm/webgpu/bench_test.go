//go:build js

package webgpu

import (
	"fmt"
	"math"
	"os"
	"syscall/js"
	"testing"
	"time"

	"dit8/core/bench"
	"dit8/core/compute"
	"dit8/core/compute/profile"
)

// BenchmarkForward times forward passes of the int8 networks that other runtimes are compared on, conditioning
// included, and tells what a pass is made of: operations, submits, bytes that go to the processor and come back.
// Then it times each operation alone, waiting for it. The hash of the output is that of "sample bench".
func BenchmarkForward(b *testing.B) {
	for _, s := range bench.Presets() {
		b.Run(fmt.Sprintf("%s_b%d", s.Name, s.Batch), func(b *testing.B) {
			d, err := device()
			if err != nil {
				b.Fatal(err)
			}
			if err := d.compiled(false); err != nil {
				b.Fatal(err)
			}
			b.Log(d.Name())
			load := func(dev compute.Device) *bench.Network {
				n, err := bench.Load(dev, s)
				if err != nil {
					b.Fatal(err)
				}
				return n
			}
			pass := func(n *bench.Network) {
				if err := n.Pass(); err != nil {
					b.Fatal(err)
				}
			}
			n := load(d)
			pass(n)
			before := counts()
			pass(n)
			after := counts()
			best := time.Duration(math.MaxInt64)
			for b.Loop() {
				start := time.Now()
				pass(n)
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(best.Microseconds())/1000, "best-ms")
			for name, count := range after { // the loop forgets what is reported before it
				b.ReportMetric(count-before[name], name)
			}
			b.Logf("output %s", n.Hash())
			n.Free()
			if os.Getenv("DIT8_OPERATIONS") == "" {
				return
			}
			timed := profile.New(waiting{d})
			slow := load(timed)
			defer slow.Free()
			pass(slow)
			timed.Reset()
			pass(slow)
			for _, e := range timed.Entries() {
				b.Logf("operation %-26s %4d × %8.3f ms", e.Name, e.Calls, float64(e.Time.Microseconds())/1000/float64(e.Calls))
			}
		})
	}
}

// counts is what webgpu.js has counted.
func counts() map[string]float64 {
	c := js.Global().Get("dit8GPU").Get("counts")
	all := map[string]float64{}
	for _, name := range []string{"dispatches", "submits", "written", "read"} {
		all[name] = c.Get(name).Float()
	}
	return all
}

// waiting waits for each operation, so that its time can be told: it reads one value of what it wrote.
type waiting struct{ *Device }

func (w waiting) wait(dst compute.F32) { w.Read(make([]float32, 1), dst.Slice(0, 1)) }

func (w waiting) PatchEmbed(dst, img compute.F32, s compute.Image, l compute.Linear, pos compute.F32) {
	w.Device.PatchEmbed(dst, img, s, l, pos)
	w.wait(dst)
}

func (w waiting) Unpatchify(img, tokens compute.F32, s compute.Image) {
	w.Device.Unpatchify(img, tokens, s)
	w.wait(img)
}

func (w waiting) NormModulate(dst, x compute.F32, rows, dim int, norm compute.Norm, shift, scale compute.PerGroup) {
	w.Device.NormModulate(dst, x, rows, dim, norm, shift, scale)
	w.wait(dst)
}

func (w waiting) Linear(dst, x compute.F32, rows int, l compute.Linear, act compute.Activation) {
	w.Device.Linear(dst, x, rows, l, act)
	w.wait(dst)
}

func (w waiting) LinearGate(dst, x compute.F32, rows int, l compute.Linear, gate compute.PerGroup) {
	w.Device.LinearGate(dst, x, rows, l, gate)
	w.wait(dst)
}

func (w waiting) LinearSwiGLU(dst, x compute.F32, rows int, gate, l compute.Linear) {
	w.Device.LinearSwiGLU(dst, x, rows, gate, l)
	w.wait(dst)
}

func (w waiting) NormRotate(qkv compute.F32, h compute.Heads, qNorm, kNorm, rope compute.F32) {
	w.Device.NormRotate(qkv, h, qNorm, kNorm, rope)
	w.wait(qkv)
}

func (w waiting) Attention(dst, qkv compute.F32, h compute.Heads) {
	w.Device.Attention(dst, qkv, h)
	w.wait(dst)
}
