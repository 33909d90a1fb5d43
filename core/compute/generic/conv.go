package generic

import "dit8/core/compute"

var _ compute.Convolver = (*Device)(nil)

type conv struct{ compute.ConvWeights }

func (c *conv) In() int  { return c.ConvWeights.In }
func (c *conv) Out() int { return c.ConvWeights.Out }

// NewConv keeps w's slices.
func (d *Device) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	return &conv{w}, nil
}

// Conv computes one output pixel after another.
func (d *Device) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	w := c.(*conv)
	rows, cols := compute.CheckConv(out, in, w.ConvWeights)
	if len(out.Dst.Host) == 0 {
		return
	}
	from := compute.NewConvRows(in, w.In())
	compute := w.float(from)
	if w.I8 != nil {
		compute = w.integers(from.Integers(w.Smooth))
	}
	for y := range rows {
		for x := range cols {
			at := (y*cols + x) * w.Out()
			pixel := scratch(&d.query, w.Out()) // dst may be the residual
			compute(pixel, y, x)
			out.Finish(pixel, at)
			copy(out.Dst.Host[at:], pixel)
		}
	}
}

// float computes the outputs of a pixel: products in the order of the kernel's rows,
// its columns, the channels, then the bias.
func (c *conv) float(from *compute.ConvRows) func(dst []float32, y, x int) {
	k, in := c.Kernel, c.In()
	return func(dst []float32, y, x int) {
		clear(dst)
		x0 := x*c.Stride + 1 - c.Pad // of the kernel, in a row with a zero in front
		for ky := range k {
			taps := from.Row(y*c.Stride + ky - c.Pad)[x0*in : (x0+k)*in]
			for j := range dst {
				s := dst[j]
				for i, v := range c.F32[(j*k+ky)*k*in:][:k*in] {
					s += float32(taps[i] * v)
				}
				dst[j] = s
			}
		}
		for j, b := range c.Bias {
			dst[j] = dst[j] + b
		}
	}
}

// integers is float with exact int32 sums, rescaled at the end.
func (c *conv) integers(from *compute.IntRows) func(dst []float32, y, x int) {
	n := 3 * c.In()
	sums := make([]int32, c.Out())
	return func(dst []float32, y, x int) {
		clear(sums)
		for ky := range 3 {
			taps := from.Row(y + ky - 1)[x*c.In():][:n]
			for j, s := range sums {
				for i, v := range c.I8[(3*j+ky)*n:][:n] {
					s += int32(taps[i]) * int32(v)
				}
				sums[j] = s
			}
		}
		for j, s := range sums {
			dst[j] = float32(float32(s)*float32(from.Scale*c.Scale[j])) + c.Bias[j]
		}
	}
}

// GroupNorm computes dst = norm(x).
func (d *Device) GroupNorm(dst, x compute.F32, h, w int, n compute.GroupNorm) {
	compute.HostGroupNorm(dst, x, h, w, n)
}
