//go:build !js

package weights

import (
	"bytes"
	"cmp"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"dit8/core/param"
)

// BenchmarkLayouts measures in which order and form the int8 values of testdata/emoji-32.dit8
// take the fewest bytes (docs/quantize.md). DIT8_VALUES names a file to write them to,
// for other compressors.
func BenchmarkLayouts(b *testing.B) {
	r, err := Open("../testdata/emoji-32.dit8")
	if err != nil {
		b.Fatal(err)
	}
	var all []param.Tensor
	var values []byte
	for x, err := range r.Tensors() {
		if err != nil {
			b.Fatal(err)
		}
		if x.I8 != nil {
			all = append(all, param.Tensor{Shape: x.Shape, Scale: slices.Clone(x.Scale), I8: slices.Clone(x.I8)})
			values = append(values, asBytes(x.I8)...)
		}
	}
	if name := os.Getenv("DIT8_VALUES"); name != "" {
		if err := os.WriteFile(name, values, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	for _, layout := range []struct {
		name string
		of   func(t param.Tensor) []byte
	}{
		{"rows", func(t param.Tensor) []byte { return asBytes(t.I8) }},
		{"columns", columns},
		{"rowsByScale", byScale},
		{"differences", differences},
		{"halves", halves},
	} {
		b.Run(layout.name, func(b *testing.B) {
			var f framer
			size := 0
			for b.Loop() {
				size = 0
				for _, t := range all {
					for plain := range slices.Chunk(layout.of(t), ChunkSize) {
						frame := f.frame(nil, plain)
						if back, err := d.DecodeAll(frame, nil); err != nil || !bytes.Equal(back, plain) {
							b.Fatalf("%v, or other bytes come back", err)
						}
						size += len(frame)
					}
				}
			}
			report(b, float64(size), len(values))
		})
	}
	b.Run("oneTable", func(b *testing.B) {
		size := 0.0
		for b.Loop() {
			size = 0
			for _, t := range all {
				var f framer
				count := counts(t)
				if err := f.huff.BuildCTable(&count); err != nil {
					b.Fatal(err)
				}
				size += float64(f.huff.EstimateSize(&count)) + tableCost
			}
		}
		report(b, size, len(values))
	})
	b.Run("entropy", func(b *testing.B) {
		size := 0.0
		for b.Loop() {
			size = 0
			for _, t := range all {
				for _, n := range counts(t) {
					if n > 0 {
						size -= float64(n) * math.Log2(float64(n)/float64(len(t.I8))) / 8
					}
				}
			}
		}
		report(b, size, len(values))
	})
}

func report(b *testing.B, size float64, values int) {
	b.ReportMetric(size, "bytes")
	b.ReportMetric(8*size/float64(values), "bits/value")
}

func counts(t param.Tensor) (n [256]uint32) {
	for _, v := range t.I8 {
		n[byte(v)]++
	}
	return n
}

func columns(t param.Tensor) []byte {
	rows := len(t.Scale)
	width := len(t.I8) / rows
	out := make([]byte, 0, len(t.I8))
	for c := range width {
		for r := range rows {
			out = append(out, byte(t.I8[r*width+c]))
		}
	}
	return out
}

func byScale(t param.Tensor) []byte {
	order := make([]int, len(t.Scale))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(t.Scale[a], t.Scale[b]) })
	width := len(t.I8) / len(order)
	out := make([]byte, 0, len(t.I8))
	for _, r := range order {
		out = append(out, asBytes(t.I8[r*width:][:width])...)
	}
	return out
}

func differences(t param.Tensor) []byte {
	out := make([]byte, 0, len(t.I8))
	before := int8(0)
	for _, v := range t.I8 {
		out = append(out, byte(v-before))
		before = v
	}
	return out
}

// halves are the high four bits of two values to a byte, then the low ones.
func halves(t param.Tensor) []byte {
	var high, low []byte
	for v := range slices.Chunk(asBytes(t.I8), 2) { // no tensor's length is odd
		high, low = append(high, v[0]&0xf0|v[1]>>4), append(low, v[0]<<4|v[1]&0xf)
	}
	return append(high, low...)
}
