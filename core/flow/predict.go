package flow

// ToVelocity turns a network's prediction p into our velocity v = ε - x, in
// place: z is the state at in.T, before scaling. For z = (1-t)·x + t·ε:
//
//	epsilon: v = (ε - z)/(1-t)
//	x0:      v = (z - x)/t
//	velocity on SiT's clock: v = -p
//
// Divisors are kept above minDivisor: an epsilon says nothing of x at t=1, nor an
// x0 of ε at t=0.
func (c Convention) ToVelocity(p, z []float32, in Input) {
	switch c.Prediction {
	case Epsilon:
		d := max(1-in.T, minDivisor)
		for i := range p {
			p[i] = (p[i] - z[i]) / d
		}
	case X0:
		d := max(in.T, minDivisor)
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

// Clean is the estimate of the clean image at time t, x = z - t·v.
func Clean(dst, z, v []float32, t float32) {
	for i := range dst {
		dst[i] = z[i] - float32(t*v[i])
	}
}
