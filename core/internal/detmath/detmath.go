// Package detmath has the elementary functions that decide pixels, in float64,
// with the same result on every architecture: no assembly, no fused
// multiply-add. Package math gives no such promise. The polynomials are those of
// FreeBSD's msun (fdlibm), accurate to about one unit in the last place.
package detmath

import "math"

const (
	twoOverPi = 6.36619772367581382433e-01
	pio2Hi    = 1.57079632673412561417e+00 // first 33 bits of π/2
	pio2Lo    = 6.07710050650619224932e-11 // π/2 - pio2Hi
	round     = 6755399441055744.0         // 1.5·2^52: adding and subtracting it rounds to nearest even
)

// MaxAngle bounds |x| of SinCos: below it the range reduction is exact.
const MaxAngle = 1 << 20

// SinCos returns the sine and cosine of x radians, |x| ≤ MaxAngle.
func SinCos(x float64) (sin, cos float64) {
	n := float64(float64(x*twoOverPi)+round) - round
	r := float64(x - float64(n*pio2Hi))
	r = float64(r - float64(n*pio2Lo))
	return quadrant(int(n), r)
}

// SinCosTurns returns the sine and cosine of u·2π, 0 ≤ u < 1.
func SinCosTurns(u float64) (sin, cos float64) {
	n := float64(float64(u*4)+round) - round
	r := float64(float64(u*4) - n)
	return quadrant(int(n), float64(r*(math.Pi/2)))
}

// quadrant rotates the sine and cosine of r, |r| ≤ π/4, by n quarter turns.
func quadrant(n int, r float64) (sin, cos float64) {
	s, c := kernelSin(r), kernelCos(r)
	switch n & 3 {
	case 1:
		return c, -s
	case 2:
		return -s, -c
	case 3:
		return -c, s
	}
	return s, c
}

func kernelSin(x float64) float64 {
	z := float64(x * x)
	p := horner(z, 1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
		-1.98412698298579493134e-04, 8.33333333332248946124e-03, -1.66666666666666324348e-01)
	return x + float64(float64(x*z)*p)
}

func kernelCos(x float64) float64 {
	z := float64(x * x)
	p := horner(z, -1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07,
		2.48015872894767294178e-05, -1.38888888888741095749e-03, 4.16666666666666019037e-02)
	return 1 - float64(float64(0.5*z)-float64(float64(z*z)*p))
}

// horner evaluates a polynomial, highest coefficient first.
func horner(z float64, c ...float64) float64 {
	p := c[0]
	for _, k := range c[1:] {
		p = float64(p*z) + k
	}
	return p
}

// Log is the natural logarithm of a positive, normal x.
func Log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
	)
	bits := math.Float64bits(x)
	k := int(bits>>52) - 1023
	m := math.Float64frombits(bits&(1<<52-1) | 1023<<52) // 1 ≤ m < 2
	if m > math.Sqrt2 {
		m /= 2
		k++
	}
	f := m - 1
	s := f / (2 + f)
	z := float64(s * s)
	r := float64(z * horner(z, 1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
		2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01))
	half := float64(float64(0.5*f) * f)
	hi := float64(float64(k) * ln2Hi)
	lo := float64(float64(k) * ln2Lo)
	return hi - (float64(half-float64(float64(s*float64(half+r))+lo)) - f)
}

// Exp returns e^x for |x| ≤ 690: Taylor's series on [-ln2/2, ln2/2], to a few
// units in the last place.
func Exp(x float64) float64 {
	const ln2Hi, ln2Lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	n := float64(float64(x*math.Log2E)+round) - round
	r := float64(x - float64(n*ln2Hi))
	r = float64(r - float64(n*ln2Lo))
	sum, term := 1.0, 1.0
	for k := 1.0; k < 18; k++ {
		term = float64(float64(term*r) / k)
		sum += term
	}
	return float64(sum * math.Float64frombits(uint64(int(n)+1023)<<52))
}
