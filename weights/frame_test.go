//go:build !js

package weights

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"dit8/core/dit"
	"dit8/core/param"
)

// Frames of every size and kind of content are what a decoder of zstd reads.
func TestFrame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var f framer
	for _, n := range []int{0, 1, 255, 256, 257, 65791, 65792, 8191, 8192, 8193, 1<<17 - 1, 1 << 17, 1<<17 + 1, 200000, ChunkSize} {
		for kind, fill := range map[string]func(i int) byte{
			"zeros":   func(int) byte { return 0 },
			"random":  func(int) byte { return byte(r.Uint32()) },
			"weights": func(int) byte { return byte(int8(30 * r.NormFloat64())) },
			"changing": func(i int) byte { // another spread at each 20000
				return byte(int8(float64(1+i/20000*7) * r.NormFloat64()))
			},
		} {
			b := make([]byte, n)
			for i := range b {
				b[i] = fill(i)
			}
			for _, cuts := range [][]int{nil, {0}, {n / 3}, {n / 4, n / 2, n}, {n + 5}, {-3}} {
				frame := f.frame([]byte("before"), b, cuts...)[6:]
				got, err := d.DecodeAll(frame, nil)
				if err != nil || !bytes.Equal(got, b) {
					t.Fatalf("%d bytes, %s, cut at %v: %v, %d bytes come back", n, kind, cuts, err, len(got))
				}
				if limit := n + 16 + 3*(n/maxBlock+len(cuts)+n/frameUnit); len(frame) > limit {
					t.Errorf("%d bytes, %s, cut at %v: a frame of %d", n, kind, cuts, len(frame))
				}
			}
		}
	}
}

// zstd19 is what zstd 1.5.4 at level 19 makes of the int8 values of testdata/emoji-32.dit8, in
// one file, tensor after tensor.
const zstd19 = 4980326

// Frames of our own are smaller than zstd's at its best.
func TestCompact(t *testing.T) {
	r, err := Open("../testdata/emoji-32.dit8")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var f framer
	size, values := 0, 0
	for x, err := range r.Tensors() {
		if err != nil {
			t.Fatal(err)
		}
		for b := range slices.Chunk(asBytes(x.I8), ChunkSize) {
			size += len(f.frame(nil, b))
		}
		values += len(x.I8)
	}
	t.Logf("%d values in %d bytes, %.3f bits each", values, size, 8*float64(size)/float64(values))
	if size >= zstd19 || values != 5382144 {
		t.Errorf("%d values in %d bytes, zstd -19 takes %d", values, size, zstd19)
	}
}

// Small files hold the same tensors.
func TestSmall(t *testing.T) {
	cfg := tiny
	cfg.HiddenSize, cfg.MLPHidden = 400, 1600
	for _, int8s := range []bool{false, true} {
		for name, round := range map[string]func(param.Spec) bool{"as it is": nil, "in float16": func(param.Spec) bool { return true }} {
			fast, small := Writer{Round16: round}, Writer{Round16: round, Small: true}
			a, b := blobOf(t, cfg, dit.Random(cfg, 1, int8s), fast), blobOf(t, cfg, dit.Random(cfg, 1, int8s), small)
			_, want, err := readAll(a)
			if err != nil {
				t.Fatal(err)
			}
			h, got, err := readAll(b)
			if err != nil {
				t.Fatal(err)
			}
			planes := 0
			for i := range want {
				if !sameTensor(got[i], want[i]) {
					t.Fatalf("tensor %s changed, %s", want[i].Name, name)
				}
				if h.Tensors[i].Planes {
					planes++
				}
			}
			if planes == 0 || len(b) >= len(a) {
				t.Errorf("int8 %v, %s: %d bytes, %d when fast; %d tensors in planes", int8s, name, len(b), len(a), planes)
			}
		}
	}
}
