// Package torchfile reads the checkpoints that torch.save writes: zip archives and
// the format before version 1.6. Their structure is a pickle, which is a program
// in Python; here a machine with the few instructions and names that dictionaries
// of tensors need reads it, and refuses everything else. It treats a file as
// hostile: what it holds is bounded by the file's size.
package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"

	"dit8/internal/textfile"
)

// Limits.
const (
	MaxPickle  = 16 << 20 // bytes of the pickle
	MaxRecords = 1 << 16  // of a zip archive
	maxDims    = 8
	maxName    = 512 // bytes
)

// FormatError reports that a file is not a well-formed checkpoint, or one that is
// refused.
type FormatError string

func (e FormatError) Error() string { return "torchfile: " + string(e) }

func badf(format string, args ...any) error { return FormatError(fmt.Sprintf(format, args...)) }

// File is what a checkpoint holds.
type File struct {
	Tensors []Tensor // of one state dict, in the file's order
	From    string   // the keys under which it was, with dots between: "ema", "model", "" for the whole file
	Prefix  string   // what the weights that were asked for have before their names, for the caller to choose by
	Also    []string // the others that hold tensors' dictionaries
	Left    []string // entries of the state dict that are no tensors
	Trained []Tensor // where averages were taken, the weights that they are of, if the file has them
	// Args are the texts and numbers among the training program's arguments, where the
	// file has them.
	Args map[string]string
}

// Is reports whether a file that starts with head (16 bytes or more) is meant for
// this package: a zip archive or a pickle.
func Is(head []byte) bool {
	_, old := legacyObject(head)
	return old || bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")) || isPickle(head)
}

// isPickle tells a pickle's first instruction, PROTO, from the length of a
// safetensors header: as one it would claim more than the 100 MB allowed.
func isPickle(head []byte) bool {
	return len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5 &&
		(len(head) < 8 || binary.LittleEndian.Uint64(head) > 100_000_000)
}

// Read reads the structure of a checkpoint of size bytes. Of training checkpoints
// it takes the weights named by which: keys with dots between. "" is the best that
// the file has: averages first.
func Read(r io.ReaderAt, size int64, which string) (*File, error) {
	head := make([]byte, min(size, 64))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("torchfile: read: %w", err)
	}
	var top any
	var err error
	_, old := legacyObject(head)
	switch {
	case size == 0:
		return nil, badf("the file has 0 bytes")
	case bytes.HasPrefix(head, []byte("PK")):
		top, err = readZip(r, size)
	case old:
		top, err = readLegacy(r, size)
	case textfile.IsPointer(head):
		return nil, badf("this is %s", textfile.Pointer)
	case isPickle(head):
		return nil, badf("this is a bare Python pickle, not a file of torch.save: refused")
	case bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(head)), []byte("<")):
		return nil, badf("this is an HTML page: the download went wrong")
	default:
		return nil, badf("not a file of torch.save: it starts with %.8q", head)
	}
	if err != nil {
		return nil, err
	}
	return choose(top, which)
}

// zipped is the zip archive of torch 1.6 and later: <root>/data.pkl, and
// <root>/data/<key> for each storage, stored without compression.
type zipped struct {
	r        io.ReaderAt
	size     int64
	root     string
	records  map[string]*zip.File
	storages map[string]*storage
}

func openZip(r io.ReaderAt, size int64) (*zipped, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, badf("the zip archive is damaged or cut short: %v", err)
	}
	if len(z.File) > MaxRecords {
		return nil, badf("the zip archive has %d records, allowed up to %d", len(z.File), MaxRecords)
	}
	a := &zipped{r: r, size: size, records: make(map[string]*zip.File, len(z.File)), storages: make(map[string]*storage)}
	pickles := 0
	for _, f := range z.File {
		if a.records[f.Name] != nil {
			return nil, badf("the zip archive has %.100q twice", f.Name)
		}
		a.records[f.Name] = f
		if dir, ok := strings.CutSuffix(f.Name, "/data.pkl"); ok {
			a.root = dir + "/"
			pickles++
		}
	}
	if pickles != 1 {
		return nil, badf("the zip archive has %d records data.pkl in a folder, expected 1: torch.save did not write it", pickles)
	}
	return a, nil
}

func readZip(r io.ReaderAt, size int64) (any, error) {
	a, err := openZip(r, size)
	if err != nil {
		return nil, err
	}
	if f := a.records[a.root+"byteorder"]; f != nil {
		b, err := record(r, size, f, 16)
		if err != nil {
			return nil, err
		}
		if string(b) != "little" {
			return nil, badf("the byte order is %q, allowed is little", b)
		}
	}
	b, err := record(r, size, a.records[a.root+"data.pkl"], MaxPickle)
	if err != nil {
		return nil, err
	}
	top, rest, err := unpickle(b, a.storage)
	if err == nil && len(rest) > 0 {
		err = badf("there are %d bytes after the end of the pickle", len(rest))
	}
	return top, err
}

// storage is the one that the pickle refers to.
func (a *zipped) storage(dtype, key string, numel int64) (*storage, error) {
	f := a.records[a.root+"data/"+key]
	if f == nil {
		return nil, badf("storage %s: the archive has no record %sdata/%[1]s", key, a.root)
	}
	if s := a.storages[key]; s != nil {
		return s, s.same(dtype, numel)
	}
	width := widths[dtype]
	if numel < 0 || numel > math.MaxInt64/width || uint64(numel*width) != f.UncompressedSize64 {
		return nil, badf("storage %s: %d values of %s, its record has %d bytes", key, numel, dtype, f.UncompressedSize64)
	}
	at, err := place(a.size, f)
	if err != nil {
		return nil, err
	}
	s := &storage{key: key, dtype: dtype, numel: numel, base: at, r: a.r, hasCRC: true, crc: f.CRC32}
	a.storages[key] = s
	return s, nil
}

// same checks a second reference to a storage.
func (s *storage) same(dtype string, numel int64) error {
	if s.dtype != dtype || s.numel != numel {
		return badf("storage %s is %d values of %s and %d of %s at once", s.key, s.numel, s.dtype, numel, dtype)
	}
	return nil
}

// place is where the bytes of a record lie, within a file of size bytes.
func place(size int64, f *zip.File) (int64, error) {
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 || f.Flags&1 != 0 {
		return 0, badf("record %.100q is compressed or encrypted, which torch.save does not do", f.Name)
	}
	at, err := f.DataOffset()
	if err != nil {
		return 0, badf("record %.100q: %v", f.Name, err)
	}
	if at < 0 || at > size || f.UncompressedSize64 > uint64(size-at) {
		return 0, badf("record %.100q: %d bytes at %d, the file has %d", f.Name, f.UncompressedSize64, at, size)
	}
	return at, nil
}

// record reads a record of up to limit bytes and checks its checksum.
func record(r io.ReaderAt, size int64, f *zip.File, limit uint64) ([]byte, error) {
	if f.UncompressedSize64 > limit {
		return nil, badf("record %.100q has %d bytes, allowed up to %d", f.Name, f.UncompressedSize64, limit)
	}
	at, err := place(size, f)
	if err != nil {
		return nil, err
	}
	b := make([]byte, f.UncompressedSize64)
	if _, err := r.ReadAt(b, at); err != nil && (err != io.EOF || len(b) > 0) {
		return nil, fmt.Errorf("torchfile: read record %.100q: %w", f.Name, err)
	}
	if got := crc32.ChecksumIEEE(b); got != f.CRC32 {
		return nil, badf("record %.100q has CRC-32 %08x, the archive says %08x: it is damaged", f.Name, got, f.CRC32)
	}
	return b, nil
}

// The format before torch 1.6: pickles of a magic number, of the protocol's version
// and of the machine that wrote it, then the object, then the storages' keys; and for
// each its number of values and its bytes (torch/serialization.py: _legacy_save). The
// number as protocols from 2 on write it, and as 0 and 1 do:
var legacyMagics = []string{"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "L119547037146038801333356L\n."}

// legacyObject is what follows the magic number.
func legacyObject(b []byte) (rest []byte, ok bool) {
	if isPickle(b) {
		b = b[2:]
		if len(b) > 9 && b[0] == 0x95 { // FRAME, of protocol 4
			b = b[9:]
		}
	}
	for _, m := range legacyMagics {
		if rest, ok := bytes.CutPrefix(b, []byte(m)); ok {
			return rest, true
		}
	}
	return nil, false
}

func readLegacy(r io.ReaderAt, size int64) (any, error) {
	b := make([]byte, min(size, MaxPickle))
	if _, err := r.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("torchfile: read: %w", err)
	}
	noStorage := func(string, string, int64) (*storage, error) {
		return nil, badf("a storage outside the object's pickle")
	}
	rest, _ := legacyObject(b)
	version, rest, err := unpickle(rest, noStorage)
	if err != nil {
		return nil, err
	}
	if version != int64(1001) {
		return nil, badf("the legacy format's version is not 1001")
	}
	system, rest, err := unpickle(rest, noStorage)
	if err != nil {
		return nil, err
	}
	if d, ok := system.(*dict); !ok || d.values["little_endian"] != true {
		return nil, badf("the file does not say that it is little-endian, which is what is read")
	}
	l := legacy{r: r, size: size, storages: make(map[string]*storage)}
	top, rest, err := unpickle(rest, l.storage)
	if err != nil {
		return nil, err
	}
	keys, rest, err := unpickle(rest, noStorage)
	if err != nil {
		return nil, err
	}
	return top, l.place(keys, int64(len(b)-len(rest)))
}

// legacy is a file of that format with the storages that its object refers to.
type legacy struct {
	r        io.ReaderAt
	size     int64
	storages map[string]*storage
}

// storage is one whose place is known later.
func (l legacy) storage(dtype, key string, numel int64) (*storage, error) {
	if s := l.storages[key]; s != nil {
		return s, s.same(dtype, numel)
	}
	if numel < 0 || numel > l.size/widths[dtype] {
		return nil, badf("storage %s: %d values of %s, the file has %d bytes", key, numel, dtype, l.size)
	}
	s := &storage{key: key, dtype: dtype, numel: numel, base: -1, r: l.r}
	l.storages[key] = s
	return s, nil
}

// place finds where the storages lie: in the order of keys, from at to the file's end.
func (l legacy) place(keys any, at int64) error {
	order, ok := keys.(*list)
	if !ok {
		return badf("the storages' keys are %s, not a list", kind(keys))
	}
	for _, k := range order.v {
		key, _ := k.(string)
		s := l.storages[key]
		if s == nil || s.base >= 0 {
			return badf("storage %.40q: it is listed twice, or nothing refers to it", key)
		}
		var n [8]byte
		if _, err := l.r.ReadAt(n[:], at); err != nil {
			return badf("storage %s: the file ends at %d, before it", key, l.size)
		}
		if got := int64(binary.LittleEndian.Uint64(n[:])); got != s.numel {
			return badf("storage %s: %d values, the pickle says %d", key, got, s.numel)
		}
		s.base = at + 8
		if at = s.base + s.numel*widths[s.dtype]; at > l.size {
			return badf("storage %s: it ends at %d, the file has %d bytes", key, at, l.size)
		}
	}
	if at != l.size {
		return badf("there are %d bytes after the last storage", l.size-at)
	}
	for _, s := range l.storages {
		if s.base < 0 {
			return badf("storage %s: the file does not have it", s.key)
		}
	}
	return nil
}
