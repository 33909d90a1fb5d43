package heatmap

import (
	"image/color"
	"testing"
)

var white = color.RGBA{0xf7, 0xf7, 0xf5, 255}

func TestColor(t *testing.T) {
	s := Scale{Centre: 1}
	if got := s.Color(5); got != white {
		t.Errorf("without a radius: %v", got)
	}
	s.Fit(3)
	s.Fit(0.5)
	if s.Radius != 2 {
		t.Errorf("radius %v, want 2", s.Radius)
	}
	for v, want := range map[float32]color.RGBA{1: white, 3: above[4], 99: above[4], 2: above[2], -1: below[4], 0.5: below[1], -99: below[4]} {
		if got := s.Color(v); got != want {
			t.Errorf("colour of %v is %v, want %v", v, got, want)
		}
	}
	s.OneSided = true
	if got := s.Color(3); got != single[4] {
		t.Errorf("one-sided: %v", got)
	}
}

// Two panels beside each other, then one of too many cells.
func TestDraw(t *testing.T) {
	values := [][]float32{{-1, 0, 1}, {0.5, 0, 0}}
	panel := Panel{Title: "p", Rows: 2, Columns: 3, At: func(i, j int) float32 { return values[i][j] }, RowTicks: []Tick{{1, "1"}}}
	column := Column{Title: "γ", Note: "note", Scale: Scale{Radius: 1}, Panels: []Panel{panel, panel}}
	f := &Figure{Title: "Title", Notes: []string{"note"}, Sections: []Section{{RowLabel: "row", ColumnLabel: "t", ColumnTicks: []Tick{{0, "1"}, {2, "0"}}, Columns: []Column{column, column}}}}
	img, err := Draw(f)
	if err != nil {
		t.Fatal(err)
	}
	x := margin + rowTicks
	if w := img.Rect.Dx(); w != x+2*wide+columnGap+1+margin { // 1: the frame
		t.Errorf("width %d", w)
	}
	// The first panel begins where its darkest blue does.
	y := 0
	for img.RGBAAt(x, y) != below[4] {
		if y++; y > img.Rect.Dy() {
			t.Fatal("no panel")
		}
	}
	for _, c := range []struct {
		x, y int
		want color.RGBA
	}{
		{x - 1, y, frame}, {x, y - 1, frame}, {x + 50, y + 14, below[4]}, {x + 150, y + 14, white}, {x + 299, y + 14, above[4]}, {x + 300, y + 14, frame},
		{x + 50, y + 27, below[4]}, {x + 50, y + 28, above[2]}, {x + 299, y + 28, white}, {x + 50, y + 56, frame},
		{x + 300 + columnGap + 50, y + 14, below[4]},
	} {
		if got := img.RGBAAt(c.x, c.y); got != c.want {
			t.Errorf("pixel %d, %d is %v, want %v", c.x-x, c.y-y, got, c.want)
		}
	}
	ink := 0
	for y := range img.Rect.Dy() {
		for x := range x - tickLen - 2 {
			if img.RGBAAt(x, y).R < 128 {
				ink++
			}
		}
	}
	if ink < 50 {
		t.Errorf("%d dark pixels of text left of the panels", ink)
	}
}

func TestManyCells(t *testing.T) {
	p := Panel{Rows: 1100, Columns: 513, At: func(i, j int) float32 {
		switch {
		case i == 4 && j == 3:
			return -7
		case i == 3 && j == 3:
			return 6
		case i == 1099 && j == 512:
			return 5
		}
		return 1
	}}
	s := Scale{Centre: 1, Radius: 8}
	for at, want := range map[[2]int]float32{{0, 0}: 1, {1, 1}: -7, {366, 256}: 5} {
		if got := p.cell(s, at[0], at[1]); got != want {
			t.Errorf("cell %v is %v, want %v", at, got, want)
		}
	}
	img, err := Draw(&Figure{Sections: []Section{{Columns: []Column{{Scale: s, Panels: []Panel{p}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Rect; b.Dx() > 1000 || b.Dy() > 1000 {
		t.Errorf("picture of %v", b)
	}
}
