package generic

import "dit8/core/compute"

type linear struct{ compute.Weights }

func (l *linear) In() int    { return l.Weights.In }
func (l *linear) Out() int   { return l.Weights.Out }
func (l *linear) Int8() bool { return l.I8 != nil }

// NewLinear keeps w's slices.
func (d *Device) NewLinear(w compute.Weights) (compute.Linear, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	return &linear{w}, nil
}

// Linear computes dst = act(x·Wᵀ + b).
func (d *Device) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	l := w.(*linear)
	in, out := l.In(), l.Out()
	compute.SameLen("linear x", x.Len, rows*in)
	compute.SameLen("linear dst", dst.Len, rows*out)
	for r := range rows {
		y := dst.Host[r*out : (r+1)*out]
		d.row(y, x.Host[r*in:(r+1)*in], l)
		switch act {
		case compute.WithGELU:
			gelu := compute.GELU
			if l.I8 != nil {
				gelu = compute.FastGELU
			}
			for j, v := range y {
				y[j] = gelu(v)
			}
		case compute.WithSiLU:
			for j, v := range y {
				y[j] = compute.SiLU(v)
			}
		}
	}
}

// LinearGate adds gate ∘ (x·Wᵀ + b) to dst.
func (d *Device) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	l := w.(*linear)
	in, out := l.In(), l.Out()
	compute.SameLen("linear x", x.Len, rows*in)
	compute.SameLen("linear dst", dst.Len, rows*out)
	y := scratch(&d.query, out)
	for r := range rows {
		d.row(y, x.Host[r*in:(r+1)*in], l)
		g := gate.Vector(r, out)
		z := dst.Host[r*out : (r+1)*out]
		for j := range z {
			z[j] = z[j] + float32(g[j]*y[j])
		}
	}
}

// LinearSwiGLU computes dst = SiLU(x·Wgᵀ + bg) ∘ (x·Wᵀ + b).
func (d *Device) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	g, l := gate.(*linear), w.(*linear)
	in, out := l.In(), l.Out()
	compute.SameLen("swiglu gate in", g.In(), in)
	compute.SameLen("swiglu gate out", g.Out(), out)
	compute.SameLen("linear x", x.Len, rows*in)
	compute.SameLen("linear dst", dst.Len, rows*out)
	y := scratch(&d.query, out)
	for r := range rows {
		z := dst.Host[r*out : (r+1)*out]
		d.row(y, x.Host[r*in:(r+1)*in], g)
		d.row(z, x.Host[r*in:(r+1)*in], l)
		for j, v := range y {
			z[j] = float32(compute.SiLU(v) * z[j])
		}
	}
}

// row computes y = x·Wᵀ + b for one row.
func (d *Device) row(y, x []float32, l *linear) {
	if l.F32 != nil {
		rowF32(y, x, l.F32, l.Bias)
		return
	}
	q := scratch(&d.rows, len(x))
	s := compute.QuantizeRow(q, x)
	rowI8(y, q, s, l.I8, l.Scale, l.Bias)
}

// rowF32 runs four outputs at a time; each sums its products in the order of k.
func rowF32(y, x, w, b []float32) {
	n := len(x)
	j := 0
	for ; j+4 <= len(y); j += 4 {
		w0, w1, w2, w3 := w[j*n:(j+1)*n], w[(j+1)*n:(j+2)*n], w[(j+2)*n:(j+3)*n], w[(j+3)*n:(j+4)*n]
		w0, w1, w2, w3 = w0[:len(x)], w1[:len(x)], w2[:len(x)], w3[:len(x)]
		var s0, s1, s2, s3 float32
		for k, v := range x {
			s0 += float32(v * w0[k])
			s1 += float32(v * w1[k])
			s2 += float32(v * w2[k])
			s3 += float32(v * w3[k])
		}
		y[j], y[j+1], y[j+2], y[j+3] = s0+b[j], s1+b[j+1], s2+b[j+2], s3+b[j+3]
	}
	for ; j < len(y); j++ {
		var s float32
		for k, wk := range w[j*n : (j+1)*n] {
			s += float32(x[k] * wk)
		}
		y[j] = s + b[j]
	}
}

// rowI8 is rowF32 with exact int32 sums, rescaled at the end.
func rowI8(y []float32, q []int8, s float32, w []int8, scale, b []float32) {
	n := len(q)
	put := func(j int, acc int32) {
		y[j] = float32(float32(acc)*float32(s*scale[j])) + b[j]
	}
	j := 0
	for ; j+4 <= len(y); j += 4 {
		w0, w1, w2, w3 := w[j*n:(j+1)*n], w[(j+1)*n:(j+2)*n], w[(j+2)*n:(j+3)*n], w[(j+3)*n:(j+4)*n]
		w0, w1, w2, w3 = w0[:len(q)], w1[:len(q)], w2[:len(q)], w3[:len(q)]
		var s0, s1, s2, s3 int32
		for k, v := range q {
			v := int32(v)
			s0 += v * int32(w0[k])
			s1 += v * int32(w1[k])
			s2 += v * int32(w2[k])
			s3 += v * int32(w3[k])
		}
		put(j, s0)
		put(j+1, s1)
		put(j+2, s2)
		put(j+3, s3)
	}
	for ; j < len(y); j++ {
		var acc int32
		for k, wk := range w[j*n : (j+1)*n] {
			acc += int32(q[k]) * int32(wk)
		}
		put(j, acc)
	}
}
