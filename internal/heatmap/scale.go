package heatmap

import "image/color"

// Scale maps values to colours: white at Centre, blue below and red above it, both
// darkest at Radius from it.
type Scale struct {
	Centre, Radius float32
	OneSided       bool // there is nothing below Centre: white to dark violet
}

// Fit widens s so that it reaches v.
func (s *Scale) Fit(v float32) { s.Radius = max(s.Radius, abs(v-s.Centre)) }

// The anchors run in equal steps of lightness from the lightest, the neutral one,
// so that equal distances look equal, in grey too. Blue and red are told apart by
// everyone who sees colours at all.
var (
	below  = []color.RGBA{{0xf7, 0xf7, 0xf5, 255}, {0xa9, 0xcb, 0xe6, 255}, {0x55, 0x94, 0xca, 255}, {0x1f, 0x5a, 0xa0, 255}, {0x0b, 0x28, 0x5c, 255}}
	above  = []color.RGBA{{0xf7, 0xf7, 0xf5, 255}, {0xf8, 0xbf, 0xa0, 255}, {0xe2, 0x73, 0x5a, 255}, {0xb2, 0x27, 0x35, 255}, {0x63, 0x06, 0x22, 255}}
	single = []color.RGBA{{0xf7, 0xf7, 0xf5, 255}, {0xf4, 0xc2, 0x8e, 255}, {0xe0, 0x79, 0x6a, 255}, {0x9c, 0x3a, 0x78, 255}, {0x3a, 0x12, 0x5e, 255}}
)

// Color is the colour of v.
func (s Scale) Color(v float32) color.RGBA {
	if !(s.Radius > 0) {
		return above[0]
	}
	x := (v - s.Centre) / s.Radius
	side := above
	switch {
	case s.OneSided:
		side = single
	case x < 0:
		side = below
	}
	return blend(side, min(1, abs(x)))
}

// blend is the colour at x, 0 to 1, of evenly spaced anchors.
func blend(anchors []color.RGBA, x float32) color.RGBA {
	x *= float32(len(anchors) - 1)
	i := min(int(x), len(anchors)-2)
	f := x - float32(i)
	a, b := anchors[i], anchors[i+1]
	mix := func(a, b uint8) uint8 { return uint8(float32(a)*(1-f) + float32(b)*f + 0.5) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}
