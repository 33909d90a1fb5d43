package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
)

var (
	tiny = dit.Config{InputSize: 4, PatchSize: 2, InChannels: 3, HiddenSize: 8, Depth: 1, NumHeads: 2, MLPHidden: 12, NumClasses: 2}
	info = core.Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock},
		Classes: []string{"a", "ü"}, Defaults: core.Defaults{Steps: 4, Guidance: 3}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5},
	}
)

func blob(t testing.TB, cfg dit.Config, tensors iter.Seq2[param.Tensor, error], round16 func(param.Spec) bool) []byte {
	t.Helper()
	return blobOf(t, cfg, tensors, Writer{Round16: round16})
}

func blobOf(t testing.TB, cfg dit.Config, tensors iter.Seq2[param.Tensor, error], w Writer) []byte {
	t.Helper()
	i := info
	i.Classes = nil
	for k := range cfg.NumClasses {
		i.Classes = append(i.Classes, fmt.Sprintf("ü%d", k))
	}
	var b bytes.Buffer
	if err := w.Write(&b, cfg, i, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readAll is what every user of a file does.
func readAll(b []byte) (*Header, []param.Tensor, error) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	r.VerifySHA256()
	var ts []param.Tensor
	for t, err := range r.Tensors() {
		if err != nil {
			return r.Header(), nil, err
		}
		ts = append(ts, t)
	}
	if r.BytesRead() != int64(len(b)) || r.Header().Size != int64(len(b)) {
		return nil, nil, errors.New("sizes disagree")
	}
	return r.Header(), ts, nil
}

func sameTensor(a, b param.Tensor) bool {
	bits := func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }
	return a.Name == b.Name && slices.Equal(a.Shape, b.Shape) && slices.EqualFunc(a.F32, b.F32, bits) &&
		slices.Equal(a.I8, b.I8) && slices.EqualFunc(a.Scale, b.Scale, bits)
}

func TestRoundTrip(t *testing.T) {
	large := tiny // tensors of many chunks
	large.HiddenSize, large.MLPHidden = 400, 1600
	for _, cfg := range []dit.Config{tiny, large} {
		for _, int8s := range []bool{false, true} {
			b := blob(t, cfg, dit.Random(cfg, 1, int8s), nil)
			h, got, err := readAll(b)
			if err != nil {
				t.Fatal(err)
			}
			if h.Config != cfg || h.Info.Name != info.Name || h.Info.Convention != info.Convention || len(h.ID) != 16 {
				t.Errorf("header %+v", h)
			}
			i := 0
			for want := range dit.Random(cfg, 1, int8s) {
				if !sameTensor(got[i], want) {
					t.Fatalf("tensor %s changed", want.Name)
				}
				i++
			}
			// in any order of tensors, the same bytes
			var reversed []param.Tensor
			for x := range dit.Random(cfg, 1, int8s) {
				reversed = append([]param.Tensor{x}, reversed...)
			}
			if !bytes.Equal(b, blob(t, cfg, list(reversed), nil)) {
				t.Error("the file depends on the order of the tensors")
			}
			other := blob(t, cfg, dit.Random(cfg, 2, int8s), nil)
			if ho, _, err := readAll(other); err != nil || ho.ID == h.ID {
				t.Errorf("other weights have the same ID: %v", err)
			}
		}
	}
}

func list(ts []param.Tensor) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		for _, t := range ts {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func tensors(f func(*param.Tensor)) iter.Seq2[param.Tensor, error] {
	var ts []param.Tensor
	for t := range dit.Random(tiny, 1, true) {
		f(&t)
		ts = append(ts, t)
	}
	return list(ts)
}

func TestFloat16(t *testing.T) {
	halves := tensors(func(t *param.Tensor) {
		for i := range t.F32 {
			t.F32[i] = float32(i%64) / 32
		}
	})
	h, got, err := readAll(blob(t, tiny, halves, nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range h.Tensors {
		if x.DType == F32 {
			t.Errorf("%s: exact in float16, stored as float32", x.Name)
		}
		if x.DType == F16 && got[i].F32[1] != 1.0/32 {
			t.Errorf("%s: value 1 is %v", x.Name, got[i].F32[1])
		}
	}
	all := blob(t, tiny, dit.Random(tiny, 1, false), func(param.Spec) bool { return true })
	none := blob(t, tiny, dit.Random(tiny, 1, false), nil)
	if len(all) > len(none)*6/10 {
		t.Errorf("rounded to float16: %d bytes, float32: %d", len(all), len(none))
	}
	big := tensors(func(t *param.Tensor) {
		if t.Name == "pos_embed" {
			t.F32[3] = 1e6
		}
	})
	err = Writer{Round16: func(param.Spec) bool { return true }}.Write(io.Discard, tiny, info, big)
	if err == nil || !strings.Contains(err.Error(), "pos_embed: value 3 is 1e+06") {
		t.Errorf("a value too large for float16: %v", err)
	}
}

// Zeros would compress beyond what a reader accepts; they are stored so that it
// does.
func TestZeros(t *testing.T) {
	cfg := tiny
	cfg.HiddenSize, cfg.MLPHidden = 400, 400
	var ts []param.Tensor
	for x := range dit.Random(cfg, 1, true) {
		clear(x.F32)
		clear(x.I8)
		ts = append(ts, x)
	}
	if _, got, err := readAll(blob(t, cfg, list(ts), nil)); err != nil || !sameTensor(got[0], ts[0]) {
		t.Error(err)
	}
}

func TestWriteRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		cfg     func(*dit.Config)
		info    func(*core.Info)
		tensors func(*param.Tensor)
	}{
		"depth is 0":      {cfg: func(c *dit.Config) { c.Depth = 0 }},
		"1 class names":   {info: func(i *core.Info) { i.Classes = i.Classes[:1] }},
		"rope: the conf":  {tensors: func(t *param.Tensor) { t.Name = strings.Replace(t.Name, "pos_embed", "rope", 1) }},
		"came twice":      {tensors: func(t *param.Tensor) { t.Name = strings.Replace(t.Name, "fc2", "fc1", 1) }},
		"shape is [7]":    {tensors: func(t *param.Tensor) { t.Shape = []int{7} }},
		"value 0 is NaN":  {tensors: func(t *param.Tensor) { t.F32 = slices.Clone(t.F32); fill(t.F32, nan) }},
		"value 0 is -128": {tensors: func(t *param.Tensor) { fill(t.I8, -128) }},
		"scale 0 is -1":   {tensors: func(t *param.Tensor) { fill(t.Scale, -1) }},
	} {
		cfg, i := tiny, info
		if c.cfg != nil {
			c.cfg(&cfg)
		}
		if c.info != nil {
			c.info(&i)
		}
		if c.tensors == nil {
			c.tensors = func(*param.Tensor) {}
		}
		var b bytes.Buffer
		if err := (Writer{}).Write(&b, cfg, i, tensors(c.tensors)); err == nil || !strings.Contains(err.Error(), name) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, b.Len())
		}
	}
	ts := []param.Tensor{}
	for x := range dit.Random(tiny, 1, true) {
		ts = append(ts, x)
	}
	if err := (Writer{}).Write(io.Discard, tiny, info, list(ts[1:])); err == nil || !strings.Contains(err.Error(), "x_embedder.proj.weight: missing") {
		t.Errorf("a missing tensor: %v", err)
	}
	for n := range 5 {
		if err := (Writer{}).Write(&full{left: n * 300}, tiny, info, list(ts)); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a full disk: %v", err)
		}
	}
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}

type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestTruncated(t *testing.T) {
	b := blob(t, tiny, dit.Random(tiny, 1, true), nil)
	for n := range b {
		_, _, err := readAll(b[:n])
		var f FormatError
		if !errors.As(err, &f) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, _, err := readAll(append(slices.Clone(b), 0)); err == nil {
		t.Error("a byte after the end was accepted")
	}
}

// One wrong bit anywhere is noticed.
func TestBitFlips(t *testing.T) {
	b := blob(t, tiny, dit.Random(tiny, 1, true), nil)
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			_, _, err := readAll(b)
			if err == nil {
				t.Fatalf("bit %d of byte %d flipped: not noticed", bit, i)
			}
			b[i] ^= 1 << bit
		}
	}
}

// reseal gives a tampered file a right header checksum, as an attacker would.
func reseal(b []byte) []byte {
	n := preamble + int(binary.LittleEndian.Uint32(b[12:])) + int(binary.LittleEndian.Uint32(b[16:]))
	clear(b[20:24])
	binary.LittleEndian.PutUint32(b[20:], crc32.Checksum(b[:min(n, len(b))], castagnoli))
	return b
}

// withHeader replaces the JSON header of a file.
func withHeader(b []byte, text string) []byte {
	old, table := int(binary.LittleEndian.Uint32(b[12:])), int(binary.LittleEndian.Uint32(b[16:]))
	out := slices.Concat(b[:preamble], []byte(text), b[preamble+old:preamble+old+table])
	binary.LittleEndian.PutUint32(out[12:], uint32(len(text)))
	for len(out)%align != 0 {
		out = append(out, 0)
	}
	return reseal(append(out, b[aligned(int64(preamble+old+table)):]...))
}

func headerText(b []byte) string {
	return string(b[preamble : preamble+int(binary.LittleEndian.Uint32(b[12:]))])
}

func hostile(t testing.TB) map[string][]byte {
	good := blob(t, tiny, dit.Random(tiny, 1, true), nil)
	text := headerText(good)
	table := preamble + len(text)
	edit := func(f func(b []byte)) []byte {
		b := slices.Clone(good)
		f(b)
		return reseal(b)
	}
	u32 := func(at int, v uint32) []byte {
		return edit(func(b []byte) { binary.LittleEndian.PutUint32(b[at:], v) })
	}
	replace := func(from, to string) []byte {
		if !strings.Contains(text, from) {
			t.Fatalf("the header has no %s: %s", from, text)
		}
		return withHeader(good, strings.Replace(text, from, to, 1))
	}
	first := table + 1 + len("x_embedder.proj.weight") // dtype of the first tensor
	return map[string][]byte{
		"this is an HTML page":              []byte("<!DOCTYPE html><html>"),
		"it starts with":                    []byte("GIF89a, and more than a header has"),
		"ends after 0 bytes":                {},
		"version 4 of the format":           u32(8, 4),
		"what it holds is of version 1":     u32(8, 2),
		"the header has 4294967295 bytes":   u32(12, math.MaxUint32),
		"the header has 1048577 bytes":      u32(12, MaxHeader+1),
		"tensor table has 4294967295":       u32(16, math.MaxUint32),
		"file's size is given as 184467440": edit(func(b []byte) { fill(b[24:32], 0xff) }),
		"the file's size is given as 12345": edit(func(b []byte) { binary.LittleEndian.PutUint64(b[24:], 12345) }),
		"SHA-256 of the payloads":           edit(func(b []byte) { b[40] ^= 1 }),
		"found \"y_embedder.proj.weight\"":  edit(func(b []byte) { b[table+1] = 'y' }),
		"has dtype 7":                       edit(func(b []byte) { b[first] = 7 }),
		"int8 rows for shape":               edit(func(b []byte) { b[first] = 2 }),
		"int8 rows in byte planes":          edit(func(b []byte) { b[first] = 2 | inPlanes }),
		"has dtype 3, known":                edit(func(b []byte) { b[first] = 3 | inPlanes }),
		"shape is [8 3 2]":                  edit(func(b []byte) { b[first+1] = 3 }),
		"shape is [2147483647":              u32(first+2, math.MaxInt32),
		"shape is [-1":                      u32(first+2, math.MaxUint32),
		"payload is at byte 0":              edit(func(b []byte) { clear(b[first+18 : first+26]) }),
		"payload is at byte -1":             edit(func(b []byte) { fill(b[first+18:first+26], 0xff) }),
		"chunk 0 is stored in 2147483647":   u32(first+26, math.MaxUint32),
		"chunk 0 is stored in 1048576":      u32(first+26, 1<<20),
		"chunk 0 expands from 5":            u32(first+26, 5),
		"unknown field \"wibble\"":          replace(`{"config":`, `{"wibble":1,"config":`),
		"bytes after the JSON object":       withHeader(good, text+"{}"),
		"depth is 100000000":                replace(`"depth":1`, `"depth":100000000`),
		"hidden_size is -8":                 replace(`"hidden_size":8`, `"hidden_size":-8`),
		"cannot unmarshal number":           replace(`"depth":1`, `"depth":1e99`),
		"class names for 2 classes":         replace(`"classes":["ü0","ü1"]`, `"classes":[`+strings.Repeat(`"",`, 300000)+`""]`),
		"known are velocity":                replace(`"prediction":"velocity"`, `"prediction":"magic"`),
	}
}

func TestHostile(t *testing.T) {
	files := hostile(t)
	good := blob(t, tiny, dit.Random(tiny, 1, true), nil)
	text := headerText(good)
	files["unexpected EOF"] = withHeader(good, text[:len(text)-1])
	files["exceeded max depth"] = withHeader(good, `{"info":{"name":`+strings.Repeat("[", 200000))
	for want, b := range files {
		got := len(b)
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		_, _, err := readAll(b)
		runtime.ReadMemStats(&m1)
		var f FormatError
		var u UnsupportedError
		if err == nil || !errors.As(err, &f) && !errors.As(err, &u) || !strings.Contains(err.Error(), want) || len(err.Error()) > 500 {
			t.Errorf("%v, want %q", err, want)
		}
		if n := m1.TotalAlloc - m0.TotalAlloc; n > uint64(4*got+16<<20) {
			t.Errorf("%s: a file of %d bytes made the reader allocate %d", want, got, n)
		}
	}
}

// A large model that ends early costs what has arrived, not what was promised.
func TestPromises(t *testing.T) {
	cfg := tiny
	cfg.HiddenSize, cfg.MLPHidden, cfg.Depth = 1024, 4096, 1
	b := blob(t, cfg, dit.Random(cfg, 1, true), nil)
	for _, n := range []int{1000, len(b) / 4, len(b) / 2, len(b) - 1} {
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		_, _, err := readAll(b[:n])
		runtime.ReadMemStats(&m1)
		if a := m1.TotalAlloc - m0.TotalAlloc; err == nil || a > uint64(4*n+16<<20) {
			t.Errorf("%d of %d bytes: allocated %d, %v", n, len(b), a, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(blob(f, tiny, dit.Random(tiny, 1, true), nil))
	f.Add(blob(f, tiny, dit.Random(tiny, 1, false), nil))
	f.Add(blobOf(f, tiny, dit.Random(tiny, 1, false), Writer{Small: true}))
	f.Add(written(f, worded(), dit.Random(worded().Config, 1, true)))
	f.Add(written(f, Header{Info: core.Info{Name: "vae"}, Autoencoder: vae(4)}, autoencoder.Random(vae(4).Config, 1)))
	for _, b := range hostile(f) {
		if len(b) < 1<<16 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, seal := range []bool{false, true} {
			if seal && len(b) >= preamble {
				b = reseal(slices.Clone(b))
			}
			before := allocated()
			h, ts, err := readAll(b)
			if n := allocated() - before; n > 64<<20+64*uint64(len(b)) {
				t.Fatalf("%d bytes make the reader allocate %d", len(b), n)
			}
			if err != nil {
				continue
			}
			// what is accepted is a network, an autoencoder or both
			n := len(ts)
			if a := h.Autoencoder; a != nil {
				n -= len(a.Config.Specs())
				if _, err := autoencoder.Load(generic.New(), a.Config, list(ts[n:])); err != nil {
					t.Fatal(err)
				}
			}
			if h.HasNetwork() {
				if _, err := dit.Load(generic.New(), h.Config, list(ts[:n])); err != nil {
					t.Fatal(err)
				}
			}
			for _, x := range ts {
				if err := check(x); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// allocated is how many bytes have been allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func BenchmarkRead(b *testing.B) {
	cfg := dit.Config{InputSize: 32, PatchSize: 4, InChannels: 3, HiddenSize: 192, Depth: 8, NumHeads: 3, MLPHidden: 768, NumClasses: 128}
	file := blob(b, cfg, dit.Random(cfg, 1, true), nil)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.Tensors() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
