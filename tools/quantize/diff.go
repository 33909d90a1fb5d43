package main

import (
	"flag"
	"fmt"
	"io"
	"iter"
	"math"
	"reflect"
	"text/tabwriter"

	"dit8/core/param"
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
	var blobs [2]*weights.File
	for i, p := range paths {
		if blobs[i], err = weights.Open(p); err != nil {
			return err
		}
		defer blobs[i].Close()
	}
	a, b := blobs[0].Header(), blobs[1].Header()
	if a.Config != b.Config {
		return fmt.Errorf("different networks: %s is %+v, %s is %+v", paths[0], a.Config, paths[1], b.Config)
	}
	for _, l := range headerLines(a, b) {
		fmt.Fprintln(stdout, l)
	}
	tab := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	next, stop := iter.Pull2(blobs[1].Tensors())
	defer stop()
	same, worst, where, i := 0, 0.0, "", 0
	fmt.Fprintln(tab, "tensor\tA\tB\tstored A\tstored B\trelative\tmax|A-B|\tSQNR dB")
	for x, err := range blobs[0].Tensors() {
		if err != nil {
			return fmt.Errorf("%s: %w", paths[0], err)
		}
		y, err, ok := next()
		if err != nil || !ok {
			return fmt.Errorf("%s: %w", paths[1], err)
		}
		c := compare(x.Name, y.Floats(), x.Floats())
		ta, tb := a.Tensors[i], b.Tensors[i]
		i++
		if ta.DType == tb.DType && sameBits(x, y) {
			same++
			if !*all {
				continue
			}
		}
		if c.rel > worst || math.IsNaN(c.rel) {
			worst, where = c.rel, x.Name
			if math.IsNaN(c.rel) || math.IsInf(c.rel, 0) {
				worst = math.Inf(1)
			}
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\t%d\t%d\t%.2e\t%.2e\t%.1f\n", x.Name, ta.DType, tb.DType, ta.Stored, tb.Stored, c.rel, c.maxAbs, -20*math.Log10(c.rel))
	}
	if _, err, _ := next(); err != nil {
		return fmt.Errorf("%s: %w", paths[1], err)
	}
	if same < len(a.Tensors) || *all {
		if err := tab.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "%d of %d tensors are the same; %s and %s\n", same, len(a.Tensors), bytesOf(a.Size), bytesOf(b.Size))
	if worst > *maxRel {
		return fmt.Errorf("tensor %s differs by %.3e, above -max-rel %g", where, worst, *maxRel)
	}
	return nil
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
	return reflect.DeepEqual(a.I8, b.I8) && reflect.DeepEqual(a.Scale, b.Scale) && reflect.DeepEqual(a.F32, b.F32)
}
