package flow

import "math"

// ToVelocity turns a network's prediction p into our velocity v = ε - x, in
// place: z is the state at in.T, before scaling. For z = (1-t)·x + t·ε:
//
//	epsilon: v = (ε - z)/(1-t)
//	x0:      v = (z - x)/t
//	velocity on SiT's clock: v = -p
//
// Divisors are kept above minDivisor, that of an x0 above c.Floor where there is one:
// an epsilon says nothing of x at t=1, nor an x0 of ε at t=0. Average velocities come
// from an x0 by the same formula (pMF, pmfDiT.py).
func (c Convention) ToVelocity(p, z []float32, in Input) {
	switch c.Prediction {
	case Epsilon:
		d := max(1-in.T, minDivisor)
		for i := range p {
			p[i] = (p[i] - z[i]) / d
		}
	case X0:
		d := max(in.T, minDivisor)
		if c.Floor > 0 {
			d = max(in.T, c.Floor)
		}
		for i := range p {
			p[i] = (z[i] - p[i]) / d
		}
	default:
		if c.Clock == SiTClock {
			for i := range p {
				p[i] = -p[i]
			}
		}
	}
}

const minDivisor = 1e-3

// Guide computes classifier-free guidance, cond = uncond + scale·(cond - uncond),
// for one image of [C, pixels] values, in place: on the first guided channels, or
// on all of them where guided is 0 (arXiv 2207.12598; DiT/models.py:
// forward_with_cfg).
func Guide(cond, uncond []float32, scale float32, guided, pixels int) {
	n := len(cond)
	if guided > 0 {
		n = min(n, guided*pixels)
	}
	for i, u := range uncond[:n] {
		cond[i] = u + float32(scale*float32(cond[i]-u))
	}
}

// Rescale moves the standard deviation of guided values to that of cond, the
// prediction without guidance, by amount from 0 to 1, in place: guidance of large
// scale otherwise over-saturates (arXiv 2305.08891, 3.4).
func Rescale(guided, cond []float32, amount float32) {
	a, b := deviation(guided), deviation(cond)
	if a == 0 {
		return
	}
	by := float32(1-amount) + float32(amount*float32(b/a))
	for i := range guided {
		guided[i] = float32(guided[i] * by)
	}
}

// deviation is the standard deviation of v, summed in order in float64.
func deviation(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x)
	}
	mean, squares := sum/float64(len(v)), 0.0
	for _, x := range v {
		d := float64(x) - mean
		squares += float64(d * d)
	}
	return math.Sqrt(squares / float64(len(v)))
}

// Clean is the estimate of the clean image at time t, x = z - t·v.
func Clean(dst, z, v []float32, t float32) {
	for i := range dst {
		dst[i] = z[i] - float32(t*v[i])
	}
}
