// The page's program reads only; wasm/convert writes.

//go:build !js || convert

package weights

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/klauspost/compress/huff0"
)

// A frame of zstd (RFC 8878) without matches: each block is its bytes, Huffman-coded
// by a table of its own, or as they are. Weights do not repeat. What there is to
// gain is that values near zero are more frequent, and how much more differs from
// row to row: so the blocks begin where another table pays. Encoders for text give up on less than
// a sixteenth, which is more than int8 rows have.

const (
	maxBlock  = 128 << 10 // the format's limit
	frameUnit = 8 << 10   // blocks begin at multiples of it
	tableCost = 110       // bytes of a block's table and headers, about
)

// framer holds the encoder's memory.
type framer struct {
	huff  huff0.Scratch
	out   []byte
	best  []float64
	from  []int
	freqs [][256]uint32 // of the bytes before each place
}

// frame appends a frame of b to dst. A block begins at each of cuts.
func (f *framer) frame(dst, b []byte, cuts ...int) []byte {
	dst = append(dst, 0x28, 0xb5, 0x2f, 0xfd)
	switch n := len(b); { // single segment, with its size
	case n < 256:
		dst = append(dst, 0x20, byte(n))
	case n < 256+1<<16:
		dst = binary.LittleEndian.AppendUint16(append(dst, 0x60), uint16(n-256))
	default:
		dst = binary.LittleEndian.AppendUint32(append(dst, 0xa0), uint32(n))
	}
	ends := f.split(b, cuts)
	at := 0
	for i, end := range ends {
		dst = f.block(dst, b[at:end], i == len(ends)-1)
		at = end
	}
	if len(ends) == 0 {
		dst = f.block(dst, nil, true)
	}
	return dst
}

// split gives the ends of the blocks that b is cut into, at the least cost: a
// shortest path over the places where blocks may begin.
func (f *framer) split(b []byte, cuts []int) []int {
	var places []int // ends of units
	forced := map[int]bool{}
	for _, c := range append(cuts, len(b)) {
		if c <= 0 || c > len(b) {
			continue
		}
		last := 0
		if len(places) > 0 {
			last = places[len(places)-1]
		}
		for last+frameUnit < c {
			last += frameUnit
			places = append(places, last)
		}
		if c > last {
			places = append(places, c)
		}
		forced[c] = true
	}
	n := len(places)
	if n == 0 {
		return nil
	}
	f.freqs = append(f.freqs[:0], [256]uint32{})
	at := 0
	for _, end := range places {
		h := f.freqs[len(f.freqs)-1]
		for _, c := range b[at:end] {
			h[c]++
		}
		f.freqs = append(f.freqs, h)
		at = end
	}
	start := func(i int) int {
		if i == 0 {
			return 0
		}
		return places[i-1]
	}
	f.best, f.from = append(f.best[:0], 0), append(f.from[:0], 0)
	for i := 1; i <= n; i++ {
		best, from := math.Inf(1), i-1
		for j := i - 1; j >= 0 && places[i-1]-start(j) <= maxBlock; j-- {
			if cost := f.best[j] + blockCost(&f.freqs[j], &f.freqs[i], places[i-1]-start(j)); cost < best {
				best, from = cost, j
			}
			if forced[start(j)] {
				break
			}
		}
		f.best, f.from = append(f.best, best), append(f.from, from)
	}
	var ends []int
	for i := n; i > 0; i = f.from[i] {
		ends = append(ends, places[i-1])
	}
	slices.Reverse(ends)
	return ends
}

// blockCost is about how many bytes a block of n bytes takes, from the counts of
// values before its start and before its end.
func blockCost(before, after *[256]uint32, n int) float64 {
	bits := float64(n) * math.Log2(float64(n))
	for i, a := range after {
		if c := a - before[i]; c > 0 {
			bits -= float64(c) * math.Log2(float64(c))
		}
	}
	return min(bits/8+tableCost, float64(n)+3)
}

// block appends one block.
func (f *framer) block(dst, b []byte, last bool) []byte {
	header := func(kind, size int) {
		h := uint32(size)<<3 | uint32(kind)<<1
		if last {
			h |= 1
		}
		dst = append(dst, byte(h), byte(h>>8), byte(h>>16))
	}
	if literals := f.literals(b); literals != nil {
		header(2, len(literals)+1)
		return append(append(dst, literals...), 0) // and no matches
	}
	header(0, len(b))
	return append(dst, b...)
}

// literals is b in four Huffman-coded streams, with header and table (RFC 8878,
// 3.1.1.3.1), or nil where that is no shorter. huff0 makes the table; it would code
// too, but gives up
// where no value makes up a 128th, as in rows of a wide spread.
func (f *framer) literals(b []byte) []byte {
	if len(b) < 256 {
		return nil
	}
	var count [256]uint32
	for _, c := range b {
		count[c]++
	}
	if f.huff.BuildCTable(&count) != nil {
		return nil // one value only
	}
	out, err := f.huff.AppendTable(append(f.out[:0], 0, 0, 0, 0, 0))
	if err != nil {
		return nil
	}
	codes := f.codes(&count)
	jumps := len(out)
	out = append(out, 0, 0, 0, 0, 0, 0)
	segment := (len(b) + 3) / 4
	for i := range 4 {
		at := len(out)
		out = stream(out, b[i*segment:min((i+1)*segment, len(b))], codes)
		if i < 3 {
			binary.LittleEndian.PutUint16(out[jumps+2*i:], uint16(len(out)-at))
		}
	}
	f.out = out
	if len(out)+1 >= len(b) {
		return nil
	}
	h := uint64(2) | 3<<2 | uint64(len(b))<<4 | uint64(len(out)-5)<<22
	for i := range 5 {
		out[i] = byte(h >> (8 * i))
	}
	return out
}

// code is a value's code, its last bit first.
type code struct {
	bits   uint16
	length uint8
}

// codes are those that the table stands for: counted up from zero, the longest
// first, equally long ones in the order of values (RFC 8878, 4.2.1.3).
func (f *framer) codes(count *[256]uint32) (codes [256]code) {
	longest := uint8(0)
	for v, n := range count {
		if n > 0 {
			var eight [256]uint32 // of v, whose size in bytes is then v's in bits
			eight[v] = 8
			codes[v].length = uint8(f.huff.EstimateSize(&eight))
			longest = max(longest, codes[v].length)
		}
	}
	next := uint16(0)
	for length := longest; length > 0; length-- {
		for v := range codes {
			if codes[v].length == length {
				codes[v].bits = next
				next++
			}
		}
		next >>= 1
	}
	return codes
}

// stream appends the codes of b, from its last value to its first, and a bit that
// marks the end: it is read from there.
func stream(dst, b []byte, codes [256]code) []byte {
	var bits uint64
	n := uint8(0)
	for _, v := range slices.Backward(b) {
		c := codes[v]
		bits |= uint64(c.bits) << n
		if n += c.length; n >= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(bits))
			bits >>= 32
			n -= 32
		}
	}
	bits |= 1 << n
	for n++; n > 0; n -= min(n, 8) {
		dst = append(dst, byte(bits))
		bits >>= 8
	}
	return dst
}
