//go:build (amd64 || arm64) && !purego

package native

import (
	"math"
	"slices"

	"dit8/core/compute"
)

// Integer convolutions by Winograd's transforms, as _asm/winograd.go has them: whose sums
// are those of the contract, exactly.

const (
	chunkWords = 32 // channels of a chunk, filled up with zeros
	chunkBytes = 2 * chunkWords
	allPlanes  = 16
	// nearCache is about how many bytes the planes of a band take, where the kernels' are
	// few; farCache where those are many, and pass by for each band. (measured)
	nearCache, farCache = 1 << 19, 1 << 21
	// nearValues is about how many values are rounded chunk by chunk.
	nearValues = 2048
	// nearChunks is the most chunks of inputs of which products are few enough to be
	// finished a block at a time, while the nearest cache has them. (measured)
	nearChunks = 2
)

// intConv is a convolution whose kernels lie by panels of outputs, pairs of inputs, taps.
type intConv struct {
	compute.ConvWeights // without the weights
	chunks, panels      int
	i8                  []int8    // [panels, 16·chunks, 3, 3, panel, 2]
	scale, bias         []float32 // [panels·panel]
}

func (c *intConv) In() int  { return c.ConvWeights.In }
func (c *intConv) Out() int { return c.ConvWeights.Out }

func (d *Device) packConv(w compute.ConvWeights) *intConv {
	panel := d.k.panel
	c := &intConv{ConvWeights: w, chunks: up(w.In, chunkWords) / chunkWords, panels: up(w.Out, panel) / panel}
	outs := c.panels * panel
	c.i8, c.scale, c.bias = make([]int8, outs*9*c.chunks*chunkWords), make([]float32, outs), make([]float32, outs)
	copy(c.scale, w.Scale)
	copy(c.bias, w.Bias)
	pairs := c.chunks * chunkWords / 2
	for o := range w.Out {
		to := c.i8[o/panel*pairs*9*2*panel+o%panel*2:]
		for tap := range 9 {
			for i, v := range w.I8[(o*9+tap)*w.In : (o*9+tap+1)*w.In] {
				to[(i/2*9+tap)*2*panel+i%2] = v
			}
		}
	}
	c.I8, c.F32 = nil, nil
	return c
}

// convScratch is a thread's memory for convolutions.
type convScratch struct {
	row       []float32 // pixels after norm and SiLU
	words     []int16   // rows of them in integers, [rows, chunks, pixels, 32]
	inputs    []int16   // [planes, chunks, tiles, 32]
	products  []int32   // [planes, tiles, panel]
	tile      []float32 // outputs that do not lie as dst
	sums      []float32 // of channels
	low, high []float32
	seen      bool // whether low and high have values
}

// convOp is a convolution on its way.
type convOp struct {
	d          *Device
	c          *intConv
	out        compute.ConvOutput
	in         compute.ConvInput
	rows, cols int // of the result
	affine     *compute.Affine
	inverse    []float32 // [chunks·32]
	scale      []float32 // [panels·panel]
	floor      float32
	apart      int // pixels between tiles: 2, or of a doubled picture 1
	planes     int
	high, wide int // tiles
	band       int // rows of tiles that are computed at a time
	segment    int // tiles of a row of them
	strip      int // rows of tiles of a part
}

func (d *Device) convInt8(out compute.ConvOutput, in compute.ConvInput, c *intConv) {
	op := &convOp{d: d, c: c, out: out, in: in, floor: float32(math.Inf(-1)), apart: 2, planes: allPlanes}
	op.rows, op.cols = compute.CheckConv(out, in, c.ConvWeights)
	if out.Dst.Len == 0 {
		return
	}
	if out.ReLU {
		op.floor = 0
	}
	if in.Up {
		op.apart, op.planes = 1, 9
	}
	op.high, op.wide = up(op.rows, 2)/2, up(op.cols, 2)/2
	op.quantisation()
	op.split()
	panel := d.k.panel
	grow(&d.planes, c.panels*allPlanes*c.kernelPlane(panel))
	d.pool.run(taskFunc(op.kernels), c.panels)
	d.pool.run(taskFunc(op.part), op.segments()*op.strips())
}

// taskFunc is a task.
type taskFunc func(i, thread int)

func (f taskFunc) part(i, thread int) { f(i, thread) }

// kernelPlane is the number of words of a panel's plane.
func (c *intConv) kernelPlane(panel int) int { return c.chunks * chunkWords * panel }

// kernels transforms those of a panel.
func (op *convOp) kernels(i, _ int) {
	panel := op.d.k.panel
	n, pairs := op.c.kernelPlane(panel), op.c.chunks*chunkWords/2
	op.d.k.kernelPlanes(&op.d.planes[i*allPlanes*n], 2*n, &op.c.i8[i*pairs*9*2*panel], pairs)
}

// split chooses bands of tiles whose planes a core's cache holds, and parts of enough
// bands for each thread.
func (op *convOp) split() {
	perTile := allPlanes * (op.c.chunks*chunkBytes + 4*op.d.k.panel)
	near := nearCache
	if 2*op.c.panels*allPlanes*op.c.kernelPlane(op.d.k.panel) > nearCache/2 {
		near = farCache
	}
	tiles := near / perTile
	op.segment = min(op.wide, max(tiles, 16))
	op.band = min(op.high, max(1, tiles/op.segment))
	op.strip = op.high
	if threads := op.d.pool.threads; threads > 1 {
		op.strip = max(op.band, up(op.high, 2*threads)/(2*threads))
	}
}

func (op *convOp) segments() int { return (op.wide + op.segment - 1) / op.segment }
func (op *convOp) strips() int   { return (op.high + op.strip - 1) / op.strip }

// part computes a strip of a segment.
func (op *convOp) part(i, thread int) {
	x0 := i % op.segments() * op.segment
	y0 := i / op.segments() * op.strip
	b := newBand(op, &op.d.own[thread], x0, min(op.wide, x0+op.segment)-x0)
	end := min(op.high, y0+op.strip)
	for y := y0; y < end; y += op.band {
		b.compute(y, min(op.band, end-y))
	}
}

// band are rows of tiles of a segment.
type band struct {
	*convOp
	all    *scratch
	s      *convScratch
	x0     int // first tile
	tiles  int // of a row
	pixels int // of a row of inputs
	left   int // column of the first
	padded int // tiles of a band, filled up to whole blocks
	group  int // blocks of tiles whose products are computed before outputs are made of them
	slots  int // rows of inputs that are kept
	next   int // row that is to be rounded next
}

func newBand(op *convOp, s *scratch, x0, tiles int) *band {
	b := &band{convOp: op, all: s, s: &s.conv, x0: x0, tiles: tiles, pixels: op.apart*tiles + 2, left: op.apart*x0 - 1, next: math.MinInt}
	b.padded = up(op.band*tiles, op.d.k.tiles)
	b.slots = op.apart*op.band + 2
	b.group = b.padded / op.d.k.tiles
	if op.c.chunks <= nearChunks {
		b.group = 1
	}
	grow(&b.s.row, op.in.W*op.c.In())
	grow(&b.s.words, b.slots*b.rowWords())
	grow(&b.s.inputs, op.planes*op.c.chunks*b.padded*chunkWords)
	grow(&b.s.products, op.planes*b.productPlane())
	grow(&b.s.tile, 4*tiles*op.d.k.panel)
	return b
}

func (b *band) rowWords() int { return b.c.chunks * b.pixels * chunkWords }

// words is row y of the inputs.
func (b *band) words(y int) []int16 {
	slot := (y + 1) % b.slots
	return b.s.words[slot*b.rowWords() : (slot+1)*b.rowWords()]
}

// compute computes n rows of tiles from y on.
func (b *band) compute(y, n int) {
	first := b.apart*y - 1
	for b.next = max(b.next, first); b.next < first+b.apart*n+2; b.next++ {
		b.round(b.next)
	}
	for r := range n {
		b.transform(first+b.apart*r, r*b.tiles)
	}
	step := b.group * b.d.k.tiles
	for j := range b.c.panels {
		for at := 0; at < n*b.tiles; at += step {
			b.multiply(at, min(step, n*b.tiles-at), j)
			for t := at; t < min(n*b.tiles, at+step); {
				x := t % b.tiles
				k := min(b.tiles-x, at+step-t, n*b.tiles-t)
				b.finish(y+t/b.tiles, x, k, t-at, j)
				t += k
			}
		}
	}
}

// multiply computes the products of n tiles from tile at on, for panel j.
func (b *band) multiply(at, n, j int) {
	k, panel := &b.d.k.convKernels, b.d.k.panel
	inputPlane, kernelPlane := b.c.chunks*b.padded*chunkWords, b.c.kernelPlane(panel)
	blocks := (n + k.tiles - 1) / k.tiles
	for p := range b.planes {
		u := b.d.planes[(j*allPlanes+b.plane(p))*kernelPlane:]
		k.planeProducts(&b.s.products[p*b.productPlane()], &b.s.inputs[p*inputPlane+at*chunkWords], &u[0], b.c.chunks, b.padded*chunkBytes, blocks)
	}
}

func (b *band) productPlane() int { return b.group * b.d.k.tiles * b.d.k.panel }

// plane is that of the kernels which goes with plane p of the inputs. Of doubled pictures
// the third of each four is zero.
func (b *band) plane(p int) int {
	if b.planes == allPlanes {
		return p
	}
	return [9]int{0, 1, 3, 4, 5, 7, 12, 13, 15}[p]
}

// round brings row y of the picture to integers, zeros around it.
func (b *band) round(y int) {
	words := b.words(y)
	if y < 0 || y >= b.in.H {
		clear(words)
		return
	}
	c, from, to := b.c.In(), max(0, b.left), min(b.in.W, b.left+b.pixels)
	x := b.in.X.Host[(y*b.in.W+from)*c : (y*b.in.W+to)*c]
	together := b.affine != nil && b.d.k.siluWords != nil && c%chunkWords == 0
	if b.affine != nil && !together {
		row := b.s.row[:len(x)]
		b.d.normalise(row, x, b.affine)
		b.d.silu(row)
		x = row
	}
	n := to - from
	for k := range b.c.chunks { // zeros at the ends
		q := words[k*b.pixels*chunkWords : (k+1)*b.pixels*chunkWords]
		clear(q[:(from-b.left)*chunkWords])
		clear(q[(to-b.left)*chunkWords:])
	}
	words = words[(from-b.left)*chunkWords:]
	if together {
		b.siluRound(words, x, n)
	} else {
		b.roundChunks(words, x, n)
	}
}

// siluRound rounds n pixels after norm and SiLU.
func (b *band) siluRound(words []int16, x []float32, n int) {
	a, c := b.affine, b.c.In()
	b.near(n, func(k, p, pixels int) {
		at := k * chunkWords
		b.d.k.siluWords(&words[(k*b.pixels+p)*chunkWords], &a.Mean[at], &a.Scale[at], &a.Shift[at], &b.inverse[at], &x[p*c+at], 4*c, pixels)
	})
}

// near calls f for the chunks k of some pixels from p on, then of the next: so few that
// they are near when their next channels' turn comes.
func (b *band) near(n int, f func(k, p, pixels int)) {
	some := max(4, nearValues/b.c.In())
	for p := 0; p < n; p += some {
		for k := range b.c.chunks {
			f(k, p, min(some, n-p))
		}
	}
}

// roundChunks rounds n pixels as they are.
func (b *band) roundChunks(words []int16, x []float32, n int) {
	c := b.c.In()
	b.near(n, func(k, p, pixels int) {
		at := k * chunkWords
		q := words[(k*b.pixels+p)*chunkWords:]
		if at+chunkWords <= c {
			b.d.k.quantizeWords(&q[0], &x[p*c+at], 4*c, &b.inverse[at], pixels)
			return
		}
		last := compute.ConvScale{Inverse: b.inverse[at:c]}
		for i := range pixels {
			to := q[i*chunkWords : (i+1)*chunkWords]
			clear(to)
			last.Quantize(to, x[(p+i)*c+at:(p+i+1)*c])
		}
	})
}

// normalise computes dst = (x - mean)·scale + shift of pixels.
func (d *Device) normalise(dst, x []float32, a *compute.Affine) {
	c := len(a.Mean)
	if c%16 != 0 || len(x) == 0 {
		a.Apply(dst, x)
		return
	}
	d.k.affine(&dst[0], &a.Mean[0], &a.Scale[0], &a.Shift[0], &x[0], 4*c, len(x)/c, c)
}

// transform brings a row of tiles, whose inputs begin with row y, to planes, the first of
// them at tile at.
func (b *band) transform(y, at int) {
	transform := b.d.k.inputPlanes
	if b.in.Up {
		transform = b.d.k.inputPlanesUp
	}
	for k := range b.c.chunks {
		var rows [4]*int16
		for r := range b.apart + 2 {
			rows[r] = &b.words(y + r)[k*b.pixels*chunkWords]
		}
		transform(&b.s.inputs[(k*b.padded+at)*chunkWords], b.c.chunks*b.padded*chunkBytes, &rows, b.tiles)
	}
}

// finish makes n tiles of row y, from x in the segment on, of panel j: where they lie as
// dst, the others by way of a buffer. Their products begin with tile at.
func (b *band) finish(y, x, n, at, j int) {
	panel, out := b.d.k.panel, b.c.Out()
	x += b.x0
	whole := 0 // tiles
	if 2*y+2 <= b.rows && (j+1)*panel <= out {
		whole = min(n, b.cols/2-x)
	}
	if whole > 0 {
		to := (2*y*b.cols+2*x)*out + j*panel
		_ = b.out.Dst.Host[to+(b.cols+2*whole-1)*out+panel-1]
		var residual *float32
		if b.out.Residual.Len > 0 {
			residual = &b.out.Residual.Host[to]
		}
		b.tilesTo(&b.out.Dst.Host[to], b.cols*out, out, at, whole, j, residual, b.floor)
	}
	x, n = x+whole, n-whole
	if n == 0 {
		return
	}
	b.tilesTo(&b.s.tile[0], 2*n*panel, panel, at+whole, n, j, nil, float32(math.Inf(-1)))
	outs := min(panel, out-j*panel)
	for dy := range min(2, b.rows-2*y) {
		for px := 2 * x; px < min(b.cols, 2*(x+n)); px++ {
			v := b.s.tile[(dy*2*n+px-2*x)*panel:][:outs]
			to := ((2*y+dy)*b.cols+px)*out + j*panel
			b.out.Finish(v, to)
			copy(b.out.Dst.Host[to:], v)
		}
	}
}

// tilesTo makes the outputs of n tiles; strides are in values.
func (b *band) tilesTo(dst *float32, rowStride, pixelStride, at, n, j int, residual *float32, floor float32) {
	panel := b.d.k.panel
	make := b.d.k.outputTiles
	if b.in.Up {
		make = b.d.k.outputTilesUp
	}
	make(dst, 4*rowStride, 4*pixelStride, &b.s.products[at*panel], 4*b.productPlane(), n, &b.scale[j*panel], &b.c.bias[j*panel], residual, floor)
}

// quantisation finds how the picture becomes integers.
func (op *convOp) quantisation() {
	ranges, affine := op.d.statistics(op.in, op.c.In())
	op.affine = affine
	s := ranges.ConvScale(affine, op.c.Smooth)
	op.inverse = slices.Concat(s.Inverse, make([]float32, op.c.chunks*chunkWords-op.c.In()))
	op.scale = make([]float32, len(op.c.scale))
	for i, v := range op.c.scale {
		op.scale[i] = float32(s.Scale * v)
	}
}

// statistics finds the ranges of a picture of c channels, and its norm, where it has one.
func (d *Device) statistics(in compute.ConvInput, c int) (r compute.Ranges, a *compute.Affine) {
	normed := in.Norm.Groups > 0
	if c%16 != 0 {
		r = compute.NewRanges(in.X.Host[:c])
		r.See(in.X.Host[c:])
		if normed {
			a = new(compute.Affine)
			a.Statistics(in.X.Host, in.H, in.W, in.Norm)
		}
		return r, a
	}
	var sums *compute.GroupSums
	if normed {
		sums = compute.NewGroupSums(in.H, in.W, in.Norm)
	}
	for i := range d.own {
		d.own[i].conv.seen = false
	}
	d.pool.run(taskFunc(func(y, thread int) { d.rowSums(&d.own[thread].conv, in, c, y, sums) }), in.H)
	for i := range d.own {
		s := &d.own[i].conv
		switch {
		case !s.seen:
		case r.Low == nil:
			r = compute.NewRanges(s.low[:c])
			r.See(s.high[:c])
		default:
			r.See(s.low[:c])
			r.See(s.high[:c])
		}
	}
	if normed {
		affine := sums.Affine()
		a = &affine
	}
	return r, a
}

// rowSums takes in row y of a picture.
func (d *Device) rowSums(s *convScratch, in compute.ConvInput, c, y int, norm *compute.GroupSums) {
	x := in.X.Host[y*in.W*c : (y+1)*in.W*c]
	sums := grow(&s.sums, 4*c)
	sum, low, high, mean := sums[:c], sums[c:2*c], sums[2*c:3*c], sums[3*c:]
	d.k.pixelSums(&sum[0], &low[0], &high[0], &x[0], 4*c, in.W, c)
	if !s.seen {
		s.seen = true
		copy(grow(&s.low, c), low)
		copy(grow(&s.high, c), high)
	}
	all := compute.Ranges{Low: s.low[:c], High: s.high[:c]}
	all.See(low)
	all.See(high)
	if norm == nil {
		return
	}
	means := norm.Means(y, sum)
	for i := range mean {
		mean[i] = means[i*len(means)/c]
	}
	d.k.pixelSquares(&sum[0], &mean[0], &x[0], 4*c, in.W, c)
	norm.Squares(y, sum)
}
