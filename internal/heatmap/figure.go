// Package heatmap draws tables of numbers as colours, several beside each other,
// with titles, axes and legends.
package heatmap

// Figure is one picture.
type Figure struct {
	Title    string
	Notes    []string // lines below the title
	Sections []Section
}

// Section is a row of columns of panels, which share their axes.
type Section struct {
	Title       string // may be empty
	RowLabel    string // what the rows of panels are
	ColumnLabel string // what their columns are
	ColumnTicks []Tick
	Columns     []Column
}

// Column is a column of panels that share a scale, whose legend stands below them.
// Panels of the same index stand beside each other; a column may have fewer.
type Column struct {
	Title  string
	Note   string // a line below the title
	Scale  Scale
	Panels []Panel
}

// Panel is one table.
type Panel struct {
	Title         string
	Rows, Columns int
	At            func(row, column int) float32 // finite
	RowTicks      []Tick
}

// Tick labels one row or column.
type Tick struct {
	At   int
	Text string
}

// maxCells bounds the rows and columns that are drawn of a panel. Where there are
// more, a cell stands for several neighbours and shows the one farthest from the
// scale's centre.
const maxCells = 512

// cells is how many of n rows or columns are drawn.
func cells(n int) int {
	per := perCell(n)
	return (n + per - 1) / per
}

func perCell(n int) int { return max(1, (n+maxCells-1)/maxCells) }

// cell is the value that cell (row, column) of p shows.
func (p *Panel) cell(s Scale, row, column int) float32 {
	h, w := perCell(p.Rows), perCell(p.Columns)
	far := s.Centre
	for i := row * h; i < min((row+1)*h, p.Rows); i++ {
		for j := column * w; j < min((column+1)*w, p.Columns); j++ {
			if v := p.At(i, j); abs(v-s.Centre) > abs(far-s.Centre) {
				far = v
			}
		}
	}
	return far
}

func abs(x float32) float32 { return max(x, -x) }
