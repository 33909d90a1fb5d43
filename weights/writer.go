//go:build !js

package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"

	"github.com/klauspost/compress/zstd"

	"dit8/core"
	"dit8/core/dit"
	"dit8/weights/half"
)

// Write writes a model as a .dit8 file. Tensors may come in any order, each once.
// int8 tensors are stored as they are; float tensors as float32, or as float16
// where that loses nothing or where round16, when not nil, allows rounding. The
// same input gives the same bytes. Payloads are held compressed until all have
// come.
func Write(w io.Writer, cfg dit.Config, info core.Info, tensors iter.Seq2[dit.Tensor, error], round16 func(dit.Spec) bool) error {
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
	enc, err := newEncoder()
	if err != nil {
		return err
	}
	defer enc.zstd.Close()
	specs := cfg.Specs()
	want := make(map[string]dit.Spec, len(specs))
	for _, s := range specs {
		want[s.Name] = s
	}
	done := make(map[string]encoded, len(specs))
	for t, err := range tensors {
		if err != nil {
			return err
		}
		s, ok := want[t.Name]
		if !ok {
			return fmt.Errorf("weights: tensor %s: the config has none of this name, or it came twice", t.Name)
		}
		delete(want, t.Name)
		if err := t.Check(s); err != nil {
			return err
		}
		if err := check(t); err != nil {
			return err
		}
		e, err := enc.tensor(t, s, round16 != nil && round16(s))
		if err != nil {
			return err
		}
		done[t.Name] = e
	}
	for _, s := range specs {
		if _, missing := want[s.Name]; missing {
			return fmt.Errorf("weights: tensor %s: missing (%d of %d tensors are)", s.Name, len(want), len(specs))
		}
	}
	return assemble(w, text, specs, done)
}

// encoded is a tensor as it goes to the file.
type encoded struct {
	dtype  DType
	chunks []chunk
	data   []byte
}

type encoder struct {
	zstd *zstd.Encoder
	buf  []byte
}

func newEncoder() (*encoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
		zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithWindowSize(ChunkSize))
	return &encoder{zstd: z}, err
}

func (e *encoder) tensor(t dit.Tensor, s dit.Spec, round16 bool) (encoded, error) {
	out := encoded{dtype: storage(t, round16)}
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
func assemble(w io.Writer, text []byte, specs []dit.Spec, tensors map[string]encoded) error {
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
		sum.Write(e.data)
		at += int64(len(e.data))
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
		if err := write(tensors[s.Name].data); err != nil {
			return fmt.Errorf("weights: write tensor %s: %w", s.Name, err)
		}
	}
	return nil
}
