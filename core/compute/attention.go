package compute

import "math"

// Attention in integers (contract version 2). Queries and keys are int8, a scale for
// each token and head; values are int8, a scale for each channel of an image's head;
// the exponentials have 14 bits. All sums of products are exact. Per image and head,
// of T tokens and d channels:
//
//	C       = float32(1/√d · ExpLog2E) · 4096
//	mean[i] = (Σ_t k[t][i], in the order of t) / T
//	Qq, qs  = QuantizeRow(q[t])
//	Kq, ks  = QuantizeRow(k[t] - mean)                      which softmax does not see
//	Vq, vs  = QuantizeRow of column i of v, over all tokens
//	s[j]    = float32(Σ_i Qq[t][i]·Kq[j][i]) · ks[j];  m = max_j s[j]
//	P[j]    = Exp2Steps(ExpSteps((m - s[j])·(qs[t]·C)))     0 to MaxExp2
//	sum     = Σ_j P[j]
//	o[t][i] = Σ_b float32(Σ_j P[j]·Vq[j][i]) · (vs[i]·(1/float32(sum)))
//
// b runs over blocks of AttentionBlock keys, from the first: so the inner sums fit int32.
// The blocks' float32 sums are added in their order, from that of the first.
const (
	AttentionBlock = 1024
	MaxExp2        = 16256
)

// AttentionScale is C for heads of d channels.
func AttentionScale(d int) float32 {
	return float32(float32(float32(1/float32(math.Sqrt(float64(d))))*ExpLog2E) * 4096)
}

// ExpSteps rounds a power of two below one, x/4096 steps down, to whole steps: 0 to
// 65535, which is also what is not a number.
func ExpSteps(x float32) int32 {
	if !(x < 65535) {
		x = 65535
	}
	return int32(RoundEven(x))
}

// Exp2Steps is about 16256·2^(-d/4096) for d from 0 to 65535, by a polynomial of
// degree 3 in Q15; it never rises with d. All steps fit int16.
func Exp2Steps(d int32) int32 {
	f := d & 4095 << 3
	r := mulRound(f, -1272) + 7494
	r = mulRound(f, r) - 22478
	r = mulRound(f, r) + 32512
	return mulRound(r, 16384>>(d>>12))
}

// mulRound is the rounded product of two Q15 numbers (pmulhrsw, sqrdmulh, q15mulr).
func mulRound(a, b int32) int32 { return (a*b + 1<<14) >> 15 }
