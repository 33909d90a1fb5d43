package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"slices"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/param"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Reader decodes a .dit8 file from a stream. It takes the file for hostile: what
// it allocates is bounded by what has arrived.
type Reader struct {
	r      io.Reader
	header Header
	sum    [32]byte     // of the payload area, as the preamble says
	read   int64        // bytes taken from r
	next   int          // the tensor to be read next
	chunks *chunkReader // while they are being read
	hash   hash.Hash    // not nil: the payload area is to be hashed
}

// NewReader reads and checks everything before the payloads. Errors are a
// FormatError, an UnsupportedError, or come from r.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{r: r}
	if err := d.readHeader(); err != nil {
		return nil, err
	}
	return d, nil
}

// Header is what the file says of its model.
func (d *Reader) Header() *Header { return &d.header }

// BytesRead is how much of the file has been taken from the stream, of
// Header().Size.
func (d *Reader) BytesRead() int64 { return d.read }

// VerifySHA256 makes Tensors check the SHA-256 of all payloads at the end, which
// guards against forgery; the checksums that are always checked guard against
// accidents.
func (d *Reader) VerifySHA256() { d.hash = sha256.New() }

// fill reads len(b) bytes; what names them in the error of a short file.
func (d *Reader) fill(b []byte, what string) error {
	n, err := io.ReadFull(d.r, b)
	d.read += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", badf("the file ends after %d bytes, in %s", d.read, what), io.ErrUnexpectedEOF)
	}
	if err != nil {
		return fmt.Errorf("weights: read %s: %w", what, err)
	}
	return nil
}

// fillGrowing reads n bytes into memory that grows as they arrive.
func (d *Reader) fillGrowing(n int, what string) ([]byte, error) {
	var b []byte
	for len(b) < n {
		k := min(n-len(b), max(64<<10, len(b)))
		b = append(b, make([]byte, k)...)
		if err := d.fill(b[len(b)-k:], what); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (d *Reader) readHeader() error {
	pre := make([]byte, preamble)
	if err := d.fill(pre[:8], "the magic number"); err != nil {
		return err
	}
	if string(pre[:8]) != magic {
		switch string(pre[:8]) {
		case "version ":
			return badf("not a .dit8 file: this is a git-lfs pointer, run \"git lfs pull\"")
		case "<!DOCTYP", "<!doctyp":
			return badf("not a .dit8 file: this is an HTML page, the download went wrong")
		}
		hint := ""
		if pre[0] == 'P' && pre[1] == 'K' || pre[0] == 0x80 && pre[1] < 6 || pre[7] == 0 { // a zip archive, a pickle, a header's length
			hint = "; of a checkpoint of PyTorch or safetensors quantize makes one"
		}
		return badf("not a .dit8 file: it starts with %q, not %q%s", pre[:8], magic, hint)
	}
	if err := d.fill(pre[8:12], "the version"); err != nil {
		return err
	}
	version := binary.LittleEndian.Uint32(pre[8:])
	if version < 1 || version > Version {
		return UnsupportedError(fmt.Sprintf("version %d of the format, this program reads versions 1 to %d", version, Version))
	}
	if err := d.fill(pre[12:], "the preamble"); err != nil {
		return err
	}
	jsonLen, tableLen := binary.LittleEndian.Uint32(pre[12:]), binary.LittleEndian.Uint32(pre[16:])
	crc, size := binary.LittleEndian.Uint32(pre[20:]), binary.LittleEndian.Uint64(pre[24:])
	switch {
	case jsonLen > MaxHeader:
		return badf("the header has %d bytes, allowed up to %d", jsonLen, MaxHeader)
	case tableLen > MaxTable:
		return badf("the tensor table has %d bytes, allowed up to %d", tableLen, MaxTable)
	case size > MaxFileSize:
		return badf("the file's size is given as %d bytes, allowed up to %d", size, int64(MaxFileSize))
	}
	d.header.Size = int64(size)
	copy(d.sum[:], pre[32:])
	text, err := d.fillGrowing(int(jsonLen), "the header")
	if err != nil {
		return err
	}
	table, err := d.fillGrowing(int(tableLen), "the tensor table")
	if err != nil {
		return err
	}
	id := sha256.New()
	id.Write(pre)
	id.Write(text)
	id.Write(table)
	d.header.ID = hex.EncodeToString(id.Sum(nil)[:8])
	clear(pre[20:24])
	got := crc32.Update(crc32.Update(crc32.Checksum(pre, castagnoli), castagnoli, text), castagnoli, table)
	if got != crc {
		return badf("the header's checksum is %08x, the file says %08x: it is damaged", got, crc)
	}
	if err := d.header.parse(text); err != nil {
		return err
	}
	if want := d.header.version(); version != want {
		return badf("header: the file has version %d, what it holds is of version %d", version, want)
	}
	start := aligned(d.read)
	if err := d.padding(start, "after the tensor table"); err != nil {
		return err
	}
	end, err := d.header.parseTable(table, start)
	if err != nil {
		return err
	}
	if end != d.header.Size {
		return badf("the last payload ends at byte %d, the file's size is given as %d", end, d.header.Size)
	}
	return nil
}

// padding reads zeros up to byte end.
func (d *Reader) padding(end int64, where string) error {
	var b [align]byte
	pad := b[:end-d.read]
	if err := d.fill(pad, "the padding "+where); err != nil {
		return err
	}
	if d.hash != nil {
		d.hash.Write(pad)
	}
	if bytes.ContainsFunc(pad, func(r rune) bool { return r != 0 }) {
		return badf("the padding %s is not zero", where)
	}
	return nil
}

func (h *Header) parse(text []byte) error {
	// Room for all strings of the header, so that a long list of classes does not
	// grow piece by piece.
	h.Info.Classes = make([]string, 0, bytes.Count(text, []byte(`"`))/2)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(h); err != nil {
		return badf("header: %v", err)
	}
	if dec.InputOffset() != int64(len(text)) {
		return badf("header: %d bytes after the JSON object", int64(len(text))-dec.InputOffset())
	}
	if err := h.check(); err != nil {
		return badf("header: %v", err)
	}
	return nil
}

// parseTable reads the tensor table; payloads start at byte at. It returns where
// they end.
func (h *Header) parseTable(b []byte, at int64) (end int64, err error) {
	c := cursor{b: b}
	for _, s := range h.Specs() {
		if name := string(c.bytes(int(c.uint8()))); name != s.Name {
			return 0, badf("tensor table: found %q where the config has %q", name, s.Name)
		}
		dtype := c.uint8()
		t := TensorInfo{Name: s.Name, Shape: s.Shape, DType: DType(dtype &^ inPlanes), Planes: dtype&inPlanes != 0}
		if t.DType > I8 {
			return 0, UnsupportedError(fmt.Sprintf("tensor %s has %v, known are 0 to %d", s.Name, t.DType, I8))
		}
		if t.DType == I8 && t.Planes {
			return 0, badf("tensor %s: int8 rows in byte planes", s.Name)
		}
		if t.DType == I8 && !s.MayBeInt8() {
			return 0, badf("tensor %s: int8 rows for shape %v, allowed for matrices and convolutions within an autoencoder", s.Name, s.Shape)
		}
		shape := make([]int, min(c.uint8(), 8))
		for i := range shape {
			shape[i] = int(int32(c.uint32()))
		}
		if !slices.Equal(shape, s.Shape) {
			return 0, badf("tensor %s: shape is %v, the config asks for %v", s.Name, shape, s.Shape)
		}
		if t.offset = int64(c.uint64()); t.offset != at {
			return 0, badf("tensor %s: its payload is at byte %d, expected %d", s.Name, t.offset, at)
		}
		if t.Bytes = t.DType.storedBytes(s); t.Bytes*int64(t.DType.memory(1)) > MaxTensorBytes {
			return 0, badf("tensor %s: %d bytes, allowed up to %d", s.Name, t.Bytes, MaxTensorBytes)
		}
		chunks := int((t.Bytes + ChunkSize - 1) / ChunkSize)
		if len(c.b) < 8*chunks {
			return 0, badf("tensor %s: the tensor table ends within its %d chunks", s.Name, chunks)
		}
		t.chunks = make([]chunk, chunks)
		for i := range t.chunks {
			n, crc := c.uint32(), c.uint32()
			k := chunk{length: int(n &^ rawChunk), raw: n&rawChunk != 0, crc: crc}
			want := t.chunkBytes(i)
			switch {
			case k.raw && k.length != want, !k.raw && k.length >= want:
				return 0, badf("tensor %s: chunk %d is stored in %d bytes, it has %d uncompressed", s.Name, i, k.length, want)
			case k.length*MaxExpansion < t.DType.memory(want):
				return 0, badf("tensor %s: chunk %d expands from %d to %d bytes, allowed is a factor of %d", s.Name, i, k.length, t.DType.memory(want), MaxExpansion)
			}
			t.chunks[i] = k
			t.Stored += int64(k.length)
		}
		at += t.Stored
		end, at = at, aligned(at)
		h.Tensors = append(h.Tensors, t)
	}
	if c.short {
		return 0, badf("tensor table: it ends early")
	}
	if len(c.b) > 0 {
		return 0, badf("tensor table: %d bytes after the last tensor", len(c.b))
	}
	return end, nil
}

// chunkBytes is the uncompressed length of chunk i.
func (t *TensorInfo) chunkBytes(i int) int {
	return int(min(ChunkSize, t.Bytes-int64(i)*ChunkSize))
}

// cursor reads a byte slice; past its end it gives zeros and sets short.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) bytes(n int) []byte {
	if n > len(c.b) {
		c.b, c.short = nil, true
		return make([]byte, n)
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) uint8() uint8   { return c.bytes(1)[0] }
func (c *cursor) uint32() uint32 { return binary.LittleEndian.Uint32(c.bytes(4)) }
func (c *cursor) uint64() uint64 { return binary.LittleEndian.Uint64(c.bytes(8)) }

// Tensors yields every tensor in the order of Header.Specs, each as soon as its last
// byte has arrived. It stops at the first error. It can be used once.
func (d *Reader) Tensors() iter.Seq2[param.Tensor, error] { return d.section(0, len(d.header.Tensors)) }

// Network yields the network's tensors, as Tensors does.
func (d *Reader) Network() iter.Seq2[param.Tensor, error] { return d.section(0, d.networkTensors()) }

// Autoencoder yields the autoencoder's tensors, as Tensors does; the network's have to
// be read before.
func (d *Reader) Autoencoder() iter.Seq2[param.Tensor, error] {
	return d.section(d.networkTensors(), len(d.header.Tensors)-d.previewTensors())
}

// Preview yields the tensors of the decoder of previews, as Tensors does; the others have
// to be read before.
func (d *Reader) Preview() iter.Seq2[param.Tensor, error] {
	return d.section(len(d.header.Tensors)-d.previewTensors(), len(d.header.Tensors))
}

func (d *Reader) networkTensors() int {
	if d.header.Autoencoder == nil {
		return len(d.header.Tensors)
	}
	return len(d.header.Tensors) - len(d.header.Autoencoder.Specs())
}

func (d *Reader) previewTensors() int {
	if a := d.header.Autoencoder; a != nil && a.PreviewDecoder != nil {
		return len(a.PreviewDecoder.Specs())
	}
	return 0
}

// section yields tensors [from, to).
func (d *Reader) section(from, to int) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		if d.next != from {
			yield(param.Tensor{}, errors.New("weights: the tensors were read already"))
			return
		}
		for d.next < to {
			t, err := d.tensor()
			if !yield(t, err) || err != nil {
				d.close()
				return
			}
		}
		if to < len(d.header.Tensors) {
			return // the rest may follow
		}
		d.close()
		if err := d.finish(); err != nil {
			yield(param.Tensor{}, err)
		}
	}
}

// tensor reads the next one.
func (d *Reader) tensor() (t param.Tensor, err error) {
	if d.chunks == nil {
		if d.chunks, err = newChunkReader(d); err != nil {
			return t, err
		}
	}
	d.next++
	return d.chunks.tensor(&d.header.Tensors[d.next-1])
}

// close ends the reading of tensors.
func (d *Reader) close() {
	if d.chunks != nil {
		d.chunks.close()
	}
	d.next, d.chunks = -1, nil
}

// finish checks what follows the last payload, nothing, and the SHA-256.
func (d *Reader) finish() error {
	var b [1]byte
	if n, err := io.ReadFull(d.r, b[:]); n > 0 {
		return badf("there are bytes after the end of the file at %d", d.header.Size)
	} else if err != io.EOF {
		return fmt.Errorf("weights: read the end of the file: %w", err)
	}
	if d.hash != nil && !bytes.Equal(d.hash.Sum(nil), d.sum[:]) {
		return badf("the SHA-256 of the payloads is %x, the file says %x: it was changed", d.hash.Sum(nil), d.sum)
	}
	return nil
}

var (
	errAlone         = errors.New("weights: the file holds an autoencoder alone, which makes no images: give it as vae, beside the file of a network")
	errNoAutoencoder = errors.New("weights: the file holds no autoencoder")
)

// Generator reads the tensors onto dev and returns the model, ready to sample.
func (d *Reader) Generator(dev compute.Device) (*core.Generator, error) {
	h := d.Header()
	if !h.HasNetwork() {
		return nil, errAlone
	}
	g, err := core.NewGenerator(dev, h.ID, h.Info, h.Config, d.Network())
	if err != nil || h.Autoencoder == nil {
		return g, err
	}
	if err := d.decode(g, ""); err != nil {
		g.Free()
		return nil, err
	}
	return g, nil
}

// decode reads the autoencoder and its decoder of previews.
func (d *Reader) decode(g *core.Generator, id string) error {
	a := d.Header().Autoencoder
	if err := g.SetAutoencoder(id, *a, d.Autoencoder()); err != nil || a.PreviewDecoder == nil {
		return err
	}
	return g.SetPreview(d.Preview())
}

// AddTo reads the file's autoencoder, in place of the one that g may have. A network in
// front of it is read and dropped.
func (d *Reader) AddTo(g *core.Generator) error {
	h := d.Header()
	if h.Autoencoder == nil {
		return errNoAutoencoder
	}
	if err := h.Autoencoder.Fits(g.Config().InChannels); err != nil {
		return err
	}
	for _, err := range d.Network() {
		if err != nil {
			return err
		}
	}
	return d.decode(g, h.ID)
}

// File is a Reader of a file on disk.
type File struct {
	*Reader
	f *os.File
}

// Open opens a .dit8 file and reads its header. Errors name the file.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &File{r, f}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }
