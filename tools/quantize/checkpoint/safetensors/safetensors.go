// Package safetensors reads the safetensors format: a length, a JSON header and
// the tensors' bytes. It treats a file as hostile: whatever a header claims is
// checked against the file's size before memory is set aside, and the tensors
// must cover the data exactly, without holes, overlaps or a rest.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
	"unicode"

	"dit8/internal/textfile"
)

// Limits of the format.
const (
	MaxHeader  = 100_000_000 // bytes of JSON, the reference implementation's limit
	MaxTensors = 1 << 16
	MaxDims    = 8
	MaxName    = 512 // bytes
)

// FormatError reports that a file is not a well-formed safetensors file.
type FormatError string

func (e FormatError) Error() string { return "safetensors: " + string(e) }

func badf(format string, args ...any) error { return FormatError(fmt.Sprintf(format, args...)) }

// Tensor is one entry of the header.
type Tensor struct {
	Name       string
	DType      string // the format's name: "F32", "BF16", …
	Shape      []int
	begin, end int64 // in the data
}

// Len is the product of the shape.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// File is an open file. Its methods may be used by several goroutines.
type File struct {
	Tensors []Tensor // in the order of their data
	r       io.ReaderAt
	data    int64 // offset of the data
	byName  map[string]int
}

// widths gives the bits of a value of each type that the format knows.
var widths = map[string]uint64{
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
	"I16": 16, "U16": 16, "F16": 16, "BF16": 16,
	"I32": 32, "U32": 32, "F32": 32,
	"I64": 64, "U64": 64, "F64": 64, "C64": 64,
}

// Read reads the header of a file of size bytes.
func Read(r io.ReaderAt, size int64) (*File, error) {
	var head [64]byte
	n, err := r.ReadAt(head[:min(size, int64(len(head)))], 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("safetensors: read: %w", err)
	}
	if what := otherFormat(head[:n]); what != "" {
		return nil, badf("this is %s", what)
	}
	if size < 8 || n < 8 {
		return nil, badf("the file has %d bytes, not even the 8 of the header's length", size)
	}
	length := binary.LittleEndian.Uint64(head[:8])
	switch {
	case length > MaxHeader && !bytes.ContainsFunc(head[:8], notText):
		return nil, badf("not a safetensors file: it starts with %.8q", head[:8])
	case length > MaxHeader:
		return nil, badf("the header claims %d bytes, allowed up to %d", length, MaxHeader)
	case length > uint64(size-8):
		return nil, badf("the header claims %d bytes, the file has %d after its length", length, size-8)
	}
	text := make([]byte, length)
	if _, err := r.ReadAt(text, 8); err != nil && err != io.EOF {
		return nil, fmt.Errorf("safetensors: read header: %w", err)
	}
	f := &File{r: r, data: 8 + int64(length)}
	if f.Tensors, err = parseHeader(text); err != nil {
		return nil, err
	}
	return f, f.check(size - f.data)
}

// otherFormat recognises what people mistake for a safetensors file.
func otherFormat(b []byte) string {
	start := string(bytes.ToLower(bytes.TrimSpace(b)))
	switch {
	case strings.HasPrefix(start, "<!doctype"), strings.HasPrefix(start, "<html"):
		return "an HTML page: the download went wrong"
	case textfile.IsPointer([]byte(start)):
		return textfile.Pointer
	case strings.HasPrefix(string(b), "PK\x03\x04"), strings.HasPrefix(string(b), "PK\x05\x06"):
		return "a zip archive, as torch.save writes, not a safetensors file"
	case len(b) > 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5 && (len(b) < 8 || binary.LittleEndian.Uint64(b) > MaxHeader):
		return "a Python pickle, not a safetensors file"
	case strings.HasPrefix(string(b), "dit8\r\n"):
		return "a .dit8 file already"
	}
	return ""
}

func notText(r rune) bool { return r > unicode.MaxASCII || r != '\n' && !unicode.IsPrint(r) }

// check compares all entries with each other and with the length of the data.
func (f *File) check(length int64) error {
	slices.SortStableFunc(f.Tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	f.byName = make(map[string]int, len(f.Tensors))
	at := int64(0)
	for i, t := range f.Tensors {
		if t.end > length {
			return badf("tensor %s: its data ends at %d, the file has %d bytes of data", t.Name, t.end, length)
		}
		if t.begin != at {
			return badf("tensor %s: its data begins at %d where the tensors before it end at %d: a hole or an overlap", t.Name, t.begin, at)
		}
		at = t.end
		f.byName[t.Name] = i
	}
	if at != length {
		return badf("the tensors cover %d bytes, the file has %d bytes of data", at, length)
	}
	return nil
}

// checkSize compares a tensor's shape with the bytes it is given.
func (t Tensor) checkSize() error {
	n, ok := widths[t.DType]
	if !ok {
		return badf("tensor %s: unknown dtype %.20q", t.Name, t.DType)
	}
	for _, d := range t.Shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > 1<<62 {
			return badf("tensor %s: shape %v of %s overflows", t.Name, t.Shape, t.DType)
		}
		n = lo
	}
	if n%8 != 0 {
		return badf("tensor %s: shape %v of %s takes %d bits, which are no whole bytes", t.Name, t.Shape, t.DType, n)
	}
	if n /= 8; int64(n) != t.end-t.begin {
		return badf("tensor %s: shape %v of %s takes %d bytes, its data has %d", t.Name, t.Shape, t.DType, n, t.end-t.begin)
	}
	return nil
}

// Lookup finds a tensor by name.
func (f *File) Lookup(name string) (Tensor, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}
