package main

import (
	"image"
	"image/color"

	"github.com/ebitenui/ebitenui"
	"github.com/ebitenui/ebitenui/widget"
	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/text/v2"
	"github.com/hajimehoshi/ebiten/v2/vector"

	"dit8/desktop/world"
)

// Widths of the two sides in units.
const (
	sideWidth  = 300
	rightWidth = 340
)

// view is the widgets of the window for one model at one scale.
type view struct {
	world *world.World
	theme *theme
	ui    *ebitenui.UI
	root  *widget.Container

	picker *picker
	form   *panel
	live   *panel

	picture, status, inspector, history *canvas
	painter                             *painter

	dialog     *widget.Window
	dialogRoot *widget.Container
	path       *field // of the dialog that opens files
	menu       *menu  // of the dialog, where it is a list

	actions actions
}

// actions are what buttons of the window do outside of the world.
type actions struct {
	copyCommand, askFile func()
}

func newView(w *world.World, t *theme, a actions) *view {
	v := &view{world: w, theme: t, actions: a}
	v.painter = &painter{view: v}
	v.picker = t.newPicker(w)
	v.form = v.newForm()
	v.live = v.newLive()
	v.picture = v.newCanvas(200, 200, v.painter.picture)
	v.status = v.newCanvas(200, 64, v.painter.status)
	v.inspector = v.newCanvas(200, 160, v.painter.inspector)
	v.history = v.newCanvas(200, thumbnail+8, v.painter.history,
		widget.WidgetOpts.MouseButtonPressedHandler(func(a *widget.WidgetMouseButtonPressedEventArgs) {
			w.Recall(a.OffsetX / t.px(thumbnail+thumbnailGap))
		}))

	small := []widget.ButtonOpt{widget.ButtonOpts.TextFace(t.small), widget.ButtonOpts.TextPadding(t.insets(4, 7))}
	buttons := t.grid(8, []bool{true, true, true, true, true},
		t.newButton("Save PNG", func() { w.Save(1) }, small...),
		t.newButton("Save large", func() { w.Save(largeScale) }, small...),
		t.newButton("Copy command", a.copyCommand, small...),
		t.newButton("Open…", a.askFile, small...),
		t.newButton("Keys", v.showKeys, small...))
	left := v.side(sideWidth, nil, v.form.Container)
	centre := v.side(0, []bool{true, false, false, false}, v.picture, v.status, buttons, v.history)
	right := v.side(rightWidth, []bool{false, true}, v.live.Container, v.inspector)
	v.root = widget.NewContainer(
		widget.ContainerOpts.Layout(widget.NewGridLayout(widget.GridLayoutOpts.Columns(3),
			widget.GridLayoutOpts.Stretch([]bool{false, true, false}, []bool{true}),
			widget.GridLayoutOpts.Padding(t.insets(20, 18)), widget.GridLayoutOpts.Spacing(t.px(24), 0))))
	v.root.AddChild(left, centre, right)
	v.ui = &ebitenui.UI{Container: v.root, DisableDefaultFocus: true}
	v.sync()
	v.picker.search.Focus(true)
	return v
}

// largeScale is what "Save large" draws a pixel as.
const largeScale = 16

// side is a column of the window; rows tells which of its rows grow.
func (v *view) side(width float64, rows []bool, children ...widget.PreferredSizeLocateableWidget) *widget.Container {
	t := v.theme
	opts := []widget.WidgetOpt{}
	if width > 0 {
		opts = append(opts, widget.WidgetOpts.MinSize(t.px(width), 0), widget.WidgetOpts.LayoutData(widget.GridLayoutData{MaxWidth: t.px(width)}))
	}
	c := widget.NewContainer(
		widget.ContainerOpts.WidgetOpts(opts...),
		widget.ContainerOpts.Layout(widget.NewGridLayout(widget.GridLayoutOpts.Columns(1),
			widget.GridLayoutOpts.Stretch([]bool{true}, rows), widget.GridLayoutOpts.Spacing(0, t.px(12)))))
	for _, child := range children {
		child.GetWidget().LayoutData = nil
		if w, widgets := child.(*widget.Container); widgets { // canvases have their own
			w.SetBackgroundImage(t.background)
		}
	}
	c.AddChild(children...)
	return c
}

// sync shows what the world has.
func (v *view) sync() {
	v.form.sync()
	v.live.sync()
	if v.menu != nil {
		v.menu.sync(v.theme)
	}
	v.root.RequestRelayout()
}

// draw draws the widgets, and with all the rest of the window too.
func (v *view) draw(screen *ebiten.Image, all bool) {
	if v.painter.all = all; all {
		screen.Fill(paper)
	}
	v.ui.Draw(screen)
	v.painter.all = false
}

// repaint draws what changes while a request runs.
func (v *view) repaint(screen *ebiten.Image) {
	for _, c := range []*canvas{v.picture, v.status, v.inspector, v.history} {
		c.repaint(screen)
	}
}

// focusedField is the field that someone types in, or nil.
func (v *view) focusedField() *field {
	for _, f := range append([]*field{v.path}, append(v.form.fields, v.live.fields...)...) {
		if f != nil && f.IsFocused() {
			return f
		}
	}
	return nil
}

// focusNext moves the focus by Tab.
func (v *view) focusNext(by int) {
	all := v.root.GetFocusers()
	if v.dialog != nil {
		all = v.dialogRoot.GetFocusers()
	}
	if len(all) == 0 {
		return
	}
	at := -1
	for i, f := range all {
		if f.IsFocused() {
			at = i
			f.Focus(false)
		}
	}
	if at < 0 && by < 0 {
		at = 0
	}
	all[(at+by+len(all))%len(all)].Focus(true)
}

// focus moves the focus to one widget.
func (v *view) focus(to widget.Focuser) {
	for _, f := range v.root.GetFocusers() {
		if f.IsFocused() {
			f.Focus(false)
		}
	}
	to.Focus(true)
}

// generate runs the request, of the class that was searched for.
func (v *view) generate() {
	v.picker.pick()
	v.world.Generate()
}

func (v *view) toggleLive() {
	on, _ := v.world.Live()
	v.world.SetLive(!on)
}

// write draws a line of text with its left (-1), middle (0) or right (1) at x.
func (t *theme) write(dst *ebiten.Image, s string, face *text.Face, x, y int, c color.Color, align int) {
	op := &text.DrawOptions{}
	op.GeoM.Translate(float64(x), float64(y))
	op.ColorScale.ScaleWithColor(c)
	op.PrimaryAlign = map[int]text.Align{-1: text.AlignStart, 0: text.AlignCenter, 1: text.AlignEnd}[align]
	text.Draw(dst, s, *face, op)
}

func fill(dst *ebiten.Image, r image.Rectangle, c color.Color) {
	vector.FillRect(dst, float32(r.Min.X), float32(r.Min.Y), float32(r.Dx()), float32(r.Dy()), c, false)
}
