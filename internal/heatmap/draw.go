package heatmap

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strconv"
	"strings"
)

// Sizes in pixels.
const (
	margin    = 28
	rowTicks  = 52  // room for the labels of rows
	wide      = 300 // of a panel, at least
	tall      = 224 // of a panel of few rows, about
	taller    = 384 // of a panel of many rows, at least
	manyRows  = 64
	maxCell   = 28 // height of a cell
	columnGap = 36
	panelGap  = 12
	tickLen   = 5
	barHeight = 14
)

var (
	ink   = color.RGBA{0x22, 0x22, 0x2a, 255}
	faint = color.RGBA{0x6a, 0x6a, 0x74, 255}
	frame = color.RGBA{0xb4, 0xb4, 0xbc, 255}
)

// cellSize is the size of a panel's cells.
func (p *Panel) cellSize() (w, h int) {
	rows := cells(p.Rows)
	h = min(maxCell, tall/rows)
	if rows > manyRows {
		h = (taller + rows - 1) / rows
	}
	columns := cells(p.Columns)
	return (wide + columns - 1) / columns, max(1, h)
}

// size is that of the panel without its title, and of its frame.
func (p *Panel) size() (w, h int) {
	w, h = p.cellSize()
	return w * cells(p.Columns), h * cells(p.Rows)
}

// Draw draws f.
func Draw(f *Figure) (*image.RGBA, error) {
	t, err := newTexts()
	if err != nil {
		return nil, err
	}
	// Once without a picture, to know its size.
	p := &painter{texts: t}
	p.figure(f)
	p.img = image.NewRGBA(image.Rect(0, 0, p.right+margin, p.bottom+margin))
	draw.Draw(p.img, p.img.Rect, image.White, image.Point{}, draw.Src)
	p.figure(f)
	return p.img, nil
}

// painter draws on img, or measures what it would draw where img is nil.
type painter struct {
	*texts
	img           *image.RGBA
	right, bottom int // of what was drawn
}

func (p *painter) reach(x, y int) { p.right, p.bottom = max(p.right, x), max(p.bottom, y) }

func (p *painter) fill(x, y, w, h int, c color.RGBA) {
	p.reach(x+w, y+h)
	if p.img != nil {
		draw.Draw(p.img, image.Rect(x, y, x+w, y+h), image.NewUniform(c), image.Point{}, draw.Src)
	}
}

// outline draws a frame of one pixel around a rectangle.
func (p *painter) outline(x, y, w, h int) {
	p.fill(x-1, y-1, w+2, 1, frame)
	p.fill(x-1, y+h, w+2, 1, frame)
	p.fill(x-1, y-1, 1, h+2, frame)
	p.fill(x+w, y-1, 1, h+2, frame)
}

func (p *painter) figure(f *Figure) {
	y := p.text(margin, margin, f.Title, p.title, ink, left)
	for _, n := range f.Notes {
		y = p.text(margin, y+4, n, p.small, faint, left)
	}
	for i := range f.Sections {
		y = p.section(&f.Sections[i], y+20)
	}
}

// section draws s from y down and returns where it ends.
func (p *painter) section(s *Section, y int) int {
	if s.Title != "" {
		y = p.text(margin, y+8, s.Title, p.heading, ink, left) + 10
	}
	x, end := margin+rowTicks, y
	for i := range s.Columns {
		w, bottom := p.column(s, i, x, y)
		x += w + columnGap
		end = max(end, bottom)
	}
	return end
}

// column draws column i of s and returns its width and where it ends.
func (p *painter) column(s *Section, i, x, y int) (width, bottom int) {
	c := &s.Columns[i]
	y = p.text(x, y, c.Title, p.heading, ink, left)
	y = p.text(x, y+3, c.Note, p.small, faint, left) + 10
	for k := range c.Panels {
		panel := &c.Panels[k]
		w, h := panel.size()
		if i == 0 && panel.RowTicks != nil {
			p.text(x-tickLen-3, y, s.RowLabel, p.small, faint, right)
		}
		y = p.text(x, y, panel.Title, p.label, ink, left) + 4
		p.panel(panel, c.Scale, x, y)
		if i == 0 {
			p.rowTicks(panel, x, y)
		}
		if y += h; k == len(c.Panels)-1 {
			y = p.columnTicks(s, panel, x, y)
		}
		width, y = max(width, w), y+panelGap
	}
	return width, p.legend(c.Scale, x, y, width)
}

func (p *painter) panel(m *Panel, s Scale, x, y int) {
	cw, ch := m.cellSize()
	w, h := m.size()
	p.outline(x, y, w, h)
	if p.img == nil {
		return
	}
	for i := range cells(m.Rows) {
		for j := range cells(m.Columns) {
			p.fill(x+j*cw, y+i*ch, cw, ch, s.Color(m.cell(s, i, j)))
		}
	}
}

func (p *painter) rowTicks(m *Panel, x, y int) {
	_, ch := m.cellSize()
	for _, t := range m.RowTicks {
		at := y + t.At/perCell(m.Rows)*ch + ch/2
		p.fill(x-1-tickLen, at, tickLen, 1, frame)
		p.text(x-tickLen-4, at-p.small.height/2, t.Text, p.small, ink, right)
	}
}

// columnTicks draws the axis below a panel that ends at y and returns where it
// ends.
func (p *painter) columnTicks(s *Section, m *Panel, x, y int) int {
	cw, _ := m.cellSize()
	w, _ := m.size()
	bottom := y
	for _, t := range s.ColumnTicks {
		at := x + t.At/perCell(m.Columns)*cw + cw/2
		p.fill(at, y+1, 1, tickLen, frame)
		bottom = p.text(at, y+tickLen+2, t.Text, p.small, ink, middle)
	}
	bottom = p.text(x+w/2, bottom+1, s.ColumnLabel, p.small, faint, middle)
	if m.Columns > maxCells || m.Rows > maxCells {
		bottom = p.text(x, bottom+1, coarse(m), p.small, faint, left)
	}
	return bottom
}

// coarse says what a cell of a panel with too many cells stands for.
func coarse(m *Panel) string {
	return fmt.Sprintf("a cell: of %d × %d values the farthest from white", perCell(m.Rows), perCell(m.Columns))
}

// legend draws the colours of s with their values, and returns where it ends.
func (p *painter) legend(s Scale, x, y, w int) int {
	p.outline(x, y, w, barHeight)
	from, to := s.Centre-s.Radius, s.Centre+s.Radius
	if s.OneSided {
		from = s.Centre
	}
	for i := range w {
		p.fill(x+i, y, 1, barHeight, s.Color(from+(to-from)*float32(i)/float32(max(1, w-1))))
	}
	y += barHeight + 3
	p.text(x, y, number(from), p.small, ink, left)
	if s.OneSided {
		p.text(x+w/2, y, number((from+to)/2), p.small, ink, middle)
	} else {
		p.text(x+w/2, y, number(s.Centre), p.small, ink, middle)
	}
	return p.text(x+w, y, number(to), p.small, ink, right)
}

// number is x with three digits.
func number(x float32) string {
	return strings.Replace(strconv.FormatFloat(float64(x), 'g', 3, 32), "-", "−", 1)
}
