package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file builds a file from a header and data.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func read(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func TestValues(t *testing.T) {
	var data []byte
	data = binary.LittleEndian.AppendUint16(data, 0x3e00)                  // F16 1.5
	data = binary.LittleEndian.AppendUint16(data, 0xbfc0)                  // BF16 -1.5
	data = binary.LittleEndian.AppendUint32(data, math.Float32bits(3.25))  // F32
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(0.1))   // F64
	data = binary.LittleEndian.AppendUint64(data, math.MaxUint64)          // I64 -1
	data = binary.LittleEndian.AppendUint32(data, 7)                       // I32
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(1e300)) // too large for float32
	f, err := read(file(`{"__metadata__":{"format":"pt"},"f16":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},
		"bf16":{"shape":[],"dtype":"BF16","data_offsets":[2,4]},"f32":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]},
		"f64":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"i64":{"dtype":"I64","shape":[1],"data_offsets":[16,24]},
		"i32":{"dtype":"I32","shape":[1],"data_offsets":[24,28]},"huge":{"dtype":"F64","shape":[1],"data_offsets":[28,36]},
		"none":{"dtype":"F32","shape":[0,9],"data_offsets":[36,36]}}`, data...))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float32{"f16": 1.5, "bf16": -1.5, "f32": 3.25, "f64": 0.1} {
		x, _ := f.Lookup(name)
		if v, err := f.Floats(x); err != nil || !slices.Equal(v, []float32{want}) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	for name, want := range map[string]int{"i64": -1, "i32": 7} {
		x, _ := f.Lookup(name)
		if v, err := f.Ints(x); err != nil || !slices.Equal(v, []int{want}) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
		if _, err := f.Floats(x); err == nil {
			t.Errorf("%s read as floats", name)
		}
	}
	none, _ := f.Lookup("none")
	if v, err := f.Floats(none); err != nil || len(v) != 0 {
		t.Errorf("none: %v, %v", v, err)
	}
	huge, _ := f.Lookup("huge")
	if _, err := f.Floats(huge); err == nil || !strings.Contains(err.Error(), "value 0 is +Inf") {
		t.Errorf("huge: %v", err)
	}
	if _, err := f.Ints(none); err == nil {
		t.Error("floats read as integers")
	}
	if _, ok := f.Lookup("nope"); ok {
		t.Error("found a tensor that is not there")
	}
}

// Values of less than a byte are no weights that are read, but may lie beside these.
func TestSmallValues(t *testing.T) {
	f, err := read(file(`{"f4":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]},"f6":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[3,6]},
		"i32":{"dtype":"I32","shape":[1],"data_offsets":[6,10]}}`, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := f.Lookup("i32")
	if v, err := f.Ints(x); err != nil || !slices.Equal(v, []int{7}) {
		t.Errorf("i32: %v, %v", v, err)
	}
	x, _ = f.Lookup("f4")
	if _, err := f.Floats(x); err == nil || !strings.Contains(err.Error(), "F4") {
		t.Errorf("f4 read as floats: %v", err)
	}
	if _, err := read(file(`{"f4":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}`, 0, 0)); err == nil || !strings.Contains(err.Error(), "12 bits") {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	one := `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`
	for header, want := range map[string]string{
		one:                              "bad JSON",
		one + `}x`:                       "goes on",
		one + `}{}`:                      "goes on",
		one + `,"__metadata__":{"k":1}}`: `"k" is 1, allowed are strings`,
		one + `,"__metadata__":{"k":"1","k":"2"}}`:                              `"k" appears twice`,
		one + `,"__metadata__":3}`:                                              "__metadata__",
		one + `,"` + strings.Repeat("n", MaxName+1) + `":{}}`:                   "513 bytes",
		`{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}`: "more than 8 numbers",
		`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`:               "more than 2 numbers",
		`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`:                   "1 data_offsets",
		`{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`:               "not a number",
		`{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}`:               "1e0",
		`{"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}`:                   "shape",
		`{"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}}`:                    "dtype is 8",
		`{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`:    "appears twice",
		`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":[[]]}}`:        `unknown field "x"`,
		`{"a":{"dtype":"U8","data_offsets":[0,1]}}`:                             "no shape",
		`{"a":{"dtype":"U8","shape":[1]}}`:                                      "no data_offsets",
		`{"a":null}`:                                                            "found null",
		`[]`:                                                                    `found "["`,
	} {
		_, err := read(file(header, 0))
		var f FormatError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", header, err, want)
		}
	}
}

// A header of nothing but tensors may not cost more than its size suggests.
func TestManyTensors(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{`)
	for i := range MaxTensors + 1 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.Repeat("x", i%7) + string(rune('0'+i/10000)) + string(rune(0x4e00+i%10000)) + `":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)
	}
	b.WriteString(`}`)
	if _, err := read(file(b.String())); err == nil || !strings.Contains(err.Error(), "more than 65536 tensors") {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, dir := range []string{"bad", "edge"} {
		seeds, err := filepath.Glob("../../../../testdata/golden/" + dir + "/*.safetensors")
		if err != nil || len(seeds) == 0 {
			f.Fatalf("no seeds in %s: %v", dir, err)
		}
		for _, s := range seeds {
			b, err := os.ReadFile(s)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := read(b)
		if err != nil {
			return
		}
		total := int64(0)
		for _, x := range file.Tensors {
			total += x.end - x.begin
			if v, err := file.Floats(x); err == nil && len(v) != x.Len() {
				t.Errorf("tensor %s: %d values for shape %v", x.Name, len(v), x.Shape)
			}
			if v, err := file.Ints(x); err == nil && len(v) != x.Len() {
				t.Errorf("tensor %s: %d values for shape %v", x.Name, len(v), x.Shape)
			}
		}
		if total != int64(len(b))-file.data {
			t.Errorf("tensors of %d bytes in %d bytes of data", total, int64(len(b))-file.data)
		}
	})
}
