//go:build !purego

package native

var neonDotprod = kernels{
	name: "neon-dotprod", panel: 8, rows: 8, inputs: 16, beside: 4,
	dot:      []dotFunc{nil, dot1SDOT, dot2SDOT, dot3SDOT, dot4SDOT, dot5SDOT, dot6SDOT, dot7SDOT, dot8SDOT},
	gemm:     []gemmFunc{nil, gemm1NEON, gemm2NEON, gemm3NEON, gemm4NEON, gemm5NEON, gemm6NEON, gemm7NEON, gemm8NEON},
	quantize: quantizeNEON, absMax: absMaxNEON, maximum: maximumNEON, sum: sumNEON, sumSquares: sumSquaresNEON, expSum: expSumNEON,
	modulate: modulateNEON, gate: gateNEON, add: addNEON, scale: scaleNEON, multiply: multiplyNEON, rotate: rotateNEON,
	gelu: geluNEON, fastGELU: fastGELUNEON, silu: siluNEON, peak: peakSDOT,
	attentionKernels: attentionKernels{
		scores:    dot8SDOT,
		valueKeys: 4, valueBytes: 1, mixKeys: 16, mixRows: 4,
		columnSums: columnSumsNEON, columnMax: columnMaxNEON, quantizeRows: quantizeRowsNEON, quantizeKeys: quantizeKeysNEON, packKeys: packKeysNEON, packValues: packValuesSDOT,
		weights: attentionWeightsSDOT, mix: mixSDOT,
	},
	convKernels: convKernels{
		tiles: 8, narrowPixels: 16, narrow: narrowNEON, pixelSums: pixelSumsNEON, pixelSquares: pixelSquaresNEON, affine: affineNEON, quantizeWords: quantizeWordsNEON,
		kernelPlanes: kernelPlanesNEON, inputPlanes: inputPlanesNEON, inputPlanesUp: inputPlanesUpNEON,
		planeProducts: planeProductsNEON, outputTiles: outputTilesNEON, outputTilesUp: outputTilesUpNEON,
	},
}

// neon is neonDotprod with another int8 product, in tiles of four rows: without dot
// products a row needs twice the registers.
var neon = func() kernels {
	k := neonDotprod
	k.name, k.rows = "neon", 4
	k.dot, k.gemm, k.peak = []dotFunc{nil, dot1NEON, dot2NEON, dot3NEON, dot4NEON}, k.gemm[:5], peakNEON
	k.scores = dot4NEON
	k.valueKeys, k.valueBytes, k.mixKeys = 1, 2, 8
	k.packValues, k.weights, k.mix = packValuesNEON, attentionWeightsNEON, mixNEON
	return k
}()

// neonI8MM is neonDotprod with the int8 products of layers and of attention by matrix
// multiplications.
var neonI8MM = func() kernels {
	k := neonDotprod
	k.name, k.beside, k.peak = "neon-i8mm", 8, peakSMMLA
	k.dot = []dotFunc{nil, dot1SMMLA, dot2SMMLA, dot3SMMLA, dot4SMMLA, dot5SMMLA, dot6SMMLA, dot7SMMLA, dot8SMMLA}
	k.scores, k.packKeys = dot8SMMLA, packKeysSMMLA
	k.valueKeys, k.packValues, k.mix = 8, packValuesSMMLA, mixSMMLA
	return k
}()

// all are the sets of kernels of this architecture, the fastest first, with
// whether this machine has them: every arm64 processor that Go runs on has NEON.
func all() []candidate {
	f := features()
	return []candidate{{&neonI8MM, f.i8mm}, {&neonDotprod, f.dotprod}, {&neon, true}}
}

// cpuFeatures are those that a processor may lack: dot products of bytes, and products
// of matrices of them.
type cpuFeatures struct{ dotprod, i8mm bool }
