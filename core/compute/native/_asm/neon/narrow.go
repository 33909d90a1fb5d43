package main

import "fmt"

// narrowVectors is how many registers of pixels narrow computes at a time.
const narrowVectors = 4

// narrow computes a row of a 3×3 convolution with three outputs, across pixels: dst [3,
// pixels] from three rows [channels, …] of planes and w [3, 3, channels, 3]. Each sum
// starts from zero, in the order of rows, columns, channels.
func (w *writer) narrow() {
	f := w.text("narrowNEON", "dst *float32, dstStride int, rows *[3]*float32, planeStride, channels int, w *float32, blocks int", "")
	const outs, x, weights, sums, product = 3, vector(0), vector(4), vector(16), vector(28)
	dst, dstStride, rows, stride, blocks := f.load("dst"), f.load("dstStride"), f.load("rows"), f.load("planeStride"), f.load("blocks")
	weight, at, n, done := f.register(), f.register(), f.register(), f.register()
	f.op("MOVD", "$0, %v", done)
	f.label("block")
	f.arg("w", weight)
	each(sums, outs*narrowVectors, f.clear)
	for ky := range 3 {
		for kx := range 3 {
			tap := fmt.Sprintf("tap%d%d", ky, kx)
			f.op("MOVD", "%d(%v), %v", 8*ky, rows, at)
			f.op("ADD", "%v, %v", done, at)
			f.op("ADD", "$%d, %v", 4*kx, at)
			f.arg("channels", n)
			f.label(tap)
			f.peek(at, x, narrowVectors)
			f.op("ADD", "%v, %v", stride, at)
			for o := range vector(outs) {
				f.readLanes(weight, weights+o)
				each(0, narrowVectors, func(i vector) { f.fmul(product+i, x+i, weights+o) })
				each(0, narrowVectors, func(i vector) {
					f.fadd(sums+o*narrowVectors+i, sums+o*narrowVectors+i, product+i)
				})
			}
			f.countdown(n, tap)
		}
	}
	f.op("MOVD", "%v, %v", dst, at)
	for o := range vector(outs) {
		f.poke(at, sums+o*narrowVectors, narrowVectors)
		f.op("ADD", "%v, %v", dstStride, at)
	}
	f.op("ADD", "$%d, %v", 16*narrowVectors, dst)
	f.op("ADD", "$%d, %v", 16*narrowVectors, done)
	f.countdown(blocks, "block")
	f.ret()
}
