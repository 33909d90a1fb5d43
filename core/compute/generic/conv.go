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
	if w.I8 != nil {
		convInt8(out, w.ConvWeights, from.Integers(w.Smooth), rows, cols)
		return
	}
	for y := range rows {
		for x := range cols {
			at := (y*cols + x) * w.Out()
			pixel := scratch(&d.query, w.Out()) // dst may be the residual
			w.float(pixel, from, y, x)
			out.Finish(pixel, at)
			copy(out.Dst.Host[at:], pixel)
		}
	}
}

// float computes the outputs of a pixel: products in the order of the kernel's rows,
// its columns, the channels, then the bias.
func (c *conv) float(dst []float32, from *compute.ConvRows, y, x int) {
	clear(dst)
	k, in := c.Kernel, c.In()
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

// convInt8 computes a convolution with int8 weights: exact int32 sums, rescaled at the end.
func convInt8(out compute.ConvOutput, c compute.ConvWeights, from *compute.IntRows, rows, cols int) {
	n := 3 * c.In
	sums, pixel := make([]int32, c.Out), make([]float32, c.Out)
	for y := range rows {
		for x := range cols {
			clear(sums)
			for ky := range 3 {
				taps := from.Row(y + ky - 1)[x*c.In:][:n]
				for j, s := range sums {
					for i, v := range c.I8[(3*j+ky)*n:][:n] {
						s += int32(taps[i]) * int32(v)
					}
					sums[j] = s
				}
			}
			for j, s := range sums {
				pixel[j] = float32(float32(s)*float32(from.Scale*c.Scale[j])) + c.Bias[j]
			}
			at := (y*cols + x) * c.Out
			out.Finish(pixel, at)
			copy(out.Dst.Host[at:], pixel)
		}
	}
}

// GroupNorm computes dst = norm(x).
func (d *Device) GroupNorm(dst, x compute.F32, h, w int, n compute.GroupNorm) {
	compute.HostGroupNorm(dst, x, h, w, n)
}
