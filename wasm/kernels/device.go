//go:build js

package kernels

import (
	"errors"
	"fmt"
	"unsafe"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// Device computes in the memory of kernels.wasm with 128-bit SIMD.
type Device struct {
	mem     arena
	threads int
	areas   [areas]area // scratch
}

// area is scratch memory that grows and is kept.
type area struct {
	at uint32
	n  int
}

const (
	quantised = iota // rows
	scales           // theirs
	perThread        // what threads need for a product
	affine           // a group norm's
	other            // what else an operation needs
	areas
)

var _ compute.Convolver = (*Device)(nil)

// New returns the device, once in the life of a program. It fails where the
// engine has no SIMD or the host has not loaded kernels.wasm.
func New() (*Device, error) {
	start := heap()
	if start == 0 {
		return nil, errors.New("kernels: no WebAssembly SIMD here")
	}
	return &Device{
		mem:     arena{end: rounded(int(start)), grow: func(end uint64) bool { return grow(float64(end)) != 0 }},
		threads: int(threads()),
	}, nil
}

// Fastest is New's device or, where that is not there, the generic one.
func Fastest() compute.Device {
	if d, err := New(); err == nil {
		return d
	}
	return generic.New()
}

// Name tells the instructions and the number of threads: "simd128 ×2", or
// "relaxed simd128" where int8 products use that.
func (d *Device) Name() string {
	name := "simd128"
	if relaxed() != 0 {
		name = "relaxed simd128"
	}
	if d.threads > 1 {
		name += fmt.Sprintf(" ×%d", d.threads)
	}
	return name
}

// Alloc returns n zeros.
func (d *Device) Alloc(n int) (compute.F32, error) {
	if n < 0 || n > maxMemory/4 {
		return compute.F32{}, fmt.Errorf("kernels: alloc of %d values", n)
	}
	at, err := d.zeros(4 * n)
	if err != nil {
		return compute.F32{}, err
	}
	return compute.F32{Addr: at, Len: n}, nil
}

// Free gives f back.
func (d *Device) Free(f compute.F32) { d.mem.release(f.Addr, 4*f.Len) }

// Write copies src to dst.
func (d *Device) Write(dst compute.F32, src []float32) {
	compute.SameLen("write", len(src), dst.Len)
	put(dst.Addr, src)
}

// Read copies src to dst.
func (d *Device) Read(dst []float32, src compute.F32) {
	compute.SameLen("read", len(dst), src.Len)
	read(unsafe.Pointer(unsafe.SliceData(dst)), src.Addr, uint32(4*len(dst)))
}

// Copy copies src to dst.
func (d *Device) Copy(dst, src compute.F32) {
	compute.SameLen("copy", src.Len, dst.Len)
	move(dst.Addr, src.Addr, uint32(4*src.Len))
}

func put[T int8 | float32](dst uint32, src []T) {
	var one T
	write(dst, unsafe.Pointer(unsafe.SliceData(src)), uint32(len(src)*int(unsafe.Sizeof(one))))
}

// scratch returns n bytes that stay valid until the next call for the same area.
func (d *Device) scratch(which, n int) uint32 {
	a := &d.areas[which]
	if a.n < n {
		d.mem.release(a.at, a.n)
		*a = area{}
		at, err := d.mem.alloc(n)
		if err != nil {
			panic(err)
		}
		*a = area{at, n}
	}
	return a.at
}

// per checks that a vector of n values lies in v for each of rows rows, and
// returns v's parts.
func per(op string, v compute.PerGroup, rows, n int) (addr uint32, stride, group int32) {
	if last := (rows - 1) / v.Rows * v.Stride; rows > 0 && (last < 0 || last+n > v.V.Len) {
		panic(fmt.Sprintf("kernels: %s: vectors of %d groups in %d values", op, (rows-1)/v.Rows+1, v.V.Len))
	}
	return v.V.Addr, int32(v.Stride), int32(v.Rows)
}

// PatchEmbed computes dst = patches(img)·Wᵀ + b + pos.
func (d *Device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	out, t := w.Out(), s.Tokens()
	compute.SameLen("patch embed img", img.Len, s.Len())
	compute.SameLen("patch embed width", w.In(), s.PatchLen())
	compute.SameLen("patch embed pos", pos.Len, t*out)
	compute.SameLen("patch embed dst", dst.Len, s.N*t*out)
	x := d.scratch(other, 4*s.Len())
	patches(x, img.Addr, int32(s.N), int32(s.C), int32(s.H), int32(s.W), int32(s.P))
	d.linear(dst.Addr, x, s.N*t, w.(*linear), int32(compute.NoActivation), 0, 0, 1)
	for n := range s.N {
		add(dst.Addr+uint32(4*n*t*out), pos.Addr, int32(t*out))
	}
}

// Unpatchify moves token values to their pixels.
func (d *Device) Unpatchify(img, tokens compute.F32, s compute.Image) {
	compute.SameLen("unpatchify img", img.Len, s.Len())
	compute.SameLen("unpatchify tokens", tokens.Len, s.Len())
	unpatchify(img.Addr, tokens.Addr, int32(s.N), int32(s.C), int32(s.H), int32(s.W), int32(s.P))
}

// NormModulate computes dst = norm(x)·(1+scale) + shift. dst may be x.
func (d *Device) NormModulate(dst, x compute.F32, rows, dim int, norm compute.Norm, shift, scale compute.PerGroup) {
	compute.SameLen("norm x", x.Len, rows*dim)
	compute.SameLen("norm dst", dst.Len, rows*dim)
	b, bs, br := per("shift", shift, rows, dim)
	a, as, ar := per("scale", scale, rows, dim)
	normModulate(dst.Addr, x.Addr, int32(rows), int32(dim), int32(norm), b, bs, br, a, as, ar)
}

// NormRotate changes queries and keys in place.
func (d *Device) NormRotate(qkv compute.F32, h compute.Heads, qNorm, kNorm, rope compute.F32) {
	h.CheckRotate(qkv, qNorm, kNorm, rope)
	q, k := qNorm.Addr, kNorm.Addr
	if qNorm.Len == 0 {
		q, k = 0, 0
	}
	normRotate(qkv.Addr, int32(h.Rows()), int32(h.Tokens), int32(h.Heads), int32(h.Dim), q, k, rope.Addr)
}

// Attention computes softmax(q·Dim^-½ · kᵀ)·v for each image and head, in float32 or
// by the definition of compute.AttentionBlock's comment.
func (d *Device) Attention(dst, qkv compute.F32, h compute.Heads) {
	h.CheckAttention(dst, qkv)
	n, tokens, heads, headDim := int32(h.N), int32(h.Tokens), int32(h.Heads), int32(h.Dim)
	if h.Int8 {
		s := d.scratch(other, d.threads*int(attentionInt8Scratch(tokens, headDim)))
		attentionInt8(dst.Addr, qkv.Addr, n, tokens, heads, headDim, s)
		return
	}
	s := d.scratch(other, 4*int(attentionScratch(n*heads, tokens, headDim)))
	attention(dst.Addr, qkv.Addr, n, tokens, heads, headDim, s)
}
