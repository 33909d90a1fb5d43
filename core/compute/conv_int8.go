package compute

// The input of a convolution in integers: what its definition in the package's comment
// calls q and s, over memory that is Go's.

const (
	// ConvMax is the largest |q|.
	ConvMax = 2047
	// siluMin is as far as SiLU goes below zero, rounded up.
	siluMin = 0.2784646
)

// Ranges are the least and largest value of each channel of a picture.
type Ranges struct{ Low, High []float32 } // [C]

// NewRanges begins with the first pixel x [C] of a picture.
func NewRanges(x []float32) Ranges {
	return Ranges{append([]float32(nil), x...), append([]float32(nil), x...)}
}

// See takes in pixels x [n, C].
func (r Ranges) See(x []float32) {
	c := len(r.Low)
	for ; len(x) > 0; x = x[c:] {
		for i, v := range x[:c] {
			if v < r.Low[i] {
				r.Low[i] = v
			}
			if v > r.High[i] {
				r.High[i] = v
			}
		}
	}
}

// ConvScale is how the picture that a convolution sees is rounded to 12 bits: a value u
// of channel c to q = rne(u·Inverse[c]), which stands for q·Scale/Smooth[c].
type ConvScale struct {
	Scale   float32
	Inverse []float32 // [C]; zeros for a picture of zeros, whose scale is 0
}

// ConvScale is that of pictures in these ranges, before the norm a and SiLU where a is
// not nil. smooth [C] are the convolution's factors.
func (r Ranges) ConvScale(a *Affine, smooth []float32) ConvScale {
	var top float32
	for c, f := range smooth {
		if m := float32(r.bound(a, c) * f); m > top {
			top = m
		}
	}
	s := ConvScale{Inverse: make([]float32, len(smooth))}
	if !(top >= MinAbsMax) {
		return s
	}
	s.Scale = top / ConvMax
	inv := ConvMax / top
	for c, f := range smooth {
		s.Inverse[c] = float32(inv * f)
	}
	return s
}

// bound is the largest |u| that there may be in channel c. The norm rises or falls with
// its value, and so does SiLU above zero.
func (r Ranges) bound(a *Affine, c int) float32 {
	low, high := r.Low[c], r.High[c]
	if a == nil {
		return max(-low, high)
	}
	low, high = a.value(low, c), a.value(high, c)
	return max(SiLU(max(low, high)), siluMin)
}

// Quantize rounds pixels u [n, C].
func (s ConvScale) Quantize(q []int16, u []float32) {
	c := len(s.Inverse)
	for p := 0; p < len(u); p += c {
		to := q[p : p+c]
		for i, v := range u[p : p+c] {
			to[i] = int16(int32(RoundEven(float32(v * s.Inverse[i]))))
		}
	}
}

// IntRows are the rows of ConvRows in integers.
type IntRows struct {
	ConvScale
	rows *ConvRows
	ring [3][]int16
	has  [3]int
	zero []int16
}

// Integers rounds the rows for a convolution with factors smooth.
func (r *ConvRows) Integers(smooth []float32) *IntRows {
	x := r.in.X.Host
	ranges := NewRanges(x[:r.c])
	ranges.See(x[r.c:])
	i := &IntRows{ConvScale: ranges.ConvScale(r.affine, smooth), rows: r, has: [3]int{-1, -1, -1}, zero: make([]int16, len(r.zeros))}
	for k := range i.ring {
		i.ring[k] = make([]int16, len(r.zeros))
	}
	return i
}

// Row is row y [W+2, C], as ConvRows.Row.
func (r *IntRows) Row(y int) []int16 {
	if h, _ := r.rows.Size(); y < 0 || y >= h {
		return r.zero
	}
	slot := y % 3
	if r.has[slot] != y {
		r.has[slot] = y
		r.Quantize(r.ring[slot], r.rows.Row(y))
	}
	return r.ring[slot]
}
