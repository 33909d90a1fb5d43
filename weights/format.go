// Package weights reads and writes .dit8 files: the weights of a network, of an
// autoencoder or of both, their shapes and what a sampler needs to know of them, in one
// file that can be decoded while it arrives.
//
// All numbers are little-endian. A file is
//
//	 0  8 bytes   magic "dit8\r\n\x1a\n"
//	 8  uint32    version: 1, or 2 with an autoencoder, or 3 with a vocabulary or step counts
//	12  uint32    length of the JSON header
//	16  uint32    length of the tensor table
//	20  uint32    CRC-32C of this preamble (with zeros here), the header and the table
//	24  uint64    size of the file in bytes
//	32  32 bytes  SHA-256 of everything after the padding that follows the table
//	64            JSON header, tensor table, zeros up to a multiple of 64, payloads
//
// The header is {"config": dit.Config, "info": core.Info, "autoencoder":
// core.Autoencoder}. A file without a network has no config, and of info only name,
// licence and source; one without an autoencoder has no autoencoder. The table has an
// entry for each tensor of dit.Config.Specs and then of core.Autoencoder.Specs, in
// that order:
//
//	uint8 length and name; uint8 dtype (0 f32, 1 f16, 2 int8 rows), with
//	bit 4 set where its chunks are in byte planes;
//	uint8 number of dimensions and a uint32 for each;
//	uint64 offset of its payload in the file, a multiple of 64;
//	for each chunk, uint32 stored length (bit 31 set: not compressed) and
//	uint32 CRC-32C of its uncompressed bytes.
//
// Byte planes are, of a chunk's floats, the first bytes of all, then the second ones
// and so on: signs and exponents then stand together, which compresses them.
//
// A payload is the tensor's bytes (for int8 rows: a float32 scale for each row, for
// convolutions [out, row, column, in] then a float32 factor for each input channel, which
// values are multiplied by too, then the int8 values) cut into chunks of ChunkSize bytes, the last one shorter,
// each a zstd frame of its own or stored as it is. A chunk may not expand in memory
// to more than MaxExpansion times its stored length, so that a file costs what its
// size suggests. Payloads follow each other with zeros up to the next multiple of
// 64.
package weights

import (
	"fmt"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/param"
)

// Limits of the format.
const (
	Version        = 3         // the last; a file has the first that has what it needs
	MaxHeader      = 1 << 20   // bytes of JSON
	MaxTable       = 16 << 20  // bytes of tensor table
	MaxTensorBytes = 1 << 30   // bytes of one tensor in memory
	MaxFileSize    = 8 << 30   // bytes
	ChunkSize      = 256 << 10 // uncompressed bytes of a chunk
	MaxExpansion   = 3
)

const (
	magic    = "dit8\r\n\x1a\n"
	preamble = 64
	align    = 64
	rawChunk = 1 << 31
	inPlanes = 1 << 4 // of a dtype in the table
)

// DType is how a tensor is stored.
type DType uint8

// The storage types.
const (
	F32 DType = iota
	F16       // widened to float32 on reading
	I8        // rows of int8 with a float32 scale each
)

func (d DType) String() string {
	switch d {
	case F32:
		return "f32"
	case F16:
		return "f16"
	case I8:
		return "int8"
	}
	return fmt.Sprintf("dtype %d", uint8(d))
}

// storedBytes is the length of a payload before compression.
func (d DType) storedBytes(s param.Spec) int64 {
	n := int64(s.Len())
	switch d {
	case F16:
		return 2 * n
	case I8:
		return n + 4*int64(s.Shape[0]+s.Factors())
	}
	return 4 * n
}

// width is the number of bytes of a float.
func (d DType) width() int {
	if d == F16 {
		return 2
	}
	return 4
}

// memory is how many bytes in memory n stored ones take.
func (d DType) memory(n int) int {
	if d == F16 {
		return 2 * n
	}
	return n
}

// TensorInfo is one entry of the tensor table.
type TensorInfo struct {
	Name   string
	Shape  []int
	DType  DType
	Planes bool  // its chunks are in byte planes
	Bytes  int64 // before compression
	Stored int64 // in the file

	offset int64
	chunks []chunk
}

type chunk struct {
	length int // stored
	raw    bool
	crc    uint32
}

// Header is everything in a file but the weights.
type Header struct {
	Config      dit.Config        `json:"config,omitzero"` // zero in a file of an autoencoder alone
	Info        core.Info         `json:"info"`
	Autoencoder *core.Autoencoder `json:"autoencoder,omitempty"`
	ID          string            `json:"-"` // 16 hex digits that identify the file's content
	Size        int64             `json:"-"` // bytes of the file
	Tensors     []TensorInfo      `json:"-"`
}

// HasNetwork tells whether the file has a network.
func (h *Header) HasNetwork() bool { return h.Config != dit.Config{} }

// ImageSize is the height and width of the images in pixels, or, without an
// autoencoder, of the latents.
func (h *Header) ImageSize() int {
	if h.Autoencoder != nil {
		return h.Config.InputSize * h.Autoencoder.Config.Factor()
	}
	return h.Config.InputSize
}

// Specs are all tensors, the network's first.
func (h *Header) Specs() (specs []param.Spec) {
	if h.HasNetwork() {
		specs = h.Config.Specs()
	}
	if h.Autoencoder != nil {
		specs = append(specs, h.Autoencoder.Specs()...)
	}
	return specs
}

// check checks everything, and that network and autoencoder go together.
func (h *Header) check() error {
	if h.Autoencoder != nil {
		if err := h.Autoencoder.Check(); err != nil {
			return err
		}
		if !h.HasNetwork() {
			return h.Info.CheckAutoencoder()
		}
		if err := h.Autoencoder.Fits(h.Config.InChannels); err != nil {
			return err
		}
	}
	if err := h.Config.Check(); err != nil {
		return err
	}
	return h.Info.Check(h.Config)
}

// version is that of the file.
func (h *Header) version() uint32 {
	switch {
	case h.Info.Vocabulary != nil || h.Info.StepCounts != nil:
		return 3
	case h.Autoencoder != nil:
		return 2
	}
	return 1
}

// FormatError reports that a file is not a well-formed .dit8 file.
type FormatError string

func (e FormatError) Error() string { return "weights: " + string(e) }

// UnsupportedError reports that a file uses a version or feature that this
// package does not know.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "weights: unsupported: " + string(e) }

func badf(format string, args ...any) error { return FormatError(fmt.Sprintf(format, args...)) }

// round up to a multiple of align.
func aligned(n int64) int64 { return (n + align - 1) &^ (align - 1) }
