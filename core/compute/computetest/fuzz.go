package computetest

import (
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// Fuzz demands the reference's bits of every device that open makes, for the
// operations, shapes, strides and values that the fuzzer thinks of.
func Fuzz(f *testing.F, open ...func() compute.Device) {
	var benches []*bench
	for _, o := range open {
		benches = append(benches, &bench{dev: o(), ref: generic.New()})
	}
	for op := range fuzzed {
		f.Add(uint8(op), uint8(op), uint8(7), uint8(16+op), uint8(33), uint8(1), uint64(op), []byte("\x00\x00\x80\x3f\x01\x00\x00\x80"))
	}
	f.Fuzz(func(t *testing.T, op, flags, rows, in, out, stride uint8, seed uint64, values []byte) {
		c := fuzzCase{flags, 1 + int(rows%40), 1 + int(in), 1 + int(out), int(stride)}
		for _, b := range benches {
			b.r = rng{seed, values}
			fuzzed[int(op)%len(fuzzed)](t, b, c)
		}
	})
}

// fuzzCase is a shape that any operation reads in its own way.
type fuzzCase struct {
	flags         uint8
	rows, in, out int // above 0
	stride        int
}

func (c fuzzCase) flag(i int) bool { return c.flags>>i&1 != 0 }

// groups are one to four.
func (c fuzzCase) groups() int { return 1 + int(c.flags>>6) }

// heads are of an even width and so few that a case takes no time.
func (c fuzzCase) heads() compute.Heads {
	return compute.Heads{N: 1 + int(c.flags>>2&1), Tokens: c.rows, Heads: 1 + int(c.flags>>6), Dim: 2 * (1 + c.in%48)}
}

// image has a patch edge of one to four and up to four by four patches.
func (c fuzzCase) image() compute.Image {
	p := 1 + int(c.flags&3)
	return compute.Image{N: 1 + int(c.flags>>2&1), C: 1 + c.stride%4, H: p * (1 + c.rows%4), W: p * (1 + c.in%4), P: p}
}

// convolution is one of any kind, of a small picture.
func (c fuzzCase) convolution() convCase {
	k := convCase{h: 1 + c.rows%9, w: 1 + c.stride%17, in: 1 + c.in%40, out: 1 + c.out%70, kernel: 3, stride: 1, pad: 1, up: c.flag(0)}
	switch c.flags >> 1 & 3 {
	case 0:
		k.int8 = c.flag(4)
	case 1:
		k.kernel, k.pad = 1, 0
	case 2:
		k.stride, k.pad = 2, 0
	case 3:
		k.stride = 2
	}
	if c.flag(3) {
		k.groups, k.in = 3, 3*k.in
	}
	return k
}

// fuzzed are the operations of a device.
var fuzzed = []func(t *testing.T, b *bench, c fuzzCase){
	func(t *testing.T, b *bench, c fuzzCase) {
		act := compute.Activation((c.flags >> 1) % 3)
		b.linear(t, "linear", b.r.weights(c.in, c.out, c.flag(0)), c.rows, b.rows(c.rows, c.in), act)
	},
	func(t *testing.T, b *bench, c fuzzCase) {
		b.linearGate(t, b.r.weights(c.in, c.out, c.flag(0)), c.rows, c.groups(), c.stride)
	},
	func(t *testing.T, b *bench, c fuzzCase) {
		b.swiglu(t, c.rows, b.r.weights(c.in, c.out, c.flag(0)), b.r.weights(c.in, c.out, c.flag(1)))
	},
	func(t *testing.T, b *bench, c fuzzCase) {
		norm := compute.LayerNorm
		if c.flag(0) {
			norm = compute.RMSNorm
		}
		b.norm(t, c.in, norm, c.groups(), c.stride)
	},
	func(t *testing.T, b *bench, c fuzzCase) { b.normRotate(t, c.heads(), c.flag(0)) },
	func(t *testing.T, b *bench, c fuzzCase) {
		h := c.heads()
		h.Int8 = c.flag(0)
		b.attention(t, "attention", h, b.r.values(3*h.Rows()*h.Width()))
	},
	func(t *testing.T, b *bench, c fuzzCase) { b.patchEmbed(t, c.image(), c.out) },
	func(t *testing.T, b *bench, c fuzzCase) { b.unpatchify(t, c.image()) },
	func(t *testing.T, b *bench, c fuzzCase) { b.convolution(t, c.convolution(), int(c.flags>>6)) },
	func(t *testing.T, b *bench, c fuzzCase) {
		b.groupNorm(t, c.rows, 1+c.stride%16, c.groups()*(1+c.in%16), c.groups(), float32(c.flags&3))
	},
}
