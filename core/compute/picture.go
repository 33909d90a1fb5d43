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
	s := NewGroupSums(h, w, n)
	sums := make([]float32, c)
	for y := range h {
		row := x[y*w*c : (y+1)*w*c]
		clear(sums)
		for p := 0; p < len(row); p += c {
			for i, v := range row[p : p+c] {
				sums[i] += v
			}
		}
		means := s.Means(y, sums)
		clear(sums)
		for p := 0; p < len(row); p += c {
			for i, v := range row[p : p+c] {
				d := v - means[i*n.Groups/c]
				sums[i] += float32(d * d)
			}
		}
		s.Squares(y, sums)
	}
	*a = s.Affine()
}

// GroupSums are the means of each group in each row of pixels, and the sums of squares
// of what is left.
type GroupSums struct {
	h, w         int
	norm         GroupNorm
	mean, square []float32 // [h, groups]
}

// NewGroupSums are those of a picture of h rows of w pixels.
func NewGroupSums(h, w int, n GroupNorm) *GroupSums {
	return &GroupSums{h, w, n, make([]float32, h*n.Groups), make([]float32, h*n.Groups)}
}

// Means takes Σ x of each channel [C] of row y, added up in the order of columns, and
// returns the groups' means.
func (s *GroupSums) Means(y int, sums []float32) []float32 {
	mean := s.mean[y*s.norm.Groups : (y+1)*s.norm.Groups]
	n := len(sums) / s.norm.Groups
	for g := range mean {
		mean[g] = sum(sums[g*n:(g+1)*n]) / float32(s.w*n)
	}
	return mean
}

// Squares takes Σ (x - mean)² of each channel, added up likewise.
func (s *GroupSums) Squares(y int, sums []float32) {
	square := s.square[y*s.norm.Groups : (y+1)*s.norm.Groups]
	n := len(sums) / s.norm.Groups
	for g := range square {
		square[g] = sum(sums[g*n : (g+1)*n])
	}
}

// Affine is what comes of the sums of all rows.
func (s *GroupSums) Affine() Affine {
	c := s.norm.Weight.Len
	a := Affine{make([]float32, c), make([]float32, c), s.norm.Bias.Host}
	for g := range s.norm.Groups {
		mean, rstd := s.whole(g)
		for i := g * c / s.norm.Groups; i < (g+1)*c/s.norm.Groups; i++ {
			a.Mean[i], a.Scale[i] = mean, float32(rstd*s.norm.Weight.Host[i])
		}
	}
	return a
}

// whole is the mean of group g over all rows, and one over its deviation: the mean of
// the rows' means, and their squares about it.
func (s *GroupSums) whole(g int) (mean, rstd float32) {
	n, groups := s.norm.Weight.Len/s.norm.Groups, s.norm.Groups
	var p [16]float32
	for y := range s.h {
		p[y&15] += s.mean[y*groups+g]
	}
	mean = FoldSum(&p) / float32(s.h)
	p = [16]float32{}
	per := float32(s.w * n)
	for y := range s.h {
		e := s.mean[y*groups+g] - mean
		p[y&15] += s.square[y*groups+g] + float32(float32(e*e)*per)
	}
	variance := FoldSum(&p) / float32(s.h*s.w*n)
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
	CheckGroupNorm(dst, x, h, w, n)
	var a Affine
	a.Statistics(x.Host, h, w, n)
	a.Apply(dst.Host, x.Host)
}

// ConvRows gives the rows of the picture that a convolution sees: those of in, after
// its norm and SiLU, with a zero on both sides, and twice where it is doubled.
type ConvRows struct {
	in     ConvInput
	c      int
	affine *Affine                // of in's norm
	fill   func(dst, x []float32) // what becomes of a row of in
	ring   [3][]float32           // the last rows, [W+2, C]
	has    [3]int                 // which
	zeros  []float32
}

// NewConvRows computes what all rows need.
func NewConvRows(in ConvInput, c int) *ConvRows {
	if in.Norm.Groups == 0 {
		return NewConvRowsOf(in, c, func(dst, x []float32) { copy(dst, x) })
	}
	a := new(Affine)
	a.Statistics(in.X.Host, in.H, in.W, in.Norm)
	r := NewConvRowsOf(in, c, a.ApplySiLU)
	r.affine = a
	return r
}

// NewConvRowsOf leaves norm and SiLU to fill, which makes a row of pixels of one of in's.
func NewConvRowsOf(in ConvInput, c int, fill func(dst, x []float32)) *ConvRows {
	r := &ConvRows{in: in, c: c, fill: fill, has: [3]int{-1, -1, -1}}
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
		r.fill(inside, r.given(y))
		return row
	}
	if y%2 == 1 && r.has[(y-1)%3] == y-1 { // the one before is the same
		copy(row, r.ring[(y-1)%3])
		return row
	}
	small := row[r.c : (r.in.W+1)*r.c]
	r.fill(small, r.given(y/2))
	for x := r.in.W - 1; x >= 0; x-- { // from the end, so that none is lost
		pixel := inside[x*r.c : (x+1)*r.c]
		copy(inside[(2*x+1)*r.c:], pixel)
		copy(inside[2*x*r.c:(2*x+1)*r.c], pixel)
	}
	return row
}

// given is row y of the picture that was given.
func (r *ConvRows) given(y int) []float32 {
	n := r.in.W * r.c
	return r.in.X.Host[y*n : (y+1)*n]
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
