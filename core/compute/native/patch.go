//go:build (amd64 || arm64) && !purego

package native

import "dit8/core/compute"

// PatchEmbed computes dst = patches(img)·Wᵀ + b + pos.
func (d *Device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	out, t, n := w.Out(), s.Tokens(), s.PatchLen()
	sameLen("patch embed img", img.Len, s.Len())
	sameLen("patch embed width", w.In(), n)
	sameLen("patch embed pos", pos.Len, t*out)
	sameLen("patch embed dst", dst.Len, s.N*t*out)
	rows := grow(&d.patches, s.Len())
	to := rows
	for i := range s.N {
		for y := 0; y < s.H; y += s.P {
			for x := 0; x < s.W; x += s.P {
				for c := range s.C {
					for dy := range s.P {
						at := ((i*s.C+c)*s.H+y+dy)*s.W + x
						to = to[copy(to, img.Host[at:at+s.P]):]
					}
				}
			}
		}
	}
	d.runLinear(linearOp{dst: dst.Host, x: rows, rows: s.N * t, l: w.(*linear)})
	for i := range s.N {
		d.add(dst.Host[i*t*out:(i+1)*t*out], pos.Host)
	}
}

// Unpatchify moves token values to their pixels.
func (d *Device) Unpatchify(img, tokens compute.F32, s compute.Image) {
	sameLen("unpatchify img", img.Len, s.Len())
	sameLen("unpatchify tokens", tokens.Len, s.Len())
	src := tokens.Host
	for n := range s.N {
		for y := 0; y < s.H; y += s.P {
			for x := 0; x < s.W; x += s.P {
				for dy := range s.P {
					for dx := range s.P {
						for c := range s.C {
							img.Host[((n*s.C+c)*s.H+y+dy)*s.W+x+dx] = src[c]
						}
						src = src[s.C:]
					}
				}
			}
		}
	}
}
