package main

import (
	"image"
	"image/color"

	"github.com/ebitenui/ebitenui/widget"
	"github.com/hajimehoshi/ebiten/v2"
)

// canvas is a widget that is painted when what it shows changes, and with all of the
// window.
type canvas struct {
	*widget.Container
	view  *view
	w, h  float64 // at least, in units
	paint func(screen *ebiten.Image, r image.Rectangle)
}

func (v *view) newCanvas(w, h float64, paint func(*ebiten.Image, image.Rectangle), opts ...widget.WidgetOpt) *canvas {
	return &canvas{widget.NewContainer(widget.ContainerOpts.WidgetOpts(opts...)), v, w, h, paint}
}

func (c *canvas) PreferredSize() (int, int) { return c.view.theme.px(c.w), c.view.theme.px(c.h) }

func (c *canvas) Render(screen *ebiten.Image) {
	if c.view.painter.all {
		c.repaint(screen)
	}
}

func (c *canvas) repaint(screen *ebiten.Image) {
	if r := c.GetWidget().Rect; !r.Empty() {
		c.paint(screen, r)
	}
}

// field is a line of text. A widget.TextInput draws by way of two images of the size
// of what it is drawn on, so that one of its own size is put between, and kept while
// nothing changes.
type field struct {
	*widget.TextInput
	theme *theme
	wrong func() bool
	own   *ebiten.Image
	drawn fieldState // what own shows
}

type fieldState struct {
	text           string
	focused, wrong bool
}

func (t *theme) newField(placeholder string, changed func(text string), wrong func() bool, opts ...widget.TextInputOpt) *field {
	all := append([]widget.TextInputOpt{
		widget.TextInputOpts.Image(&widget.TextInputImage{Idle: t.field}),
		widget.TextInputOpts.Color(&widget.TextInputColor{Idle: ink, Disabled: soft, Caret: accent, DisabledCaret: soft}),
		widget.TextInputOpts.Face(t.body),
		widget.TextInputOpts.Padding(t.insets(10, 6)),
		widget.TextInputOpts.CaretWidth(max(1, t.px(2))),
		widget.TextInputOpts.Placeholder(placeholder),
		widget.TextInputOpts.AllowDuplicateSubmit(true),
		widget.TextInputOpts.ChangedHandler(func(a *widget.TextInputChangedEventArgs) { changed(a.InputText) }),
	}, opts...)
	return &field{TextInput: widget.NewTextInput(all...), theme: t, wrong: wrong}
}

func (f *field) Render(screen *ebiten.Image) {
	r := f.GetWidget().Rect
	if r.Empty() {
		return
	}
	state := fieldState{f.GetText(), f.IsFocused(), f.wrong != nil && f.wrong()}
	resized := f.own == nil || f.own.Bounds().Size() != r.Size()
	if resized || state.focused || state != f.drawn { // a focused one has a caret and a selection
		f.draw(r.Size(), state, resized)
	}
	op := &ebiten.DrawImageOptions{}
	op.GeoM.Translate(float64(r.Min.X), float64(r.Min.Y))
	screen.DrawImage(f.own, op)
}

// draw draws the field on its own image.
func (f *field) draw(size image.Point, state fieldState, resized bool) {
	if resized {
		if f.own != nil {
			f.own.Deallocate()
		}
		f.own = ebiten.NewImage(size.X, size.Y)
	}
	f.own.Fill(paper)
	w := f.GetWidget()
	place := w.Rect
	w.Rect = image.Rectangle{Max: size}
	f.TextInput.Render(f.own)
	w.Rect = place
	switch {
	case state.wrong:
		f.theme.wrongRing.Draw(f.own, size.X, size.Y, nil)
	case state.focused:
		f.theme.focusRing.Draw(f.own, size.X, size.Y, nil)
	}
	f.drawn = state
}

// show sets the text, but not while someone types.
func (f *field) show(text string) {
	if !f.IsFocused() && f.GetText() != text {
		f.SetText(text)
	}
}

func (t *theme) label(text string, c color.Color) *widget.Text {
	return widget.NewText(widget.TextOpts.Text(text, t.small, c), widget.TextOpts.Position(widget.TextPositionStart, widget.TextPositionCenter))
}

// newButton is a button that runs f when it is clicked, or chosen by Enter or Space.
func (t *theme) newButton(text string, f func(), opts ...widget.ButtonOpt) *widget.Button {
	all := append([]widget.ButtonOpt{
		widget.ButtonOpts.Image(t.button),
		widget.ButtonOpts.Text(text, t.body, t.text),
		widget.ButtonOpts.TextPadding(t.insets(12, 6)),
		widget.ButtonOpts.ClickedHandler(func(*widget.ButtonClickedEventArgs) { f() }),
	}, opts...)
	return widget.NewButton(all...)
}

// setButton changes the text and the look of a button.
func setButton(b *widget.Button, text string, img *widget.ButtonImage) {
	if b.Text() != nil && b.Text().Label != text {
		b.SetText(text)
	}
	if b.Image() != img {
		b.SetImage(img)
	}
}

// newSlider is a slider over the integers from low to high that calls f when it is
// moved, page being a step by keys.
func (t *theme) newSlider(low, high, page int, f func(int)) *widget.Slider {
	return widget.NewSlider(
		widget.SliderOpts.WidgetOpts(widget.WidgetOpts.LayoutData(widget.RowLayoutData{Stretch: true}), widget.WidgetOpts.MinSize(t.px(80), t.px(sliderHeight))),
		widget.SliderOpts.MinMax(low, high),
		widget.SliderOpts.Images(t.track, t.handle),
		widget.SliderOpts.FixedHandleSize(t.px(sliderHeight)),
		widget.SliderOpts.MinHandleSize(t.px(sliderHeight)),
		widget.SliderOpts.PageSizeFunc(func() int { return page }),
		widget.SliderOpts.ChangedHandler(func(a *widget.SliderChangedEventArgs) { f(a.Current) }),
	)
}

// column stacks widgets, as wide as itself.
func (t *theme) column(spacing float64, children ...widget.PreferredSizeLocateableWidget) *widget.Container {
	c := widget.NewContainer(
		widget.ContainerOpts.WidgetOpts(widget.WidgetOpts.LayoutData(widget.RowLayoutData{Stretch: true})),
		widget.ContainerOpts.Layout(widget.NewRowLayout(widget.RowLayoutOpts.Direction(widget.DirectionVertical), widget.RowLayoutOpts.Spacing(t.px(spacing)))))
	for _, child := range children {
		if child.GetWidget().LayoutData == nil {
			child.GetWidget().LayoutData = widget.RowLayoutData{Stretch: true}
		}
	}
	c.AddChild(children...)
	return c
}

// grid puts widgets side by side; stretch tells which of them grow.
func (t *theme) grid(spacing float64, stretch []bool, children ...widget.PreferredSizeLocateableWidget) *widget.Container {
	c := widget.NewContainer(
		widget.ContainerOpts.WidgetOpts(widget.WidgetOpts.LayoutData(widget.RowLayoutData{Stretch: true})),
		widget.ContainerOpts.Layout(widget.NewGridLayout(widget.GridLayoutOpts.Columns(len(stretch)), widget.GridLayoutOpts.Stretch(stretch, nil),
			widget.GridLayoutOpts.Spacing(t.px(spacing), t.px(spacing)))))
	for _, child := range children {
		if _, slider := child.(*widget.Slider); slider {
			child.GetWidget().LayoutData = widget.GridLayoutData{VerticalPosition: widget.GridLayoutPositionCenter, MaxHeight: t.px(sliderHeight)}
		}
	}
	c.AddChild(children...)
	return c
}
