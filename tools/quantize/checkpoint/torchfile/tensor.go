package torchfile

import (
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/bits"
	"slices"
	"sync"

	"dit8/tools/quantize/checkpoint/values"
)

// storage is a run of values in the file, which tensors are views of.
type storage struct {
	key   string
	dtype string
	numel int64
	base  int64 // byte offset in the file, known once the pickle has been read

	r       io.ReaderAt
	hasCRC  bool
	crc     uint32
	once    sync.Once
	damaged error
}

// verify checks the storage's checksum, where its container has one, the first time.
func (s *storage) verify() error {
	s.once.Do(func() {
		if !s.hasCRC {
			return
		}
		h := crc32.NewIEEE()
		if _, err := io.Copy(h, io.NewSectionReader(s.r, s.base, s.numel*widths[s.dtype])); err != nil {
			s.damaged = fmt.Errorf("torchfile: read storage %s: %w", s.key, err)
		} else if h.Sum32() != s.crc {
			s.damaged = badf("storage %s has CRC-32 %08x, the archive says %08x: it is damaged", s.key, h.Sum32(), s.crc)
		}
	})
	return s.damaged
}

// Tensor is a view of a storage.
type Tensor struct {
	Name  string
	DType string // safetensors' name
	Shape []int

	strides []int64 // in values
	offset  int64
	storage *storage
}

// newTensor checks the arguments of torch._utils._rebuild_tensor_v2: storage,
// offset, size, stride, requires_grad, backward_hooks and perhaps metadata. Of a storage
// of another type than numbers' it makes an opaque.
func newTensor(args []any) (any, error) {
	if len(args) < 6 || len(args) > 7 {
		return nil, badf("the pickle makes a tensor of %d arguments, expected 6 or 7", len(args))
	}
	if o, ok := args[0].(*opaque); ok { // of values that are not read
		return o, nil
	}
	return newView(args)
}

// newView makes the tensor of arguments of these kinds.
func newView(args []any) (t Tensor, err error) {
	s, ok1 := args[0].(*storage)
	offset, ok2 := args[1].(int64)
	size, ok3 := args[2].(*list)
	stride, ok4 := args[3].(*list)
	if !ok1 || !ok2 || !ok3 || !ok4 || s == nil {
		return t, badf("the pickle makes a tensor of %s, %s, %s and %s", kind(args[0]), kind(args[1]), kind(args[2]), kind(args[3]))
	}
	if len(size.v) > maxDims || len(size.v) != len(stride.v) {
		return t, badf("storage %s: a view with %d sizes and %d strides, allowed as many of each, up to %d", s.key, len(size.v), len(stride.v), maxDims)
	}
	if offset < 0 || offset > s.numel {
		return t, badf("storage %s: a view at offset %d of %d values", s.key, offset, s.numel)
	}
	t = Tensor{DType: s.dtype, storage: s, offset: offset}
	n := uint64(1) // number of values
	for i := range size.v {
		d, ok1 := size.v[i].(int64)
		k, ok2 := stride.v[i].(int64)
		if !ok1 || !ok2 || d < 0 || k < 0 {
			return t, badf("storage %s: a view of size %s and stride %s, allowed are integers from 0", s.key, kind(size.v[i]), kind(stride.v[i]))
		}
		t.Shape, t.strides = append(t.Shape, int(d)), append(t.strides, k)
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt64 || d > math.MaxInt {
			return t, badf("storage %s: a view whose shape %v overflows", s.key, t.Shape)
		}
		n = lo
	}
	return t, t.within(n)
}

// maxRepeated bounds the values of a view that repeats those of its storage.
const maxRepeated = 1 << 20

// within refuses a view of n values that reaches out of its storage.
func (t Tensor) within(n uint64) error {
	s, last := t.storage, t.offset
	// torch can repeat values without limit (stride 0: Tensor.expand). Buffers do it, but a
	// small file must not become large in memory.
	if n > uint64(max(s.numel, maxRepeated)) {
		return badf("storage %s: a view of shape %v has more values than the storage's %d, allowed up to %d", s.key, t.Shape, s.numel, maxRepeated)
	}
	if n == 0 {
		return nil
	}
	for i, d := range t.Shape {
		hi, lo := bits.Mul64(uint64(d-1), uint64(t.strides[i]))
		if hi != 0 || lo > uint64(s.numel) || last+int64(lo) >= s.numel {
			return badf("storage %s: a view of shape %v, strides %v and offset %d reaches past its %d values", s.key, t.Shape, t.strides, t.offset, s.numel)
		}
		last += int64(lo)
	}
	if last >= s.numel {
		return badf("storage %s: a view at offset %d of %d values", s.key, t.offset, s.numel)
	}
	return nil
}

// Len is the product of the shape.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// span is the number of values from the view's first to its last.
func (t Tensor) span() int64 {
	n := int64(1)
	for i, d := range t.Shape {
		n += int64(d-1) * t.strides[i]
	}
	return n
}

// contiguous reports whether the view's values follow each other in its order.
func (t Tensor) contiguous() bool {
	step := int64(1)
	for i, d := range slices.Backward(t.Shape) {
		if d != 1 && t.strides[i] != step {
			return false
		}
		step *= int64(d)
	}
	return true
}

// maxSpread bounds how many values of a storage are read for one of a view.
const maxSpread = 64

// Floats reads a tensor of F16, BF16, F32 or F64 values as float32. Values must be
// finite. It may be called by several goroutines.
func (t Tensor) Floats() ([]float32, error) {
	if err := values.CheckFloat(t.Name, t.DType); err != nil {
		return nil, err
	}
	n := t.Len()
	if n == 0 {
		return []float32{}, nil
	}
	if err := t.storage.verify(); err != nil {
		return nil, err
	}
	span := t.span()
	if span > maxSpread*int64(n) {
		return nil, fmt.Errorf("tensor %s: its %d values are spread over %d of their storage, allowed up to %d times as many", t.Name, n, span, maxSpread)
	}
	v, err := t.read(span)
	if err != nil || t.contiguous() {
		return v, err
	}
	out := make([]float32, 0, n)
	index := make([]int, len(t.Shape))
	at := int64(0)
	for range n {
		out = append(out, v[at])
		for i := len(index) - 1; i >= 0; i-- {
			index[i]++
			at += t.strides[i]
			if index[i] < t.Shape[i] {
				break
			}
			at -= int64(t.Shape[i]) * t.strides[i]
			index[i] = 0
		}
	}
	return out, nil
}

// read reads n values of the storage, from the view's first on.
func (t Tensor) read(n int64) ([]float32, error) {
	return values.Read(t.storage.r, t.storage.base+t.offset*widths[t.DType], n, t.DType, t.Name, "torchfile")
}
