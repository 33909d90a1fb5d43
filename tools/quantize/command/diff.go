package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"math"
	"reflect"
	"text/tabwriter"

	"dit8/core/param"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/proof"
	"dit8/weights"
)

// diff compares two .dit8 files: what their headers say, and tensor by tensor their
// types, sizes and values.
func diff(args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("diff", flag.ContinueOnError)
	all := f.Bool("all", false, "list tensors that are the same in both, too")
	maxRel := f.Float64("max-rel", math.Inf(1), "exit 1 when the values of a tensor differ by more, ‖A-B‖/‖A‖")
	paths, err := parseFiles(f, args, stdout, 2)
	switch {
	case err != nil:
		return err
	case !(*maxRel >= 0):
		return usagef("-max-rel is %v, allowed: 0 or more", *maxRel)
	}
	d := difference{paths: paths, all: *all, to: tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)}
	for i, p := range paths {
		if d.blobs[i], err = weights.Open(p); err != nil {
			return err
		}
		defer d.blobs[i].Close()
	}
	a, b := d.blobs[0].Header(), d.blobs[1].Header()
	if a.Config != b.Config {
		return fmt.Errorf("different networks: %s is %+v, %s is %+v", paths[0], a.Config, paths[1], b.Config)
	}
	for _, l := range headerLines(a, b) {
		fmt.Fprintln(stdout, l)
	}
	if err := d.tensors(); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d of %d tensors are the same; %s and %s\n", d.same, len(a.Tensors), convert.Bytes(a.Size), convert.Bytes(b.Size))
	if d.worst > *maxRel {
		return fmt.Errorf("tensor %s differs by %.3e, above -max-rel %g", d.where, d.worst, *maxRel)
	}
	return nil
}

// difference is what is found between the tensors of two files.
type difference struct {
	paths []string
	blobs [2]*weights.File
	all   bool // list the same ones too
	to    *tabwriter.Writer

	same  int
	worst float64 // relative, of the tensor where
	where string
}

// tensors lists those that differ.
func (d *difference) tensors() error {
	next, stop := iter.Pull2(d.blobs[1].Tensors())
	defer stop()
	fmt.Fprintln(d.to, "tensor\tA\tB\tstored A\tstored B\trelative\tmax|A-B|\tSQNR dB")
	i := 0
	for x, err := range d.blobs[0].Tensors() {
		if err != nil {
			return fmt.Errorf("%s: %w", d.paths[0], err)
		}
		y, err, ok := next()
		if !ok {
			err = errors.New("fewer tensors")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.paths[1], err)
		}
		d.tensor(i, x, y)
		i++
	}
	if _, err, _ := next(); err != nil {
		return fmt.Errorf("%s: %w", d.paths[1], err)
	}
	if d.same < i || d.all {
		return d.to.Flush()
	}
	return nil
}

// tensor compares tensor i of both.
func (d *difference) tensor(i int, x, y param.Tensor) {
	a, b := d.blobs[0].Header().Tensors[i], d.blobs[1].Header().Tensors[i]
	if a.DType == b.DType && sameBits(x, y) {
		d.same++
		if !d.all {
			return
		}
	}
	c := proof.Compare(x.Name, y.Floats(), x.Floats())
	if c.Rel > d.worst || math.IsNaN(c.Rel) {
		d.worst, d.where = c.Rel, x.Name
		if math.IsNaN(c.Rel) || math.IsInf(c.Rel, 0) {
			d.worst = math.Inf(1)
		}
	}
	fmt.Fprintf(d.to, "%s\t%s\t%s\t%d\t%d\t%.2e\t%.2e\t%.1f\n", x.Name, a.DType, b.DType, a.Stored, b.Stored, c.Rel, c.MaxAbs, -20*math.Log10(c.Rel))
}

// headerLines tell in which fields two headers differ.
func headerLines(a, b *weights.Header) (lines []string) {
	x, y := reflect.ValueOf(a.Info), reflect.ValueOf(b.Info)
	for i := range x.NumField() {
		if u, v := x.Field(i).Interface(), y.Field(i).Interface(); !reflect.DeepEqual(u, v) {
			lines = append(lines, fmt.Sprintf("%s: %s, %s", x.Type().Field(i).Tag.Get("json"), short(u), short(v)))
		}
	}
	return lines
}

func short(v any) string {
	s := fmt.Sprintf("%+v", v)
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return s
}

func sameBits(a, b param.Tensor) bool {
	return reflect.DeepEqual(a.I8, b.I8) && reflect.DeepEqual(a.Scale, b.Scale) && reflect.DeepEqual(a.Smooth, b.Smooth) && reflect.DeepEqual(a.F32, b.F32)
}
