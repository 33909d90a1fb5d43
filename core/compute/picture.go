package compute

import "math"

// What follows is GroupNorm and the inputs of Conv over memory that is Go's, for
// devices that have no kernels for them: generic uses it as the specification, others
// with products of their own.

// Affine is GroupNorm with the statistics of one picture: a channel's values become
// (x - Mean)·Scale + Shift.
type Affine struct{ Mean, Scale, Shift []float32 } // [C]

// Statistics makes a of the picture x [h·w, C], a row of pixels after another.
func (a *Affine) Statistics(x []float32, h, w int, n GroupNorm) {
	c := n.Weight.Len
	s := groupSums{w: w, c: c, groups: n.Groups, mean: make([]float32, h*n.Groups), square: make([]float32, h*n.Groups), sums: make([]float32, c)}
	for y := range h {
		s.row(x[y*w*c:(y+1)*w*c], y)
	}
	a.Mean, a.Scale, a.Shift = make([]float32, c), make([]float32, c), n.Bias.Host
	for g := range n.Groups {
		mean, rstd := s.whole(h, g)
		for i := g * c / n.Groups; i < (g+1)*c/n.Groups; i++ {
			a.Mean[i], a.Scale[i] = mean, float32(rstd*n.Weight.Host[i])
		}
	}
}

// groupSums are the means of each group in each row of pixels, and the sums of squares
// of what is left.
type groupSums struct {
	w, c, groups int
	mean, square []float32 // [h, groups]
	sums         []float32 // [C], of a row
}

// row adds up row y of pixels [w, C]: channel by channel in the order of columns, then
// over the channels of a group.
func (s *groupSums) row(x []float32, y int) {
	n := s.c / s.groups
	mean, square := s.mean[y*s.groups:(y+1)*s.groups], s.square[y*s.groups:(y+1)*s.groups]
	clear(s.sums)
	for p := 0; p < len(x); p += s.c {
		for i, v := range x[p : p+s.c] {
			s.sums[i] += v
		}
	}
	for g := range mean {
		mean[g] = sum(s.sums[g*n:(g+1)*n]) / float32(s.w*n)
	}
	clear(s.sums)
	for p := 0; p < len(x); p += s.c {
		for g, m := range mean {
			sums := s.sums[g*n : (g+1)*n]
			for i, v := range x[p+g*n : p+(g+1)*n] {
				d := v - m
				sums[i] += float32(d * d)
			}
		}
	}
	for g := range square {
		square[g] = sum(s.sums[g*n : (g+1)*n])
	}
}

// whole is the mean of group g over h rows, and one over its deviation: the mean of
// the rows' means, and their squares about it.
func (s *groupSums) whole(h, g int) (mean, rstd float32) {
	var p [16]float32
	for y := range h {
		p[y&15] += s.mean[y*s.groups+g]
	}
	mean = FoldSum(&p) / float32(h)
	p = [16]float32{}
	per := float32(s.w * (s.c / s.groups))
	for y := range h {
		e := s.mean[y*s.groups+g] - mean
		p[y&15] += s.square[y*s.groups+g] + float32(float32(e*e)*per)
	}
	variance := FoldSum(&p) / float32(h*s.w*(s.c/s.groups))
	return mean, 1 / float32(math.Sqrt(float64(variance+NormEps)))
}

func sum(v []float32) (s float32) {
	for _, x := range v {
		s += x
	}
	return s
}

// Apply normalises pixels x [n, C] to dst, which may be x.
func (a *Affine) Apply(dst, x []float32) {
	c := len(a.Mean)
	for p := 0; p < len(x); p += c {
		y := dst[p : p+c]
		for i, v := range x[p : p+c] {
			y[i] = a.value(v, i)
		}
	}
}

func (a *Affine) value(v float32, channel int) float32 {
	return float32(float32(v-a.Mean[channel])*a.Scale[channel]) + a.Shift[channel]
}

// ApplySiLU is Apply with SiLU.
func (a *Affine) ApplySiLU(dst, x []float32) {
	a.Apply(dst, x)
	for i, v := range dst[:len(x)] {
		dst[i] = SiLU(v)
	}
}

// HostGroupNorm is GroupNorm in memory that is Go's.
func HostGroupNorm(dst, x F32, h, w int, n GroupNorm) {
	c := n.Weight.Len
	n.Check(c)
	SameLen("group norm x", x.Len, h*w*c)
	SameLen("group norm dst", dst.Len, h*w*c)
	var a Affine
	a.Statistics(x.Host, h, w, n)
	a.Apply(dst.Host, x.Host)
}

// ConvRows gives the rows of the picture that a convolution sees: those of in, after
// its norm and SiLU, with a zero on both sides, and twice where it is doubled.
type ConvRows struct {
	in     ConvInput
	c      int
	affine Affine
	ring   [3][]float32 // the last rows, [W+2, C]
	has    [3]int       // which
	zeros  []float32
}

// NewConvRows computes what all rows need.
func NewConvRows(in ConvInput, c int) *ConvRows {
	r := &ConvRows{in: in, c: c, has: [3]int{-1, -1, -1}}
	if in.Norm.Groups > 0 {
		r.affine.Statistics(in.X.Host, in.H, in.W, in.Norm)
	}
	_, w := r.Size()
	for i := range r.ring {
		r.ring[i] = make([]float32, (w+2)*r.c)
	}
	r.zeros = make([]float32, (w+2)*r.c)
	return r
}

// Size is that of the picture that the convolution sees.
func (r *ConvRows) Size() (h, w int) {
	if r.in.Up {
		return 2 * r.in.H, 2 * r.in.W
	}
	return r.in.H, r.in.W
}

// Row is row y [W+2, C], zeros outside of the picture. It stays until the fourth row
// after it.
func (r *ConvRows) Row(y int) []float32 {
	h, w := r.Size()
	if y < 0 || y >= h {
		return r.zeros
	}
	slot := y % 3
	row := r.ring[slot]
	if r.has[slot] == y {
		return row
	}
	r.has[slot] = y
	inside := row[r.c : (w+1)*r.c]
	if !r.in.Up {
		r.fill(inside, y)
		return row
	}
	if y%2 == 1 && r.has[(y-1)%3] == y-1 { // the one before is the same
		copy(row, r.ring[(y-1)%3])
		return row
	}
	small := row[r.c : (r.in.W+1)*r.c]
	r.fill(small, y/2)
	for x := r.in.W - 1; x >= 0; x-- { // from the end, so that none is lost
		pixel := inside[x*r.c : (x+1)*r.c]
		copy(inside[(2*x+1)*r.c:], pixel)
		copy(inside[2*x*r.c:(2*x+1)*r.c], pixel)
	}
	return row
}

// fill takes row y of the picture that was given.
func (r *ConvRows) fill(dst []float32, y int) {
	x := r.in.X.Host[y*len(dst) : (y+1)*len(dst)]
	if r.in.Norm.Groups > 0 {
		r.affine.ApplySiLU(dst, x)
		return
	}
	copy(dst, x)
}

// Finish adds residual, where there is one, to values of a convolution, and applies
// ReLU.
func (o ConvOutput) Finish(y []float32, at int) {
	if o.Residual.Len > 0 {
		for i, v := range o.Residual.Host[at : at+len(y)] {
			y[i] = y[i] + v
		}
	}
	if o.ReLU {
		for i, v := range y {
			if !(v > 0) {
				y[i] = 0
			}
		}
	}
}
