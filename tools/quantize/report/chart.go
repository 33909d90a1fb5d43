package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"dit8/tools/quantize/proof"
)

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
	Ratio             bool // in dB, where proof.MaxPSNR is exact
}

const (
	chartWidth, chartHeight = 640.0, 260.0
	chartLeft, chartBottom  = 56.0, 40.0
	chartTop, chartRight    = 10.0, 12.0
)

// svg draws it.
func (c chart) svg() template.HTML {
	switch {
	case len(c.Points) == 0:
		return "<p>no int8 tensors</p>"
	case c.Ratio && !slices.ContainsFunc(c.Points, func(p point) bool { return p.y < proof.MaxPSNR }):
		return "<p>all exact</p>"
	}
	a := c.axes()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s over %s">`, chartWidth, chartHeight, template.HTMLEscapeString(c.Y), template.HTMLEscapeString(c.X))
	c.drawAxes(&b, a)
	if len(c.Low) > 0 {
		back := slices.Clone(c.Low)
		slices.Reverse(back)
		fmt.Fprintf(&b, `<polygon class="band" points="%s"/>`, a.path(c.High)+a.path(back))
	}
	if c.Line {
		fmt.Fprintf(&b, `<polyline class="line" points="%s"/>`, a.path(c.Points))
	}
	for _, p := range c.Points {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5"><title>%s</title></circle>`, a.px(p.x), a.py(p.y), template.HTMLEscapeString(p.label))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// axes are the ranges of a chart's values, and where they lie on the picture.
type axes struct {
	x0, x1, y0, y1 float64
	step           float64 // between lines
	flip           bool
}

func (c chart) axes() axes {
	a := axes{x0: math.Inf(1), x1: math.Inf(-1), flip: c.Flip}
	a.y0, a.y1 = a.x0, a.x1
	for _, ps := range [][]point{c.Points, c.Low, c.High} {
		for _, p := range ps {
			a.x0, a.x1, a.y0, a.y1 = min(a.x0, p.x), max(a.x1, p.x), min(a.y0, p.y), max(a.y1, p.y)
		}
	}
	if c.Zero {
		a.y0 = 0
	}
	if a.x1 == a.x0 {
		a.x0, a.x1 = a.x0-1, a.x1+1
	}
	if a.y1 == a.y0 {
		if a.y1++; !c.Zero {
			a.y0--
		}
	}
	a.step = tick((a.y1 - a.y0) / 5)
	a.y0, a.y1 = math.Floor(a.y0/a.step)*a.step, math.Ceil(a.y1/a.step)*a.step
	return a
}

// px and py are where values lie.
func (a axes) px(x float64) float64 {
	f := (x - a.x0) / (a.x1 - a.x0)
	if a.flip {
		f = 1 - f
	}
	return chartLeft + 8 + f*(chartWidth-chartLeft-chartRight-16)
}

func (a axes) py(y float64) float64 {
	return chartTop + (a.y1-y)/(a.y1-a.y0)*(chartHeight-chartTop-chartBottom)
}

func (a axes) path(ps []point) (s string) {
	for _, p := range ps {
		s += fmt.Sprintf("%.1f,%.1f ", a.px(p.x), a.py(p.y))
	}
	return s
}

// drawAxes draws the lines behind a chart and the texts around it.
func (c chart) drawAxes(b *strings.Builder, a axes) {
	for y := a.y0; y <= a.y1+a.step/2; y += a.step {
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, chartLeft, chartWidth-chartRight, a.py(y), a.py(y))
		fmt.Fprintf(b, `<text class="y" x="%.1f" y="%.1f">%.4g</text>`, chartLeft-6, a.py(y)+4, math.Round(y*1e6)/1e6)
	}
	for _, x := range []float64{a.x0, a.x1} {
		fmt.Fprintf(b, `<text class="x" x="%.1f" y="%.1f">%.4g</text>`, a.px(x), chartHeight-chartBottom+16, x)
	}
	fmt.Fprintf(b, `<text class="x" x="%.1f" y="%.1f">%s</text>`, (chartLeft+chartWidth)/2, chartHeight-6, template.HTMLEscapeString(c.X))
	fmt.Fprintf(b, `<text class="x" transform="translate(12 %.1f) rotate(-90)">%s</text>`, (chartHeight-chartBottom+chartTop)/2, template.HTMLEscapeString(c.Y))
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
