package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Winograd's F(2×2, 3×3) in integers (arXiv 1509.09308): tiles of four by four inputs
// make two by two outputs, by sixteen products of transformed inputs and kernels, the
// planes. Of a picture that is doubled, three by three inputs make the same by nine.
// Inputs are words in chunks of 32 channels, 64 bytes a pixel.

// chunk is the bytes of a pixel's or tile's channels.
const chunk = 64

// plane addresses what is some strides from a base, at most three.
func plane(i int, base, stride, stride3 reg.GPVirtual, disp int) Mem {
	return at(i, base, base, stride, stride3, disp)
}

func (s isa) winograd(tiles int, p product) {
	s.kernelPlanes()
	s.inputPlanes(false)
	s.inputPlanes(true)
	s.outputTiles(false)
	s.outputTiles(true)
	s.planeProducts(tiles, p)
}

// lastMaddwd is maddwd where no register is left: the last product takes the input's.
type lastMaddwd struct{ maddwd }

func (lastMaddwd) step(s isa, acc [2]reg.VecPhysical, row Mem) {
	v, p := s.reg(2*s.rows+2), s.reg(2*s.rows+3)
	VPBROADCASTD(row, v)
	VPMADDWD(s.reg(2*s.rows), v, p)
	VPADDD(p, acc[0], acc[0])
	VPMADDWD(s.reg(2*s.rows+1), v, v)
	VPADDD(v, acc[1], acc[1])
}

// planeProducts computes blocks of tiles of one plane: m [blocks·tiles, panel] from v
// [chunks, …, 32], whose chunks are chunkStride apart, and u [chunks, 16, panel, 2].
func (s isa) planeProducts(tiles int, p product) {
	TEXT("planeProducts"+s.suffix, NOSPLIT, "func(m *int32, v, u *int16, chunks, chunkStride, blocks int)")
	Pragma("noescape")
	s.rows = tiles
	t := newTile(s, tiles)
	m, v, stride := param("m"), param("v"), param("chunkStride")
	at, left := GP64(), param("blocks")
	p.setup(s)
	Label("block")
	MOVQ(v, at)
	w, n := param("u"), param("chunks")
	for i := range tiles {
		for h := range 2 {
			s.zero(t.acc[i][h])
		}
	}
	Label("chunk")
	for pair := range 16 {
		p.weights(s, Mem{Base: w, Disp: 2 * pair * s.bytes}, s.bytes)
		for i := range tiles {
			p.step(s, t.acc[i], mem(at, chunk*i+4*pair))
		}
	}
	ADDQ(stride, at)
	ADDQ(U32(32*s.bytes), w)
	DECQ(n)
	JNZ(LabelRef("chunk"))
	for i := range tiles {
		for h := range 2 {
			VMOVUPS(t.acc[i][h], mem(m, (2*i+h)*s.bytes))
		}
	}
	ADDQ(U32(2*tiles*s.bytes), m)
	ADDQ(U32(tiles*chunk), v)
	DECQ(left)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// kernelPlanes transforms the kernels of a panel: u [16, pairs, panel, 2] from w [pairs,
// 3, 3, panel, 2], by (2G)·w·(2G)ᵀ.
func (s isa) kernelPlanes() {
	TEXT("kernelPlanes"+s.suffix, NOSPLIT, "func(u *int16, planeStride int, w *int8, pairs int)")
	Pragma("noescape")
	u, stride, w, n := param("u"), param("planeStride"), param("w"), param("pairs")
	to := GP64()
	rows := func(kx int) (r [4]reg.VecPhysical) {
		for i := range r {
			r[i] = s.reg(3*i + kx)
		}
		return r
	}
	a, b, c, d := s.reg(12), s.reg(13), s.reg(14), s.reg(15)
	Label("pair")
	for h := range 2 {
		for kx := range 3 {
			for ky, r := range []reg.VecPhysical{a, b, c} {
				VPMOVSXBW(mem(w, (3*ky+kx)*s.bytes+h*s.bytes/2), r)
			}
			s.kernelSums([3]reg.VecPhysical{a, b, c}, d, rows(kx))
		}
		LEAQ(mem(u, h*s.bytes), to)
		for i := range 4 {
			out := [4]reg.VecPhysical{a, b, c, d}
			r := [3]reg.VecPhysical{s.reg(3 * i), s.reg(3*i + 1), s.reg(3*i + 2)}
			VPADDW(r[0], r[0], out[0])
			VPADDW(r[2], r[2], out[3])
			VPADDW(r[0], r[2], r[0])
			VPADDW(r[1], r[0], out[1])
			VPSUBW(r[1], r[0], out[2])
			for _, o := range out {
				VMOVUPS(o, mem(to, 0))
				ADDQ(stride, to)
			}
		}
	}
	ADDQ(U32(2*s.bytes), u)
	ADDQ(U32(9*s.bytes), w)
	DECQ(n)
	JNZ(LabelRef("pair"))
	VZEROUPPER()
	RET()
}

// kernelSums gives (2·w0, w0+w1+w2, w0-w1+w2, 2·w2).
func (s isa) kernelSums(w [3]reg.VecPhysical, sum reg.VecPhysical, to [4]reg.VecPhysical) {
	VPADDW(w[0], w[2], sum)
	VPADDW(w[0], w[0], to[0])
	VPADDW(w[1], sum, to[1])
	VPSUBW(w[1], sum, to[2])
	VPADDW(w[2], w[2], to[3])
}

// difference is how a transformed input comes of two inputs.
type difference struct {
	of, and int
	add     bool
}

// Of four inputs in a row, and of three that stand for four.
var (
	differences   = []difference{{0, 2, false}, {1, 2, true}, {2, 1, false}, {1, 3, false}}
	differencesUp = []difference{{0, 1, false}, {1, 1, true}, {1, 2, false}}
)

func (d difference) compute(a, b Op, to reg.VecPhysical) {
	if d.add {
		VPADDW(b, a, to)
	} else {
		VPSUBW(b, a, to)
	}
}

// inputPlanes transforms a row of tiles in one chunk: v [planes, …, 32] from four rows of
// words, whose tiles are two pixels apart, or three of a picture that is doubled.
func (s isa) inputPlanes(up bool) {
	name, apart, transform := "inputPlanes", 2, differences
	if up {
		name, apart, transform = "inputPlanesUp", 1, differencesUp
	}
	TEXT(name+s.suffix, NOSPLIT, "func(v *int16, planeStride int, rows *[4]*int16, tiles int)")
	Pragma("noescape")
	n := len(transform)
	first, stride := param("v"), param("planeStride")
	stride3 := triple(stride)
	bases := s.planeBases(first, stride, stride3, n)
	from, left := param("rows"), param("tiles")
	var rows []reg.GPVirtual
	for r := range n {
		rows = append(rows, GP64())
		MOVQ(mem(from, 8*r), rows[r])
	}
	Label("tile")
	for part := range chunk / s.bytes {
		for x, column := range transform {
			var d [4]reg.VecPhysical
			for r := range n {
				d[r] = s.reg(r)
				at := func(c int) Mem { return mem(rows[r], c*chunk+part*s.bytes) }
				VMOVUPS(at(column.of), d[r])
				column.compute(d[r], at(column.and), d[r])
			}
			for y, row := range transform {
				e := s.reg(4 + y)
				row.compute(d[row.of], d[row.and], e)
				VMOVUPS(e, plane(x, bases[y], stride, stride3, part*s.bytes))
			}
		}
	}
	for _, q := range rows {
		ADDQ(U32(apart*chunk), q)
	}
	for _, b := range bases {
		ADDQ(U32(chunk), b)
	}
	DECQ(left)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// planeBases are the addresses of every n-th plane, of n of them.
func (s isa) planeBases(first, stride, stride3 reg.GPVirtual, n int) []reg.GPVirtual {
	bases := []reg.GPVirtual{first}
	for range n - 1 {
		b := GP64()
		if n == 4 {
			LEAQ(Mem{Base: bases[len(bases)-1], Index: stride, Scale: 4}, b)
		} else {
			LEAQ(Mem{Base: bases[len(bases)-1], Index: stride3, Scale: 1}, b)
		}
		bases = append(bases, b)
	}
	return bases
}

// outputTiles makes two by two outputs of each tile in a row, for a panel: the sums of m
// [planes, …, panel], shifted by two, become floats times scale, plus bias, plus the
// residual, where it is not nil, and at least floor.
func (s isa) outputTiles(up bool) {
	name, n := "outputTiles", 4
	if up {
		name, n = "outputTilesUp", 3
	}
	TEXT(name+s.suffix, NOSPLIT, "func(dst *float32, rowStride, pixelStride int, m *int32, planeStride, tiles int, scale, bias, residual *float32, floor float32)")
	Pragma("noescape")
	first, stride := param("m"), param("planeStride")
	stride3 := triple(stride)
	bases := s.planeBases(first, stride, stride3, n)
	dst, rowStride, pixel, residual := param("dst"), param("rowStride"), param("pixelStride"), param("residual")
	var scale, bias [2]reg.VecPhysical
	{
		a, b := param("scale"), param("bias")
		for h := range 2 {
			scale[h], bias[h] = s.reg(11+h), s.reg(13+h)
			VMOVUPS(mem(a, h*s.bytes), scale[h])
			VMOVUPS(mem(b, h*s.bytes), bias[h])
		}
	}
	floor := s.scalar("floor", 15)
	left := param("tiles")
	Label("tile")
	for h := range 2 {
		m := func(y, x int) Mem { return plane(x, bases[y], stride, stride3, h*s.bytes) }
		var r [2][4]reg.VecPhysical
		for x := range n {
			r[0][x], r[1][x] = s.reg(2*x), s.reg(2*x+1)
			VMOVUPS(m(1, x), r[0][x])
			if up {
				VPSUBD(m(2, x), r[0][x], r[1][x])
				VPADDD(m(0, x), r[0][x], r[0][x])
				continue
			}
			VPSUBD(m(2, x), r[0][x], r[1][x])
			VPSUBD(m(3, x), r[1][x], r[1][x])
			VPADDD(m(2, x), r[0][x], r[0][x])
			VPADDD(m(0, x), r[0][x], r[0][x])
		}
		out := func(y, x int) Mem {
			o := Mem{Base: dst, Disp: h * s.bytes}
			if x == 1 {
				o.Index, o.Scale = pixel, 1
			}
			return o
		}
		for y := range 2 {
			a, c, v := r[y][0], s.reg(8), r[y]
			if up {
				VPSUBD(v[2], v[1], c)
				VPADDD(v[1], a, a)
			} else {
				VPSUBD(v[2], v[1], c)
				VPSUBD(v[3], c, c)
				VPADDD(v[1], a, a)
				VPADDD(v[2], a, a)
			}
			for _, f := range []reg.VecPhysical{a, c} {
				VPSRAD(Imm(2), f, f)
				VCVTDQ2PS(f, f)
				VMULPS(scale[h], f, f)
				VADDPS(bias[h], f, f)
			}
			alone := fmt.Sprintf("alone%d%d", h, y)
			TESTQ(residual, residual)
			JZ(LabelRef(alone))
			VADDPS(Mem{Base: residual, Disp: h * s.bytes}, a, a)
			VADDPS(Mem{Base: residual, Index: pixel, Scale: 1, Disp: h * s.bytes}, c, c)
			if y == 0 {
				ADDQ(rowStride, residual)
			} else {
				SUBQ(rowStride, residual)
			}
			Label(alone)
			for x, f := range []reg.VecPhysical{a, c} {
				VMAXPS(floor, f, f)
				VMOVUPS(f, out(y, x))
			}
			if y == 0 {
				ADDQ(rowStride, dst)
			} else {
				SUBQ(rowStride, dst)
			}
		}
	}
	for _, b := range bases {
		ADDQ(U32(2*s.bytes), b)
	}
	LEAQ(Mem{Base: dst, Index: pixel, Scale: 2}, dst)
	TESTQ(residual, residual)
	JZ(LabelRef("next"))
	LEAQ(Mem{Base: residual, Index: pixel, Scale: 2}, residual)
	Label("next")
	DECQ(left)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}
