//go:build (amd64 || arm64) && !purego

package native

import (
	"math"
	"unsafe"

	"dit8/core/compute"
)

// attentionKernels are what attention in integers takes beside dot. A weight of
// attention is two bytes: an int16 or, of sixteen keys, upper digits and then lower
// ones. n is a multiple of eight in columns, of sixteen and of panel in keys.
type attentionKernels struct {
	valueKeys  int // keys that packValues puts beside each other
	valueBytes int // of a value
	mixKeys    int // keys of a group of mix
	mixRows    int // rows of its tiles, at most kernels.rows

	scores       dotFunc                                    // of rows of queries, with keys as panels of weights
	columnSums   func(dst, x *float32, stride, rows, n int) // dst [n], in the order of rows
	columnMax    func(dst, x *float32, stride, rows, n int) // of absolute values
	quantizeRows func(q *int8, qStride int, x *float32, stride int, zero *int8, scales *float32, rows, n int)
	quantizeKeys func(q *int8, qStride int, x *float32, stride int, mean, scales *float32, rows, n int)        // of x - mean
	packKeys     func(w *int8, step int, q *int8, stride int, corrections *int32, groups int)                  // eight rows, sixteen columns a group
	packValues   func(w *int8, step int, x *float32, stride int, inv *float32, groups, n int)                  // n columns of groups of valueKeys rows
	weights      func(scores *float32, stride int, scales *float32, factor float32, inv *float32, rows, n int) // replaces scores
	mix, mixHalf dotFunc                                                                                       // of a panel, and of half of it where there is such a kernel
}

// integerAttention is Attention in integers, by the definition at
// compute.AttentionBlock. It packs the keys and values of every head, then
// computes queries, a block at a time.
type integerAttention struct {
	d        *Device
	dst, qkv []float32
	h        compute.Heads
	factor   float32 // compute.AttentionScale
	packing  bool    // the first of two runs
	queries  int     // of a part

	dim    int // channels of a head, filled up to what kernels do: eights
	width  int // sixteens
	out    int // panels, of which the last may be half
	keys   int // tokens, filled up to whole panels and sixteens
	heads  packedHeads
	tile   int       // queries that are computed at a time
	mask   []float32 // [keys]: 0, and -Inf for those that are none
	zeros  []float32
	ones   []float32
	stores packedHeads
}

// packedHeads are the keys and values of heads: keys and corrections as a layer has
// its weights, an output for each key, and values in panels of channels.
type packedHeads struct {
	keys, values           []int8
	keyScales, valueScales []float32
	corrections            []int32
}

// scoreBytes is about how much memory the scores of a part take, to stay in the
// nearest cache.
const scoreBytes = 32 << 10

func (d *Device) attentionInt8(dst, qkv []float32, h compute.Heads) {
	if len(dst) == 0 {
		return
	}
	op, k := &d.integers, d.k
	op.d, op.dst, op.qkv, op.h, op.factor = d, dst, qkv, h, compute.AttentionScale(h.Dim)
	op.dim, op.width, op.out = up(h.Dim, 8), up(h.Dim, k.inputs), up(h.Dim, k.panel)
	if half := k.panel / 2; k.mixHalf != nil && up(h.Dim, half) < op.out {
		op.out = up(h.Dim, half)
	}
	op.keys, op.tile = up(h.Tokens, max(16, k.panel, k.mixKeys)), k.rows
	if k.matrix != nil {
		op.tile = tileRows
	}
	op.queries = min(max(scoreBytes/4/op.keys, op.tile), maxQueries, h.Tokens)
	op.queries = up(op.queries, op.tile)
	heads := h.N * h.Heads
	op.heads = packedHeads{
		keys:        grow(&op.stores.keys, heads*op.keys*op.width),
		values:      grow(&op.stores.values, heads*op.keys*op.out*k.valueBytes),
		keyScales:   grow(&op.stores.keyScales, heads*op.keys),
		valueScales: grow(&op.stores.valueScales, heads*op.out),
		corrections: grow(&op.stores.corrections, heads*op.keys),
	}
	op.mask = grow(&op.mask, op.keys)
	for j := range op.mask {
		op.mask[j] = 0
		if j >= h.Tokens {
			op.mask[j] = float32(math.Inf(-1))
		}
	}
	op.zeros = grow(&op.zeros, max(k.panel, op.out))
	op.ones = d.someOnes(max(op.queries, k.panel))
	op.packing = true
	d.pool.run(op, 2*heads)
	op.packing = false
	d.pool.run(op, heads*op.parts())
	op.dst, op.qkv = nil, nil
}

// parts is how many a head's queries are done in.
func (op *integerAttention) parts() int { return (op.h.Tokens + op.queries - 1) / op.queries }

func (op *integerAttention) part(i, thread int) {
	s := &op.d.own[thread]
	switch {
	case !op.packing:
		from := i % op.parts() * op.queries
		op.attend(s, i/op.parts(), from, min(op.h.Tokens, from+op.queries))
	case i%2 == 0:
		op.packKeys(s, i/2)
	default:
		op.packValues(s, i/2)
	}
}

// head is the i-th.
func (op *integerAttention) head(i int) packedHeads {
	a, keys, out := &op.heads, op.keys, op.out
	values := keys * out * op.d.k.valueBytes
	return packedHeads{
		keys:        a.keys[i*keys*op.width : (i+1)*keys*op.width],
		values:      a.values[i*values : (i+1)*values],
		keyScales:   a.keyScales[i*keys : (i+1)*keys],
		valueScales: a.valueScales[i*out : (i+1)*out],
		corrections: a.corrections[i*keys : (i+1)*keys],
	}
}

// rows are n tokens' queries, keys or values, by part, of a head: [n, dim], stride
// values apart. A width that kernels don't do is filled up in memory of s.
func (op *integerAttention) rows(s *scratch, head, part, from, n int) (x []float32, stride int) {
	hd, width := op.h.Dim, op.h.Width()
	first := (head/op.h.Heads*op.h.Tokens+from)*3*width + part*width + head%op.h.Heads*hd
	if hd == op.dim {
		return op.qkv[first:], 3 * width
	}
	x = grow(&s.query, n*op.dim)
	for r := range n {
		row := x[r*op.dim : (r+1)*op.dim]
		clear(row[copy(row, op.qkv[first+3*r*width:][:hd]):])
	}
	return x, op.dim
}

// packKeys quantises a head's keys without their mean. Those that fill up the last
// panel keep what was there, but get scores of -Inf.
func (op *integerAttention) packKeys(s *scratch, head int) {
	k, n, width := op.d.k, op.h.Tokens, op.width
	p := op.head(head)
	x, stride := op.rows(s, head, 1, 0, n)
	mean := grow(&s.columns, op.dim)
	k.columnSums(&mean[0], &x[0], 4*stride, n, op.dim)
	for c := range mean {
		mean[c] = mean[c] / float32(n)
	}
	q := grow(&s.q, up(n, 8)*width)
	if width > up(op.dim, 16) {
		clear(q) // what quantizeKeys doesn't fill up
	}
	k.quantizeKeys(&q[0], width, &x[0], 4*stride, &mean[0], &p.keyScales[0], n, op.dim)
	clear(p.keyScales[n:])
	for t := 0; t < n; t += 8 {
		at := t/k.panel*k.panel*width + t%k.panel*k.beside
		k.packKeys(&p.keys[at], 4*k.panel, &q[t*width], width, &p.corrections[t], width/16)
	}
}

// panel is where the panel of values starts that has channel c, its first channel and
// its width.
func (op *integerAttention) panel(c int) (at, first, wide int) {
	first = c / op.d.k.panel * op.d.k.panel
	return first * op.keys * op.d.k.valueBytes, first, min(op.d.k.panel, op.out-first)
}

// packValues quantises a head's values by channels.
func (op *integerAttention) packValues(s *scratch, head int) {
	k, n := op.d.k, op.h.Tokens
	p := op.head(head)
	x, stride := op.rows(s, head, 2, 0, n)
	inv := grow(&s.columns, op.dim)
	k.columnMax(&inv[0], &x[0], 4*stride, n, op.dim)
	clear(p.valueScales)
	for c, top := range inv {
		inv[c] = 0
		if top >= compute.MinAbsMax {
			inv[c], p.valueScales[c] = 127/top, top/127
		}
	}
	groups, rest := n/k.valueKeys, n%k.valueKeys
	last := grow(&s.tile, k.valueKeys*op.dim) // filled up with zeros
	for r := range rest {
		copy(last[r*op.dim:(r+1)*op.dim], x[(n-rest+r)*stride:])
	}
	clear(last[rest*op.dim:])
	size, lanes := k.valueKeys*k.valueBytes, max(8, k.panel/2)
	for c := 0; c < op.dim; c += lanes {
		at, first, wide := op.panel(c)
		w := p.values[at+(c-first)*size:]
		columns := min(lanes, op.dim-c)
		if groups > 0 {
			k.packValues(&w[0], wide*size, &x[c], 4*stride, &inv[c], groups, columns)
		}
		if rest > 0 {
			k.packValues(&w[groups*wide*size], wide*size, &last[c], 4*op.dim, &inv[c], 1, columns)
		}
	}
}

// attend computes queries [from, to) of a head.
func (op *integerAttention) attend(s *scratch, head, from, to int) {
	k, n, width, keys := op.d.k, to-from, op.width, op.keys
	p := op.head(head)
	padded := up(n, op.tile) // those too many have no weights that mean anything
	x, stride := op.rows(s, head, 0, from, n)
	qStride := k.inputStride(width)
	q, scales, inv := grow(&s.q, padded*qStride), grow(&s.scales, padded), grow(&s.inverses, padded)
	k.quantizeRows(&q[0], qStride, &x[0], 4*stride, &k.zero, &scales[0], n, op.dim)

	apart := keys + 16 // so that rows needn't share places of the cache
	scores := grow(&s.scores, padded*apart)
	if k.matrix != nil {
		k.multiplyTiles(s, k.matrix.plain, tileJob{
			dst: &scores[0], dstStride: 4 * apart, q: &q[0], qStride: qStride, w: &p.keys[0], steps: width / tileInputs, rows: n, outputs: keys,
			rowScale: &op.ones[0], colScale: &p.keyScales[0], bias: &op.mask[0], corrections: &p.corrections[0],
		})
	}
	for j := 0; j < keys && k.matrix == nil; j += k.panel {
		k.scores(&scores[j], 4*apart, &q[0], qStride, &p.keys[j*width], width/16, padded/k.rows,
			&op.ones[0], &p.keyScales[j], &op.mask[j], &p.corrections[j])
	}
	k.weights(&scores[0], 4*apart, &scales[0], op.factor, &inv[0], n, keys)

	hd, dim := op.h.Dim, op.h.Width()
	dst := op.dst[(head/op.h.Heads*op.h.Tokens+from)*dim+head%op.h.Heads*hd:]
	if k.matrix != nil && keys <= compute.AttentionBlock {
		_ = dst[(n-1)*dim+hd-1]
		op.mixTiles(s, &dst[0], dim, p, scores, 0, 0, n, hd, &inv[0], &p.valueScales[0])
		return
	}
	for c := 0; c < hd; {
		_, _, wide := op.panel(c)
		if n == padded && c+wide <= hd && keys <= compute.AttentionBlock {
			_ = dst[(n-1)*dim+c+wide-1]
			op.mix(s, &dst[c], dim, p, scores, c, 0, padded, &inv[0], &p.valueScales[c])
		} else {
			y := op.mixed(s, p, scores, c, padded, inv)
			for r := range n {
				copy(dst[r*dim+c:r*dim+min(hd, c+wide)], y[r*wide:(r+1)*wide])
			}
		}
		c += wide
	}
}

// mix multiplies a block's weights, from key from on, with a panel of values.
func (op *integerAttention) mix(s *scratch, dst *float32, stride int, p packedHeads, weights []float32, c, from, rows int, rowScale, colScale *float32) {
	k := op.d.k
	at, _, wide := op.panel(c)
	if k.matrix != nil {
		op.mixTiles(s, dst, stride, p, weights, c, from, rows, wide, rowScale, colScale)
		return
	}
	mix := k.mix
	if wide < k.panel {
		mix = k.mixHalf
	}
	n := min(compute.AttentionBlock, op.keys-from)
	apart := op.keys + 16
	mix(dst, 4*stride, (*int8)(unsafe.Pointer(&weights[from/2])), 4*apart, &p.values[at+from*wide*k.valueBytes], n/k.mixKeys, rows/k.mixRows, rowScale, colScale, &op.zeros[0], nil)
}

// mixTiles is mix of some panels: of as many as outputs from c on need, where from is 0
// and there is one block of keys.
func (op *integerAttention) mixTiles(s *scratch, dst *float32, stride int, p packedHeads, weights []float32, c, from, rows, outputs int, rowScale, colScale *float32) {
	k := op.d.k
	at, _, wide := op.panel(c)
	k.mixTiles(s, tileJob{
		dst: dst, dstStride: 4 * stride, q: (*int8)(unsafe.Pointer(&weights[from/2])), qStride: 4 * (op.keys + 16), w: &p.values[at+from*wide*k.valueBytes],
		steps: min(compute.AttentionBlock, op.keys-from) / tileInputs, rows: rows, outputs: outputs,
		rowScale: rowScale, colScale: colScale, bias: &op.zeros[0],
	})
}

// mixed are the outputs of a panel in memory of s, over all blocks of keys.
func (op *integerAttention) mixed(s *scratch, p packedHeads, weights []float32, c, rows int, inv []float32) []float32 {
	_, _, wide := op.panel(c)
	y := grow(&s.y, rows*wide)
	if op.keys <= compute.AttentionBlock {
		op.mix(s, &y[0], wide, p, weights, c, 0, rows, &inv[0], &p.valueScales[c])
		return y
	}
	op.mix(s, &y[0], wide, p, weights, c, 0, rows, &op.ones[0], &op.ones[0])
	block := grow(&s.tile, rows*wide)
	for from := compute.AttentionBlock; from < op.keys; from += compute.AttentionBlock {
		op.mix(s, &block[0], wide, p, weights, c, from, rows, &op.ones[0], &op.ones[0])
		op.d.add(y, block)
	}
	for i := range y {
		y[i] = float32(y[i] * float32(p.valueScales[c+i%wide]*inv[i/wide]))
	}
	return y
}
