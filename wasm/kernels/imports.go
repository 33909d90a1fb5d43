//go:build js

package kernels

import "unsafe"

// The functions of src/*.c and, last, those that kernels.js adds.

//go:wasmimport kernels packed_i8
func packedI8(in, out int32) int32

//go:wasmimport kernels quantized
func quantized(rows, in int32) int32

//go:wasmimport kernels scratch_i8
func scratchI8(in int32) int32

//go:wasmimport kernels pack_i8
func packI8(dst, w uint32, first, rows, in int32)

//go:wasmimport kernels pack_f32
func packF32(dst, w uint32, first, rows, in int32)

//go:wasmimport kernels quantize
func quantize(q, scale, x uint32, rows, in int32)

//go:wasmimport kernels linear_i8
func linearI8(dst, q, s uint32, rows int32, w, ws, b uint32, in, out, act int32, gate uint32, gateStride, gateRows int32, scratch uint32)

//go:wasmimport kernels linear_f32
func linearF32(dst, x uint32, rows int32, w, b uint32, in, out, act int32, gate uint32, gateStride, gateRows int32)

//go:wasmimport kernels linear_swiglu
func linearSwiGLU(dst, x, q, s uint32, rows, in, out int32, gateW, gateScale, gateBias, w, scale, bias, scratch uint32)

//go:wasmimport kernels norm_rotate
func normRotate(qkv uint32, rows, tokens, heads, headDim int32, qNorm, kNorm, rope uint32)

//go:wasmimport kernels norm_modulate
func normModulate(dst, x uint32, rows, dim, norm int32, shift uint32, shiftStride, shiftRows int32, scale uint32, scaleStride, scaleRows int32)

//go:wasmimport kernels attention_scratch
func attentionScratch(heads, tokens, headDim int32) int32

//go:wasmimport kernels attention
func attention(dst, qkv uint32, n, tokens, heads, headDim int32, scratch uint32)

//go:wasmimport kernels attention_int8_scratch
func attentionInt8Scratch(tokens, headDim int32) int32

//go:wasmimport kernels attention_int8
func attentionInt8(dst, qkv uint32, n, tokens, heads, headDim int32, scratch uint32)

//go:wasmimport kernels conv_scratch
func convScratch(cols, seen, c, kernel, stride int32) int32

//go:wasmimport kernels conv_f32
func convF32(dst, residual uint32, relu int32, x uint32, h, w, c, up int32, affine, weights, bias uint32, out, kernel, stride, pad int32, scratch uint32)

//go:wasmimport kernels packed_conv
func packedConv(in, out int32) int32

//go:wasmimport kernels pack_conv
func packConv(dst, w uint32, first, rows, in int32)

//go:wasmimport kernels conv_int8_scratch
func convInt8Scratch(h, w, c, up, out int32) int32

//go:wasmimport kernels conv_int8
func convI8(dst, residual uint32, relu int32, x uint32, h, w, c, up int32, affine, smooth, weights, scale, bias uint32, out int32, scratch uint32)

//go:wasmimport kernels group_scratch
func groupScratch(h, c, groups int32) int32

//go:wasmimport kernels group_affine
func groupAffine(affine, x uint32, h, w, c, groups int32, weight, bias, scratch uint32)

//go:wasmimport kernels group_norm
func groupNorm(dst, x uint32, n, c int32, affine uint32)

//go:wasmimport kernels patches
func patches(dst, img uint32, n, c, h, w, p int32)

//go:wasmimport kernels unpatchify
func unpatchify(img, src uint32, n, c, h, w, p int32)

//go:wasmimport kernels add
func add(dst, src uint32, n int32)

//go:wasmimport kernels zero
func zero(p uint32, n uint32)

//go:wasmimport kernels copy
func move(dst, src, n uint32)

// heap is the address of the first free byte, or 0 where the kernels could not be
// loaded.
//
//go:wasmimport kernels heap
func heap() uint32

// threads is how many threads run an operation.
//
//go:wasmimport kernels threads
func threads() int32

// relaxed is not 0 where int8 products use relaxed SIMD.
//
//go:wasmimport kernels relaxed
func relaxed() int32

// grow makes the kernels' memory at least n bytes long and reports whether it is.
//
//go:wasmimport kernels grow
func grow(n float64) int32

// write copies n bytes from Go's memory to the kernels', read the other way.
//
//go:wasmimport kernels write
func write(dst uint32, src unsafe.Pointer, n uint32)

//go:wasmimport kernels read
func read(dst unsafe.Pointer, src uint32, n uint32)
