package command

import (
	"fmt"
	"strconv"

	"dit8/core"
	"dit8/internal/heatmap"
)

// figure draws blocks × t, or channels × t where x is restricted to one layer; the
// difference from the reference stands below.
func (x inspection) figure() *heatmap.Figure {
	steps := fmt.Sprintf("%d steps", len(x.Times))
	if len(x.Times) == 1 {
		steps = "1 step"
	}
	f := &heatmap.Figure{Title: fmt.Sprintf("AdaLN modulation of %s, class %s", x.Model, x.Class)}
	formula := "x + α · f(γ · LN(x) + β), f = attention (msa) or MLP (mlp)"
	if x.Branches[0].Layer == core.FinalLayer {
		formula = "linear(γ · LN(x) + β)"
	}
	f.Notes = []string{fmt.Sprintf("%s, over %s. White changes nothing.", formula, steps)}
	section := blocksSection
	if x.oneLayer() {
		section = channelsSection
		f.Title += ", " + x.Branches[0].Layer
	}
	f.Sections = []heatmap.Section{section(x.Modulation)}
	if d := x.Difference; d != nil {
		s := section(d)
		s.Title = fmt.Sprintf("Difference of %s from %s", d.ModelID, d.ReferenceID)
		f.Sections = append(f.Sections, s)
	}
	return f
}

var formulas = map[string]string{"gamma": "γ = 1 + scale", "beta": "β = shift", "alpha": "α = gate"}

// heading is the title of the panels of a quantity.
func heading(m *core.Modulation, name string) string {
	if m.ReferenceID != "" {
		return symbol(m, name)
	}
	return formulas[name]
}

// quantity is the k-th quantity of b, or one of no series.
func quantity(b *core.Branch, k int) core.Quantity {
	if q := b.Quantities(); k < len(q) {
		return q[k]
	}
	return core.Quantity{}
}

// blocksSection has a panel for each quantity and branch, rows being blocks. γ is
// shown by its mean, whose side of 1 says whether a branch sees its input damped or
// amplified; β and α have means near 0, so their size is shown.
func blocksSection(m *core.Modulation) heatmap.Section {
	s := heatmap.Section{RowLabel: "block", ColumnLabel: "t, noise → data", ColumnTicks: timeTicks(m.Times)}
	for k, name := range []string{"gamma", "beta", "alpha"} {
		c := heatmap.Column{Title: heading(m, name), Note: "root mean square over channels", Scale: heatmap.Scale{OneSided: true}}
		value := func(q core.Quantity) []float32 { return q.RMS }
		if name == "gamma" && m.ReferenceID == "" {
			c.Note, c.Scale = "mean over channels: blue < 1 < red", heatmap.Scale{Centre: 1}
			value = func(q core.Quantity) []float32 { return q.Mean }
		}
		for _, branch := range []string{"msa", "mlp", ""} {
			p := heatmap.Panel{Title: branch, Columns: len(m.Times)}
			if branch == "" {
				p.Title = "final layer"
			}
			var rows [][]float32
			for i := range m.Branches {
				b := &m.Branches[i]
				if q := quantity(b, k); b.Name == branch && q.Series != nil {
					rows = append(rows, value(q))
				}
			}
			if rows == nil {
				continue // the final layer has no α
			}
			if branch != "" {
				p.RowTicks = indexTicks(len(rows))
			}
			p.Rows = len(rows)
			p.At = func(i, j int) float32 { return rows[i][j] }
			for _, r := range rows {
				for _, v := range r {
					c.Scale.Fit(v)
				}
			}
			c.Panels = append(c.Panels, p)
		}
		s.Columns = append(s.Columns, c)
	}
	return s
}

// channelsSection has a panel for each quantity and branch of one layer, rows being
// channels.
func channelsSection(m *core.Modulation) heatmap.Section {
	s := heatmap.Section{RowLabel: "channel", ColumnLabel: "t, noise → data", ColumnTicks: timeTicks(m.Times)}
	for k, name := range []string{"gamma", "beta", "alpha"} {
		c := heatmap.Column{Title: heading(m, name)}
		for i := range m.Branches {
			b := &m.Branches[i]
			q := quantity(b, k)
			if q.Series == nil {
				continue
			}
			c.Scale.Centre = q.Neutral
			for _, v := range q.Values {
				for _, x := range v {
					c.Scale.Fit(x)
				}
			}
			n := len(q.Values[0])
			c.Panels = append(c.Panels, heatmap.Panel{Title: b.Name, Rows: n, Columns: len(m.Times), RowTicks: indexTicks(n),
				At: func(i, j int) float32 { return q.Values[j][i] }})
		}
		if c.Panels != nil {
			c.Note = fmt.Sprintf("of each channel: blue < %g < red", c.Scale.Centre)
			s.Columns = append(s.Columns, c)
		}
	}
	return s
}

// timeTicks labels about five evaluations, the first and the last among them.
func timeTicks(times []float32) []heatmap.Tick {
	var ticks []heatmap.Tick
	last := len(times) - 1
	n := min(4, last)
	for i := range n + 1 {
		at := 0
		if n > 0 {
			at = (i*last + n/2) / n
		}
		ticks = append(ticks, heatmap.Tick{At: at, Text: strconv.FormatFloat(float64(times[at]), 'g', 2, 32)})
	}
	return ticks
}

// indexTicks labels all of a few rows, else about ten at round numbers.
func indexTicks(n int) []heatmap.Tick {
	step := 1
	for _, s := range []int{2, 4, 8, 16, 32, 64, 128, 256, 512, 1024} {
		if (n-1)/step >= 12 {
			step = s
		}
	}
	var ticks []heatmap.Tick
	for i := 0; i < n; i += step {
		ticks = append(ticks, heatmap.Tick{At: i, Text: strconv.Itoa(i)})
	}
	return ticks
}
