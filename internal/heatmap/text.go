package heatmap

import (
	"image"
	"image/color"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// texts are the faces of a figure. Faces keep buffers: they are not shared.
type texts struct {
	title, heading, label, small face
}

type face struct {
	font.Face
	ascent, height int // pixels
}

func newTexts() (*texts, error) {
	var t texts
	for _, f := range []struct {
		to   *face
		ttf  []byte
		size float64 // pixels
	}{{&t.title, gobold.TTF, 21}, {&t.heading, gobold.TTF, 16}, {&t.label, goregular.TTF, 15}, {&t.small, goregular.TTF, 13}} {
		parsed, err := opentype.Parse(f.ttf)
		if err != nil {
			return nil, err
		}
		if f.to.Face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: f.size, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, err
		}
		m := f.to.Metrics()
		f.to.ascent, f.to.height = m.Ascent.Ceil(), m.Ascent.Ceil()+m.Descent.Ceil()
	}
	return &t, nil
}

// anchor says which part of a text stands at x.
type anchor int

const (
	left anchor = iota
	middle
	right
)

// text writes s below y and returns where it ends.
func (p *painter) text(x, y int, s string, f face, c color.RGBA, a anchor) int {
	w := font.MeasureString(f, s).Ceil()
	switch a {
	case middle:
		x -= w / 2
	case right:
		x -= w
	}
	p.reach(x+w, y+f.height)
	if p.img != nil {
		d := font.Drawer{Dst: p.img, Src: image.NewUniform(c), Face: f, Dot: fixed.P(x, y+f.ascent)}
		d.DrawString(s)
	}
	return y + f.height
}
