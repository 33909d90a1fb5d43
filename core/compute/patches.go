package compute

import "fmt"

// Patches runs what a Convolver has on a device that has memory of Go's and none of it:
// a convolution is its Linear on the pixels that the kernel sees, a band of rows after
// another. The sums are in the same order, so the bits are those of package generic.
type Patches struct {
	Device
	patches, y F32
}

// PatchConv is a convolution of Patches: a linear layer.
type PatchConv struct {
	w ConvWeights // without the weights
	Linear
}

// In is the number of channels that it takes.
func (c *PatchConv) In() int { return c.w.In }

// Out is the number of channels that it makes.
func (c *PatchConv) Out() int { return c.w.Out }

// Free gives the memory back.
func (c *PatchConv) Free() { FreeLinear(c.Linear) }

// maxPatchValues is about how many values a band has: few enough for a cache.
const maxPatchValues = 1 << 18

// NewConv makes a layer of a convolution with float32 weights.
func (d *Patches) NewConv(w ConvWeights) (Conv, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if w.I8 != nil {
		return nil, fmt.Errorf("compute: convolution %d→%d: int8 weights are not for patches", w.In, w.Out)
	}
	l, err := d.NewLinear(Weights{Name: w.Name, In: w.Kernel * w.Kernel * w.In, Out: w.Out, F32: w.F32, Bias: w.Bias})
	w.F32, w.Bias = nil, nil
	return &PatchConv{w, l}, err
}

// Conv computes bands of rows.
func (d *Patches) Conv(out ConvOutput, in ConvInput, c Conv) {
	l := c.(*PatchConv)
	rows, cols := CheckConv(out, in, l.w)
	if out.Dst.Len == 0 {
		return
	}
	from := NewConvRows(in, l.w.In)
	size := l.Linear.In()
	band := min(rows, max(1, maxPatchValues/(cols*size)))
	for y := 0; y < rows; y += band {
		n := min(band, rows-y)
		x := hostScratch(&d.patches, n*cols*size)
		for i := range n {
			l.row(x.Host[i*cols*size:], from, y+i, cols)
		}
		at := y * cols * l.w.Out
		dst := out.Dst.Slice(at, at+n*cols*l.w.Out)
		if out.Residual.Len == 0 {
			d.Linear(dst, x, n*cols, l.Linear, NoActivation)
			out.Finish(dst.Host, at)
			continue
		}
		sum := hostScratch(&d.y, dst.Len) // dst may be the residual
		d.Linear(sum, x, n*cols, l.Linear, NoActivation)
		out.Finish(sum.Host, at)
		copy(dst.Host, sum.Host)
	}
}

// row copies what the kernel sees of row y, for each pixel [Kernel, Kernel, In].
func (c *PatchConv) row(dst []float32, from *ConvRows, y, cols int) {
	k, in := c.w.Kernel, c.w.In
	for ky := range k {
		taps := from.Row(y*c.w.Stride + ky - c.w.Pad)
		for x := range cols {
			x0 := x*c.w.Stride + 1 - c.w.Pad
			copy(dst[(x*k+ky)*k*in:(x*k+ky+1)*k*in], taps[x0*in:(x0+k)*in])
		}
	}
}

// GroupNorm computes dst = norm(x).
func (d *Patches) GroupNorm(dst, x F32, h, w int, n GroupNorm) { HostGroupNorm(dst, x, h, w, n) }

func hostScratch(s *F32, n int) F32 {
	if s.Len < n {
		*s = F32{Host: make([]float32, n), Len: n}
	}
	return s.Slice(0, n)
}
