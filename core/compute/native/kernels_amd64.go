//go:build !purego

package native

var avx512 = kernels{
	name: "avx512-vnni", panel: 32, rows: 8, inputs: 16, beside: 4, zero: -128,
	dot:      []dotFunc{nil, dot1AVX512, dot2AVX512, dot3AVX512, dot4AVX512, dot5AVX512, dot6AVX512, dot7AVX512, dot8AVX512},
	gemm:     []gemmFunc{nil, gemm1AVX512, gemm2AVX512, gemm3AVX512, gemm4AVX512, gemm5AVX512, gemm6AVX512, gemm7AVX512, gemm8AVX512},
	quantize: quantizeAVX512, absMax: absMaxAVX512, maximum: maximumAVX512, sum: sumAVX512, sumSquares: sumSquaresAVX512, expSum: expSumAVX512,
	modulate: modulateAVX512, gate: gateAVX512, add: addAVX512, scale: scaleAVX512, multiply: multiplyAVX512, rotate: rotateAVX512,
	gelu: geluAVX512, fastGELU: fastGELUAVX512, silu: siluAVX512, peak: peakAVX512,
	attentionKernels: attentionKernels{
		scores:    dot8AVX512,
		valueKeys: 2, valueBytes: 2, mixKeys: 8, mixRows: 8,
		columnSums: columnSumsAVX512, columnMax: columnMaxAVX512, quantizeRows: quantizeRowsAVX512, quantizeKeys: quantizeKeysAVX512, packKeys: packKeysAVX2, packValues: packValuesAVX512,
		weights: attentionWeightsAVX512, mix: mixAVX512, mixHalf: mixHalfAVX512,
	},
	convKernels: convKernels{
		tiles: 13, narrowPixels: 64, narrow: narrowAVX512, pixelSums: pixelSumsAVX512, pixelSquares: pixelSquaresAVX512, affine: affineAVX512, quantizeWords: quantizeWordsAVX512, siluWords: siluWordsAVX512,
		kernelPlanes: kernelPlanesAVX512, inputPlanes: inputPlanesAVX512, inputPlanesUp: inputPlanesUpAVX512,
		planeProducts: planeProductsAVX512, outputTiles: outputTilesAVX512, outputTilesUp: outputTilesUpAVX512,
	},
}

var avx2 = kernels{
	name: "avx2", panel: 16, rows: 6, inputs: 16, beside: 2, wide: true,
	dot:      []dotFunc{nil, dot1AVX2, dot2AVX2, dot3AVX2, dot4AVX2, dot5AVX2, dot6AVX2},
	gemm:     []gemmFunc{nil, gemm1AVX2, gemm2AVX2, gemm3AVX2, gemm4AVX2, gemm5AVX2, gemm6AVX2},
	quantize: quantizeAVX2, absMax: absMaxAVX2, maximum: maximumAVX2, sum: sumAVX2, sumSquares: sumSquaresAVX2, expSum: expSumAVX2,
	modulate: modulateAVX2, gate: gateAVX2, add: addAVX2, scale: scaleAVX2, multiply: multiplyAVX2, rotate: rotateAVX2,
	gelu: geluAVX2, fastGELU: fastGELUAVX2, silu: siluAVX2, peak: peakAVX2,
	attentionKernels: attentionKernels{
		scores:    dot6AVX2,
		valueKeys: 2, valueBytes: 2, mixKeys: 8, mixRows: 6,
		columnSums: columnSumsAVX2, columnMax: columnMaxAVX2, quantizeRows: quantizeRowsWideAVX2, quantizeKeys: quantizeKeysAVX2, packKeys: packKeysWideAVX2, packValues: packValuesAVX2,
		weights: attentionWeightsAVX2, mix: mixAVX2, mixHalf: mixHalfAVX2,
	},
	convKernels: convKernels{
		tiles: 6, narrowPixels: 24, narrow: narrowAVX2, pixelSums: pixelSumsAVX2, pixelSquares: pixelSquaresAVX2, affine: affineAVX2, quantizeWords: quantizeWordsAVX2,
		kernelPlanes: kernelPlanesAVX2, inputPlanes: inputPlanesAVX2, inputPlanesUp: inputPlanesUpAVX2,
		planeProducts: planeProductsAVX2, outputTiles: outputTilesAVX2, outputTilesUp: outputTilesUpAVX2,
	},
}

// avxVNNI is avx2 with the int8 product of newer processors without AVX-512.
var avxVNNI = func() kernels {
	k := avx2
	k.name, k.zero, k.beside, k.wide = "avx-vnni", -128, 4, false
	k.rows, k.mixRows = 4, 4
	k.dot, k.gemm = []dotFunc{nil, dot1AVXVNNI, dot2AVXVNNI, dot3AVXVNNI, dot4AVXVNNI}, k.gemm[:5]
	k.scores, k.mix, k.mixHalf = dot4AVXVNNI, mixAVXVNNI, mixHalfAVXVNNI
	k.quantizeRows, k.packKeys = quantizeRowsAVX2, packKeysAVX2
	k.planeProducts = planeProductsAVXVNNI
	k.quantize, k.peak = quantizeAVXVNNI, peakAVXVNNI
	return k
}()

// amxInt8 is avx512 with the products of int8 layers and of attention on tiles.
var amxInt8 = func() kernels {
	k := avx512
	k.name, k.inputs, k.peak = "amx-int8", tileInputs, peakAMX
	k.matrix = &tileKernels{
		plain: tileFuncs{tiles1AMX, tiles2AMX},
		gelu:  tileFuncs{tilesGELU1AMX, tilesGELU2AMX},
		gate:  tileFuncs{tilesGate1AMX, tilesGate2AMX},
		mix:   tilesMixAMX,
	}
	k.valueKeys, k.valueBytes, k.mixKeys, k.mixRows = 4, 1, tileInputs, 1
	k.packValues, k.weights, k.scores, k.mix, k.mixHalf = packValuesAMX, attentionWeightsAMX, nil, nil, nil
	return k
}()

// all are the sets of kernels of this architecture, the fastest first, with
// whether this machine has them.
func all() []candidate {
	f := features()
	return []candidate{{&amxInt8, f.amx}, {&avx512, f.avx512}, {&avxVNNI, f.avxVNNI}, {&avx2, f.avx2}}
}

// cpuFeatures are what the kernels need, and tiles whether there are any that the system
// may refuse.
type cpuFeatures struct{ avx2, avxVNNI, avx512, tiles, amx bool }

// features asks the processor and whether the operating system keeps the
// registers (Intel SDM volume 2, CPUID, and volume 1, 13.3).
func features() (f cpuFeatures) {
	const (
		osxsave  = 1 << 27 // leaf 1, ecx
		avx2     = 1 << 5  // leaf 7, ebx
		avx512f  = 1 << 16
		avx512dq = 1 << 17
		avx512bw = 1 << 30
		avx512vl = 1 << 31
		vnni     = 1 << 11 // leaf 7, ecx
		amxTile  = 1 << 24 // leaf 7, edx
		amxInt8  = 1 << 25
		avxVNNI  = 1 << 4  // leaf 7.1, eax
		ymm      = 0x06    // xcr0: SSE and AVX state
		zmm      = 0xe6    // and masks and the 32 wide registers
		tiles    = 0x60000 // the configuration of tiles and their data
	)
	if most, _, _, _ := cpuid(0, 0); most < 7 {
		return f
	}
	if _, _, c, _ := cpuid(1, 0); c&osxsave == 0 {
		return f
	}
	state := xgetbv()
	_, b, c, d := cpuid(7, 0)
	f.avx2 = state&ymm == ymm && b&avx2 != 0
	if most, _, _, _ := cpuid(7, 0); most >= 1 {
		a, _, _, _ := cpuid(7, 1)
		f.avxVNNI = f.avx2 && a&avxVNNI != 0
	}
	const wide = avx512f | avx512dq | avx512bw | avx512vl
	f.avx512 = f.avx2 && state&zmm == zmm && b&wide == wide && c&vnni != 0
	const matrices = amxTile | amxInt8
	f.tiles = state&tiles == tiles && d&matrices == matrices
	f.amx = f.avx512 && f.tiles && tilesAllowed()
	return f
}
