package main

import (
	"bytes"
	"image"
	"image/color"
	"math"

	eimage "github.com/ebitenui/ebitenui/image"
	"github.com/ebitenui/ebitenui/widget"
	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/text/v2"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
)

// The colours of the page's dark half (web/style.css).
var (
	ink      = color.NRGBA{0xf1, 0xef, 0xed, 255}
	soft     = color.NRGBA{0xa8, 0xa0, 0x9a, 255}
	paper    = color.NRGBA{0x17, 0x14, 0x12, 255}
	card     = color.NRGBA{0x22, 0x1e, 0x1b, 255}
	raised   = color.NRGBA{0x2e, 0x29, 0x25, 255}
	line     = color.NRGBA{0x3d, 0x36, 0x31, 255}
	accent   = color.NRGBA{0xfb, 0x92, 0x3c, 255}
	bright   = color.NRGBA{0xfd, 0xb0, 0x72, 255}
	onAccent = color.NRGBA{0x1c, 0x19, 0x17, 255}
	wrong    = color.NRGBA{0xfc, 0xa5, 0xa5, 255}
	nothing  = color.NRGBA{}
)

// theme is what widgets look like at one scale.
type theme struct {
	scale float64 // pixels of a unit

	body, small, heading, title, mono *text.Face

	field, focusRing, wrongRing     *eimage.NineSlice
	background, box                 *eimage.NineSlice
	button, primary, row, rowPicked *widget.ButtonImage
	text, primaryText               *widget.ButtonTextColor
	track                           *widget.SliderTrackImage
	handle                          *widget.ButtonImage
}

// px is n units in pixels.
func (t *theme) px(n float64) int { return int(math.Round(n * t.scale)) }

func (t *theme) insets(x, y float64) *widget.Insets {
	return &widget.Insets{Left: t.px(x), Right: t.px(x), Top: t.px(y), Bottom: t.px(y)}
}

func newTheme(scale float64) (*theme, error) {
	t := &theme{scale: scale}
	for _, f := range []struct {
		face **text.Face
		ttf  []byte
		size float64
	}{{&t.body, goregular.TTF, 14}, {&t.small, goregular.TTF, 12}, {&t.heading, gomedium.TTF, 14}, {&t.title, gomedium.TTF, 26}, {&t.mono, gomono.TTF, 11}} {
		source, err := text.NewGoTextFaceSource(bytes.NewReader(f.ttf))
		if err != nil {
			return nil, err
		}
		var face text.Face = &text.GoTextFace{Source: source, Size: f.size * scale}
		*f.face = &face
	}
	t.background, t.box = eimage.NewNineSliceColor(paper), t.rounded(card, line, 8)
	t.field, t.focusRing, t.wrongRing = t.rounded(card, line, 6), t.rounded(nothing, accent, 6), t.rounded(nothing, wrong, 6)
	buttons := func(idle, hover, pressed, border, focus color.NRGBA) *widget.ButtonImage {
		b := &widget.ButtonImage{Idle: t.rounded(idle, border, 6), Hover: t.rounded(hover, focus, 6), Pressed: t.rounded(pressed, focus, 6)}
		b.PressedHover, b.Disabled = b.Pressed, t.rounded(paper, line, 6)
		return b
	}
	t.button = buttons(card, raised, line, line, accent)
	t.primary = buttons(accent, bright, bright, accent, ink)
	t.row = buttons(card, raised, line, card, raised)
	t.rowPicked = buttons(raised, raised, line, accent, accent)
	t.text = &widget.ButtonTextColor{Idle: ink, Hover: ink, Pressed: ink, Disabled: soft}
	t.primaryText = &widget.ButtonTextColor{Idle: onAccent, Hover: onAccent, Pressed: onAccent, Disabled: soft}
	t.track = &widget.SliderTrackImage{Idle: t.bar(line), Hover: t.bar(soft), Disabled: t.bar(raised)}
	t.handle = &widget.ButtonImage{Idle: t.rounded(accent, paper, 7), Hover: t.rounded(bright, ink, 7), Pressed: t.rounded(bright, ink, 7), Disabled: t.rounded(line, paper, 7)}
	return t, nil
}

// rounded is a box with round corners and a border of one unit.
func (t *theme) rounded(fill, border color.NRGBA, radius float64) *eimage.NineSlice {
	r, width := t.px(radius), max(1, t.scale)
	n := 2*r + 1
	img := image.NewNRGBA(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			img.SetNRGBA(x, y, roundedPixel(x, y, n, float64(r), width, fill, border))
		}
	}
	return eimage.NewNineSliceSimple(ebiten.NewImageFromImage(img), r, 1)
}

// roundedPixel averages 16 samples of a pixel of an n×n box.
func roundedPixel(x, y, n int, r, width float64, fill, border color.NRGBA) color.NRGBA {
	var sum [4]float64 // premultiplied
	for i := range 16 {
		px, py := float64(x)+(float64(i%4)+0.5)/4, float64(y)+(float64(i/4)+0.5)/4
		// how far the sample is inside the edge
		cx, cy := math.Min(px, float64(n)-px), math.Min(py, float64(n)-py)
		inside := math.Min(cx, cy)
		if cx < r && cy < r {
			inside = r - math.Hypot(r-cx, r-cy)
		}
		c := fill
		switch {
		case inside < 0:
			c = nothing
		case inside < width:
			c = border
		}
		for k, v := range []uint8{c.R, c.G, c.B, 255} {
			sum[k] += float64(v) * float64(c.A) / 255 / 16
		}
	}
	if sum[3] == 0 {
		return nothing
	}
	level := func(k int) uint8 { return uint8(math.Round(sum[k] * 255 / sum[3])) }
	return color.NRGBA{level(0), level(1), level(2), uint8(math.Round(sum[3]))}
}

// bar is a slider's track: a line in the middle of its height.
func (t *theme) bar(c color.NRGBA) *eimage.NineSlice {
	h, thick := t.px(sliderHeight), max(2, t.px(4))
	img := image.NewNRGBA(image.Rect(0, 0, 3, h))
	top := (h - thick) / 2
	for y := top; y < top+thick; y++ {
		for x := range 3 {
			img.SetNRGBA(x, y, c)
		}
	}
	return eimage.NewNineSlice(ebiten.NewImageFromImage(img), [3]int{1, 1, 1}, [3]int{top, thick, h - top - thick})
}

const sliderHeight = 16
