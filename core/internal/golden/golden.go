// Package golden reads the outputs of the official code under testdata/golden,
// for tests. It trusts its files; the reader for files from elsewhere is
// tools/quantize/checkpoint/safetensors.
package golden

import (
	"encoding/binary"
	"encoding/json"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dit8/core/dit"
	"dit8/core/param"
)

// Dir is the repository's testdata/golden.
func Dir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../../../testdata/golden")
}

// Tensor is an array of a safetensors file. Integers are converted.
type Tensor struct {
	Shape []int
	V     []float32
}

// Read returns the arrays of testdata/golden/name.
func Read(t testing.TB, name string) map[string]Tensor {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Dir(), name))
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(b)
	var header map[string]struct {
		DType  string `json:"dtype"`
		Shape  []int  `json:"shape"`
		Offset [2]int `json:"data_offsets"`
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+n], &raw); err != nil {
		t.Fatal(err)
	}
	delete(raw, "__metadata__")
	clean, _ := json.Marshal(raw)
	if err := json.Unmarshal(clean, &header); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]Tensor)
	for k, h := range header {
		data := b[8+int(n):][h.Offset[0]:h.Offset[1]]
		var v []float32
		switch h.DType {
		case "F32":
			for ; len(data) > 0; data = data[4:] {
				v = append(v, math.Float32frombits(binary.LittleEndian.Uint32(data)))
			}
		case "F64":
			for ; len(data) > 0; data = data[8:] {
				v = append(v, float32(math.Float64frombits(binary.LittleEndian.Uint64(data))))
			}
		case "I64":
			for ; len(data) > 0; data = data[8:] {
				v = append(v, float32(binary.LittleEndian.Uint64(data)))
			}
		case "BF16":
			for ; len(data) > 0; data = data[2:] {
				v = append(v, math.Float32frombits(uint32(binary.LittleEndian.Uint16(data))<<16))
			}
		default:
			continue // F16 is read by the importer's tests
		}
		out[k] = Tensor{h.Shape, v}
	}
	return out
}

// Case is what case.json says of a network.
type Case struct {
	Arch   string `json:"arch"`
	Config struct {
		dit.Config
		MLPRatio float64 `json:"mlp_ratio"`
	} `json:"config"`
	Goldens []struct {
		File     string   `json:"file"`
		CFGScale *float32 `json:"cfg_scale"`
		Steps    int      `json:"integration_steps"`
		WithCFG  struct {
			Scale float32 `json:"cfg_scale"`
		} `json:"forward_with_cfg"`
	} `json:"goldens"`
}

// ReadCase reads testdata/golden/name/case.json.
func ReadCase(t testing.TB, name string) Case {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Dir(), name, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c Case
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	c.Config.MLPHidden = int(float64(c.Config.HiddenSize) * c.Config.MLPRatio)
	return c
}

// Tensors hands the arrays of a checkpoint to dit.Load.
func Tensors(m map[string]Tensor) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		for name, t := range m {
			if strings.HasPrefix(name, "__") {
				continue
			}
			if !yield(param.Tensor{Name: name, Shape: t.Shape, F32: t.V}, nil) {
				return
			}
		}
	}
}

// RelErr is ‖got-want‖/‖want‖.
func RelErr(got, want []float32) float64 {
	var d, n float64
	for i, w := range want {
		e := float64(got[i]) - float64(w)
		d += e * e
		n += float64(w) * float64(w)
	}
	return math.Sqrt(d / n)
}
