//go:build !js

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

	"github.com/klauspost/compress/zstd"

	"dit8/core"
	"dit8/core/dit"
	"dit8/internal/ordered"
	"dit8/weights/half"
)

// Write writes a model as a .dit8 file. Tensors may come in any order, each once.
// int8 tensors are stored as they are; float tensors as float32, or as float16
// where that loses nothing or where round16, when not nil, allows rounding. The
// same input gives the same bytes. Tensors are compressed on all cores; the result
// is held in memory until all have come.
func Write(w io.Writer, cfg dit.Config, info core.Info, tensors iter.Seq2[dit.Tensor, error], round16 func(dit.Spec) bool) error {
	return WriteSpooled(w, &memory{}, cfg, info, tensors, round16)
}

// Spool is where WriteSpooled sets payloads down until all have come, as a file.
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

// WriteSpooled is Write for models that should not be held in memory: compressed
// payloads go to spool, which is empty, and from there to w.
func WriteSpooled(w io.Writer, spool Spool, cfg dit.Config, info core.Info, tensors iter.Seq2[dit.Tensor, error], round16 func(dit.Spec) bool) error {
	if err := cfg.Check(); err != nil {
		return err
	}
	if err := info.Check(cfg.NumClasses); err != nil {
		return err
	}
	text, err := json.Marshal(Header{Config: cfg, Info: info})
	if err != nil {
		return err
	}
	if len(text) > MaxHeader {
		return fmt.Errorf("weights: the header has %d bytes, allowed up to %d", len(text), MaxHeader)
	}
	specs := cfg.Specs()
	byName := make(map[string]dit.Spec, len(specs))
	for _, s := range specs {
		byName[s.Name] = s
	}
	once := func(yield func(dit.Tensor, error) bool) {
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
	encs, err := newEncoders()
	if err != nil {
		return err
	}
	defer encs.close()
	done := make(map[string]encoded, len(specs))
	at := int64(0) // in the spool
	for e, err := range ordered.Map(once, cap(encs), func(t dit.Tensor) (encoded, error) {
		s := byName[t.Name]
		if err := t.Check(s); err != nil {
			return encoded{}, err
		}
		if err := check(t); err != nil {
			return encoded{}, err
		}
		return encs.tensor(t, round16 != nil && round16(s))
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
	return assemble(w, spool, text, specs, done)
}

// encoded is a tensor as it goes to the file.
type encoded struct {
	name     string
	dtype    DType
	chunks   []chunk
	data     []byte // until it is in the spool:
	at, size int64
}

type encoder struct {
	zstd *zstd.Encoder
	buf  []byte
}

// encoders are those that are free, one for each core.
type encoders chan *encoder

func newEncoders() (encoders, error) {
	all := make(encoders, runtime.GOMAXPROCS(0))
	for range cap(all) {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
			zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithWindowSize(ChunkSize))
		if err != nil {
			return nil, err
		}
		all <- &encoder{zstd: z}
	}
	return all, nil
}

func (all encoders) close() {
	for range cap(all) {
		(<-all).zstd.Close()
	}
}

func (all encoders) tensor(t dit.Tensor, round16 bool) (encoded, error) {
	e := <-all
	defer func() { all <- e }()
	return e.tensor(t, round16)
}

func (e *encoder) tensor(t dit.Tensor, round16 bool) (encoded, error) {
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
		for _, v := range t.Scale {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		for _, v := range t.I8 {
			b = append(b, byte(v))
		}
	}
	e.buf = b
	for len(b) > 0 {
		plain := b[:min(len(b), ChunkSize)]
		b = b[len(plain):]
		k := chunk{length: len(plain), raw: true, crc: crc32.Checksum(plain, castagnoli)}
		at := len(out.data)
		out.data = e.zstd.EncodeAll(plain, out.data)
		if n := len(out.data) - at; n < len(plain) && n*MaxExpansion >= out.dtype.memory(len(plain)) {
			k.length, k.raw = n, false
		} else {
			out.data = append(out.data[:at], plain...)
		}
		out.chunks = append(out.chunks, k)
	}
	return out, nil
}

// storage picks the type that t is stored as.
func storage(t dit.Tensor, round16 bool) DType {
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
func assemble(w io.Writer, spool io.ReaderAt, text []byte, specs []dit.Spec, tensors map[string]encoded) error {
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
		table = append(table, byte(e.dtype), byte(len(s.Shape)))
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
	binary.LittleEndian.PutUint32(pre[8:], Version)
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
