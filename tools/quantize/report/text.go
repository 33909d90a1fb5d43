package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"dit8/tools/quantize/proof"
)

// Text writes the report for a terminal.
func (r *Report) Text(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "tensor\tdtype\tshape\tbits each\tSQNR dB\tsaturated %")
	for _, t := range r.Tensors {
		fmt.Fprintf(tab, "%s\t%s\t%v\t%.2f\t%s\t%.3f\n", t.Name, t.DType, t.Shape, t.Bits, proof.Decibels(t.SQNR), 100*t.Saturated)
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
		100*q.Output.Median, 100*q.Output.Most, proof.WithUnit(q.PSNR.Median), proof.Decibels(q.PSNR.Least), proof.Decibels(q.PSNR.Most), q.Images, q.Steps, q.Guidance)
	return err
}
