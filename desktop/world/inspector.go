package world

import (
	"image"
	"image/color"

	"dit8/core"
	"dit8/internal/heatmap"
)

// Inspector is the modulation of a request as heat maps, blocks × t.
type Inspector struct {
	Times []float32
	Step  int // evaluated so far
	Maps  []Map
}

// Map is γ, β or α of one branch of all blocks. γ is shown by its mean over the
// channels, the others by their root mean square (see RATIONALE.md).
type Map struct {
	Quantity string // gamma, beta or alpha
	Branch   string // msa or mlp
	Scale    heatmap.Scale
	rows     [][]float32 // [blocks][times]
}

// newInspector is nil without a modulation.
func newInspector(m *core.Modulation) *Inspector {
	if m == nil {
		return nil
	}
	in := &Inspector{Times: m.Times}
	for k, quantity := range []string{"gamma", "beta", "alpha"} {
		scale := heatmap.Scale{OneSided: true}
		if quantity == "gamma" {
			scale = heatmap.Scale{Centre: 1}
		}
		first := len(in.Maps)
		for _, branch := range []string{"msa", "mlp"} {
			p := Map{Quantity: quantity, Branch: branch}
			for i := range m.Branches {
				if b := &m.Branches[i]; b.Name == branch {
					row := b.Quantities()[k].RMS
					if quantity == "gamma" {
						row = b.Quantities()[k].Mean
					}
					p.rows = append(p.rows, row)
					for _, v := range row {
						scale.Fit(v)
					}
				}
			}
			in.Maps = append(in.Maps, p)
		}
		for i := range in.Maps[first:] { // both branches by one scale
			in.Maps[first+i].Scale = scale
		}
	}
	return in
}

// stepped takes note of step n of all batches, from 1.
func (in *Inspector) stepped(n int) {
	if in != nil {
		in.Step = (n-1)%len(in.Times) + 1
	}
}

// Image draws map i with a pixel for each block (row) and time (column). What was
// not evaluated yet is dark.
func (in *Inspector) Image(i int) *image.RGBA {
	m := in.Maps[i]
	img := image.NewRGBA(image.Rect(0, 0, len(in.Times), len(m.rows)))
	for y, row := range m.rows {
		for x, v := range row {
			c := m.Scale.Color(v)
			if x >= in.Step {
				c = color.RGBA{c.R / 4, c.G / 4, c.B / 4, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

// Range is the values of the ends of a map's scale.
func (m Map) Range() (from, to float32) {
	if m.Scale.OneSided {
		return m.Scale.Centre, m.Scale.Centre + m.Scale.Radius
	}
	return m.Scale.Centre - m.Scale.Radius, m.Scale.Centre + m.Scale.Radius
}
