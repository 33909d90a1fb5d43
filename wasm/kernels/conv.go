//go:build js

package kernels

import "dit8/core/compute"

// NewConv copies and packs w.
func (d *Device) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if w.I8 != nil {
		return d.newConvInt8(w)
	}
	l, err := d.NewLinear(compute.Weights{In: w.Kernel * w.Kernel * w.In, Out: w.Out, F32: w.F32, Bias: w.Bias})
	if err != nil {
		return nil, err
	}
	return &conv{l.(*linear), shape(w)}, nil
}

// shape is w without what it has in memory.
func shape(w compute.ConvWeights) compute.ConvWeights {
	return compute.ConvWeights{In: w.In, Out: w.Out, Kernel: w.Kernel, Stride: w.Stride, Pad: w.Pad}
}

// conv is a convolution with float32 weights, packed like a linear layer whose inputs
// are all that the kernel sees of a pixel.
type conv struct {
	*linear
	shape compute.ConvWeights
}

func (c *conv) In() int { return c.shape.In }

// convInt8 is one with int8 weights.
type convInt8 struct {
	mem                    *arena
	shape                  compute.ConvWeights
	w, scale, bias, smooth uint32
}

func (c *convInt8) In() int  { return c.shape.In }
func (c *convInt8) Out() int { return c.shape.Out }

// Free gives its memory back.
func (c *convInt8) Free() { c.mem.give(c.pieces()) }

func (c *convInt8) pieces() []piece {
	outs := 4 * filled(c.Out())
	return []piece{{&c.w, int(packedConv(int32(c.In()), int32(c.Out())))}, {&c.scale, outs}, {&c.bias, outs}, {&c.smooth, 4 * c.In()}}
}

func (d *Device) newConvInt8(w compute.ConvWeights) (compute.Conv, error) {
	c := &convInt8{mem: &d.mem, shape: shape(w)}
	if err := d.take(c.pieces()); err != nil {
		return nil, err
	}
	put(c.scale, w.Scale)
	put(c.bias, w.Bias)
	put(c.smooth, w.Smooth)
	err := pack(d, w.I8, 9*w.In, func(raw uint32, j, n int) { packConv(c.w, raw, int32(j), int32(n), int32(w.In)) })
	if err != nil {
		c.Free()
		return nil, err
	}
	return c, nil
}

// Conv computes out.Dst = act(convolution of in + b + residual).
func (d *Device) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	l, float := c.(*conv)
	var s compute.ConvWeights
	if float {
		s = l.shape
	} else {
		s = c.(*convInt8).shape
	}
	_, cols := compute.CheckConv(out, in, s)
	if out.Dst.Len == 0 {
		return
	}
	norm, residual, up := uint32(0), out.Residual.Addr, flag(in.Up)
	if in.Norm.Groups > 0 {
		norm = d.groupAffine(in.X, in.H, in.W, in.Norm)
	}
	if out.Residual.Len == 0 {
		residual = 0
	}
	h, w := int32(in.H), int32(in.W)
	if !float {
		l := c.(*convInt8)
		scratch := d.scratch(other, int(convInt8Scratch(h, w, int32(s.In), up, int32(s.Out))))
		convI8(out.Dst.Addr, residual, flag(out.ReLU), in.X.Addr, h, w, int32(s.In), up, norm, l.smooth, l.w, l.scale, l.bias, int32(s.Out), scratch)
		return
	}
	seen := w << up
	scratch := d.scratch(other, int(convScratch(int32(cols), seen, int32(s.In), int32(s.Kernel), int32(s.Stride))))
	convF32(out.Dst.Addr, residual, flag(out.ReLU), in.X.Addr, h, w, int32(s.In), up, norm, l.w, l.bias, int32(s.Out), int32(s.Kernel), int32(s.Stride), int32(s.Pad), scratch)
}

// GroupNorm computes dst = norm(x). dst may be x.
func (d *Device) GroupNorm(dst, x compute.F32, h, w int, n compute.GroupNorm) {
	c := n.Weight.Len
	n.Check(c)
	compute.SameLen("group norm x", x.Len, h*w*c)
	compute.SameLen("group norm dst", dst.Len, h*w*c)
	groupNorm(dst.Addr, x.Addr, int32(h*w), int32(c), d.groupAffine(x, h, w, n))
}

// groupAffine is the address of a norm's affine form for the picture x.
func (d *Device) groupAffine(x compute.F32, h, w int, n compute.GroupNorm) uint32 {
	c := n.Weight.Len
	at := d.scratch(affine, 3*4*c)
	s := d.scratch(other, int(groupScratch(int32(h), int32(c), int32(n.Groups))))
	groupAffine(at, x.Addr, int32(h), int32(w), int32(c), int32(n.Groups), n.Weight.Addr, n.Bias.Addr, s)
	return at
}

func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
