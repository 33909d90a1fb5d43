//go:build (amd64 || arm64) && !purego

package native

import "dit8/core/compute"

var _ compute.Convolver = (*Device)(nil)

// convKernels are those of convolutions. Pixels are stride bytes apart, and so are
// planes; numbers of channels n are multiples of sixteen.
type convKernels struct {
	tiles        int // that planeProducts computes at a time
	narrowPixels int // likewise of narrow

	pixelSums     func(sum, low, high, x *float32, stride, pixels, n int)
	pixelSquares  func(sum, mean, x *float32, stride, pixels, n int)
	affine        func(dst, mean, scale, shift, x *float32, stride, pixels, n int)
	quantizeWords func(q *int16, x *float32, stride int, inverse *float32, pixels int) // of 32 channels

	// siluWords is affine, SiLU and quantizeWords, where registers suffice for it.
	siluWords func(q *int16, mean, scale, shift, inverse, x *float32, stride, pixels int)

	narrow func(dst *float32, dstStride int, rows *[3]*float32, planeStride, channels int, w *float32, blocks int)

	kernelPlanes               func(u *int16, planeStride int, w *int8, pairs int)
	inputPlanes, inputPlanesUp func(v *int16, planeStride int, rows *[4]*int16, tiles int)
	planeProducts              func(m *int32, v, u *int16, chunks, chunkStride, blocks int)
	outputTiles, outputTilesUp func(dst *float32, rowStride, pixelStride int, m *int32, planeStride, tiles int, scale, bias, residual *float32, floor float32)
}

// NewConv packs w.
func (d *Device) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	if w.I8 == nil {
		return d.newFloatConv(w)
	}
	if err := w.Check(); err != nil {
		return nil, err
	}
	return d.packConv(w), nil
}

// Conv computes strips of rows on all threads.
func (d *Device) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	switch c := c.(type) {
	case *floatConv:
		d.convFloat(out, in, c)
	case *intConv:
		d.convInt8(out, in, c)
	}
}

// GroupNorm computes dst = norm(x).
func (d *Device) GroupNorm(dst, x compute.F32, h, w int, n compute.GroupNorm) {
	c := compute.CheckGroupNorm(dst, x, h, w, n)
	if x.Len == 0 {
		return
	}
	_, a := d.statistics(compute.ConvInput{X: x, H: h, W: w, Norm: n}, c)
	d.pool.run(taskFunc(func(y, _ int) {
		d.normalise(dst.Host[y*w*c:(y+1)*w*c], x.Host[y*w*c:(y+1)*w*c], a)
	}), h)
}
