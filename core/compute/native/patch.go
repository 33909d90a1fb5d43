//go:build (amd64 || arm64) && !purego

package native

import "dit8/core/compute"

// PatchEmbed computes dst = patches(img)·Wᵀ + b + pos.
func (d *Device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	out, t, n := w.Out(), s.Tokens(), s.PatchLen()
	compute.SameLen("patch embed img", img.Len, s.Len())
	compute.SameLen("patch embed width", w.In(), n)
	compute.SameLen("patch embed pos", pos.Len, t*out)
	rows := grow(&d.patches, s.Len())
	for i := range s.N * t {
		s.Patch(rows[i*n:(i+1)*n], img.Host, i/t, i%t)
	}
	d.runLinear(dst, compute.F32{Host: rows, Len: len(rows)}, linearOp{rows: s.N * t, l: w.(*linear)})
	for i := range s.N {
		d.add(dst.Host[i*t*out:(i+1)*t*out], pos.Host)
	}
}
