package generic

import "dit8/core/compute"

// PatchEmbed computes dst = patches(img)·Wᵀ + b + pos.
func (d *Device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	l := w.(*linear)
	out, t := l.Out(), s.Tokens()
	compute.SameLen("patch embed img", img.Len, s.Len())
	compute.SameLen("patch embed width", l.In(), s.PatchLen())
	compute.SameLen("patch embed pos", pos.Len, t*out)
	compute.SameLen("patch embed dst", dst.Len, s.N*t*out)
	patch := scratch(&d.query, s.PatchLen())
	for n := range s.N {
		for token := range t {
			s.Patch(patch, img.Host, n, token)
			y := dst.Host[(n*t+token)*out : (n*t+token+1)*out]
			d.row(y, patch, l)
			for j, p := range pos.Host[token*out : (token+1)*out] {
				y[j] = y[j] + p
			}
		}
	}
}

// Unpatchify moves token values to their pixels.
func (d *Device) Unpatchify(img, tokens compute.F32, s compute.Image) {
	compute.SameLen("unpatchify img", img.Len, s.Len())
	compute.SameLen("unpatchify tokens", tokens.Len, s.Len())
	src := tokens.Host
	for n := range s.N {
		for token := range s.Tokens() {
			row, col := token/(s.W/s.P)*s.P, token%(s.W/s.P)*s.P
			for dy := range s.P {
				for dx := range s.P {
					for c := range s.C {
						img.Host[((n*s.C+c)*s.H+row+dy)*s.W+col+dx] = src[0]
						src = src[1:]
					}
				}
			}
		}
	}
}
