//go:build js

package webgpu

import (
	"fmt"

	"dit8/core/autoencoder"
	"dit8/core/compute"
)

var _ compute.Convolver = (*Device)(nil)

// conv is a convolution in a buffer of its own: weights [columns, taps, inner], rows of it as a linear
// layer's, then where they are int8 scales, biases and the factors of the inputs, else biases.
type conv struct {
	linear
	shape compute.ConvWeights // without what it has in memory
}

// NewConv copies w to the processor.
func (d *Device) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	c := &conv{linear: linear{d: d, in: w.In, out: w.Out, inner: w.In, int8: w.I8 != nil}}
	c.shape = compute.ConvWeights{In: w.In, Out: w.Out, Kernel: w.Kernel, Stride: w.Stride, Pad: w.Pad}
	taps := w.Kernel * w.Kernel
	c.params = w.Out * taps * w.In
	values := c.params + w.Out
	if c.int8 {
		c.inner = filled(w.In)
		c.params = over(w.Out, tile) * tile * taps * c.inner
		values = c.params + 2*w.Out + w.In
	}
	if values > d.Largest() {
		return nil, fmt.Errorf("webgpu: convolution %d→%d takes %d values, a buffer up to %d", w.In, w.Out, values, d.Largest())
	}
	var err error
	if c.buffer, err = d.buffer(4 * values); err != nil {
		return nil, err
	}
	if !c.int8 {
		put(c.buffer, 0, w.F32)
		put(c.buffer, c.params, w.Bias)
		return c, nil
	}
	c.writeI8(w.I8, w.Out*taps)
	put(c.buffer, c.params, w.Scale)
	put(c.buffer, c.params+w.Out, w.Bias)
	put(c.buffer, c.smooth(), w.Smooth)
	return c, nil
}

// smooth is where the factors of the inputs begin.
func (c *conv) smooth() int { return c.params + 2*c.out }

// Conv computes out.Dst = act(convolution of in + b + residual).
func (d *Device) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	v := c.(*conv)
	rows, cols := compute.CheckConv(out, in, v.shape)
	if out.Dst.Len == 0 {
		return
	}
	flags := uint32(0)
	if out.ReLU {
		flags = 1
	}
	if out.Residual.Len > 0 {
		flags |= 2
		if out.Residual.Addr != out.Dst.Addr {
			d.Copy(out.Dst, out.Residual)
		}
	}
	to := d.operand(out.Dst)
	var x, s operand
	op, scale := convF32Op, 0
	p := newPicture(in, v.in)
	switch {
	case v.int8:
		op = convI8Op
		s = d.statistics(&p, in, v)
		p.inner = v.inner
		x = d.scratch(quantised, 2*4*in.H*in.W*v.inner)
		d.picture(seeI8Op, 4*in.X.Len, over(in.H*in.W*v.inner, lanes), p, x, d.operand(in.X), s)
		scale = p.scale()
	case in.Norm.Groups > 0:
		s = d.statistics(&p, in, v)
		x = d.scratch(quantised, 4*in.X.Len)
		d.picture(seeOp, 4*in.X.Len, over(in.X.Len, lanes), p, x, d.operand(in.X), s)
		s = operand{}
	default:
		x = d.apart(0, to, d.operand(in.X), in.X.Len)
	}
	height, width, up := in.H, in.W, 0
	if in.Up {
		height, width, up = 2*height, 2*width, 1
	}
	k := v.shape.Kernel
	each := k * k * v.in * v.out
	step := max(tile, min(atOnce/each, mostGroups*tile)/tile*tile)
	for first := 0; first < rows*cols; first += step {
		some := min(step, rows*cols-first)
		d.run(op, some*each, [3]int{over(v.out, tile), over(some, tile), 1}, [operands]operand{to, x, {buffer: v.buffer}, s},
			uint32(rows*cols), uint32(v.out), uint32(v.inner), to.at, x.at, uint32(scale), uint32(v.params), uint32(first),
			uint32(cols), uint32(height), uint32(width), uint32(k), uint32(v.shape.Stride), uint32(v.shape.Pad), uint32(up), flags)
	}
}

// GroupNorm computes dst = norm(x).
func (d *Device) GroupNorm(dst, x compute.F32, h, w int, n compute.GroupNorm) {
	c := compute.CheckGroupNorm(dst, x, h, w, n)
	if x.Len == 0 {
		return
	}
	in := compute.ConvInput{X: x, H: h, W: w, Norm: n}
	p := newPicture(in, c)
	s := d.statistics(&p, in, nil)
	to := d.operand(dst)
	from := d.apart(0, to, d.operand(x), x.Len)
	p.dst, p.kind = int(to.at), 1
	d.picture(seeOp, 4*x.Len, over(x.Len, lanes), p, to, from, s)
}

// picture is Picture of webgpu.wgsl.
type picture struct {
	height, width, channels, groups int
	dst, kind                       int
	smooth, weight, bias            uint32
	inner                           int
}

func newPicture(in compute.ConvInput, channels int) picture {
	return picture{height: in.H, width: in.W, channels: channels, groups: in.Norm.Groups}
}

func (p picture) means() int   { return 3 * p.height * p.channels }
func (p picture) squares() int { return p.means() + p.height*p.groups }
func (p picture) affine() int  { return p.squares() + p.height*p.groups }
func (p picture) scale() int   { return p.affine() + 5*p.channels }

// picture issues an operation for so many workgroups.
func (d *Device) picture(op operation, work, groups int, p picture, buffers ...operand) {
	var all [operands]operand
	copy(all[:], buffers)
	d.run(op, work, many(groups), all,
		uint32(p.height), uint32(p.width), uint32(p.channels), uint32(p.groups), all[1].at, uint32(p.dst), uint32(p.kind),
		uint32(p.means()), uint32(p.squares()), uint32(p.affine()), p.smooth, p.weight, p.bias, uint32(p.inner))
}

// statistics finds the norm of a picture, where it has one, and how it becomes integers for c, where that
// is int8 and not nil.
func (d *Device) statistics(p *picture, in compute.ConvInput, c *conv) operand {
	s, x := d.scratch(other, 4*(p.scale()+1)), d.operand(in.X)
	sums, means := over(p.height*p.channels, lanes), over(p.height*p.groups, lanes)
	for p.kind = range 2 {
		d.picture(rowSumsOp, 2*in.X.Len, sums, *p, s, x)
		if p.groups == 0 {
			break
		}
		d.picture(groupSumsOp, p.height*p.channels, means, *p, s)
	}
	p.kind = 0
	var weight, bias, smooth operand
	if p.groups > 0 {
		weight, bias = d.operand(in.Norm.Weight), d.operand(in.Norm.Bias)
		p.weight, p.bias = weight.at, bias.at
	}
	rounded := c != nil && c.int8
	if rounded {
		smooth, p.kind, p.smooth = operand{buffer: c.buffer}, 1, uint32(c.smooth())
	}
	d.picture(affineOp, 20*p.height*p.channels, over(p.channels, lanes), *p, s, weight, smooth, bias)
	if rounded {
		d.picture(roundingOp, 0, 1, *p, s, operand{}, smooth)
	}
	p.kind = 0
	return s
}

// Fits tells whether the processor runs an autoencoder for latents h×w: whether its buffers are large
// enough, it passes TestConvolutions, and Decline did not say otherwise. Unfit says why not.
func (d *Device) Fits(c autoencoder.Config, h, w int) bool {
	switch n := c.LargestLen(h, w); {
	case n > d.Largest():
		d.unfit = fmt.Errorf("the largest picture takes %d values, a buffer up to %d", n, d.Largest())
	case c.Kind == autoencoder.KL && c.Widest() > MaxHeadDim:
		d.unfit = fmt.Errorf("a head of %d channels, allowed up to %d", c.Widest(), MaxHeadDim)
	case d.declined != nil:
		d.unfit = d.declined
	default:
		d.unfit = d.TestConvolutions()
	}
	return d.unfit == nil
}

// Decline has autoencoders that are loaded from now on run on the device beside, for a reason, or here again where that is nil.
func (d *Device) Decline(reason error) { d.declined = reason }

// Unfit is why the last autoencoder that Fits was asked for runs on the device beside.
func (d *Device) Unfit() error { return d.unfit }
