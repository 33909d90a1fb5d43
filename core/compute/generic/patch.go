package generic

import "dit8/core/compute"

// PatchEmbed computes dst = patches(img)·Wᵀ + b + pos.
func (d *Device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	l := w.(*linear)
	out, t := l.Out(), s.Tokens()
	sameLen("patch embed img", img.Len, s.Len())
	sameLen("patch embed width", l.In(), s.PatchLen())
	sameLen("patch embed pos", pos.Len, t*out)
	sameLen("patch embed dst", dst.Len, s.N*t*out)
	patch := scratch(&d.query, s.PatchLen())
	for n := range s.N {
		for token := range t {
			row, col := token/(s.W/s.P)*s.P, token%(s.W/s.P)*s.P
			i := 0
			for c := range s.C {
				for dy := range s.P {
					at := ((n*s.C+c)*s.H+row+dy)*s.W + col
					i += copy(patch[i:], img.Host[at:at+s.P])
				}
			}
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
	sameLen("unpatchify img", img.Len, s.Len())
	sameLen("unpatchify tokens", tokens.Len, s.Len())
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
