package calib

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"

	"dit8/core/compute"
)

// Gram is XᵀX of n columns, in float64, from rows of X [rows, n].
func Gram(dev compute.Device, x []float32, n int) ([]float64, error) {
	rows := len(x) / n
	t := make([]float32, len(x)) // Xᵀ
	for i := range rows {
		for j, v := range x[i*n : (i+1)*n] {
			t[j*rows+i] = v
		}
	}
	l, err := dev.NewLinear(compute.Weights{In: rows, Out: n, F32: t, Bias: make([]float32, n)})
	if err != nil {
		return nil, err
	}
	defer compute.FreeLinear(l)
	in, err := dev.Alloc(len(t))
	if err != nil {
		return nil, err
	}
	defer dev.Free(in)
	out, err := dev.Alloc(n * n)
	if err != nil {
		return nil, err
	}
	defer dev.Free(out)
	dev.Write(in, t)
	dev.Linear(out, in, n, l, compute.NoActivation)
	g32 := make([]float32, n*n)
	dev.Read(g32, out)
	g := make([]float64, n*n)
	for i := range n {
		for j := range n {
			g[i*n+j] = float64(g32[i*n+j]+g32[j*n+i]) / 2
		}
	}
	return g, nil
}

// damping is added to the diagonal of the Gram matrix, of its mean.
const damping = 0.01

// Round rounds the rows of w [rows, n] to int8 so that the outputs for inputs with the
// Gram matrix gram change least: column after column, what rounding one changes is
// made up for by those not rounded yet (GPTQ, arXiv 2210.17323). Columns go in the
// order of their inputs' size. Scales are those of plain rounding.
func Round(w []float32, gram []float64, n int) (q []int8, scale []float32, err error) {
	rows := len(w) / n
	q, scale = make([]int8, len(w)), make([]float32, rows)
	order := bySize(gram, n)
	u, err := inverseFactor(damped(gram, order), n)
	if err != nil {
		return nil, nil, err
	}
	parallel(rows, func(r int) {
		row := w[r*n : (r+1)*n]
		scale[r] = compute.QuantizeRow(q[r*n:(r+1)*n], row)
		s := float64(scale[r])
		if s == 0 {
			return
		}
		v := make([]float64, n)
		for i, k := range order {
			v[i] = float64(row[k])
		}
		for i, k := range order {
			x := max(-127, min(127, math.RoundToEven(v[i]/s)))
			q[r*n+k] = int8(x)
			ui := u[i*n : (i+1)*n]
			e := (v[i] - x*s) / ui[i]
			for j := i + 1; j < n; j++ {
				v[j] -= e * ui[j]
			}
		}
	})
	return q, scale, nil
}

// bySize is the order of n columns by their inputs' size, the largest first.
func bySize(gram []float64, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := gram[a*n+a], gram[b*n+b]; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return order
}

// damped is the Gram matrix of the columns in an order, with damping on the diagonal.
func damped(gram []float64, order []int) []float64 {
	n := len(order)
	mean := 0.0
	for i := range n {
		mean += gram[i*n+i] / float64(n)
	}
	if mean == 0 { // a layer that sees nothing but zeros
		mean = 1
	}
	h := make([]float64, n*n)
	for i, a := range order {
		for j, b := range order {
			h[i*n+j] = gram[a*n+b]
		}
		h[i*n+i] += damping * mean
	}
	return h
}

// inverseFactor is the upper triangular U with UᵀU = h⁻¹. It is the inverse of the
// upper triangular F with FFᵀ = h.
func inverseFactor(h []float64, n int) ([]float64, error) {
	// F, from the last column to the first; in place, row j of f is row j of F.
	f := slices.Clone(h)
	for j := n - 1; j >= 0; j-- {
		fj := f[j*n : (j+1)*n]
		d := fj[j]
		for _, v := range fj[j+1:] {
			d -= v * v
		}
		if !(d > 0) {
			return nil, errors.New("calib: the inputs' Gram matrix is not positive definite")
		}
		d = math.Sqrt(d)
		fj[j] = d
		parallel(j, func(i int) {
			fi := f[i*n : (i+1)*n]
			s := fi[j]
			for k := j + 1; k < n; k++ {
				s -= fi[k] * fj[k]
			}
			fi[j] = s / d
		})
	}
	// U = F⁻¹, row by row: U[i,i] = 1/F[i,i], and for j > i, back from FU = 1:
	// F[i,i]·U[i,j] = -Σ_{i<k≤j} F[i,k]·U[k,j], so rows from the last to the first.
	u := make([]float64, n*n)
	for i := n - 1; i >= 0; i-- {
		fi, ui := f[i*n:(i+1)*n], u[i*n:(i+1)*n]
		for k := i + 1; k < n; k++ {
			c := fi[k]
			uk := u[k*n : (k+1)*n]
			for j := k; j < n; j++ {
				ui[j] -= c * uk[j]
			}
		}
		for j := i + 1; j < n; j++ {
			ui[j] /= fi[i]
		}
		ui[i] = 1 / fi[i]
	}
	return u, nil
}

// parallel calls f for 0 to n-1 on all cores.
func parallel(n int, f func(i int)) {
	workers := runtime.GOMAXPROCS(0)
	if n < 64 || workers == 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				f(i)
			}
		})
	}
	wg.Wait()
}
