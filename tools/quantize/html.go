package main

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
)

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent":  func(v float64) string { return fmt.Sprintf("%.3f", 100*v) },
	"decibels": decibels,
	"withUnit": withUnit,
	"bytes":    bytesOf,
	"count":    count,
}).Parse(pageText))

// html writes the report as a page that needs nothing from elsewhere.
func (r *report) html(w io.Writer) error {
	q := r.Quality
	var steps, lows, highs, psnr, sqnr, bits []point
	for _, s := range q.ByStep {
		label := fmt.Sprintf("t = %.3f: median %.3f %%, %.3f to %.3f", s.T, 100*s.Median, 100*s.Least, 100*s.Most)
		steps = append(steps, point{float64(s.T), 100 * s.Median, label})
		lows = append(lows, point{float64(s.T), 100 * s.Least, ""})
		highs = append(highs, point{float64(s.T), 100 * s.Most, ""})
	}
	for i, v := range q.ByCase {
		psnr = append(psnr, point{float64(i + 1), v, fmt.Sprintf("image %d: %s", i+1, withUnit(v))})
	}
	for _, t := range r.Tensors {
		if t.DType == "int8" {
			n := float64(len(bits) + 1)
			sqnr = append(sqnr, point{n, t.SQNR, t.Name + ": " + withUnit(t.SQNR)})
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

type point struct {
	x, y  float64
	label string
}

// chart is a plot of points, which may be joined by a line, with a band between low
// and high.
type chart struct {
	X, Y              string
	Points, Low, High []point
	Line, Flip, Zero  bool // joined; x falling to the right; y from 0
	Ratio             bool // in dB, where maxPSNR is exact
}

const (
	chartWidth, chartHeight = 640.0, 260.0
	chartLeft, chartBottom  = 56.0, 40.0
	chartTop, chartRight    = 10.0, 12.0
)

func (c chart) svg() template.HTML {
	switch {
	case len(c.Points) == 0:
		return "<p>no int8 tensors</p>"
	case c.Ratio && !slices.ContainsFunc(c.Points, func(p point) bool { return p.y < maxPSNR }):
		return "<p>all exact</p>"
	}
	x0, x1 := math.Inf(1), math.Inf(-1)
	y0, y1 := x0, x1
	for _, ps := range [][]point{c.Points, c.Low, c.High} {
		for _, p := range ps {
			x0, x1, y0, y1 = min(x0, p.x), max(x1, p.x), min(y0, p.y), max(y1, p.y)
		}
	}
	if c.Zero {
		y0 = 0
	}
	if x1 == x0 {
		x0, x1 = x0-1, x1+1
	}
	if y1 == y0 {
		if y1++; !c.Zero {
			y0--
		}
	}
	step := tick((y1 - y0) / 5)
	y0, y1 = math.Floor(y0/step)*step, math.Ceil(y1/step)*step
	px := func(x float64) float64 {
		f := (x - x0) / (x1 - x0)
		if c.Flip {
			f = 1 - f
		}
		return chartLeft + 8 + f*(chartWidth-chartLeft-chartRight-16)
	}
	py := func(y float64) float64 {
		return chartTop + (y1-y)/(y1-y0)*(chartHeight-chartTop-chartBottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s over %s">`, chartWidth, chartHeight, template.HTMLEscapeString(c.Y), template.HTMLEscapeString(c.X))
	for y := y0; y <= y1+step/2; y += step {
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, chartLeft, chartWidth-chartRight, py(y), py(y))
		fmt.Fprintf(&b, `<text class="y" x="%.1f" y="%.1f">%.4g</text>`, chartLeft-6, py(y)+4, math.Round(y*1e6)/1e6)
	}
	for _, x := range []float64{x0, x1} {
		fmt.Fprintf(&b, `<text class="x" x="%.1f" y="%.1f">%.4g</text>`, px(x), chartHeight-chartBottom+16, x)
	}
	fmt.Fprintf(&b, `<text class="x" x="%.1f" y="%.1f">%s</text>`, (chartLeft+chartWidth)/2, chartHeight-6, template.HTMLEscapeString(c.X))
	fmt.Fprintf(&b, `<text class="x" transform="translate(12 %.1f) rotate(-90)">%s</text>`, (chartHeight-chartBottom+chartTop)/2, template.HTMLEscapeString(c.Y))
	path := func(ps []point) (s string) {
		for _, p := range ps {
			s += fmt.Sprintf("%.1f,%.1f ", px(p.x), py(p.y))
		}
		return s
	}
	if len(c.Low) > 0 {
		back := make([]point, 0, len(c.Low))
		for i := len(c.Low) - 1; i >= 0; i-- {
			back = append(back, c.Low[i])
		}
		fmt.Fprintf(&b, `<polygon class="band" points="%s"/>`, path(c.High)+path(back))
	}
	if c.Line {
		fmt.Fprintf(&b, `<polyline class="line" points="%s"/>`, path(c.Points))
	}
	for _, p := range c.Points {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5"><title>%s</title></circle>`, px(p.x), py(p.y), template.HTMLEscapeString(p.label))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// tick rounds a distance up to 1, 2 or 5 times a power of ten.
func tick(d float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(d)))
	for _, k := range []float64{1, 2, 5} {
		if d <= k*p {
			return k * p
		}
	}
	return 10 * p
}
