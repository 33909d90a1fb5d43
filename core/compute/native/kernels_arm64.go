//go:build !purego

package native

var neonDotprod = kernels{
	name: "neon-dotprod", panel: 8, rows: 8,
	dot: []func(dst *float32, dstStride int, q *int8, qStride int, w *int8, groups, tiles int, rowScale, colScale, bias *float32, corrections *int32){
		nil, dot1SDOT, dot2SDOT, dot3SDOT, dot4SDOT, dot5SDOT, dot6SDOT, dot7SDOT, dot8SDOT},
	gemm:     gemmNEON,
	quantize: quantizeNEON, absMax: absMaxNEON, maximum: maximumNEON, sum: sumNEON, sumSquares: sumSquaresNEON, expSum: expSumNEON,
	modulate: modulateNEON, gate: gateNEON, add: addNEON, scale: scaleNEON, gelu: geluNEON, silu: siluNEON, peak: peakSDOT,
}

// neon has tiles of four rows: without dot products a row needs twice the registers.
var neon = kernels{
	name: "neon", panel: 8, rows: 4,
	dot: []func(dst *float32, dstStride int, q *int8, qStride int, w *int8, groups, tiles int, rowScale, colScale, bias *float32, corrections *int32){
		nil, dot1NEON, dot2NEON, dot3NEON, dot4NEON},
	gemm:     gemmNEON[:5],
	quantize: quantizeNEON, absMax: absMaxNEON, maximum: maximumNEON, sum: sumNEON, sumSquares: sumSquaresNEON, expSum: expSumNEON,
	modulate: modulateNEON, gate: gateNEON, add: addNEON, scale: scaleNEON, gelu: geluNEON, silu: siluNEON, peak: peakNEON,
}

var gemmNEON = []func(dst *float32, dstStride int, a *float32, aStride int, b *float32, k, tiles int, bias *float32){
	nil, gemm1NEON, gemm2NEON, gemm3NEON, gemm4NEON, gemm5NEON, gemm6NEON, gemm7NEON, gemm8NEON}

// all are the sets of kernels of this architecture, the fastest first, with
// whether this machine has them: every arm64 processor that Go runs on has NEON.
func all() []candidate {
	return []candidate{{&neonDotprod, hasDotprod()}, {&neon, true}}
}
