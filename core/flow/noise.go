package flow

import (
	"math"

	"dit8/core/internal/detmath"
)

// Noise fills dst with the standard normal noise of one image of a request: a
// function of the seed, the index of the image in the request and the index of
// the value in the image alone, so that neither batches nor threads change it.
//
// Value 4b+l is lane l of block b. A block is Philox4x32-10 (Salmon et al., SC11)
// with key (seed low, seed high) and counter (b, image, step, 0). Its words make two
// Box–Muller pairs: u = (w0+½)/2³², v = w1/2³², √(-2 ln u)·(cos 2πv, sin 2πv), in
// float64 and rounded to float32 at the end. Values lie within ±6.77.
func Noise(dst []float32, seed uint64, image uint32) { StepNoise(dst, seed, image, 0) }

// StepNoise is the noise that a step adds, a stream of its own for each step above
// 0: the third word of the counter.
func StepNoise(dst []float32, seed uint64, image, step uint32) {
	for b := 0; 4*b < len(dst); b++ {
		w := philox([4]uint32{uint32(b), image, step, 0}, [2]uint32{uint32(seed), uint32(seed >> 32)})
		var z [4]float32
		z[0], z[1] = boxMuller(w[0], w[1])
		z[2], z[3] = boxMuller(w[2], w[3])
		copy(dst[4*b:], z[:])
	}
}

func boxMuller(a, b uint32) (x, y float32) {
	u := float64(float64(float64(a)+0.5) * 0x1p-32)
	sin, cos := detmath.SinCosTurns(float64(b) * 0x1p-32)
	r := math.Sqrt(-2 * detmath.Log(u)) // the one square root: correctly rounded everywhere
	return float32(float64(r * cos)), float32(float64(r * sin))
}

// philox is Philox4x32 with ten rounds.
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		p0, p1 := uint64(0xD2511F53)*uint64(c[0]), uint64(0xCD9E8D57)*uint64(c[2])
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k[0], uint32(p1), uint32(p0>>32) ^ c[3] ^ k[1], uint32(p0)}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}

// Blend turns the noise a towards b by f quarter turns, 0 to 1: cos(fπ/2)·a +
// sin(fπ/2)·b, which is standard normal noise again (spherical interpolation; two
// noises of many values are nearly at right angles).
func Blend(a, b []float32, f float32) {
	sin, cos := detmath.SinCos(float64(f) * (math.Pi / 2))
	s, c := float32(sin), float32(cos)
	for i := range a {
		a[i] = float32(c*a[i]) + float32(s*b[i])
	}
}
