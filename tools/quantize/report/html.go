package report

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"

	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/proof"
)

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent":  func(v float64) string { return fmt.Sprintf("%.3f", 100*v) },
	"decibels": proof.Decibels,
	"withUnit": proof.WithUnit,
	"bytes":    convert.Bytes,
	"count":    convert.Count,
}).Parse(pageText))

// HTML writes the report as a page that needs nothing from elsewhere.
func (r *Report) HTML(w io.Writer) error {
	q := r.Quality
	var steps, lows, highs, psnr, sqnr, bits []point
	for _, s := range q.ByStep {
		label := fmt.Sprintf("t = %.3f: median %.3f %%, %.3f to %.3f", s.T, 100*s.Median, 100*s.Least, 100*s.Most)
		steps = append(steps, point{float64(s.T), 100 * s.Median, label})
		lows = append(lows, point{float64(s.T), 100 * s.Least, ""})
		highs = append(highs, point{float64(s.T), 100 * s.Most, ""})
	}
	for i, v := range q.ByCase {
		psnr = append(psnr, point{float64(i + 1), v, fmt.Sprintf("image %d: %s", i+1, proof.WithUnit(v))})
	}
	for _, t := range r.Tensors {
		if t.DType == "int8" {
			n := float64(len(bits) + 1)
			sqnr = append(sqnr, point{n, t.SQNR, t.Name + ": " + proof.WithUnit(t.SQNR)})
			bits = append(bits, point{n, t.Bits, fmt.Sprintf("%s: %.2f bits", t.Name, t.Bits)})
		}
	}
	return page.Execute(w, map[string]any{
		"R": r,
		"Steps": chart{X: "t, from noise (1) to image (0)", Y: "error of the output, %", Points: steps, Low: lows, High: highs,
			Line: true, Flip: true, Zero: true}.svg(),
		"PSNR": chart{X: "image", Y: "PSNR, dB", Points: psnr, Ratio: true}.svg(),
		"SQNR": chart{X: "int8 tensors, in the network's order", Y: "SQNR, dB", Points: sqnr, Ratio: true}.svg(),
		"Bits": chart{X: "int8 tensors, in the network's order", Y: "bits stored for a value", Points: bits}.svg(),
	})
}
