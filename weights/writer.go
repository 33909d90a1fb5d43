// The page's program reads only; wasm/convert writes.

//go:build !js || convert

package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"runtime"
	"slices"

	"github.com/klauspost/compress/zstd"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/internal/ordered"
	"dit8/weights/half"
)

// Writer writes models as .dit8 files.
type Writer struct {
	// Round16 says which float tensors may be rounded to float16; nil is none.
	Round16 func(param.Spec) bool
	// Small takes every byte that there is to gain. Without it what would shrink by
	// less than a sixteenth stays as it is, and decodes in no time.
	Small bool
	// Spool is where compressed tensors wait for the last one, empty at first; nil is
	// memory.
	Spool Spool
}

// Write writes a network, as WriteModel does.
func (w Writer) Write(to io.Writer, cfg dit.Config, info core.Info, tensors iter.Seq2[param.Tensor, error]) error {
	if err := cfg.Check(); err != nil {
		return err
	}
	return w.WriteModel(to, Header{Config: cfg, Info: info}, tensors)
}

// WriteModel writes what h says. Tensors may come in any order, each once. int8 tensors are
// stored as they are; float tensors as float32, or as float16 where that loses
// nothing or where w.Round16 allows it. Tensors are compressed on all cores. The
// same input gives the same bytes.
func (w Writer) WriteModel(to io.Writer, h Header, tensors iter.Seq2[param.Tensor, error]) error {
	if err := h.check(); err != nil {
		return err
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(text) > MaxHeader {
		return fmt.Errorf("weights: the header has %d bytes, allowed up to %d", len(text), MaxHeader)
	}
	specs := h.Specs()
	byName := make(map[string]param.Spec, len(specs))
	for _, s := range specs {
		byName[s.Name] = s
	}
	once := func(yield func(param.Tensor, error) bool) {
		seen := make(map[string]bool)
		for t, err := range tensors {
			if _, ok := byName[t.Name]; err == nil && (!ok || seen[t.Name]) {
				err = fmt.Errorf("weights: tensor %s: the config has none of this name, or it came twice", t.Name)
			}
			seen[t.Name] = true
			if !yield(t, err) {
				return
			}
		}
	}
	spool := w.Spool
	if spool == nil {
		spool = &memory{}
	}
	encs, err := newEncoders(w.Small)
	if err != nil {
		return err
	}
	defer encs.close()
	done := make(map[string]encoded, len(specs))
	at := int64(0) // in the spool
	for e, err := range ordered.Map(once, cap(encs), func(t param.Tensor) (encoded, error) {
		s := byName[t.Name]
		if err := t.Check(s); err != nil {
			return encoded{}, fmt.Errorf("weights: %w", err)
		}
		if err := check(t); err != nil {
			return encoded{}, err
		}
		return encs.tensor(t, w.Round16 != nil && w.Round16(s))
	}) {
		if err != nil {
			return err
		}
		if _, err := spool.Write(e.data); err != nil {
			return fmt.Errorf("weights: write tensor %s: %w", e.name, err)
		}
		e.at, e.size, e.data = at, int64(len(e.data)), nil
		at += e.size
		done[e.name] = e
	}
	for _, s := range specs {
		if _, ok := done[s.Name]; !ok {
			return fmt.Errorf("weights: tensor %s: missing (%d of %d tensors are)", s.Name, len(specs)-len(done), len(specs))
		}
	}
	return assemble(to, spool, h.version(), text, specs, done)
}

// Spool keeps bytes, as a file does.
type Spool interface {
	io.Writer
	io.ReaderAt
}

// memory is a Spool.
type memory struct{ b []byte }

func (m *memory) Write(b []byte) (int, error) {
	m.b = append(m.b, b...)
	return len(b), nil
}

func (m *memory) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(b, at)
}

// encoded is a tensor as it goes to the file.
type encoded struct {
	name     string
	dtype    DType
	planes   bool
	chunks   []chunk
	data     []byte // until it is in the spool:
	at, size int64
}

type encoder struct {
	zstd   *zstd.Encoder
	small  bool
	framer framer
	buf    []byte
	planes []byte // one chunk
}

// encoders are those that are free, one for each core.
type encoders chan *encoder

func newEncoders(small bool) (encoders, error) {
	all := make(encoders, runtime.GOMAXPROCS(0))
	for range cap(all) {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
			zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithWindowSize(ChunkSize))
		if err != nil {
			return nil, err
		}
		all <- &encoder{zstd: z, small: small}
	}
	return all, nil
}

func (all encoders) close() {
	for range cap(all) {
		(<-all).zstd.Close()
	}
}

func (all encoders) tensor(t param.Tensor, round16 bool) (encoded, error) {
	e := <-all
	defer func() { all <- e }()
	return e.tensor(t, round16)
}

func (e *encoder) tensor(t param.Tensor, round16 bool) (encoded, error) {
	out := encoded{name: t.Name, dtype: storage(t, round16)}
	b := e.buf[:0]
	switch out.dtype {
	case F32:
		for _, v := range t.F32 {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	case F16:
		for i, v := range t.F32 {
			h := half.FromFloat32(v)
			if h&0x7fff == 0x7c00 {
				return out, fmt.Errorf("weights: tensor %s: value %d is %v, float16 goes to ±65504", t.Name, i, v)
			}
			b = binary.LittleEndian.AppendUint16(b, h)
		}
	case I8:
		for _, v := range slices.Concat(t.Scale, t.Smooth) {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		for _, v := range t.I8 {
			b = append(b, byte(v))
		}
	}
	e.buf = b
	cut := 0 // of int8 rows' scales and values
	if out.dtype == I8 {
		cut = 4 * (len(t.Scale) + len(t.Smooth))
	}
	out.chunks, out.data = e.chunks(b, out.dtype, false, cut)
	if e.small && out.dtype != I8 {
		if chunks, data := e.chunks(b, out.dtype, true, 0); len(data) < len(out.data) {
			out.chunks, out.data, out.planes = chunks, data, true
		}
	}
	return out, nil
}

// chunks compresses a payload chunk by chunk, in the smallest of the ways there are.
func (e *encoder) chunks(b []byte, dtype DType, planes bool, cut int) (chunks []chunk, data []byte) {
	for len(b) > 0 {
		plain := b[:min(len(b), ChunkSize)]
		b = b[len(plain):]
		cuts := []int{cut}
		if cut -= len(plain); planes {
			plain, cuts = e.split(plain, dtype.width())
		}
		k := chunk{length: len(plain), raw: true, crc: crc32.Checksum(plain, castagnoli)}
		at := len(data)
		data = e.zstd.EncodeAll(plain, data)
		if e.small {
			end := len(data)
			if data = e.framer.frame(data, plain, cuts...); len(data)-end < end-at {
				data = append(data[:at], data[end:]...)
			} else {
				data = data[:end]
			}
		}
		if n := len(data) - at; n < len(plain) && n*MaxExpansion >= dtype.memory(len(plain)) {
			k.length, k.raw = n, false
		} else {
			data = append(data[:at], plain...)
		}
		chunks = append(chunks, k)
	}
	return chunks, data
}

// split puts values of width bytes into byte planes, and says where these begin.
func (e *encoder) split(b []byte, width int) (planes []byte, begin []int) {
	e.planes = e.planes[:0]
	for p := range width {
		begin = append(begin, len(e.planes))
		for i := p; i < len(b); i += width {
			e.planes = append(e.planes, b[i])
		}
	}
	return e.planes, begin
}

// storage picks the type that t is stored as.
func storage(t param.Tensor, round16 bool) DType {
	if t.I8 != nil {
		return I8
	}
	if round16 {
		return F16
	}
	for _, v := range t.F32 {
		if !half.IsExact(v) {
			return F32
		}
	}
	return F16
}

// assemble writes the file: preamble, header, table, payloads.
func assemble(w io.Writer, spool io.ReaderAt, version uint32, text []byte, specs []param.Spec, tensors map[string]encoded) error {
	tableLen := 0
	for _, s := range specs {
		tableLen += 1 + len(s.Name) + 1 + 1 + 4*len(s.Shape) + 8 + 8*len(tensors[s.Name].chunks)
	}
	start := aligned(int64(preamble + len(text) + tableLen))
	var table []byte
	sum := sha256.New()
	at := start
	var zeros [align]byte
	for i, s := range specs {
		e := tensors[s.Name]
		if i > 0 {
			sum.Write(zeros[:aligned(at)-at])
			at = aligned(at)
		}
		table = append(append(table, byte(len(s.Name))), s.Name...)
		dtype := byte(e.dtype)
		if e.planes {
			dtype |= inPlanes
		}
		table = append(table, dtype, byte(len(s.Shape)))
		for _, n := range s.Shape {
			table = binary.LittleEndian.AppendUint32(table, uint32(n))
		}
		table = binary.LittleEndian.AppendUint64(table, uint64(at))
		for _, k := range e.chunks {
			n := uint32(k.length)
			if k.raw {
				n |= rawChunk
			}
			table = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(table, n), k.crc)
		}
		if _, err := io.Copy(sum, io.NewSectionReader(spool, e.at, e.size)); err != nil {
			return fmt.Errorf("weights: read tensor %s again: %w", s.Name, err)
		}
		at += e.size
	}
	if len(table) > MaxTable || at > MaxFileSize {
		return fmt.Errorf("weights: a file of %d bytes with a table of %d, allowed up to %d and %d", at, len(table), int64(MaxFileSize), MaxTable)
	}
	pre := make([]byte, preamble)
	copy(pre, magic)
	binary.LittleEndian.PutUint32(pre[8:], version)
	binary.LittleEndian.PutUint32(pre[12:], uint32(len(text)))
	binary.LittleEndian.PutUint32(pre[16:], uint32(len(table)))
	binary.LittleEndian.PutUint64(pre[24:], uint64(at))
	sum.Sum(pre[:32])
	crc := crc32.Update(crc32.Update(crc32.Checksum(pre, castagnoli), castagnoli, text), castagnoli, table)
	binary.LittleEndian.PutUint32(pre[20:], crc)

	written := int64(0)
	write := func(b []byte) error {
		n, err := w.Write(b)
		written += int64(n)
		return err
	}
	for _, b := range [][]byte{pre, text, table, zeros[:start-int64(preamble+len(text)+len(table))]} {
		if err := write(b); err != nil {
			return fmt.Errorf("weights: write: %w", err)
		}
	}
	for i, s := range specs {
		pad := aligned(written) - written
		if i == 0 {
			pad = 0
		}
		if err := write(zeros[:pad]); err != nil {
			return fmt.Errorf("weights: write: %w", err)
		}
		e := tensors[s.Name]
		n, err := io.Copy(w, io.NewSectionReader(spool, e.at, e.size))
		if written += n; err != nil {
			return fmt.Errorf("weights: write tensor %s: %w", s.Name, err)
		}
	}
	return nil
}
