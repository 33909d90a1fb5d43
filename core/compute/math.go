package compute

import "math"

// MinAbsMax is the smallest row maximum that is quantised. Below it 127/absmax
// could overflow, so the row becomes zeros with scale 0.
const MinAbsMax = 1e-30

// ExpMin and ExpMax clamp the argument of Exp: outside them e^x is not a normal
// float32.
const (
	ExpMin = -87.0
	ExpMax = 88.0
)

// Constants of the contract's exponential (range reduction by ln 2 in two parts,
// polynomial of degree 5 on [-ln2/2, ln2/2]: the Cephes single-precision exp).
const (
	ExpLog2E = 1.44269504088896341
	ExpRound = 12582912 // 1.5·2^23: adding and subtracting it rounds to nearest even
	ExpLn2Hi = 0.693359375
	ExpLn2Lo = -2.12194440e-4
	ExpC5    = 1.9875691500e-4
	ExpC4    = 1.3981999507e-3
	ExpC3    = 8.3334519073e-3
	ExpC2    = 4.1665795894e-2
	ExpC1    = 1.6666665459e-1
	ExpC0    = 5.0000001201e-1
)

// Exp is e^x for finite x, clamped to [ExpMin, ExpMax]; relative error below 2e-7.
func Exp(x float32) float32 {
	if x < ExpMin {
		x = ExpMin
	}
	if x > ExpMax {
		x = ExpMax
	}
	n := float32(float32(x*ExpLog2E)+ExpRound) - ExpRound
	r := float32(x - float32(n*ExpLn2Hi))
	r = float32(r - float32(n*ExpLn2Lo))
	p := float32(ExpC5)
	p = float32(p*r) + ExpC4
	p = float32(p*r) + ExpC3
	p = float32(p*r) + ExpC2
	p = float32(p*r) + ExpC1
	p = float32(p*r) + ExpC0
	p = float32(p*float32(r*r)) + r
	p = p + 1
	return float32(p * math.Float32frombits(uint32(int32(n)+127)<<23))
}

// Constants of the tanh approximation of GELU: u = GELUScale·(x + GELUCubic·x³).
const (
	GELUScale = 0.7978845608028654 // sqrt(2/π)
	GELUCubic = 0.044715
)

// GELU is the tanh approximation 0.5·x·(1+tanh(u)), written as x/(1+e^(-2u)),
// which is the same function (DiT/models.py: approx_gelu).
func GELU(x float32) float32 {
	x3 := float32(float32(x*x) * x)
	u := float32(float32(GELUScale) * float32(x+float32(GELUCubic*x3)))
	return x / (1 + Exp(-2*u))
}

// Constants of FastGELU, a least maximum fit of Φ(-u) from 0 to FastGELUEnd.
const (
	FastGELUEnd = 4.5
	FastGELU0   = 1.5827673e-4
	FastGELU1   = 2.6406511e-5
	FastGELU2   = -6.656136e-6
	FastGELU3   = 6.731011e-8
)

// FastGELU is GELU to within 5e-5 and 7e-5·|x|, which is a tenth of what the tanh form is from
// the one with erf: max(x, 0) - u·Φ(-u) with u = |x| and Φ(-u) a polynomial in
// t = max(FastGELUEnd - u, 0), t⁴·(c0 + t⁴·(c1 + t·(c2 + c3·t²))).
func FastGELU(x float32) float32 {
	u, relu := x, x
	if !(x > 0) {
		u, relu = -x, 0
	}
	t := FastGELUEnd - u
	if !(t > 0) {
		t = 0
	}
	t2 := float32(t * t)
	t4 := float32(t2 * t2)
	p := float32(FastGELU3*t2) + FastGELU2
	p = float32(p*t) + FastGELU1
	p = float32(p*t4) + FastGELU0
	return relu - float32(u*float32(p*t4))
}

// SiLU is x·sigmoid(x), written as x/(1+e^(-x)).
func SiLU(x float32) float32 { return x / (1 + Exp(-x)) }

// FoldSum adds sixteen partial sums in the contract's order.
func FoldSum(p *[16]float32) float32 {
	for step := 8; step > 0; step >>= 1 {
		for l := range step {
			p[l] = p[l] + p[l+step]
		}
	}
	return p[0]
}

// RoundEven rounds |x| < 2^22 to the nearest integer, ties to even.
func RoundEven(x float32) float32 { return float32(x+ExpRound) - ExpRound }

// QuantizeRow quantises one row of activations symmetrically to [-127, 127] and
// returns its scale: x[i] ≈ scale·q[i]. len(q) must be at least len(x).
func QuantizeRow(q []int8, x []float32) (scale float32) {
	q = q[:len(x)]
	var amax float32
	for _, v := range x {
		if v < 0 {
			v = -v
		}
		if v > amax {
			amax = v
		}
	}
	if !(amax >= MinAbsMax) {
		clear(q)
		return 0
	}
	inv := 127 / amax
	for i, v := range x {
		r := RoundEven(float32(v * inv))
		if r > 127 {
			r = 127
		}
		if r < -127 {
			r = -127
		}
		q[i] = int8(int32(r))
	}
	return amax / 127
}
