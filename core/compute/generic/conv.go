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
	from := compute.NewConvRows(in, w.In())
	for y := range rows {
		for x := range cols {
			at := (y*cols + x) * w.Out()
			pixel := scratch(&d.query, w.Out()) // dst may be the residual
			w.pixel(pixel, from, y, x)
			out.Finish(pixel, at)
			copy(out.Dst.Host[at:], pixel)
		}
	}
}

// pixel computes the outputs of one pixel: products in the order of the kernel's rows,
// its columns, the channels, then the bias.
func (c *conv) pixel(dst []float32, from *compute.ConvRows, y, x int) {
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

// GroupNorm computes dst = norm(x).
func (d *Device) GroupNorm(dst, x compute.F32, h, w int, n compute.GroupNorm) {
	compute.HostGroupNorm(dst, x, h, w, n)
}
