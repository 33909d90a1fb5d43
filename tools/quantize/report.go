package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"dit8/core/dit"
	"dit8/core/param"
	"dit8/internal/atomicfile"
	"dit8/tools/quantize/calib"
	"dit8/weights"
)

// reports are the files that -report names.
type reports []string

func (r *reports) String() string { return "" }

// Set adds a file.
func (r *reports) Set(s string) error {
	if s != "-" && !strings.HasSuffix(s, ".json") && !strings.HasSuffix(s, ".html") {
		return fmt.Errorf("%.100q is neither - nor a .json or .html file", s)
	}
	*r = append(*r, s)
	return nil
}

// report says what quantising a model cost.
type report struct {
	Model      string           `json:"model"`
	Config     dit.Config       `json:"config"`
	Type       string           `json:"type"`
	Smooth     bool             `json:"smooth"`
	GPTQ       bool             `json:"gptq"`
	Keep       []string         `json:"keep,omitempty"` // PATTERN=TYPE
	Parameters int              `json:"parameters"`
	Bytes      int64            `json:"bytes"`
	Bits       float64          `json:"bits_per_parameter"`
	Quality    evaluation       `json:"quality"`
	Tensors    []tensorReport   `json:"tensors"`
	Smoothed   []calib.Smoothed `json:"smoothed,omitempty"`
}

type tensorReport struct {
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

// report reads back what is stored and compares it with f.
func (o options) report(f floats, stored tensorSeq, ref []walked, smoothed []calib.Smoothed) (*report, error) {
	var b bytes.Buffer
	if err := o.writer().Write(&b, f.cfg, f.info, stored); err != nil {
		return nil, err
	}
	size := b.Len()
	r, err := weights.NewReader(&b)
	if err != nil {
		return nil, err
	}
	rep := &report{Model: f.info.Name, Config: f.cfg, Type: o.dtype, Smooth: o.quality.smooth, GPTQ: o.quality.gptq, Parameters: parameters(f.cfg), Bytes: int64(size), Smoothed: smoothed}
	for _, k := range o.keep {
		rep.Keep = append(rep.Keep, k.pattern+"="+k.dtype)
	}
	rep.Bits = float64(8*size) / float64(rep.Parameters)
	i := 0
	w, err := loadWalker(f.cfg, f.info.Convention, func(yield func(param.Tensor, error) bool) {
		for t, err := range r.Tensors() {
			if err == nil {
				rep.Tensors = append(rep.Tensors, measure(t, f.values[t.Name], r.Header().Tensors[i]))
				i++
			}
			if !yield(t, err) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	rep.Quality, err = o.trial().evaluate(ref, w, f.info.Pixels)
	return rep, err
}

// measure compares a stored tensor with the values that it stands for.
func measure(t param.Tensor, want []float32, info weights.TensorInfo) tensorReport {
	r := tensorReport{Name: t.Name, DType: info.DType.String(), Shape: t.Shape, Bits: float64(8*info.Stored) / float64(len(want)), SQNR: maxPSNR}
	if c := compare(t.Name, t.Floats(), want); c.rel > 0 {
		r.SQNR = min(maxPSNR, -20*math.Log10(c.rel))
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

// write writes the report to files, or to stdout for "-".
func (r *report) write(to reports, stdout io.Writer) error {
	for _, path := range to {
		write := r.table
		switch {
		case strings.HasSuffix(path, ".json"):
			write = func(w io.Writer) error {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(r)
			}
		case strings.HasSuffix(path, ".html"):
			write = r.html
		}
		var err error
		if path == "-" {
			err = write(stdout)
		} else {
			_, err = atomicfile.Write(path, write)
		}
		if err != nil {
			return fmt.Errorf("report %s: %w", path, err)
		}
	}
	return nil
}

// table writes it for a terminal.
func (r *report) table(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "tensor\tdtype\tshape\tbits each\tSQNR dB\tsaturated %")
	for _, t := range r.Tensors {
		fmt.Fprintf(tab, "%s\t%s\t%v\t%.2f\t%s\t%.3f\n", t.Name, t.DType, t.Shape, t.Bits, decibels(t.SQNR), 100*t.Saturated)
	}
	if len(r.Smoothed) > 0 {
		fmt.Fprintln(tab, "\nlayer\tsmoothed\terror before\tafter\t\t")
	}
	for _, s := range r.Smoothed {
		fmt.Fprintf(tab, "%s\t%.2f\t%.2f %%\t%.2f %%\t\t\n", s.Layer, s.Strength, 100*s.Before, 100*s.After)
	}
	fmt.Fprintln(tab, "\nstep\tt\terror of output %: median\tleast\tmost\t")
	for i, s := range r.Quality.ByStep {
		fmt.Fprintf(tab, "%d\t%.3f\t%.3f\t%.3f\t%.3f\t\n", i+1, s.T, 100*s.Median, 100*s.Least, 100*s.Most)
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	q := r.Quality
	_, err := fmt.Fprintf(w, "\nrelative output error: median %.3f %%, most %.3f %%\nPSNR: median %s, worst %s, best %s (%d images, %d steps, guidance %g)\n",
		100*q.Output.Median, 100*q.Output.Most, withUnit(q.PSNR.Median), decibels(q.PSNR.Least), decibels(q.PSNR.Most), q.Images, q.Steps, q.Guidance)
	return err
}
