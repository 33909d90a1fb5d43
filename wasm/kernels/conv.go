//go:build js

package kernels

import "dit8/core/compute"

// conv is a convolution, packed like a linear layer whose inputs are all that the
// kernel sees of a pixel.
type conv struct {
	*linear
	w compute.ConvWeights // without the weights
}

func (c *conv) In() int { return c.w.In }

// NewConv copies and packs w.
func (d *Device) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	l, err := d.NewLinear(compute.Weights{In: w.Kernel * w.Kernel * w.In, Out: w.Out, F32: w.F32, Bias: w.Bias})
	if err != nil {
		return nil, err
	}
	w.F32, w.Bias = nil, nil
	return &conv{l.(*linear), w}, nil
}

// Conv computes out.Dst = act(convolution of in + b + residual).
func (d *Device) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	l := c.(*conv)
	_, cols := compute.CheckConv(out, in, l.w)
	if out.Dst.Len == 0 {
		return
	}
	norm, seen := uint32(0), in.W
	if in.Norm.Groups > 0 {
		norm = d.groupAffine(in.X, in.H, in.W, in.Norm)
	}
	if in.Up {
		seen *= 2
	}
	residual := out.Residual.Addr
	if out.Residual.Len == 0 {
		residual = 0
	}
	s := d.scratch(other, int(convScratch(int32(cols), int32(seen), int32(l.w.In), int32(l.w.Kernel), int32(l.w.Stride))))
	convF32(out.Dst.Addr, residual, flag(out.ReLU), in.X.Addr, int32(in.H), int32(in.W), int32(l.w.In), flag(in.Up), norm,
		l.linear.w, l.bias, int32(l.w.Out), int32(l.w.Kernel), int32(l.w.Stride), int32(l.w.Pad), s)
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
