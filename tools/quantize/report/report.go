// Package report says what quantising a model costs: how far its outputs and images
// are from those of the float32 model, and what its tensors take.
package report

import (
	"bytes"
	"encoding/json"
	"io"
	"math"

	"dit8/core/dit"
	"dit8/core/param"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/proof"
	"dit8/weights"
)

// Options say how the model is quantised and what it is tried on.
type Options struct {
	Store       convert.Options
	Calibration calib.Options
	Trial       calib.Trial
}

// Report says what quantising a model cost.
type Report struct {
	Model      string           `json:"model"`
	Config     dit.Config       `json:"config"`
	Type       string           `json:"type"`
	Smooth     bool             `json:"smooth"`
	GPTQ       bool             `json:"gptq"`
	Keep       []string         `json:"keep,omitempty"` // PATTERN=TYPE
	Parameters int              `json:"parameters"`
	Bytes      int64            `json:"bytes"`
	Bits       float64          `json:"bits_per_parameter"`
	Quality    Evaluation       `json:"quality"`
	Tensors    []TensorReport   `json:"tensors"`
	Smoothed   []calib.Smoothed `json:"smoothed,omitempty"`
}

// TensorReport is of one tensor.
type TensorReport struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype"`
	Shape []int   `json:"shape"`
	Bits  float64 `json:"bits"` // stored, for each value
	// SQNR is the signal to quantisation noise ratio in dB, up to 200, of the values
	// beside those before rounding (after smoothing, if there was).
	SQNR float64 `json:"sqnr_db"`
	// Saturated is the share of int8 values at ±127; each row has one at least.
	Saturated float64 `json:"saturated"`
}

// New reads back what is stored of f and compares it with f, whose reference ref is.
func New(f calib.Floats, stored convert.Tensors, ref []Walked, smoothed []calib.Smoothed, o Options) (*Report, error) {
	var b bytes.Buffer
	if err := o.Store.Writer().Write(&b, f.Config, f.Info, stored); err != nil {
		return nil, err
	}
	size := b.Len()
	file, err := weights.NewReader(&b)
	if err != nil {
		return nil, err
	}
	r := &Report{
		Model: f.Info.Name, Config: f.Config, Type: o.Store.Default, Smooth: o.Calibration.Smooth, GPTQ: o.Calibration.GPTQ,
		Parameters: convert.Parameters(f.Config.Specs()), Bytes: int64(size), Smoothed: smoothed,
	}
	for _, k := range o.Store.Keep {
		r.Keep = append(r.Keep, k.Pattern+"="+k.Type)
	}
	r.Bits = float64(8*size) / float64(r.Parameters)
	w, err := calib.Load(f.Config, f.Info.Convention, r.measured(file, f))
	if err != nil {
		return nil, err
	}
	r.Quality, err = evaluate(ref, w, o.Trial, f.Info.Pixels)
	return r, err
}

// measured are a file's tensors, of which the report takes note.
func (r *Report) measured(file *weights.Reader, f calib.Floats) convert.Tensors {
	return func(yield func(param.Tensor, error) bool) {
		for t, err := range file.Tensors() {
			if err == nil {
				r.Tensors = append(r.Tensors, measure(t, f.Values[t.Name], file.Header().Tensors[len(r.Tensors)]))
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// measure compares a stored tensor with the values that it stands for.
func measure(t param.Tensor, want []float32, info weights.TensorInfo) TensorReport {
	r := TensorReport{Name: t.Name, DType: info.DType.String(), Shape: t.Shape, Bits: float64(8*info.Stored) / float64(len(want)), SQNR: proof.MaxPSNR}
	if c := proof.Compare(t.Name, t.Floats(), want); c.Rel > 0 {
		r.SQNR = min(proof.MaxPSNR, -20*math.Log10(c.Rel))
	}
	n := 0
	for _, v := range t.I8 {
		if v == 127 || v == -127 {
			n++
		}
	}
	if n > 0 {
		r.Saturated = float64(n) / float64(len(t.I8))
	}
	return r
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
