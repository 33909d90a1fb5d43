package main

import (
	"fmt"
	"image"
	"image/color"

	"github.com/hajimehoshi/ebiten/v2"

	"dit8/desktop/world"
)

// Sizes in units.
const (
	thumbnail    = 52
	thumbnailGap = 6
)

// painter draws the canvases. all is set while all of the window is drawn; else only
// what has changed needs to be.
type painter struct {
	view      *view
	all       bool
	image     *ebiten.Image // of the picture
	placed    placement
	inspected *world.Inspector // whose labels are drawn
	maps      []*ebiten.Image
	thumbs    map[*world.Picture]*ebiten.Image
	lined     [2]*world.Picture // the newest of the history, and the one that is marked
}

// placement is where the picture stands on the screen, for the log.
type placement struct {
	Rect  image.Rectangle
	Scale float64 // pixels of the screen a pixel
}

// upload writes img to dst, which is made anew where the sizes differ.
func upload(dst *ebiten.Image, img image.Image, pix []byte) *ebiten.Image {
	size := img.Bounds().Size()
	if dst == nil || dst.Bounds().Size() != size {
		if dst != nil {
			dst.Deallocate()
		}
		dst = ebiten.NewImage(size.X, size.Y)
	}
	dst.WritePixels(pix)
	return dst
}

// picture draws the picture, as large as it fits, by a whole number where it is
// smaller than its place.
func (p *painter) picture(screen *ebiten.Image, r image.Rectangle) {
	t := p.view.theme
	pic := p.view.world.Picture()
	if pic == nil {
		t.box.Draw(screen, r.Dx(), r.Dy(), func(op *ebiten.DrawImageOptions) { op.GeoM.Translate(float64(r.Min.X), float64(r.Min.Y)) })
		t.write(screen, "Type what you want to see, and press Enter.", t.body, r.Min.X+r.Dx()/2, r.Min.Y+r.Dy()/2-t.px(10), soft, 0)
		return
	}
	grid := pic.Grid()
	for i := 0; i < len(grid.Pix); i += 4 {
		if grid.Pix[i+3] == 0 { // not there yet
			grid.Pix[i], grid.Pix[i+1], grid.Pix[i+2], grid.Pix[i+3] = card.R, card.G, card.B, 255
		}
	}
	p.image = upload(p.image, grid, grid.Pix)
	w, h := grid.Rect.Dx(), grid.Rect.Dy()
	scale := min(float64(r.Dx())/float64(w), float64(r.Dy())/float64(h))
	if scale >= 1 {
		scale = float64(int(scale))
	}
	size := image.Pt(int(float64(w)*scale), int(float64(h)*scale))
	at := image.Rectangle{Max: size}.Add(r.Min).Add(r.Size().Sub(size).Div(2))
	if placed := (placement{at, scale}); p.all || placed != p.placed {
		p.placed = placed
		fill(screen, r, paper)
	}
	op := &ebiten.DrawImageOptions{Blend: ebiten.BlendCopy}
	op.GeoM.Scale(scale, scale)
	op.GeoM.Translate(float64(at.Min.X), float64(at.Min.Y))
	if scale < 1 {
		op.Filter = ebiten.FilterLinear
	}
	screen.DrawImage(p.image, op)
}

// status draws the progress, how far the picture is, and the hash of its pixels.
func (p *painter) status(screen *ebiten.Image, r image.Rectangle) {
	t, w := p.view.theme, p.view.world
	fill(screen, r, paper)
	bar := image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+t.px(6))
	fill(screen, bar, raised)
	pic := w.Picture()
	if pic != nil && pic.Steps > 0 {
		bar.Max.X = bar.Min.X + bar.Dx()*pic.Step/pic.Steps
		fill(screen, bar, accent)
	}
	y := r.Min.Y + t.px(16)
	t.write(screen, w.Status(), t.body, r.Min.X, y, ink, -1)
	if pic == nil {
		return
	}
	t.write(screen, pic.Title(), t.body, r.Max.X, y, soft, 1)
	if pic.Done {
		t.write(screen, "SHA-256 "+pic.Metadata.SHA256, t.mono, r.Min.X, y+t.px(24), soft, -1)
	}
}

// inspector draws the heat maps of the modulation: γ, β and α, of msa and of mlp.
func (p *painter) inspector(screen *ebiten.Image, r image.Rectangle) {
	t := p.view.theme
	in := p.view.world.Inspector()
	labels := p.all || in != p.inspected
	if labels {
		p.inspected = in
		fill(screen, r, paper)
		t.write(screen, "AdaLN, blocks × t", t.heading, r.Min.X, r.Min.Y, ink, -1)
		t.write(screen, "noise → data", t.small, r.Max.X, r.Min.Y+t.px(2), soft, 1)
	}
	if in == nil {
		if !labels {
			return
		}
		t.write(screen, "The modulation of the next request is shown here.", t.small, r.Min.X, r.Min.Y+t.px(26), soft, -1)
		return
	}
	if len(p.maps) != len(in.Maps) {
		p.maps = make([]*ebiten.Image, len(in.Maps))
	}
	top, gap, label := r.Min.Y+t.px(26), t.px(16), t.px(18)
	w := (r.Dx() - gap) / 2
	h := (r.Max.Y-top)/3 - label - t.px(8)
	if h < t.px(8) {
		return // no room
	}
	for i, m := range in.Maps {
		x, y := r.Min.X+i%2*(w+gap), top+i/2*(h+label+t.px(8))
		if labels {
			from, to := m.Range()
			t.write(screen, map[string]string{"gamma": "γ ", "beta": "β ", "alpha": "α "}[m.Quantity]+m.Branch, t.small, x, y, ink, -1)
			t.write(screen, fmt.Sprintf("%.2g to %.2g", from, to), t.small, x+w, y, soft, 1)
		}
		img := in.Image(i)
		p.maps[i] = upload(p.maps[i], img, img.Pix)
		op := &ebiten.DrawImageOptions{Blend: ebiten.BlendCopy}
		op.GeoM.Scale(float64(w)/float64(img.Rect.Dx()), float64(h)/float64(img.Rect.Dy()))
		op.GeoM.Translate(float64(x), float64(y+label))
		screen.DrawImage(p.maps[i], op)
	}
}

// history draws the first image of the pictures before, the newest first.
func (p *painter) history(screen *ebiten.Image, r image.Rectangle) {
	t, w := p.view.theme, p.view.world
	lined := [2]*world.Picture{nil, w.Picture()}
	if h := w.History(); len(h) > 0 {
		lined[0] = h[0]
	}
	if !p.all && lined == p.lined {
		return
	}
	p.lined = lined
	fill(screen, r, paper)
	size, step := t.px(thumbnail), t.px(thumbnail+thumbnailGap)
	kept := make(map[*world.Picture]*ebiten.Image)
	for i, pic := range w.History() {
		x := r.Min.X + t.px(2) + i*step // room for the mark
		if x+size > r.Max.X {
			break
		}
		img := p.thumbs[pic]
		if img == nil {
			img = ebiten.NewImageFromImage(pic.First())
		}
		kept[pic] = img
		at := image.Rect(x, r.Min.Y+t.px(4), x+size, r.Min.Y+t.px(4)+size)
		if pic == w.Picture() {
			fill(screen, at.Inset(-t.px(2)), accent)
		}
		op := &ebiten.DrawImageOptions{Filter: ebiten.FilterLinear}
		scale := float64(size) / float64(img.Bounds().Dx())
		op.GeoM.Scale(scale, scale)
		op.GeoM.Translate(float64(at.Min.X), float64(at.Min.Y))
		screen.DrawImage(img, op)
	}
	for pic, img := range p.thumbs {
		if kept[pic] == nil {
			img.Deallocate()
		}
	}
	p.thumbs = kept
	if len(kept) == 0 {
		t.write(screen, "Finished pictures line up here; Page Up and Page Down go through them.", t.small, r.Min.X, r.Min.Y+t.px(20), color.Color(soft), -1)
	}
}
